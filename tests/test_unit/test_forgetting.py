"""What is known of a check that nobody registers any more is forgotten, its thread included."""
import gc
import threading
import weakref

import pytest

from bottle_healthcheck import HealthCheck, ResultCache
from tests import internals
from tests.helpers import wait_until
from tests.worlds import CacheServer


def make_check(name="reloaded", threads=None):
    def check():
        if threads is not None:
            threads.append(threading.current_thread())
        return True, name
    check.__name__ = name
    return check


REMOVALS = {
    "assigned": lambda health: setattr(health, "checkers", []),
    "sliced": lambda health: health.checkers.__setitem__(slice(None), [make_check("other")]),
    "deleted": lambda health: health.checkers.__delitem__(0),
    "popped": lambda health: health.checkers.pop(),
    "removed": lambda health: health.checkers.remove(health.checkers[0]),
}


@pytest.mark.parametrize("removal", sorted(REMOVALS))
class TestRemovedCheck(object):
    """However a check is removed, its thread, its results and its name go with it."""

    def test_its_thread_ends(self, removal):
        threads = []
        health = HealthCheck(timeout=60, checkers=[make_check(threads=threads)])
        health.run()
        REMOVALS[removal](health)
        threads[0].join(60)
        assert not threads[0].is_alive()

    def test_its_function_and_its_results_are_let_go(self, removal):
        check = make_check()
        kept = weakref.ref(check)
        health = HealthCheck(checkers=[check])
        health.run()
        del check
        REMOVALS[removal](health)
        gc.collect()
        assert kept() is None

    def test_its_name_may_be_used_again_with_a_shared_cache(self, removal):
        health = HealthCheck(cache=ResultCache(backend=CacheServer(), prefix="shop"),
                             checkers=[make_check()])
        REMOVALS[removal](health)
        health.add_check(make_check())
        assert health.run(check="reloaded").passed

    def test_is_kept_where_another_healthcheck_has_it(self, removal):
        threads, check = [], None
        check = make_check(threads=threads)
        health = HealthCheck(timeout=60, checkers=[check])
        other = HealthCheck(timeout=60, checkers=[check], cache=health.cache)
        health.run()
        REMOVALS[removal](health)
        other.run()
        assert len(threads) == 1  # the result is still there
        other.run_check(check)
        assert threads[0] is threads[1]


class TestName(object):
    """In a shared cache a name belongs to the check that has it, until that is removed."""

    def test_new_check_replaces_that_of_its_name(self):
        health = HealthCheck(cache=ResultCache(backend=CacheServer(), prefix="shop"),
                             checkers=[make_check()])
        for _ in range(3):
            health.checkers[:] = [make_check()]
            assert health.run().passed

    def test_name_in_use_by_another_healthcheck_is_refused(self):
        cache = ResultCache(backend=CacheServer(), prefix="shop")
        other = HealthCheck(cache=cache, checkers=[make_check()])
        health = HealthCheck(cache=cache, checkers=[make_check("own")])
        with pytest.raises(ValueError, match="another check named 'reloaded'"):
            health.checkers[:] = [make_check()]
        assert [check.__name__ for check in health.checkers] == ["own"]
        assert health.run().passed and other.run().passed

    @pytest.mark.parametrize("first, second", [(0, 1), (1, 0)])
    def test_same_check_may_use_its_name_again(self, first, second):
        checks, cache = [make_check(), make_check()], ResultCache(
            backend=CacheServer(), prefix="shop")
        health = HealthCheck(cache=cache, checkers=[checks[first]])
        again = HealthCheck(cache=cache, checkers=[checks[first]])
        with pytest.raises(ValueError, match="another check named 'reloaded'"):
            HealthCheck(cache=cache, checkers=[checks[second]])
        assert health.run().passed and again.run().passed

    def test_names_stay_reserved_after_failed_replacement(self):
        cache = ResultCache(backend=CacheServer(), prefix="shop")
        other = HealthCheck(cache=cache, checkers=[make_check("taken")])
        health = HealthCheck(cache=cache, checkers=[make_check("own")])
        with pytest.raises(ValueError):
            health.checkers[:] = [make_check("taken")]
        with pytest.raises(ValueError, match="another check named 'own'"):
            other.add_check(make_check("own"))


