"""Health check and environment routes for Bottle services."""
# Where to look for what:
#
#     healthcheck   HealthCheck: its options, run(), the route
#     environment   EnvironmentDump: its sections, the route
#     checks        ready-made checks
#     guards        who may read a route
#     prometheus    metrics in an application's own registry
#     cli, _demo    the command line and the demonstration service
#     _engine       running and caching checks: waits, timeouts, logging, sharing, draining
#     _http         from a request to bytes: options of a route, formats, headers
#     _redaction    which secrets are masked, and why
#     _report       the overall status of several results
#     _jsonable     any Python value as JSON
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
