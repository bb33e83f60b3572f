"""The only way for tests to what is private in bottle_healthcheck, so that it can move.

Modules are named here for the tests that belong to them; what several tests look at or put
something in place of has a function.
"""
from bottle_healthcheck import (  # noqa: F401
    _compat, _demo, _http_client, _interrupts, _jsonable, _log, _redaction, _report, _validation)
from bottle_healthcheck._engine import (  # noqa: F401
    backends, breaker, cache as engine, check as check_module, output, registry, returned, runs,
    shared, transitions, waiting, worker)
from bottle_healthcheck._http import callbacks, negotiation, plugin, response  # noqa: F401
from bottle_healthcheck._http.formats import (  # noqa: F401
    FORMATS, base, page, text, validate_formats, values, wording)
from bottle_healthcheck._redaction import (  # noqa: F401
    known, scrubber, texts)
from bottle_healthcheck._engine import drain
from bottle_healthcheck import checks, environment

#: What the engine reads times from, and what it starts and waits with: (module, name) each.
CLOCK = (_compat, "monotonic")
TIMER = (_compat, "timer")
WORKER = (runs, "Worker")
WAIT = (runs.Run, "wait")

#: What looks for a drain_file, its thread, and how many seconds a request waits for that.
Drain = drain.Drain
DRAIN_WORKER = (drain, "Worker")
LONGEST_LOOK = (drain, "MAX_LOOK_SECONDS")
WALL_CLOCKS = [(module, "time") for module in (engine, runs, shared)]

#: What must be found in a text before rules search it: (module, name) each.
PRE_FILTERS = [(scrubber, "_SUSPICIOUS")]

#: What masks the secrets of outputs.
CLEAN_OUTPUT = (scrubber, "clean_output")

#: What decodes a part of a query.
UNQUOTE = (negotiation, "_unquote")

LOG_FAILURE = (_log, "failure")

#: What reads a value of the shared cache.
PARSE = (shared, "_parse")

#: Seconds between two looks for another process's result.
POLL_INTERVAL = (engine, "POLL_INTERVAL")

#: What says how large a disk is and how much of it is free, which packages are installed, and what
#: looks for them.
DISK_USAGE = (checks, "_disk_usage")
PACKAGES = (environment, "_packages")
LIST_PACKAGES = (environment, "_list_packages")

#: What returns the port that the demonstration may use.
BINDABLE_PORT = (_demo, "_bindable_port")

#: What keeps Bottle's request and response during a callback.
CALLBACK_STATE = (callbacks, "_State")

#: The module whose sleep a thread calls that waits for its turn to change a list of checks.
TURN_TIME = (registry, "time")

#: The name of the module that loads all rules, whose patterns take long to compile.
PATTERNS = scrubber.__name__

Report, SharedResults, Worker = _report.Report, shared.SharedResults, worker.Worker
SharedLock, CircuitBreaker = shared.SharedLock, breaker.CircuitBreaker
Deadline, Url = _http_client.Deadline, _http_client.Url
RequestOptions, Response = negotiation.RequestOptions, response.Response
send = response.send
Request = base.Request
BOTTLE_OPTIONS, validate_options = plugin.BOTTLE_OPTIONS, plugin.validate_options
hostname, iso_8601, state_of = values.hostname, values.iso_8601, values.state_of
forget_hostname, HOSTNAME_SECONDS = values._HOSTNAMES.clear, values.HOSTNAME_SECONDS
json_message = _jsonable.message

#: Seconds that a request waits where a check has no timeout, that such a check may take, and that a
#: backend may take to answer.
LONGEST_WAIT = (waiting, "MAX_INLINE_WAIT")
LONGEST_WAITS = [LONGEST_WAIT, (check_module, "DEFAULT_RUN_LIMIT"), (shared, "LONGEST_CLAIM"),
                 (breaker, "MAX_TOTAL_SECONDS")]


def put(place, value):
    """Puts a value in a place above."""
    setattr(place[0], place[1], value)


def replace(patch, place, value):
    """Puts a value in a place above until monkeypatch takes it back."""
    patch.setattr(place[0], place[1], value)


