# coding: utf-8
"""bottle_healthcheck._http.plugin: paths, options, registering, the plugin API."""
import gc
import weakref

import bottle
import pytest

from bottle_healthcheck import EnvironmentDump, HealthCheck
from tests.internals import BOTTLE_OPTIONS, validate_options
from tests.test_unit.test_init import ENVIRONMENT, HEALTHCHECK, _arguments
from tests.wsgi import ask

BOTH = pytest.mark.parametrize("kind", [HealthCheck, EnvironmentDump])


def refuses(callback):
    """A guard that lets nobody in."""
    def guarded(*args, **kwargs):
        bottle.abort(403, "no")
    return guarded


class TestPath(object):
    """The path of a route begins with a slash; several are a list."""

    @BOTH
    @pytest.mark.parametrize("path, error", [
        ("healthcheck", ValueError), ("", ValueError), (" /healthcheck", ValueError),
        (["/a", "b"], ValueError), ([], TypeError), (7, TypeError), (True, TypeError),
        ({"/a": 1}, TypeError), ([["/a"], None], TypeError)])
    def test_impossible_one_is_refused(self, app, kind, path, error):
        for refuse in (lambda: kind(app, path), lambda: kind(path=path),
                       lambda: kind().init_app(app, path)):
            with pytest.raises(error) as caught:
                refuse()
            assert "path is" in str(caught.value) and "'/healthcheck'" in str(caught.value)
        assert app.routes == []

    @BOTH
    def test_init_app_needs_one(self, app, kind):
        with pytest.raises(TypeError):
            kind().init_app(app, None)

    @BOTH
    def test_beyond_ascii_is_matched(self, app, kind):
        kind(app, u"/gesundheit/\xfc")
        assert ask(app, str("/gesundheit/\xc3\xbc")).status == 200

    @BOTH
    def test_wildcards_are_accepted(self, app, kind):
        kind(app, "/x/<version>/<rest:path>")
        assert ask(app, "/x/v1/a/b").status == 200
        assert ask(app, "/x/").status == 404

    @BOTH
    def test_without_one_nothing_is_registered(self, app, kind):
        kind()
        kind(path="/x")
        kind(app)
        assert app.routes == []

    @BOTH
    def test_install_without_one_is_refused(self, app, kind):
        with pytest.raises(ValueError) as caught:
            app.install(kind())
        assert kind.__name__ + "(path=" in str(caught.value)

    @BOTH
    @pytest.mark.parametrize("path", [None, "/known"])
    def test_subclass_may_know_it(self, app, kind, path):
        asked = []

        class Known(kind):
            def init_app(self, app, path=None):
                asked.append(path)
                super(Known, self).init_app(app, path or "/known")

        Known(app, path) if path else Known(app)
        assert asked == [path]
        assert ask(app, "/known").status == 200
        Known()
        Known(path="/known")
        assert asked == [path]

    @BOTH
    def test_subclass_that_passes_none_registers_nothing(self, app, kind):
        class Passing(kind):
            def init_app(self, app, path=None):
                super(Passing, self).init_app(app, path)

        plugin = Passing(app)
        assert app.routes == []
        with pytest.raises(TypeError):  # by now it is a mistake
            plugin.init_app(app)


