# coding: utf-8
"""bottle_healthcheck.environment: the route, seen from outside, and its sections."""
import collections
import io
import json
import os
import shutil
import subprocess
import sys
import threading

import bottle
import pytest
import six
import webtest

from bottle_healthcheck import EnvironmentDump, environment
from tests import corpus_loader, internals
from tests.helpers import need_module, raise_
from tests.wsgi import ask

NO_PACKAGES = {"include_python": False}


def dump_of(app, path="/environment"):
    """The answer, which must be JSON with status 200."""
    answer = ask(app, path)
    assert answer.status == 200
    return json.loads(answer.body.decode("ascii"), parse_constant=pytest.fail)


@pytest.fixture
def no_packages(monkeypatch):
    internals.replace(monkeypatch, internals.PACKAGES, {})


class TestDump(object):
    """The answer is one JSON object of sections."""

    def test_values_are_masked_and_errors_shown(self):
        app = bottle.Bottle()
        app.config["db.password"] = "not to be seen"
        app.config["db.host"] = "db1"
        dump = EnvironmentDump(app, "/environment")
        dump.add_section("broken", lambda: 1 / 0)
        answer = webtest.TestApp(app).get("/environment").json
        assert list(answer) == ["os", "python", "config", "process", "broken"] or len(answer) == 5
        assert answer["config"]["db.password"] == "********"
        assert answer["config"]["db.host"] == "db1"
        assert answer["broken"]["error"].startswith("ZeroDivisionError: ")

    def test_order_and_fields(self, app):
        dump = EnvironmentDump(app, "/environment")
        dump.add_section("zoo", lambda: 1)
        dump.add_section("a", lambda: 2)
        body = ask(app, "/environment").body.decode("ascii")
        names = [name for name, _ in json.loads(body, object_pairs_hook=list)]
        assert names == ["os", "python", "config", "process", "zoo", "a"]
        answer = json.loads(body)
        assert set(answer["os"]) == set(["platform", "name", "uname"])
        assert set(answer["python"]) == set(["version", "executable", "pythonpath", "version_info",
                                             "packages"])
        assert set(answer["python"]["version_info"]) == set(["major", "minor", "micro",
                                                             "releaselevel",
                                                             "serial"])
        assert set(answer["process"]) == set(["argv", "cwd", "user", "pid", "environ"])

    def test_built_in_sections_are_true(self, app):
        EnvironmentDump(app, "/environment")
        answer = dump_of(app)
        assert answer["os"] == {"platform": sys.platform, "name": os.name,
                                "uname": list(os.uname())}
        python = answer["python"]
        assert python["version"] == sys.version and python["executable"] == sys.executable
        assert python["pythonpath"] == sys.path
        assert list(sys.version_info) == [python["version_info"][name] for name in (
            "major", "minor", "micro", "releaselevel", "serial")]
        process = answer["process"]
        assert process["argv"] == sys.argv and process["pid"] == os.getpid()
        assert process["cwd"] == os.getcwd()
        assert process["environ"]["PATH"] == os.environ["PATH"]

    def test_environ_is_sorted_by_name(self, app, monkeypatch):
        for name in ("ZZ", "AA", "MM"):
            monkeypatch.setenv(name, "1")
        EnvironmentDump(app, "/environment", **NO_PACKAGES)
        shown = json.loads(ask(app, "/environment").body.decode("ascii"),
                           object_pairs_hook=collections.OrderedDict)
        names = list(shown["process"]["environ"])
        assert names == sorted(names) and "MM" in names

    @pytest.mark.parametrize("header, value, indented", [
        ("HTTP_UPGRADE_INSECURE_REQUESTS", "1", True), ("HTTP_SEC_FETCH_MODE", "navigate", True),
        ("HTTP_SEC_FETCH_MODE", "cors", False), ("HTTP_ACCEPT", "text/html,*/*;q=0.8", False)])
    def test_is_indented_for_a_browser(self, app, header, value, indented):
        EnvironmentDump(app, "/environment", **NO_PACKAGES)
        plain = ask(app, "/environment").body.decode("ascii")
        answer = ask(app, "/environment", **{header: value})
        body = answer.body.decode("ascii")
        assert answer.headers["Content-Type"] == "application/json"
        assert json.loads(body) == json.loads(plain)
        assert "\n" not in plain and ('\n  "os": {\n    "' in body) is indented

    def test_is_redacted_once(self, monkeypatch):
        dump, cleaned = EnvironmentDump(include_python=False), []
        clean = getattr(*internals.cleaning_place(dump))
        internals.replace(monkeypatch, internals.cleaning_place(dump),
                          lambda data: cleaned.append(1) or clean(data))
        dump.dump_environment()
        assert len(cleaned) == 1

    def test_sections_outside_a_request(self):
        dump, config_there = EnvironmentDump(), []
        thread = threading.Thread(target=lambda: config_there.append(dump.get_config()))
        thread.start()  # where no request was yet
        thread.join(60)
        assert config_there == [{}]
        assert dump.get_os()["name"] == os.name
        assert dump.get_process()["user"] == dump.get_login()

    def test_section_of_a_subclass_is_shown(self):
        class Mine(EnvironmentDump):
            def get_process(self):
                return {"pid": "mine"}

        shown = json.loads(Mine(include_python=False).dump_environment().decode("ascii"))
        assert shown["process"] == {"pid": "mine"}

    def test_failing_section_does_not_affect_others(self, app, monkeypatch):
        dump = EnvironmentDump(app, "/environment", include_python=False)
        monkeypatch.setattr(dump, "get_login", lambda: raise_(OSError("no user")))
        answer = dump_of(app)
        assert answer["process"] == {"error": "OSError: no user"}
        assert answer["os"]["name"] == os.name