class TestRefusedCheck(object):
    """A check whose name is refused is not registered, and nothing is left of it."""

    def test_it_is_not_in_the_list(self):
        cache = ResultCache(backend=CacheServer(), prefix="shop")
        HealthCheck(cache=cache, checkers=[make_check("old")])
        other = HealthCheck(cache=cache, checkers=[make_check("taken")])
        health = HealthCheck(cache=cache)
        with pytest.raises(ValueError):
            health.add_check(make_check("taken"))
        assert len(health.checkers) == 0 and health.run().results == []
        other.checkers = []
        health.add_check(make_check("taken"))
        assert [one["checker"] for one in health.run().results] == ["taken"]

    def test_nothing_is_left_of_refused_replacement(self):
        cache = ResultCache(backend=CacheServer(), prefix="shop")
        other = HealthCheck(cache=cache, checkers=[make_check("taken")])
        health, new = HealthCheck(cache=cache), make_check("new")
        kept = weakref.ref(new)
        with pytest.raises(ValueError):
            health.checkers[:] = [new, make_check("taken")]
        del new
        gc.collect()
        assert kept() is None
        other.checkers.append(make_check("new"))


class TestRunOfRemovedCheck(object):
    """A run ends with its check; nothing is left of either."""

    def test_run_and_thread_end(self):
        """The request has the check already; another thread removes it before it is handed over."""
        threads = []
        check = make_check(threads=threads)
        health = HealthCheck(timeout=60, checkers=[check])
        place = internals.start_place(health.cache)
        start = getattr(*place)

        def start_after_removal(*args):
            health.checkers = []
            start(*args)
        internals.put(place, start_after_removal)
        assert health.run().passed
        internals.put(place, start)
        threads[0].join(60)
        assert not threads[0].is_alive()
        health.add_check(check)
        assert health.run().passed

    @pytest.mark.parametrize("backend", [None, CacheServer], ids=["alone", "shared"])
    def test_nothing_is_left(self, backend):
        cache = ResultCache(backend and backend(), backend and "shop")
        health = HealthCheck(cache=cache, checkers=[make_check("inline")])
        health.add_check(make_check("timed"), timeout=60)
        health.run()
        health.checkers = []
        assert internals.known_of(cache) == []

    def test_worker_that_is_stopped_meanwhile_is_replaced(self, monkeypatch):
        """A removal stops the worker that a request is about to hand its job to."""
        threads = []
        health = HealthCheck(timeout=60, checkers=[make_check(threads=threads)], success_ttl=0)
        health.run()
        worker, submit = internals.Worker, internals.Worker.submit

        def stop_before(self, job):
            monkeypatch.setattr(worker, "submit", submit)
            self.stop()
            return submit(self, job)
        monkeypatch.setattr(worker, "submit", stop_before)
        assert health.run().passed
        assert threads[1] not in (threads[0], threading.current_thread())

    def test_worker_that_nobody_finds_ends(self):
        threads = []

        def check():
            threads.append(threading.current_thread())
            internals.process_of(health.cache).workers.clear()
            return True, "fine"
        health = HealthCheck(timeout=60, checkers=[check])
        assert health.run().passed
        threads[0].join(60)
        assert not threads[0].is_alive()

    def test_result_of_a_state_that_is_lost_is_not_used(self, monkeypatch):
        """The check is registered again while who forgets it has read the list already."""
        value = [1]
        check = make_check()
        check.returns = lambda: (True, value[0])
        health = HealthCheck(checkers=[lambda: check.returns()], success_ttl=600)
        process, func = internals.process_of(health.cache), health.checkers[0].func
        forget = process.forget

        def register_meanwhile(key):
            process.forget = forget
            health.checkers.append(func)
            health.run()
            forget(key)
        process.forget = register_meanwhile
        health.run()
        health.checkers = []
        value[0] = 2
        health.cache.clear()
        assert health.run().results[0]["output"] == 2

    def test_stopped_worker_leaves_no_run(self):
        check = make_check()
        health = HealthCheck(timeout=60, checkers=[check], success_ttl=0)
        health.run()
        internals.stop_worker(health.cache, health.checkers[0])
        assert health.run().passed
        assert health.run().passed

    def test_registered_check_starts_no_search(self):
        class Cache(ResultCache):
            searches = 0

            def forget_unregistered(self):
                self.searches += 1
                ResultCache.forget_unregistered(self)
        cache = Cache()
        health = HealthCheck(cache=cache, checkers=[make_check()], success_ttl=0)
        health.run()
        health.run()
        assert cache.searches == 0

    def test_reloads_leave_no_threads(self):
        def workers():
            return [one for one in threading.enumerate() if one.name == "healthcheck reloaded"]
        health = HealthCheck(timeout=60)
        for _ in range(50):
            health.checkers[:] = [make_check()]
            assert health.run().passed
        wait_until(lambda: len(workers()) == 1, what="the threads of replaced checks to end")


