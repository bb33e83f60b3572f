"""Runs checks, caches their outcomes and reports changes. Knows neither Bottle nor HTTP.

Where to look for what:

    cache        may a cached result be used, does a check run now, what is reported of a late one
    waiting      how long does a request wait for a run (at most 2 s if that has no timeout)
    runs         the data that cache decides about: a run, its outcome, the state of a process
    worker       the thread in which a check with a timeout runs
    check        how a check is called, and what becomes of an exception
    returned     what a check may return; WARN
    output       masking an output and limiting its size
    results      outcomes as the results that a request shows, and their JSON text
    registry     health.checkers: names, the list, the selection of some checks
    transitions  what is a change: log lines, `since`, on_change
    drain        drain(), resume() and drain_file
    shared       results and locks in a cache server; backends adapts its clients, and breaker
                 stops calling one that fails
"""
