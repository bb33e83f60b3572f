# coding: utf-8
"""bottle_healthcheck._http.plugin: paths, options, registering, the plugin API."""
import bottle
import pytest
import six

from bottle_healthcheck import EnvironmentDump, HealthCheck
from tests.internals import BOTTLE_OPTIONS, validate_options
from tests.test_unit.test_init import ENVIRONMENT, HEALTHCHECK, _arguments
from tests.wsgi import ask

BOTH = pytest.mark.parametrize("kind", [HealthCheck, EnvironmentDump])


# Mistakes that are refused

@BOTH
@pytest.mark.parametrize("path, error", [
    ("healthcheck", ValueError), ("", ValueError), (" /healthcheck", ValueError),
    (["/a", "b"], ValueError), ([], TypeError), (7, TypeError), (True, TypeError),
    ({"/a": 1}, TypeError), ([["/a"], None], TypeError)])
def test_a_path_that_no_request_can_match(app, kind, path, error):
    for refuse in (lambda: kind(app, path), lambda: kind(path=path),
                   lambda: kind().init_app(app, path)):
        with pytest.raises(error) as caught:
            refuse()
        assert "path is" in str(caught.value) and "'/healthcheck'" in str(caught.value)
    assert app.routes == []


@BOTH
def test_init_app_needs_a_path(app, kind):
    with pytest.raises(TypeError):
        kind().init_app(app, None)


@BOTH
def test_the_stack_of_apps_without_its_call(kind):
    for refuse in (lambda: kind(bottle.default_app, "/x"), lambda: kind(bottle.default_app),
                   lambda: kind().init_app(bottle.app, "/x")):
        with pytest.raises(TypeError) as caught:
            refuse()
        assert "bottle.default_app()" in str(caught.value)


@BOTH
@pytest.mark.parametrize("app", [lambda environ, start_response: [], object(), "app", 0, False,
                                 [], bottle, bottle.Bottle])
def test_a_wsgi_app_that_is_no_bottle(kind, app):
    for refuse in (lambda: kind(app, "/x"), lambda: kind().init_app(app, "/x")):
        with pytest.raises(TypeError) as caught:
            refuse()
        assert "expected a bottle.Bottle" in str(caught.value)


@pytest.mark.parametrize("argument", ["success_status", "failed_status", "drain_status"])
@pytest.mark.parametrize("status, error", [
    (204, ValueError), (205, ValueError), (206, ValueError), (304, ValueError), (199, ValueError),
    (600, ValueError), (0, ValueError), (-200, ValueError), ("200", TypeError), (200.0, TypeError),
    (True, TypeError), ("503 Down", TypeError)])
def test_a_status_without_a_whole_body(argument, status, error):
    with pytest.raises(error) as caught:
        HealthCheck(**{argument: status})
    assert argument in str(caught.value) and "expected" in str(caught.value)


@pytest.mark.parametrize("argument", ["success_status", "failed_status"])
def test_none_is_no_status(argument):
    with pytest.raises(TypeError):
        HealthCheck(**{argument: None})


@pytest.mark.parametrize("status", [200, 299, 404, 429, 503, 599])
def test_a_status_with_a_body(app, status):
    HealthCheck(app, "/healthcheck", success_status=status)
    assert ask(app).status == status


@pytest.mark.skipif(six.PY2, reason="http.HTTPStatus is new in Python 3")
def test_a_status_of_the_standard_library():
    import http
    assert type(HealthCheck(failed_status=http.HTTPStatus.BAD_GATEWAY).failed_status) is int


@pytest.mark.parametrize("argument", ["success_handler", "failed_handler", "exception_handler",
                                      "on_change"])
@pytest.mark.parametrize("value", [5, "text", False, {}])
def test_a_handler_that_cannot_be_called(argument, value):
    with pytest.raises(TypeError) as caught:
        HealthCheck(**{argument: value})
    assert argument in str(caught.value) and "expected a callable" in str(caught.value)


@pytest.mark.parametrize("value", [{}, "cache", HealthCheck()])
def test_a_cache_that_is_none(value):
    with pytest.raises(TypeError) as caught:
        HealthCheck(cache=value)
    assert "expected a ResultCache" in str(caught.value)


