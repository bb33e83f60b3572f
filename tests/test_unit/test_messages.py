"""Mistakes that users make, and the messages: what was given, what was expected, what to do."""
import re
import sqlite3

import bottle
import pytest

from bottle_healthcheck import EnvironmentDump, HealthCheck, checks, guards
from tests.helpers import PY2


def check():
    return True, "fine"


def health(**options):
    return HealthCheck(bottle.Bottle(), "/healthcheck", **options)


def environment(**options):
    return EnvironmentDump(bottle.Bottle(), "/environment", **options)


class Forgetful(HealthCheck):
    def __init__(self, **options):  # pylint: disable=super-init-not-called
        self.mine = options


class ForgetfulDump(EnvironmentDump):
    def __init__(self):  # pylint: disable=super-init-not-called
        pass


#: The mistake, the kind of error, and words of its message.
MISTAKES = [
    (lambda: HealthCheck("/h", bottle.Bottle()), TypeError,
     "they are swapped, expected (app, path), as in HealthCheck(app, '/healthcheck')"),
    (lambda: EnvironmentDump("/e", bottle.Bottle()), TypeError,
     "they are swapped, expected (app, path), as in EnvironmentDump(app, '/healthcheck')"),
    (lambda: HealthCheck().init_app("/h", bottle.Bottle()), TypeError, "they are swapped"),
    (lambda: HealthCheck("/h"), TypeError, "the path comes after it, or by name, as in path="),
    (lambda: HealthCheck().init_app("/h"), TypeError, "the path comes after it"),
    (lambda: HealthCheck().init_app(bottle.Bottle()), TypeError,
     "path is None, expected a text such as '/healthcheck'"),
    (lambda: HealthCheck(bottle.Bottle(), "health"), ValueError,
     "path is 'health', which no request can match: expected a leading slash, as in "),
    (lambda: HealthCheck(bottle.Bottle, "/h"), TypeError, "call it, as in bottle.Bottle()"),
    (lambda: health(apply=[guards.require_token]), TypeError,
     "require_token, expected what it returns: call it, as in guards.require_token(token)"),
    (lambda: health(apply=guards.allow_networks), TypeError,
     "call it, as in guards.allow_networks('10.0.0.0/8')"),
    (lambda: environment(apply=[guards.require_token]), TypeError, "call it"),
    (lambda: health(apply=["auth"]), TypeError,
     "a decorator of apply is of type str, expected a callable or a plugin of Bottle"),
    (lambda: guards.require_token(None), ValueError, "is it set where it is read from?"),
    (lambda: guards.allow_networks(["10.0.0.0/8"]), ValueError, "write allow_networks(*networks)"),
    (lambda: guards.allow_networks("10.0.0.1/8"), ValueError, ", write 10.0.0.0/8 for the network"),
    (lambda: guards.allow_networks("localhost"), ValueError, "names of hosts are not looked up"),
    (lambda: health().add_check("orders database"), TypeError,
     "a name has to be written as name='orders database'"),
    (lambda: health().add_check(u"database"), TypeError, "written as name='database'"),
    (lambda: health().add_check("hunter2"), TypeError, "written as name=..."),
    (lambda: health().add_check(check()), TypeError, "give the function, without calling it"),
    (lambda: health(checkers=[check()]), TypeError, "give the function, without calling it"),
    (lambda: health(checkers=check), TypeError, "expected a list of checks, such as [check]"),
    (lambda: setattr(health(), "checkers", 5), TypeError, "expected a list of checks"),
    (lambda: health().checkers.remove(check), ValueError, "no such check: expected one of"),
    (lambda: health().run(check="nope"), ValueError, "'nope'"),
    (lambda: health().run(exclude="nope"), ValueError, "'nope'"),
    (lambda: health().run_check("nope"), ValueError, "no such check: expected one of"),
    (lambda: health().add_check(check, ttl=5), TypeError, "unknown option 'ttl': expected one of "),
    (lambda: health().add_check(timout=5), TypeError,
     "unknown option 'timout': did you mean 'timeout'? expected one of 'name', "),
    (lambda: health().add_check(checks.tcp), TypeError,
     "tcp, expected what it returns: call it, as in checks.tcp(host, port)"),
    (lambda: health(success_handler={"a": 1}), TypeError, "give the function, without calling it"),
    (lambda: checks.http("api.example"), ValueError, "url: http:// or https:// is missing"),
    (lambda: checks.http("user:hunter2@api.example"), ValueError, "http:// or https:// is missing"),
    (lambda: checks.sql(sqlite3.connect(":memory:")), TypeError, "lambda: sqlite3.connect(path)"),
    (lambda: checks.sql(lambda path: None), TypeError, "bind them, as in lambda:"),
    (lambda: checks.redis("redis://:hunter2@h"), TypeError, "redis.Redis.from_url(url)"),
    (lambda: environment().add_section(check, "build"), TypeError, "the name comes first"),
    (lambda: environment().add_section("build", {"a": 1}), TypeError, "write lambda: value"),
    (lambda: Forgetful().add_check(check), AttributeError,
     "Forgetful is not initialized: its __init__ has to call the inherited one first, as in "),
    (lambda: Forgetful().checkers, AttributeError, "its __init__ has to call the inherited one"),
    (lambda: Forgetful().run(), AttributeError, "has to call the inherited one first"),
    (lambda: Forgetful().init_app(bottle.Bottle(), "/h"), AttributeError, "call the inherited one"),
    (lambda: bottle.Bottle().install(HealthCheck), TypeError,
     "HealthCheck instance" if PY2 else  # there Python itself refuses it
     "the class is installed, expected an object of it, as in app.install(HealthCheck(path="),
    (lambda: bottle.Bottle().install(Forgetful()), AttributeError, "the inherited one first"),
    (lambda: ForgetfulDump().add_section("a", check), AttributeError,
     "ForgetfulDump is not initialized"),
]

#: What makes a check, given as one.
MISTAKES += [
    (lambda factory=factory: health(checkers=[factory]), TypeError,
     "call it, as in checks.%s(" % factory.__name__)
    for factory in (checks.tcp, checks.http, checks.certificate, checks.sql, checks.redis,
                    checks.memcached, checks.disk, checks.heartbeat)]


class TestMistake(object):
    @pytest.mark.parametrize("mistake, kind, words", MISTAKES,
                             ids=[case[2][:40] for case in MISTAKES])
    def test_says_what_to_do(self, mistake, kind, words):
        with pytest.raises(kind) as caught:
            mistake()
        assert words in str(caught.value)
        assert "hunter2" not in str(caught.value)
        assert not re.search("%[rsd]", str(caught.value))
        # A traceback begins its last line with the class: a private one would say nothing.
        assert caught.type is kind


class TestApply(object):
    @pytest.mark.parametrize("apply", [
        [guards.require_token("x" * 16)], bottle.auth_basic(lambda user, password: False), None,
        [HealthCheck()]])
    def test_decorators_and_plugins_are_taken(self, apply):
        assert health(apply=apply).options["apply"] is apply