class CacheOfRemoved(ResultCache):
    """Removes the checks of `health` when a request has read them, and before it uses them."""

    health = None

    def snapshot_of(self, checks, previous=None):
        self.health.checkers = []
        return ResultCache.snapshot_of(self, checks, previous)

    def run(self, check):
        self.health.checkers = []
        return ResultCache.run(self, check)


class TestRequestBeforeRemoval(object):
    """Nothing is left of the checks when it has ended."""

    @staticmethod
    def health(check, timeout=None, backend=None):
        cache = CacheOfRemoved(backend and backend(), backend and "shop")
        cache.health = HealthCheck(cache=cache, timeout=timeout, checkers=[check])
        return cache.health

    @pytest.mark.parametrize("use", [lambda health, check: health.run().passed,
                                     lambda health, check: health.run_check(check)["passed"]],
                             ids=["run", "run_check"])
    @pytest.mark.parametrize("backend", [None, CacheServer], ids=["alone", "shared"])
    def test_inline(self, backend, use):
        check = make_check()
        health = self.health(check, backend=backend)
        assert use(health, check)
        assert internals.known_of(health.cache) == []

    @pytest.mark.parametrize("backend", [None, CacheServer], ids=["alone", "shared"])
    def test_in_worker(self, backend):
        threads = []
        health = self.health(make_check(threads=threads), timeout=60, backend=backend)
        assert health.run().passed
        threads[0].join(60)
        assert not threads[0].is_alive()
        assert internals.known_of(health.cache) == []

    def test_in_worker_where_the_request_does_not_wait(self):
        threads, may_return = [], threading.Event()

        def check():
            threads.append(threading.current_thread())
            may_return.wait(60)
            return True, "late"
        health = self.health(check, timeout=0.001)
        assert health.run().results[0]["output"] == "timed out after 0.001 s"
        wait_until(lambda: threads, what="the check to run")
        may_return.set()
        threads[0].join(60)
        assert not threads[0].is_alive()
        assert internals.known_of(health.cache) == []

    def test_where_another_process_runs_the_check(self, monkeypatch):
        class Taken(CacheServer):
            def add(self, key, value, timeout):
                self.set(key, "held by another", timeout)
                return False
        internals.replace(monkeypatch, internals.LONGEST_WAIT, 0)
        health = self.health(make_check(), backend=Taken)
        assert health.run().results[0]["output"].startswith("timed out")
        assert internals.known_of(health.cache) == []

    def test_that_is_interrupted(self):
        def check():
            raise KeyboardInterrupt()
        health = self.health(check)
        with pytest.raises(KeyboardInterrupt):
            health.run()
        assert internals.known_of(health.cache) == []

    def test_what_is_registered_stays(self):
        runs = []
        health = self.health(lambda: (True, runs.append(1)))
        other = HealthCheck(checkers=health.checkers[:], cache=health.cache)
        health.run()
        ResultCache.snapshot_of(health.cache, other.checkers.items)
        assert runs == [1]