class TestApp(object):
    """A route is registered on a bottle.Bottle."""

    @BOTH
    def test_default_app_without_call_is_refused(self, kind):
        for refuse in (lambda: kind(bottle.default_app, "/x"), lambda: kind(bottle.default_app),
                       lambda: kind().init_app(bottle.app, "/x")):
            with pytest.raises(TypeError) as caught:
                refuse()
            assert "bottle.default_app()" in str(caught.value)

    @BOTH
    @pytest.mark.parametrize("app", [lambda environ, start_response: [], object(), "app", 0, False,
                                     [], bottle, bottle.Bottle])
    def test_another_wsgi_app_is_refused(self, kind, app):
        for refuse in (lambda: kind(app, "/x"), lambda: kind().init_app(app, "/x")):
            with pytest.raises(TypeError) as caught:
                refuse()
            assert "expected a bottle.Bottle" in str(caught.value)

    @BOTH
    def test_module_bottle_is_refused(self, kind):
        for refuse in (lambda: kind(bottle, "/x"), lambda: kind().init_app(bottle, "/x")):
            with pytest.raises(TypeError) as caught:
                refuse()
            assert "the module bottle" in str(caught.value)
            assert "bottle.default_app()" in str(caught.value)

    @BOTH
    def test_error_does_not_show_the_value(self, kind):
        with pytest.raises(TypeError) as caught:
            kind(app={"password": "swordfish"}, path="/x")
        assert "swordfish" not in str(caught.value)

    @BOTH
    def test_may_have_several_routes(self, app, kind):
        other = bottle.Bottle()
        plugin = kind(app, "/one")
        plugin.init_app(app, ["/two", u"/three"])
        plugin.init_app(other, u"/four")
        for path in ("/one", "/two", "/three"):
            assert ask(app, path).status == 200
        assert ask(other, "/four").status == 200
        assert ask(other, "/one").status == 404

    @BOTH
    def test_may_be_mounted(self, kind):
        child, parent = bottle.Bottle(), bottle.Bottle()
        kind(child, "/x")
        parent.mount("/sub/", child)
        answer = ask(parent, "/sub/x")
        assert answer.status == 200
        assert answer.headers["Content-Length"] == str(len(answer.body))
        assert answer.headers["Cache-Control"] == "no-store"

    def test_mounted_failure_keeps_its_status(self):
        child, parent = bottle.Bottle(), bottle.Bottle()
        HealthCheck(child, "/x", failed_status=503, checkers=[lambda: (False, "down")])
        parent.mount("/sub/", child)
        answer = ask(parent, "/sub/x")
        assert answer.status == 503 and b'"down"' in answer.body

    @BOTH
    def test_may_be_merged(self, kind):
        child, parent = bottle.Bottle(), bottle.Bottle()
        kind(child, "/x")
        parent.merge(child)
        assert ask(parent, "/x").status == 200

    @BOTH
    def test_may_register_elsewhere(self, kind):
        class Prefixed(bottle.Bottle):
            def route(self, path=None, *args, **options):
                return super(Prefixed, self).route("/v1" + path, *args, **options)

        app = Prefixed()
        kind(app, "/x")
        assert ask(app, "/v1/x").status == 200

    @BOTH
    def test_is_not_kept_alive(self, kind):
        app = bottle.Bottle()
        plugin, gone = kind(app, "/x"), weakref.ref(app)
        del app
        gc.collect()
        assert gone() is None
        plugin.init_app(bottle.Bottle(), "/x")

    @BOTH
    def test_refused_plugin_leaves_no_route(self, app, kind):
        with pytest.raises(TypeError):
            kind(app, "/x", pathh=1, callback=5)
        assert app.routes == []


def _put_into_options(app, options):
    plugin = EnvironmentDump()
    plugin.options.update(options)
    plugin.init_app(app, "/x")