@pytest.mark.parametrize("value, error", [(5, TypeError), ([], TypeError), ("", ValueError),
                                          ("a\0b", ValueError)])
def test_a_drain_file_that_is_no_path(value, error):
    with pytest.raises(error) as caught:
        HealthCheck(drain_file=value)
    assert "drain_file" in str(caught.value)


def test_stale_while_revalidate_needs_a_timeout():
    with pytest.raises(ValueError) as caught:
        HealthCheck(stale_while_revalidate=5)
    assert "timeout" in str(caught.value)
    assert HealthCheck(stale_while_revalidate=5, timeout=1).stale_while_revalidate == 5.0
    assert HealthCheck(stale_while_revalidate=None).stale_while_revalidate == 0.0


@BOTH
def test_an_error_never_shows_the_value(kind):
    with pytest.raises(TypeError) as caught:
        kind(app={"password": "swordfish"}, path="/x")
    assert "swordfish" not in str(caught.value)


# Options

@BOTH
def test_options_go_to_the_route_untouched(app, kind):
    def apply(callback):
        return callback

    sqlite, skipped = {"keyword": "db"}, ["json"]
    kind(app, "/x", method="GET", name="the name", apply=[apply], skip=skipped, sqlite=sqlite,
         auth="required")
    route, = app.routes
    assert (route.method, route.name, route.plugins) == ("GET", "the name", [apply])
    assert route.skiplist == skipped
    config = dict(route.config)
    assert config["auth"] == "required"
    assert config.get("sqlite", config.get("sqlite.keyword")) in (sqlite, "db")
    assert app.get_url("the name") == "/x"


@pytest.mark.parametrize("method, allowed, refused", [
    ("GET", ["GET", "HEAD"], ["OPTIONS", "POST"]), (["POST"], ["POST"], ["GET", "OPTIONS"]),
    ("ANY", ["GET", "POST", "OPTIONS", "DELETE"], [])])
def test_the_methods_that_are_asked_for(app, method, allowed, refused):
    HealthCheck(app, "/healthcheck", method=method)
    assert [ask(app, method=one).status for one in allowed] == [200] * len(allowed)
    assert [ask(app, method=one).status for one in refused] == [405] * len(refused)


def test_the_decorators_of_apply_guard_the_route(app):
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
def test_skip_that_drops_the_guard(kind, skip):
    with pytest.raises(ValueError) as caught:
        kind(skip=skip, apply=[lambda callback: callback])
    assert "apply" in str(caught.value)


@BOTH
@pytest.mark.parametrize("options", [
    {"skip": True}, {"skip": True, "apply": []}, {"skip": ["json"], "apply": [bottle.auth_basic]},
    {"apply": bottle.auth_basic}])
def test_skip_that_drops_no_guard(kind, options):
    assert kind(**options).options["apply" if "apply" in options else "skip"] is not None


@BOTH
def test_the_callback_is_no_option(kind):
    with pytest.raises(TypeError) as caught:
        kind(callback=lambda: "mine")
    assert "callback" in str(caught.value)


def _misspelt(kind):
    for name in _arguments(kind)[0]:
        if len(name) >= 8:  # below that, one letter more or less is another word
            yield kind, name[:3] + name[4:], name
            yield kind, name + name[-1], name


@pytest.mark.parametrize("kind, wrong, name",
                         list(_misspelt(HealthCheck)) + list(_misspelt(EnvironmentDump))
                         + [(HealthCheck, "sucess_ttl", "success_ttl")])
def test_a_near_miss_of_an_option_is_refused(kind, wrong, name):
    with pytest.raises(TypeError) as caught:
        kind(**{wrong: 5})
    assert repr(wrong) in str(caught.value) and repr(name) in str(caught.value)


@BOTH
@pytest.mark.parametrize("name", ["sqlite", "auth", "status", "ttl", "headers", "handler",
                                  "template", "db", "success", "names", "config"])
def test_other_peoples_options_are_no_near_miss(kind, name):
    assert kind(**{name: 5}).options[name] == 5


def test_bottles_own_names_are_no_near_miss_of_ours():
    validate_options(dict.fromkeys(BOTTLE_OPTIONS), BOTTLE_OPTIONS)
    with pytest.raises(TypeError):
        validate_options({"another": 1}, ("another",))


