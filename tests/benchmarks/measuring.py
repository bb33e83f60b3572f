"""Times that a busy machine spoils as little as can be: interleaved, in short turns, medians."""
import timeit

#: Seconds that one turn of a job takes at least; shorter than a turn of the scheduler.
TURN = 0.001


def median(values):
    """The middle one."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else sum(ordered[middle - 1:middle + 1]) / 2.0


def seconds(job, times=1):
    """How long calling the job so many times takes."""
    begun = timeit.default_timer()
    for _ in range(times):
        job()
    return timeit.default_timer() - begun


def ratio(job, base, rounds):
    """How much longer the job takes than the base: the median over pairs of turns."""
    times = calls(job), calls(base)
    pairs = []
    for turn in range(rounds):
        if turn % 2:
            one = seconds(job, times[0])
            other = seconds(base, times[1])
        else:
            other = seconds(base, times[1])
            one = seconds(job, times[0])
        pairs.append(one / times[0] / (other / times[1]))
    return median(pairs)


def calls(job):
    """How many calls make a turn."""
    seconds(job, 3)  # what is made on first use
    return max(1, int(TURN / max(1e-7, min(seconds(job) for _ in range(5)))))


def over(job, base, rounds):
    """The seconds that one call of the job takes more than one of the base: medians, in turns."""
    jobs, bases = [], []
    for _ in range(rounds):
        jobs.append(seconds(job))
        bases.append(seconds(base))
    return median(jobs) - median(bases)