class TestRouteOptions(object):
    """Further options go to the route."""

    @BOTH
    def test_bottles_own_go_to_the_route(self, app, kind):
        def apply(callback):
            return callback

        skipped = ["json"]
        kind(app, "/x", method="GET", name="the name", apply=[apply], skip=skipped)
        route, = app.routes
        assert (route.method, route.name, route.plugins) == ("GET", "the name", [apply])
        assert route.skiplist == skipped
        assert app.get_url("the name") == "/x"

    @pytest.mark.parametrize("register", [
        lambda app, options: HealthCheck(app, "/x", **options), _put_into_options])
    def test_other_plugins_go_to_the_route(self, app, register):
        sqlite = {"keyword": "db"}
        register(app, {"sqlite": sqlite, "auth": "required"})
        config = dict(app.routes[0].config)
        assert config["auth"] == "required"
        assert config.get("sqlite", config.get("sqlite.keyword")) in (sqlite, "db")

    @pytest.mark.parametrize("method, allowed, refused", [
        ("GET", ["GET", "HEAD"], ["OPTIONS", "POST"]), (["POST"], ["POST"], ["GET", "OPTIONS"]),
        ("ANY", ["GET", "POST", "OPTIONS", "DELETE"], [])])
    def test_method_is_served(self, app, method, allowed, refused):
        HealthCheck(app, "/healthcheck", method=method)
        assert [ask(app, method=one).status for one in allowed] == [200] * len(allowed)
        assert [ask(app, method=one).status for one in refused] == [405] * len(refused)

    def test_apply_guards_the_route(self, app):
        def guard(callback):
            def guarded(*args, **kwargs):
                if not bottle.request.get_header("X-Token"):
                    bottle.abort(403, "no")
                return callback(*args, **kwargs)
            return guarded

        HealthCheck(app, "/healthcheck", apply=[guard])
        assert ask(app).status == 403
        assert ask(app, HTTP_X_TOKEN="mine").status == 200

    @BOTH
    @pytest.mark.parametrize("skip", [True, [True], ("json", True)])
    def test_skip_that_drops_a_guard_is_refused(self, kind, skip):
        with pytest.raises(ValueError) as caught:
            kind(skip=skip, apply=[lambda callback: callback])
        assert "apply" in str(caught.value)

    @BOTH
    @pytest.mark.parametrize("options", [
        {"skip": True}, {"skip": True, "apply": []},
        {"skip": ["json"], "apply": [bottle.auth_basic]},
        {"apply": bottle.auth_basic}])
    def test_skip_without_a_guard_is_accepted(self, kind, options):
        assert kind(**options).options["apply" if "apply" in options else "skip"] is not None

    @BOTH
    def test_callback_is_refused(self, kind):
        with pytest.raises(TypeError) as caught:
            kind(callback=lambda: "mine")
        assert "callback" in str(caught.value)

    @BOTH
    def test_methods_may_be_added(self, app, kind):
        plugin = kind()
        plugin.options["method"].append("POST")
        plugin.init_app(app, "/x")
        assert "POST" in [route.method for route in app.routes]
        assert "POST" not in kind().options["method"]

    @BOTH
    def test_callback_set_later_is_refused(self, app, kind):
        plugin = kind()
        plugin.options["callback"] = len
        with pytest.raises(TypeError) as caught:
            plugin.init_app(app, "/x")
        assert "callback is no option" in str(caught.value)
        assert app.routes == []

    @BOTH
    def test_skip_set_later_is_refused(self, app, kind):
        plugin = kind(apply=[lambda callback: callback])
        plugin.options["skip"] = True
        with pytest.raises(ValueError):
            plugin.init_app(app, "/x")
        assert app.routes == []

    def test_options_attribute_takes_any_name(self, app):
        health = HealthCheck()
        health.options["ttl"] = 5
        health.init_app(app, "/x")
        assert [route.config["ttl"] for route in app.routes] == [5, 5]


def _misspelt(kind):
    for name in _arguments(kind)[0]:
        if len(name) >= 8:  # below that, one letter more or less is another word
            yield kind, name[:3] + name[4:], name
            yield kind, name + name[-1], name