class TestInterruptedRemoval(object):
    """The next removal of any check goes on with it; the name is free at once."""

    @pytest.mark.parametrize("attribute", ["history", "denied", "workers"])
    def test_nothing_is_left(self, attribute):
        class Interrupts(dict):
            def get(self, key, default=None):
                raise KeyboardInterrupt()
            pop = get
        health = HealthCheck(checkers=[make_check()], timeout=60)
        health.run()
        process = internals.process_of(health.cache)
        kept = getattr(process, attribute)
        setattr(process, attribute, Interrupts(kept))
        with pytest.raises(KeyboardInterrupt):
            health.checkers = []
        setattr(process, attribute, kept)
        health.checkers = []
        assert internals.known_of(health.cache) == []

    def test_thread_ends(self):
        class Interrupts(dict):
            def pop(self, key, default=None):
                dict.pop(self, key, default)
                raise KeyboardInterrupt()
        threads = []
        health = HealthCheck(checkers=[make_check(threads=threads)], timeout=60)
        health.run()
        process = internals.process_of(health.cache)
        process.workers = Interrupts(process.workers)
        with pytest.raises(KeyboardInterrupt):
            health.checkers = []
        threads[0].join(60)
        assert not threads[0].is_alive()

    def test_thread_ends_though_stopping_it_is_interrupted(self):
        threads, calls = [], []
        health = HealthCheck(checkers=[make_check(threads=threads)], timeout=60)
        health.run()
        worker, = internals.process_of(health.cache).workers.values()
        stop = worker.stop

        def interrupted_once():
            calls.append(1)
            if len(calls) == 1:
                raise KeyboardInterrupt()
            stop()
        worker.stop = interrupted_once
        with pytest.raises(KeyboardInterrupt):
            health.checkers = []
        threads[0].join(60)
        assert not threads[0].is_alive()

    def test_name_may_be_used_again(self):
        class Cache(ResultCache):
            def forget_unregistered(self):
                del Cache.forget_unregistered
                raise KeyboardInterrupt()
        cache = Cache(backend=CacheServer(), prefix="shop")
        health = HealthCheck(cache=cache, checkers=[make_check()])
        with pytest.raises(KeyboardInterrupt):
            health.checkers.pop()
        health.add_check(make_check())
        assert health.run().passed


class TestCacheThatIsReplaced(object):
    """What the HealthCheck had in its former cache is forgotten there."""

    def test_its_names_may_be_used_again(self):
        cache = ResultCache(backend=CacheServer(), prefix="shop")
        health = HealthCheck(cache=cache, checkers=[make_check()])
        health.cache = ResultCache()
        assert HealthCheck(cache=cache, checkers=[make_check()]).run().passed
        assert health.run().passed

    def test_its_threads_end(self):
        threads = []
        cache = ResultCache()
        health = HealthCheck(timeout=60, cache=cache, checkers=[make_check(threads=threads)])
        health.run()
        health.cache = ResultCache()
        threads[0].join(60)
        assert not threads[0].is_alive()

    def test_by_itself_keeps_the_results(self):
        threads = []
        health = HealthCheck(checkers=[make_check(threads=threads)])
        health.run()
        health.cache = health.cache
        assert health.run().passed and len(threads) == 1

    def test_it_stays_where_the_other_one_refuses_a_name(self):
        other = ResultCache(backend=CacheServer(), prefix="shop")
        HealthCheck(cache=other, checkers=[make_check()])
        taken = HealthCheck(cache=other, checkers=[make_check("taken")])
        health = HealthCheck(checkers=[make_check("taken")])
        before = health.cache
        with pytest.raises(ValueError, match="another check named 'taken'"):
            health.cache = other
        assert health.cache is before
        assert health.run().passed and taken.run().passed


