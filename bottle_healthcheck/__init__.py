"""Health check and environment routes for Bottle services."""
import logging

from ._engine.cache import ResultCache
from ._engine.check import basic_exception_handler
from ._engine.returned import WARN
from ._http.formats.json_body import json_failed_handler, json_success_handler
from ._report import check_reduce
from .environment import EnvironmentDump
from .healthcheck import HealthCheck

__version__ = "1.1.0"

__all__ = ["EnvironmentDump", "HealthCheck", "ResultCache", "WARN", "basic_exception_handler",
           "check_reduce", "json_failed_handler", "json_success_handler"]

logging.getLogger("bottle_healthcheck").addHandler(logging.NullHandler())