class TestMisspeltOption(object):
    """An option that looks like one of ours is refused."""

    @pytest.mark.parametrize("kind, wrong, name",
                             list(_misspelt(HealthCheck)) + list(_misspelt(EnvironmentDump))
                             + [(HealthCheck, "sucess_ttl", "success_ttl")])
    def test_near_miss_is_refused(self, kind, wrong, name):
        with pytest.raises(TypeError) as caught:
            kind(**{wrong: 5})
        assert repr(wrong) in str(caught.value) and repr(name) in str(caught.value)

    @pytest.mark.parametrize("name, meant", [
        ("ttl", "success_ttl"), ("status", "failed_status"), ("header", "failed_headers"),
        ("headers", "success_headers"), ("handler", "failed_handler"), ("format", "formats"),
        ("check", "checkers"), ("checks", "checkers"), ("detail", "details"),
        ("drain", "drain_file"),
        ("stale", "stale_while_revalidate"), ("error_timeout", "timeout"),
        ("log_on_failure", "bottle_healthcheck"),
        ("timout", "timeout"), ("time_out", "timeout"), ("Timeout", "timeout"),
        ("checker", "checkers"), ("detials", "details"), ("formates", "formats"),
        ("succes_status", "success_status"), ("success_code", "success_status"),
        ("failed_code", "failed_status"), ("fail_handler", "failed_handler"),
        ("failure_status", "failed_status"), ("failure_ttl", "failed_ttl"),
        ("FAIL_TTL", "failed_ttl"),
        ("drain_path", "drain_file"), ("exception_callback", "exception_handler"),
        ("stale_ttl", "stale_while_revalidate"), ("cache_ttl", "success_ttl"),
        ("failed-ttl", "failed_ttl"), ("successTTL", "success_ttl"), ("include_os", None)])
    def test_lookalike_is_refused(self, app, name, meant):
        with pytest.raises(TypeError) as caught:
            HealthCheck(app, "/x", **{name: 1})
        said = str(caught.value)
        assert said.startswith("unknown option %r: " % name)
        assert ("EnvironmentDump" if meant is None else repr(meant)) in said
        assert "health.options[%r]" % name in said
        assert app.routes == []

    @pytest.mark.parametrize("name", [
        "sqlite", "auth", "template", "db", "success", "names", "config", "login", "no_login",
        "valid_status", "cached", "logger", "keyword", "statuses", "checked", "ttls", "timer"])
    def test_option_of_another_plugin_is_accepted(self, name):
        assert HealthCheck(**{name: 5}).options[name] == 5

    def test_bottles_own_is_accepted(self):
        validate_options(dict.fromkeys(BOTTLE_OPTIONS), BOTTLE_OPTIONS)
        with pytest.raises(TypeError):
            validate_options({"another": 1}, ("another",))

    @pytest.mark.parametrize("kind, contract", [(HealthCheck, HEALTHCHECK),
                                                (EnvironmentDump, ENVIRONMENT)])
    def test_contract_has_every_argument(self, kind, contract):
        assert set(_arguments(kind)[0]) <= set(contract)

    @pytest.mark.parametrize("name, nearest", [
        ("hides", "hide"), ("include_pyhton", "include_python"), ("includeos", "include_os"),
        ("include_environ", None), ("timeout", None), ("auth", None), ("sqlite", None),
        ("login", None)])
    def test_dump_takes_bottles_own_alone(self, app, name, nearest):
        with pytest.raises(TypeError) as caught:
            EnvironmentDump(app, "/x", **{name: False})
        said = str(caught.value)
        advice = ""
        if nearest is not None:
            advice = "did you mean %r? " % nearest
        assert said.startswith(
            "unknown option %r: %sexpected one of 'app', 'path', 'include_os', 'include_python', "
            "'include_config', 'include_process', 'hide', 'show', 'method', 'name', 'apply', "
            "'skip'. " % (name, advice))
        assert "environment.options[%r]" % name in said
        assert app.routes == []


class TestPluginApi(object):
    """Bottle installs and closes the plugin."""

    @BOTH
    def test_install_registers_the_route(self, app, kind):
        plugin = app.install(kind(path="/x"))
        assert plugin.api == 2 and isinstance(plugin.name, str)
        assert ask(app, "/x").status == 200

        @app.route("/other")
        def other():
            return "untouched"

        assert plugin.apply(other, None) is other
        assert ask(app, "/other").body == b"untouched"

    def test_several_plugins_on_one_app(self, app):
        live = app.install(HealthCheck(path="/live"))
        ready = app.install(HealthCheck(path="/ready", failed_status=503))
        app.install(EnvironmentDump(path="/environment"))
        live.add_check(lambda: (True, "live"))
        ready.add_check(lambda: (False, "not ready"))
        assert ask(app, "/live").status == 200 and b'"live"' in ask(app, "/live").body
        assert ask(app, "/ready").status == 503 and b'"not ready"' in ask(app, "/ready").body
        assert ask(app, "/environment").status == 200

    @BOTH
    def test_one_plugin_on_two_apps(self, app, kind):
        other, plugin = bottle.Bottle(), kind(path="/x")
        app.install(plugin)
        other.install(plugin)
        assert ask(app, "/x").status == ask(other, "/x").status == 200

    @BOTH
    def test_close_leaves_routes_working(self, app, kind):
        other, plugin = bottle.Bottle(), kind(path="/x")
        app.install(plugin)
        other.install(plugin)
        app.uninstall(plugin)
        app.close()
        plugin.close()
        plugin.close()
        assert ask(app, "/x").status == ask(other, "/x").status == 200


CALLBACKS = {HealthCheck: "check", EnvironmentDump: "dump_environment"}