class TestHealthCheckThatIsGone(object):
    """Its cache, threads and names go with it, but not those of others on the cache."""

    def test_its_cache_goes_without_the_garbage_collector(self):
        gc.collect()
        gc.disable()
        try:
            health = HealthCheck(checkers=[make_check()])
            health.run()
            kept = weakref.ref(health.cache)
            del health
            assert kept() is None
        finally:
            gc.enable()

    def test_threads_end_with_it(self):
        threads = []
        health = HealthCheck(timeout=60, checkers=[make_check(threads=threads)])
        health.run()
        del health
        gc.collect()
        threads[0].join(60)
        assert not threads[0].is_alive()

    def test_threads_end_in_spite_of_a_circle(self):
        threads = []
        health = HealthCheck(timeout=60, checkers=[make_check(threads=threads)])
        health.run()
        health.cache.owner = health
        del health
        gc.collect()
        threads[0].join(60)
        assert not threads[0].is_alive()

    def test_threads_end_though_its_cache_lives_on(self):
        threads = []
        cache = ResultCache()
        health = HealthCheck(timeout=60, checkers=[make_check(threads=threads)], cache=cache)
        health.run()
        other = HealthCheck(timeout=60, checkers=[make_check("other", threads)], cache=cache)
        other.run()
        del health
        gc.collect()
        threads[0].join(60)
        assert not threads[0].is_alive()
        assert threads[1].is_alive() and other.run().passed

    def test_what_others_on_its_cache_have_run_is_kept(self):
        cache = ResultCache()
        made = [HealthCheck(cache=cache, checkers=[make_check()]) for _ in range(3)]
        for health in made:
            health.run()
        del made[0], health
        gc.collect()
        for health in made:
            assert len(cache.history(health.checkers[0])) == 1
            assert cache.reported(health.checkers[0]).passed

    def test_its_names_may_be_used_again(self):
        cache = ResultCache(backend=CacheServer(), prefix="shop")
        health = HealthCheck(cache=cache, checkers=[make_check()])
        del health
        gc.collect()
        assert HealthCheck(cache=cache, checkers=[make_check()]).run().passed


class TestRegisteringMeanwhile(object):
    """A check that is being registered keeps its name and its results."""

    class Cache(ResultCache):
        """Calls `meanwhile` when a check has been admitted."""

        meanwhile = None

        def admit(self, check):
            ResultCache.admit(self, check)
            if self.meanwhile is not None:
                meanwhile, self.meanwhile = self.meanwhile, None
                meanwhile()

    def test_check_that_was_admitted_keeps_its_name(self):
        cache = self.Cache(backend=CacheServer(), prefix="shop")
        health, other = HealthCheck(cache=cache), HealthCheck(cache=cache)
        other.add_check(make_check("old"))
        health.add_check(make_check("db"))
        check = health.checkers.pop()
        health.run()
        cache.meanwhile = other.checkers.pop
        health.checkers.insert(0, check)
        with pytest.raises(ValueError):
            other.add_check(make_check("db"))

    def test_what_is_registered_after_the_look_stays(self, monkeypatch):
        runs = []
        cache = ResultCache()
        health, other = HealthCheck(cache=cache), HealthCheck(cache=cache)
        other.add_check(make_check("old"))
        place = internals.removal_place(cache)
        original = getattr(*place)

        def register_meanwhile():
            monkeypatch.undo()
            health.add_check(lambda: (True, runs.append(1)), name="db")
            health.run()
            return original()
        internals.replace(monkeypatch, place, register_meanwhile)
        other.checkers.pop()
        health.checkers.known = None  # what its last run saw
        health.run()
        assert runs == [1]