def wait_longer(patch):
    """Lets a test's threads wait and backends take as long as a loaded machine needs."""
    for place in LONGEST_WAITS:
        replace(patch, place, 600)


def give(checker, seconds):
    """Changes the timeout of a registered check."""
    checker.timeout = seconds


def turns(health):
    """{process id: the turn to change a list of checks that a thread of it has}."""
    return health.checkers._turns


def kept_responses(health):
    """How many responses of a route are kept to be sent again."""
    return len(health._responses)


def report_of_change(health):
    """The report that a request compares with that of the last change; None while there is none."""
    return health._report_of_change()


def fresh_until(health):
    """Until when all results of the last run are fresh, by the monotonic clock."""
    return health.checkers.known.fresh_until(health.cache.generation)


def cleaning_place(dump):
    """The place of what redacts the sections of an EnvironmentDump, which is called with them."""
    return dump._redactor, "clean"


def lose_thread(worker):
    """Makes a worker take its thread for one that has ended, as one that gevent killed."""
    worker._thread = None


def has_begun(worker):
    """Whether a thread of the worker has begun to look for jobs."""
    return worker._thread is not None


def interrupt_idle(worker, kind, meanwhile=lambda: None):
    """Raises an exception in a worker's thread where that waits for a job."""
    lock = worker._idle

    class Interrupted(object):
        release = lock.release

        @staticmethod
        def acquire():
            worker._idle = lock
            meanwhile()
            raise kind()
    worker._idle = Interrupted
    worker._wake()  # nothing happens where the thread has not begun to wait: it finds the other


# Runs that are going on, in a ResultCache

def processes(cache):
    """The numbers of the processes that a cache keeps something for."""
    return list(cache._processes)


def runs_of(cache):
    """{key of a check: its run that goes on} in this process."""
    return cache._process().runs


def waiters(run):
    """How many requests wait for a run."""
    return len(run._waiters)


def add_waiter(run, lock):
    """A request waits for a run by that lock."""
    run._waiters.append(lock)


def lose_latest(cell, version):
    """What a cell is left with whose writer was interrupted: it points to an older version."""
    cell._latest = version


def stop_worker(cache, checker):
    """Stops the worker of a check as a request may see it that has got hold of it already."""
    cache._process().workers[checker.key].stop()


def process_of(cache):
    """What a cache knows of this process."""
    return cache._process()


def known_of(cache):
    """Names of what a cache knows checks by, of those that hold something."""
    process = cache._process()
    kept = {"states": cache._states, "names": cache._names, "runs": process.runs,
            "denied": process.denied, "workers": process.workers, "history": process.history}
    return sorted(name for name, checks in kept.items() if checks)


def register_run(cache, checker):
    """A run of a check as a request registers it that then stops; nobody executes it."""
    run = runs.Run(checker.key, checker.__name__, None)
    cache._process().runs[checker.key] = run
    return run


def give_up(cache, run):
    """What that request does with its run where another process runs the check."""
    cache._end_if_nobody_executes(run)


def execute(cache, run, checker):
    """Runs the check for that run, in this thread."""
    cache._execute(run, checker, cache._state(checker), False)


def outcome_of_waiting(cache, checker, run, since, until):
    """What a request gets that waits for a run since then."""
    wait = waiting.Wait(checker, cache._state(checker), run, since, force=False)
    return cache._resolve(wait, until)


def removal_place(cache):
    """The place of what is called when it is known which checks to forget, before they are."""
    return cache, "_process"


def start_place(cache):
    """The place of what begins a run, which is called with it and its check."""
    return cache, "_start"


def watch_calls(breaker, calls):
    """Has a circuit breaker keep the calls that have not returned in a dictionary of the test's."""
    breaker._running = calls


def key_of(backend, prefix, name):
    """The key under which a check's result is shared."""
    return SharedResults(backend, prefix)._key(name)


def store(backend, value):
    """Stores a value as a result is stored: whether the backend did not refuse it for its size."""
    results = SharedResults(backend, "shop")
    results._store("key", value, 1)
    return "key" not in results._refused