class TestCallback(object):
    """The route is the bound method as it is when it is registered."""

    @BOTH
    def test_guard_around_the_method_holds(self, app, kind):
        plugin = kind()
        setattr(plugin, CALLBACKS[kind], refuses(getattr(plugin, CALLBACKS[kind])))
        plugin.init_app(app, "/x")
        assert ask(app, "/x").status == 403
        app.install(plugin) if plugin.path else plugin.init_app(app, "/y")
        assert ask(app, "/y").status == 403

    @BOTH
    def test_guard_holds_from_the_next_registration(self, app, kind):
        plugin = kind(app, "/x")
        assert ask(app, "/x").status == 200
        setattr(plugin, CALLBACKS[kind], refuses(getattr(plugin, CALLBACKS[kind])))
        assert ask(app, "/x").status == 200  # as it was when it was registered
        plugin.init_app(app, "/x")
        assert ask(app, "/x").status == 403
        count = len(app.routes)
        plugin.init_app(app, "/x")
        assert len(app.routes) == count and ask(app, "/x").status == 403

    @BOTH
    def test_guard_in_options_holds_from_the_next_registration(self, app, kind):
        plugin = kind(app, ["/x", "/<any>/y"])
        plugin.options["apply"] = [refuses]
        plugin.init_app(app, ["/x", "/<any>/y"])
        assert ask(app, "/x").status == ask(app, "/a/y").status == 403


class Taken(object):
    """Apps whose path /x has a route of somebody else, registered in different ways."""

    @staticmethod
    def own(rule="/x", method="GET"):
        app = bottle.Bottle()
        app.route(rule, method=method, callback=lambda **url_args: "mine")
        return app

    @staticmethod
    def merged(rule="/x"):
        app = bottle.Bottle()
        app.merge(Taken.own(rule))
        return app

    @staticmethod
    def plugin(kind):
        app = bottle.Bottle()
        kind(app, "/x")
        return app

    @staticmethod
    def mount(prefix):
        app = bottle.Bottle()
        app.mount(prefix, lambda environ, start_response: start_response("200 OK", []) and [])
        return app


