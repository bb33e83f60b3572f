"""Counts what a stopwatch would only guess at."""
import sys


def calls(job):
    """How many functions, of Python and of C, are called while job() runs: the same every time."""
    events = []

    def profile(frame, event, arg):
        if event in ("call", "c_call"):
            events.append(event)
    job()  # what is made on first use
    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        job()
    finally:
        sys.setprofile(before)
    return len(events)
