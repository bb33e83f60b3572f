"""The order of the package's modules: each imports only those below it."""
import ast
import os

import pytest

from tests.helpers import ROOT

#: From the front doors down to the tools. A module may import those that stand below it, and no
#: other, also for types and inside functions: so there are no circles, and whoever changes a module
#: looks above it for what may break. A new module gets its place here.
#: _log stands above _redaction, since the log masks secrets.
HOUSE = """
__main__
__init__
cli
_demo
prometheus
healthcheck
environment
checks
guards

_http.__init__
_http.plugin
_http.negotiation
_http.response
_http.callbacks
_http.formats.__init__
_http.formats.page
_http.formats.wording
_http.formats.metrics
_http.formats.json_body
_http.formats.health
_http.formats.text
_http.formats.base
_http.formats.values

_engine.__init__
_engine.registry
_engine.cache
_engine.transitions
_engine.waiting
_engine.drain
_engine.shared
_engine.breaker
_engine.backends
_engine.check
_engine.results
_engine.runs
_engine.worker
_engine.output
_engine.returned

_report
_log
_redaction.__init__
_redaction.scrubber
_redaction.known
_redaction.texts
_redaction.names
_http_client
_types
_validation
_jsonable
_interrupts
_compat
""".split()

PACKAGE = "bottle_healthcheck"

#: Below this one nothing knows Bottle.
LAST_THAT_KNOWS_BOTTLE = "_http.formats.values"


def modules_of(folder):
    """{name of a module: its source} of a package; that of a package ends with .__init__."""
    sources = {}
    for path, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".py"):
                file = os.path.join(path, name)
                with open(file, "rb") as opened:
                    sources[os.path.relpath(file, folder)[:-3].replace(os.sep, ".")] = opened.read()
    return sources


def imports_of(module, source, modules):
    """The modules of the package that a module imports, wherever in it, and names of others."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported = [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = (PACKAGE + "." + module).split(".")[:-node.level]
                base = ".".join(package + base.split(".")).rstrip(".")
            imported = [(base, alias.name) for alias in node.names]
        else:
            continue
        for base, name in imported:
            yield resolve(base, name, modules)


def resolve(base, name, modules):
    """The module that `from base import name` or `import base` depends on."""
    if base != PACKAGE and not base.startswith(PACKAGE + "."):
        return base
    inside = base[len(PACKAGE) + 1:]
    prefix = inside + "." if inside else ""
    for candidate in (prefix + str(name), prefix + str(name) + ".__init__", inside,
                      prefix + "__init__"):
        if candidate in modules:
            return candidate
    raise AssertionError("nothing in the package is %s, %s" % (base, name))


def upward_imports(sources, house):
    """What a module imports that does not stand below it, as (module, imported)."""
    wrong = []
    for module, source in sources.items():
        for imported in imports_of(module, source, sources):
            if imported in sources and house.index(imported) <= house.index(module):
                wrong.append((module, imported))
    return sorted(wrong)


SOURCES = modules_of(os.path.join(ROOT, PACKAGE))


class TestModule(object):
    def test_has_its_place(self):
        assert sorted(SOURCES) == sorted(HOUSE)

    def test_imports_nothing_above_it(self):
        assert upward_imports(SOURCES, HOUSE) == []

    def test_below_http_does_not_import_bottle(self):
        below = HOUSE[HOUSE.index(LAST_THAT_KNOWS_BOTTLE) + 1:]
        assert [module for module in below
                if "bottle" in imports_of(module, SOURCES[module], SOURCES)] == []
        assert "bottle" in imports_of("_http.response", SOURCES["_http.response"], SOURCES)


class TestImport(object):
    @pytest.mark.parametrize("module, source, wrong", [
        ("mid", "from . import low", []), ("mid", "from .low import x", []),
        ("mid", "import bottle_healthcheck.low", []),
        ("mid", "from bottle_healthcheck import low", []),
        ("mid", "from .wing.room import x", []), ("mid", "from .wing import room", []),
        ("mid", "from .wing import x", []), ("mid", "import bottle", []),
        ("mid", "from . import top", ["top"]), ("mid", "from .top import x", ["top"]),
        ("mid", "import bottle_healthcheck.top", ["top"]),
        ("mid", "from bottle_healthcheck import top", ["top"]),
        ("mid", "from bottle_healthcheck.top import x", ["top"]),
        ("mid", "from . import x", ["__init__"]),
        ("mid", "from bottle_healthcheck import x", ["__init__"]),
        ("mid", "import bottle_healthcheck", ["__init__"]),
        ("mid", "from . import mid", ["mid"]),
        ("mid", "if MYPY:\n    from .top import x", ["top"]),
        ("mid", "def f():\n    def g():\n        from . import top", ["top"]),
        ("mid", "try:\n    import bottle_healthcheck.top as x\nexcept ImportError:\n    pass",
         ["top"]),
        ("mid", "from . import low, top", ["top"]),
        ("wing.room", "from . import other", []), ("wing.room", "from .other import x", []),
        ("wing.room", "from .. import low", []), ("wing.room", "from ..low import x", []),
        ("wing.room", "from .. import top", ["top"]), ("wing.room", "from ..top import x", ["top"]),
        ("wing.room", "from . import x", ["wing.__init__"]),
        ("wing.room", "from .. import x", ["__init__"]),
    ])
    def test_is_found_wherever_it_stands(self, module, source, wrong):
        house = ["__init__", "top", "mid", "wing.__init__", "wing.room", "wing.other", "low"]
        sources = dict.fromkeys(house, "")
        sources[module] = source
        assert upward_imports(sources, house) == [(module, name) for name in wrong]