@pytest.mark.parametrize("kind, contract", [(HealthCheck, HEALTHCHECK),
                                            (EnvironmentDump, ENVIRONMENT)])
def test_the_contract_has_every_argument(kind, contract):
    assert set(_arguments(kind)[0]) <= set(contract)


# Registering

@BOTH
def test_a_refused_plugin_leaves_no_route(app, kind):
    with pytest.raises(TypeError):
        kind(app, "/x", pathh=1, callback=5)
    assert app.routes == []


@BOTH
def test_without_app_or_path_nothing_is_registered(app, kind):
    kind()
    kind(path="/x")
    kind(app)
    assert app.routes == []


@BOTH
def test_more_than_one_route(app, kind):
    other = bottle.Bottle()
    plugin = kind(app, "/one")
    plugin.init_app(app, ["/two", u"/three"])
    plugin.init_app(other, u"/four")
    for path in ("/one", "/two", "/three"):
        assert ask(app, path).status == 200
    assert ask(other, "/four").status == 200
    assert ask(other, "/one").status == 404


@BOTH
def test_a_path_that_is_not_ascii(app, kind):
    kind(app, u"/gesundheit/\xfc")
    assert ask(app, str("/gesundheit/\xc3\xbc")).status == 200


@BOTH
def test_wildcards_of_a_path_are_accepted(app, kind):
    kind(app, "/x/<version>/<rest:path>")
    assert ask(app, "/x/v1/a/b").status == 200
    assert ask(app, "/x/").status == 404


@BOTH
def test_a_mounted_app(kind):
    child, parent = bottle.Bottle(), bottle.Bottle()
    kind(child, "/x")
    parent.mount("/sub/", child)
    answer = ask(parent, "/sub/x")
    assert answer.status == 200
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert answer.headers["Cache-Control"] == "no-store"


@BOTH
def test_a_merged_app(kind):
    child, parent = bottle.Bottle(), bottle.Bottle()
    kind(child, "/x")
    parent.merge(child)
    assert ask(parent, "/x").status == 200


def test_a_mounted_failure_keeps_its_status():
    child, parent = bottle.Bottle(), bottle.Bottle()
    HealthCheck(child, "/x", failed_status=503, checkers=[lambda: (False, "down")])
    parent.mount("/sub/", child)
    answer = ask(parent, "/sub/x")
    assert answer.status == 503 and b'"down"' in answer.body


# The plugin API

@BOTH
def test_the_plugin_api(app, kind):
    plugin = app.install(kind(path="/x"))
    assert plugin.api == 2 and isinstance(plugin.name, str)
    assert ask(app, "/x").status == 200

    @app.route("/other")
    def other():
        return "untouched"

    assert plugin.apply(other, None) is other
    assert ask(app, "/other").body == b"untouched"


def test_two_plugins_on_one_app(app):
    live = app.install(HealthCheck(path="/live"))
    ready = app.install(HealthCheck(path="/ready", failed_status=503))
    app.install(EnvironmentDump(path="/environment"))
    live.add_check(lambda: (True, "live"))
    ready.add_check(lambda: (False, "not ready"))
    assert ask(app, "/live").status == 200 and b'"live"' in ask(app, "/live").body
    assert ask(app, "/ready").status == 503 and b'"not ready"' in ask(app, "/ready").body
    assert ask(app, "/environment").status == 200


@BOTH
def test_one_plugin_on_two_apps(app, kind):
    other, plugin = bottle.Bottle(), kind(path="/x")
    app.install(plugin)
    other.install(plugin)
    assert ask(app, "/x").status == ask(other, "/x").status == 200


@BOTH
def test_close_ends_nothing_that_a_route_needs(app, kind):
    other, plugin = bottle.Bottle(), kind(path="/x")
    app.install(plugin)
    other.install(plugin)
    app.uninstall(plugin)
    app.close()
    plugin.close()
    plugin.close()
    assert ask(app, "/x").status == ask(other, "/x").status == 200


@BOTH
def test_installing_without_a_path_is_refused(app, kind):
    with pytest.raises(ValueError) as caught:
        app.install(kind())
    assert kind.__name__ + "(path=" in str(caught.value)