class TestInclude(object):
    """include_os and the others leave a built-in section out."""

    @pytest.mark.parametrize("left_out", ["os", "python", "config", "process"])
    def test_section_is_left_out_and_its_name_free(self, app, left_out):
        dump = EnvironmentDump(app, "/environment", **{"include_" + left_out: False})
        assert left_out not in dump_of(app) and len(dump_of(app)) == 3
        dump.add_section(left_out, lambda: "mine")  # its name is free
        assert dump_of(app)[left_out] == "mine"

    @pytest.mark.parametrize("name", ["os", "python", "config", "process"])
    def test_value_is_true_or_false(self, name):
        with pytest.raises(TypeError, match="include_%s is of type str, expected True or" % name):
            EnvironmentDump(**{"include_" + name: "no"})

    def test_may_be_given_by_position(self, app):
        EnvironmentDump(app, "/environment", False, False, True, False)
        assert list(dump_of(app)) == ["config"]


def needs_two(one, two):
    return one, two


class EvilException(Exception):
    def __str__(self):
        raise RuntimeError("must not be shown")

    __repr__ = __unicode__ = __str__


class TestAddSection(object):
    """add_section() adds a function's value under a name."""

    @pytest.mark.parametrize("name", ["os", "python", "config", "process", "mine", u"mine", u"os"])
    def test_taken_name_is_refused(self, name):
        dump = EnvironmentDump()
        dump.add_section("mine", lambda: 1)
        with pytest.raises(ValueError) as caught:
            dump.add_section(name, lambda: 2)
        assert name in str(caught.value)

    def test_decorator_returns_the_function(self, app):
        dump = EnvironmentDump(app, "/environment")

        @dump.add_section("build")
        def build():
            return {"commit": "0a1b2c3"}

        assert build() == {"commit": "0a1b2c3"}
        assert dump.add_section("release", build) is build
        assert dump_of(app)["build"] == dump_of(app)["release"] == {"commit": "0a1b2c3"}

    @pytest.mark.parametrize("name, error, words", [
        (7, TypeError, "name is of type int, expected text"),
        (None, TypeError, "name is None, expected text"),
        ("os", ValueError, "give this one another name"),
        (needs_two, TypeError, "or @environment.add_section('build')")])
    def test_invalid_name_is_refused_before_decorating(self, name, error, words):
        with pytest.raises(error) as caught:
            EnvironmentDump().add_section(name)
        assert words in str(caught.value)

    @pytest.mark.parametrize("func, words", [
        (needs_two, "bind them, as in functools.partial(func, argument)"),
        ({"a": 1},
         "is of type dict, expected a callable without arguments: for a fixed value write "
         "lambda: value")])
    def test_invalid_function_is_refused_where_decorated(self, func, words):
        decorate = EnvironmentDump().add_section("build")
        with pytest.raises(TypeError) as caught:
            decorate(func)
        assert words in str(caught.value)

    def test_name_taken_meanwhile_is_refused(self):
        dump = EnvironmentDump()
        decorate = dump.add_section("build")
        dump.add_section("build", lambda: 1)
        with pytest.raises(ValueError):
            decorate(lambda: 2)

    @pytest.mark.parametrize("name, func", [
        (7, lambda: 1), (None, lambda: 1), ("a", None), ("a", "text"), ("a", {"a": 1}),
        ("a", lambda one: one)])
    def test_invalid_name_or_function_is_refused(self, name, func):
        dump = EnvironmentDump()
        with pytest.raises(TypeError) as caught:
            dump.add_section(name, func)
        assert "expected" in str(caught.value)

    @pytest.mark.parametrize("case", corpus_loader.load("json_cases.json"),
                             ids=lambda case: case["id"])
    def test_value_of_any_type_is_json(self, app, case):
        dump = EnvironmentDump(app, "/environment", include_python=False)
        dump.add_section("mine", lambda: case["value"])
        expected = case["expect"]
        if isinstance(case["value"], corpus_loader._Opaque):  # its module has another name here
            expected = "<%s._Opaque>" % corpus_loader.__name__
        assert dump_of(app)["mine"] == expected

    @pytest.mark.parametrize("exc, error", [
        (ValueError("why"), "ValueError: why"), (ValueError(), "ValueError"),
        (SystemExit("gone"), "SystemExit: gone"), (EvilException(), "EvilException"),
        (ValueError(u"\xe4"), u"ValueError: \xe4"), (ValueError(u"\ud800"), "ValueError: \\ud800")])
    def test_raising_section_does_not_affect_others(self, app, exc, error):
        dump = EnvironmentDump(app, "/environment", include_python=False)
        dump.add_section("broken", lambda: raise_(exc))
        dump.add_section("fine", lambda: "fine")
        answer = dump_of(app)
        assert answer["broken"] == {"error": error}
        assert answer["fine"] == "fine" and answer["process"]["pid"] == os.getpid()

    def test_interrupt_is_raised(self):
        dump = EnvironmentDump(include_python=False)
        dump.add_section("broken", lambda: raise_(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            dump.dump_environment()


class TestSafeDump(object):
    """safe_dump() masks the values of a mapping."""

    @pytest.mark.parametrize("name", ["password", "DB_PASS", "passphrase", "Secret_KEY", "monkey",
                                      "api_token", "TOKENS", u"Passw\xf6rter"])
    def test_names_of_the_contract_are_masked(self, name):
        assert EnvironmentDump().safe_dump({name: "x", "other": "y"}) == {
            name: "********", "other": "y"}

    @pytest.mark.parametrize("value", [None, 7, {"a": 1}, ["x"], b"\xff", ""])
    def test_values_of_any_type_are_masked(self, value):
        assert EnvironmentDump().safe_dump({"password": value})["password"] == "********"

    def test_argument_is_not_changed(self):
        mine = {"password": "x", "other": [1]}
        shown = EnvironmentDump().safe_dump(mine)
        shown["other"].append(2)
        assert mine == {"password": "x", "other": [1]}


class TestMasking(object):
    """What the process knows to be secret is masked in every section."""

    def test_secret_of_environ_is_masked(self, app, monkeypatch):
        monkeypatch.setenv("MY_TOKEN", "not to be seen")
        EnvironmentDump(app, "/environment", **NO_PACKAGES)
        assert dump_of(app)["process"]["environ"]["MY_TOKEN"] == "********"
        assert b"not to be seen" not in ask(app, "/environment").body

    def test_known_secret_is_masked_everywhere(self, monkeypatch):
        monkeypatch.setenv("SHOP_DB_PASSWORD", "fake-pw-4711-fake")
        monkeypatch.setattr("sys.argv", ["serve", "fake-pw-4711-fake"])
        app = bottle.Bottle()
        dump = EnvironmentDump(app, "/environment", include_process=False, hide=["colour"],
                               show=["MONKEY"])
        dump.add_section("more", lambda: {"seen": "it was fake-pw-4711-fake", "colour": "red",
                                          "MONKEY": "gibbon"})
        answer = webtest.TestApp(app).get("/environment")
        assert answer.json["more"] == {"seen": "it was ********", "colour": "********",
                                       "MONKEY": "gibbon"}
        assert dump.get_process()["environ"]["SHOP_DB_PASSWORD"] == "********"
        monkeypatch.setattr("sys.argv", ["serve", "--password=fake-pw-4711-fake"])
        assert dump.get_process()["argv"] == ["serve", "--password=********"]
        assert "fake-pw-4711-fake" not in answer.text

    def test_command_line_keeps_user_of_a_password(self, monkeypatch):
        monkeypatch.setattr("sys.argv", ["curl", "-u", "ann:Zq7Wm2Xc9Lp4", "https://h.example/"])
        dump = EnvironmentDump(include_python=False)
        shown = json.loads(dump.dump_environment().decode("ascii"))
        assert shown["process"]["argv"] == ["curl", "-u", "ann:********", "https://h.example/"]
        assert dump.get_process()["argv"] == shown["process"]["argv"]

    def test_versions_of_packages_are_shown(self, app, monkeypatch):
        internals.replace(monkeypatch, internals.PACKAGES, {"passlib": "1.7", "keyring": "2.0"})
        EnvironmentDump(app, "/environment")
        assert dump_of(app)["python"]["packages"] == {"passlib": "1.7", "keyring": "2.0"}
        other = EnvironmentDump(app, "/other", include_python=False)
        other.add_section("python", lambda: {"packages": {"passlib": "a secret?"}})
        answer = json.loads(ask(app, "/other").body.decode("ascii"))
        assert answer["python"]["packages"] == {"passlib": "********"}

    def test_hidden_packages_stay_hidden(self, app, no_packages, monkeypatch):
        EnvironmentDump(app, "/hidden", hide=["python"])
        answer = json.loads(ask(app, "/hidden").body.decode("ascii"))
        assert answer["python"] == "********" and "os" in answer

        def refuse():
            raise ValueError("cannot read postgres://u:fake-4711-pw@h/d")

        internals.replace(monkeypatch, internals.PACKAGES, {})
        internals.replace(monkeypatch, internals.LIST_PACKAGES, refuse)
        EnvironmentDump(app, "/environment")
        assert b"fake-4711-pw" not in ask(app, "/environment").body
        assert "ValueError" in dump_of(app)["python"]["packages"]["error"]


class TestConfig(object):
    """The configuration is that of the app whose route is read."""

    def test_is_that_of_the_app_that_is_asked(self):
        one, other = bottle.Bottle(), bottle.Bottle()
        one.config["whose"], other.config["whose"] = "one", "other"
        dump = EnvironmentDump(one, "/environment", **NO_PACKAGES)
        dump.init_app(other, "/environment")
        assert dump_of(one)["config"]["whose"] == "one"
        assert dump_of(other)["config"]["whose"] == "other"
        assert dump_of(one)["config"]["whose"] == "one"

    def test_of_a_mounted_app(self):
        child, parent = bottle.Bottle(), bottle.Bottle()
        child.config["whose"], parent.config["whose"] = "child", "parent"
        dump = EnvironmentDump(child, "/environment", **NO_PACKAGES)
        parent.mount("/sub/", child)
        dump.init_app(parent, "/environment")
        assert dump_of(parent, "/sub/environment")["config"]["whose"] == "child"
        assert dump_of(parent)["config"]["whose"] == "parent"

    def test_of_any_values(self, app):
        app.config["a.function"] = len
        app.config["a.bytes"] = b"\xff"
        app.config["an.app"] = bottle.Bottle()
        app.config["a.set"] = {2, 1}
        EnvironmentDump(app, "/environment", **NO_PACKAGES)
        config = dump_of(app)["config"]
        assert config["a.bytes"] == "\\xff" and config["a.set"] == [1, 2]
        assert config["an.app"] == "<bottle.Bottle>"
        assert config["a.function"].startswith("<")


class TestSurroundings(object):
    """The dump works in odd surroundings."""

    @pytest.mark.skipif(os.name != "posix", reason="the environment is text elsewhere")
    def test_environ_of_any_bytes(self):
        code = """
import bottle, sys
from tests.wsgi import ask
from bottle_healthcheck import EnvironmentDump
app = bottle.Bottle()
EnvironmentDump(app, "/environment", include_python=False)
getattr(sys.stdout, "buffer", sys.stdout).write(ask(app, "/environment").body)
"""
        root = os.path.dirname(os.path.dirname(os.path.abspath(environment.__file__)))
        surroundings = {b"PYTHONPATH": os.pathsep.join([root] + [one for one in sys.path if one])
                        .encode("utf-8"), b"PATH": os.environ["PATH"].encode("utf-8"),
                        b"ODD": b"\xff\xfe", b"\xe4": b"latin", b"U": u"\xe4".encode("utf-8"),
                        b"TO\xffKEN": b"not masked by name", b"PASS\xff": b"not to be seen"}
        shown = subprocess.check_output([sys.executable, "-W", "ignore", "-c", code, b"\xff"],
                                        env=surroundings)
        process = json.loads(shown.decode("ascii"))["process"]
        assert process["environ"]["ODD"] == "\\xff\\xfe"
        assert process["environ"]["\\xe4"] == "latin"
        assert process["environ"]["PASS\\xff"] == "********"
        assert process["argv"][1] == "\\xff"

    def test_working_directory_may_be_gone(self, app, tmpdir, monkeypatch):
        folder = tmpdir.mkdir("gone")
        monkeypatch.chdir(str(folder))
        shutil.rmtree(str(folder))
        EnvironmentDump(app, "/environment", **NO_PACKAGES)
        process = dump_of(app)["process"]
        assert process["cwd"] is None and process["pid"] == os.getpid()

    def test_uname_may_be_missing(self, monkeypatch):
        monkeypatch.delattr(os, "uname")
        assert EnvironmentDump().get_os()["uname"] == []

    def test_argv_may_be_missing(self, app, monkeypatch):
        monkeypatch.delattr(sys, "argv")
        EnvironmentDump(app, "/environment", **NO_PACKAGES)
        assert dump_of(app)["process"]["argv"] == []


class TestLogin(object):
    """get_login() is the user that the process acts as."""

    @pytest.mark.skipif(os.name != "posix", reason="pwd is posix")
    def test_without_passwd_entry_is_the_uid(self, app, monkeypatch):
        import pwd
        monkeypatch.setattr(pwd, "getpwuid", lambda uid: raise_(KeyError(uid)))
        EnvironmentDump(app, "/environment", **NO_PACKAGES)
        assert dump_of(app)["process"]["user"] == str(os.geteuid())

    @pytest.mark.skipif(os.name != "posix", reason="pwd is posix")
    def test_is_the_effective_user(self, monkeypatch):
        import pwd
        entry = pwd.getpwall()[-1]
        monkeypatch.setattr(os, "geteuid", lambda: entry.pw_uid)
        assert EnvironmentDump().get_login() == pwd.getpwuid(entry.pw_uid).pw_name

    @pytest.mark.parametrize("environ, user", [({"USER": "a", "USERNAME": "b"}, "a"),
                                               ({"USERNAME": "b"}, "b"), ({}, "UNKNOWN")])
    def test_is_read_from_environ_where_pwd_is_missing(self, monkeypatch, environ, user):
        monkeypatch.setattr(environment, "pwd", None)
        monkeypatch.setattr(environment, "os", type("os", (), {"environ": environ}))
        assert EnvironmentDump().get_login() == user


def _install(folder, name, version):
    info = folder.mkdir("%s-%s.dist-info" % (name, version))
    with io.open(str(info.join("METADATA")), "w") as stream:
        stream.write(u"Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (name, version))
    return str(folder)


class TestPackages(object):
    """The installed packages are listed once a process."""

    def test_names_and_versions(self, app):
        EnvironmentDump(app, "/environment")
        packages = dump_of(app)["python"]["packages"]
        assert packages["six"] == six.__version__
        assert packages["pytest"] == pytest.__version__
        assert "" not in packages and "None" not in packages

    def test_listed_once_a_process(self, app, no_packages, monkeypatch):
        calls = []
        internals.replace(monkeypatch, internals.LIST_PACKAGES,
                          lambda: calls.append(1) or {"six": "1"})
        EnvironmentDump(app, "/environment")
        EnvironmentDump(app, "/another")
        assert dump_of(app)["python"]["packages"] == {"six": "1"}
        assert dump_of(app, "/another")["python"]["packages"] == {"six": "1"}
        assert len(calls) == 1

    def test_error_does_not_affect_the_section(self, app, no_packages, monkeypatch):
        internals.replace(monkeypatch, internals.LIST_PACKAGES,
                          lambda: raise_(ImportError("no such")))
        EnvironmentDump(app, "/environment")
        python = dump_of(app)["python"]
        assert python["packages"] == {"error": "ImportError: no such"}
        assert python["executable"] == sys.executable

    @pytest.mark.skipif(sys.version_info < (3, 8), reason="pkg_resources reads sys.path once")
    def test_version_is_that_which_python_imports(self, no_packages, monkeypatch, tmpdir):
        need_module("importlib.metadata")
        monkeypatch.syspath_prepend(_install(tmpdir.mkdir("later"), "twice", "1.0"))
        monkeypatch.syspath_prepend(_install(tmpdir.mkdir("first"), "twice", "2.0"))
        assert EnvironmentDump().get_python()["packages"]["twice"] == "2.0"

    @pytest.mark.skipif(sys.version_info < (3, 8), reason="pkg_resources reads sys.path once")
    def test_broken_package_is_left_out(self, no_packages, monkeypatch, tmpdir):
        folder = tmpdir.mkdir("site")
        folder.mkdir("broken-1.0.dist-info")
        folder.mkdir("nameless-1.0.dist-info").join("METADATA").write("Version: 1.0\n")
        binary = folder.mkdir("binary-1.0.dist-info").join("METADATA")
        binary.write_binary(b"Name: \xff\nVersion: 1\n")
        monkeypatch.syspath_prepend(_install(folder, "whole", "3.0"))
        packages = EnvironmentDump().get_python()["packages"]
        assert packages["whole"] == "3.0" and "six" in packages
        assert None not in packages and "nameless" not in packages
