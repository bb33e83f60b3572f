"""How processor time grows with the input; for tests marked `growth`, which run alone."""
import time

import pytest

#: So many times the input: right is a time about as many times as long, wrong is FACTOR squared.
FACTOR = 8

#: Three times what is right, and far below what is wrong.
LIMIT = 24

#: The least of so many runs counts, and of so many rounds of them before a test fails.
RUNS, ROUNDS = 3, 3

#: Processor time of this process: other processes do not count.
process_time = getattr(time, "process_time", None) or time.clock  # 2.7


def least_seconds(job):
    """The least processor time of several runs."""
    times = []
    for _ in range(RUNS):
        start = process_time()
        job()
        times.append(process_time() - start)
    return min(times)


def assert_linear(func, make, size):
    """func(make(n)) takes time in proportion to n, from size to FACTOR times size."""
    small, large = make(size), make(FACTOR * size)
    func(small)  # what is made on first use
    short = long_ = float("inf")
    for _ in range(ROUNDS):
        short = min(short, least_seconds(lambda: func(small)))
        long_ = min(long_, least_seconds(lambda: func(large)))
        if long_ <= LIMIT * short:
            return
    pytest.fail("%d times the input took %.1f times as long: %.6f s and %.6f s"
                % (FACTOR, long_ / max(short, 1e-9), short, long_))
