"""The only way for tests to what is private in bottle_healthcheck, so that it can move.

Modules are named here for the tests that belong to them; what several tests look at or put
something in place of has a function.
"""
from bottle_healthcheck import (  # noqa: F401
    _cache, _checkers, _compat, _demo, _flight, _http_client, _interrupts, _jsonable, _log,
    _report, _shared, _validation, _worker)
from bottle_healthcheck._http import negotiation, plugin
from bottle_healthcheck._http.formats import (  # noqa: F401
    FORMATS, page, text, validate_formats, values)
from bottle_healthcheck._redaction import (  # noqa: F401
    known, scrubber, text as rules, tokens)

#: What the engine reads times from, and what it starts and waits with: (module, name) each.
CLOCK = (_compat, "monotonic")
TIMER = (_compat, "timer")
WORKER = (_cache, "Worker")
THREADING = (_cache, "threading")
WALL_CLOCKS = [(module, "time") for module in (_cache, _flight, _shared)]

LOG_FAILURE = (_log, "failure")

#: Seconds between two looks for another process's result.
ASK_EVERY = (_cache, "ASK_EVERY")

#: The name of the module that loads all rules, whose patterns take long to compile.
PATTERNS = scrubber.__name__

Report, SharedResults, Worker = _report.Report, _shared.SharedResults, _worker.Worker
Deadline, Url = _http_client.Deadline, _http_client.Url
RequestOptions = negotiation.RequestOptions
BOTTLE_OPTIONS, validate_options = plugin.BOTTLE_OPTIONS, plugin.validate_options
hostname, iso_8601, state_of = values.hostname, values.iso_8601, values.state_of
json_message = _jsonable.message

#: Seconds that a request waits where a check has no timeout, that such a check may take, and that a
#: backend may take to answer.
LONGEST_WAIT = (_cache, "LONGEST_WAIT")
LONGEST_WAITS = [LONGEST_WAIT, (_cache, "PATIENCE"), (_cache, "LONGEST_ASKING"),
                 (_shared, "SLOWEST_ANSWER")]


def put(place, value):
    """Puts a value in a place above."""
    setattr(place[0], place[1], value)


def replace(patch, place, value):
    """Puts a value in a place above until monkeypatch takes it back."""
    patch.setattr(place[0], place[1], value)


def wait_longer(patch, seconds=600):
    """Lets a test's threads wait and backends take as long as a loaded machine needs."""
    for place in LONGEST_WAITS:
        replace(patch, place, seconds)


def give(checker, seconds):
    """Changes the timeout of a registered check."""
    checker.timeout = checker.patience = seconds


def kept_answers(health):
    """How many answers of a route are kept to be sent again."""
    return len(health._answers)


def cleaning_place(dump):
    """The place of what redacts the sections of an EnvironmentDump, which is called with them."""
    return dump._redactor, "clean"


# Runs that are going on, in a ResultCache

def processes(cache):
    """The numbers of the processes that a cache keeps something for."""
    return list(cache._processes)


def flights(cache):
    """{key of a check: its run that goes on} in this process."""
    return cache._process().flights


def board(cache, checker):
    """The run of a check that goes on or that this request has to begin: (it, whether begun)."""
    _, flight, mine = cache._board(checker, False)
    return flight, mine


def start_place(cache):
    """The place of what begins a run, which is called with it and its check."""
    return cache, "_start"


def fly(cache, flight, checker):
    """Does what a run consists of."""
    cache._fly(flight, checker)


def withdraw(cache, flight):
    """Gives a run up that has not begun."""
    cache._withdraw(flight)


def outcome_of_waiting(cache, checker, flight, now, until):
    """What a request is told that begins to wait for a run now."""
    return cache._arrive(checker, _cache._Wait(flight, now), until)


def key_of(backend, prefix, name):
    """The key under which a check's result is shared."""
    return SharedResults(backend, prefix)._key(name)