class TestTakenPath(object):
    """A path that has somebody else's route is refused."""

    @BOTH
    @pytest.mark.parametrize("make, path", [
        (Taken.own, "/x"), (Taken.merged, "/x"), (lambda: Taken.own(method=["POST", "GET"]), "/x"),
        (lambda: Taken.plugin(HealthCheck), "/x"), (lambda: Taken.plugin(EnvironmentDump), "/x"),
        (lambda: Taken.own("/x/<a>"), "/x/<b>"), (lambda: Taken.own("/x/<a:int>"), "/x/<:int>"),
        (lambda: Taken.own("/x/<a>"), "/x/<b:re:[^/]+>"), (lambda: Taken.own("/<a>/x"), "/<b>/x"),
        (lambda: Taken.own("/<a:path>"), "/<rest:path>"), (lambda: Taken.own("/x\\<y>"), "/x\\<y>"),
        (lambda: Taken.mount("/x"), "/x"), (lambda: Taken.mount("/x/"), "/x/y"),
        (lambda: Taken.mount("/x/"), "/x/<y>")])
    def test_is_refused(self, kind, make, path):
        for register in (lambda app: kind(app, path), lambda app: kind().init_app(app, path),
                         lambda app: app.install(kind(path=path)),
                         lambda app: kind(app, ["/free", path])):
            app = make()
            routes = list(app.routes)
            with pytest.raises(ValueError) as caught:
                register(app)
            assert "path is %r" % path in str(caught.value)
            assert app.routes == routes

    @BOTH
    def test_error_names_owner(self, app, kind):
        def overview():
            return "mine"

        app.route("/x", callback=overview)
        with pytest.raises(ValueError) as caught:
            kind(app, "/x")
        assert "GET /x, %s.overview" % __name__ in str(caught.value)

    @BOTH
    @pytest.mark.parametrize("make", [
        lambda: Taken.own("/y"), lambda: Taken.own("/<path:path>"), lambda: Taken.own("/<name>"),
        lambda: Taken.own("/<:re:.*>"), lambda: Taken.own(method="ANY"),
        lambda: Taken.own(method="POST"), lambda: Taken.own(method="HEAD"),
        lambda: Taken.own("/x/<name>"), lambda: Taken.mount("/y/"), lambda: Taken.mount("/xy"),
        lambda: Taken.mount("/x/y")])
    def test_free_path_is_registered(self, kind, make):
        app = make()
        kind(app, "/x")
        assert ask(app, "/x").headers["Cache-Control"] == "no-store"

    @BOTH
    def test_another_filter_is_another_rule(self, kind):
        app = Taken.own("/x/<a:int>")
        kind(app, "/x/<a>")
        assert ask(app, "/x/5").body == b"mine"
        assert ask(app, "/x/five").headers["Cache-Control"] == "no-store"

    @BOTH
    @pytest.mark.parametrize("other", [
        "/a/<name>", "/y/<name>", "/x/<name>/y", "/x/<:re:.>/<name>"])
    def test_another_pattern_is_another_rule(self, kind, other):
        app = Taken.own(other)
        kind(app, "/x/<name>")
        assert ask(app, "/x/5").headers["Cache-Control"] == "no-store"

    @BOTH
    def test_filter_of_the_app_counts(self, kind):
        def app_with_filter():
            app = bottle.Bottle()
            app.router.add_filter("hex", lambda conf: (r"[0-9a-f]+", None, None))
            return app

        app = app_with_filter()
        kind(app, "/x/<a:hex>")
        with pytest.raises(ValueError):
            kind(app, "/x/<b:hex>")

    def test_one_taken_method_is_enough(self):
        app = Taken.own(method="POST")
        with pytest.raises(ValueError):
            HealthCheck(app, "/x", method=["get", "post"])
        HealthCheck(app, "/x", method="get")
        assert ask(app, "/x").status == 200

    @BOTH
    def test_merged_route_is_the_plugins_own(self, app, kind):
        child, plugin = bottle.Bottle(), kind()
        plugin.init_app(child, "/x")
        app.merge(child)
        routes = list(app.routes)
        plugin.init_app(app, "/x")
        assert app.routes == routes
        with pytest.raises(ValueError):
            kind(app, "/x")

    @BOTH
    def test_guarded_route_is_the_plugins_own(self, app, kind):
        plugin = kind(app, "/x")
        for route in app.routes:
            route.callback = refuses(route.callback)
        routes = list(app.routes)
        plugin.init_app(app, "/x")
        assert app.routes == routes
        assert ask(app, "/x").status == 403

    @BOTH
    def test_replaced_route_is_refused(self, app, kind):
        plugin = kind(app, "/x")
        app.route("/x", callback=lambda: "mine")
        with pytest.raises(ValueError):
            plugin.init_app(app, "/x")
        assert ask(app, "/x").body == b"mine"

    @pytest.mark.parametrize("rule, path", [("/x", "/x"), ("/x/<a>", "/x/<b>")])
    def test_own_options_route_stays(self, rule, path):
        app = Taken.own(rule, "OPTIONS")
        health = HealthCheck(app, path)
        health.init_app(app, path)
        address = path.replace("<b>", "y")
        assert ask(app, address, method="OPTIONS").body == b"mine"
        assert ask(app, address).headers["Cache-Control"] == "no-store"
        assert [route.method for route in app.routes] == ["OPTIONS", "GET"]

    @pytest.mark.parametrize("method", ["OPTIONS", ["GET", "OPTIONS"]])
    def test_explicit_options_route_is_refused(self, method):
        with pytest.raises(ValueError) as caught:
            HealthCheck(Taken.own(method="OPTIONS"), "/x", method=method)
        assert "OPTIONS /x" in str(caught.value)


class TestRegisteringAgain(object):
    """The same plugin registers a path once."""

    @BOTH
    def test_route_that_somebody_gave_its_callback_is_its_own(self, app, kind):
        plugin = kind()
        app.route("/x", callback=getattr(plugin, CALLBACKS[kind]))
        plugin.init_app(app, "/x")
        assert len(app.routes) == (2 if kind is HealthCheck else 1)  # it takes OPTIONS as well
        assert ask(app, "/x").headers["Cache-Control"] == "no-store"

    @BOTH
    @pytest.mark.parametrize("path", ["/x", "/x/<name>", ["/x", "/y"], u"/x"])
    def test_same_path_is_registered_once(self, app, kind, path):
        plugin = kind(app, path)
        routes = list(app.routes)
        plugin.init_app(app, path)
        app.install(kind(path="/other"))
        plugin.init_app(app, path)
        assert app.routes[:len(routes)] == routes
        assert [route.rule for route in app.routes[len(routes):]] == ["/other"] * (
            len(app.routes) - len(routes))

    @BOTH
    def test_repeated_path_is_registered_once(self, app, kind):
        kind(app, ["/x", ["/x", "/x/<a>"], "/x/<b>"])
        rules = [route.rule for route in app.routes if route.method == "GET"]
        assert rules == ["/x", "/x/<a>"]
