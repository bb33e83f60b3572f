"""Who may read a route: every case of guard_cases.json, and the ways a guard could be lost."""
import io
import json
import os

import bottle
import pytest
import six

from bottle_healthcheck.guards import allow_networks, require_token
from tests.helpers import DATA
from tests.wsgi import ask_webtest

TOKEN = "fake-guard-0001-guard"
BEARER = {"HTTP_AUTHORIZATION": "Bearer " + TOKEN}
SECRET = b"for the right eyes"
ADDRESSES = [
    # In the network 198.51.100.0/24 or 2001:db8::/32.
    ("198.51.100.7", 200), ("198.51.100.7:4711", 200), ("198.51.100.7:0", 200),
    ("198.51.100.7:65535", 200), ("2001:db8::7", 200), ("[2001:db8::7]", 200),
    ("[2001:db8::7]:4711", 200), ("[2001:db8::7%eth0]:4711", 200), ("2001:DB8::7", 200),
    ("::ffff:198.51.100.7", 200), ("[::ffff:198.51.100.7]:4711", 200),
    ("[::ffff:198.51.100.7]", 200), ("::ffff:c633:6407", 200),
    # Elsewhere.
    ("203.0.113.9", 403), ("203.0.113.9:4711", 403), ("[2001:db9::7]:4711", 403),
    ("::ffff:203.0.113.9", 403), ("[::ffff:203.0.113.9]:4711", 403),
    # No addresses.
    ("198.51.100.7:", 403), ("198.51.100.7:x", 403), ("198.51.100.7:1:2", 403),
    ("198.51.100.7:65536", 403), ("198.51.100.7:4711 ", 200), ("198.51.100.7 :4711", 403),
    ("198.51.100.7:-1", 403), ("198.51.100.7:123456", 403), ("198.51.100.07:80", 403),
    ("[198.51.100.7]", 403), ("[198.51.100.7]:80", 403), ("[2001:db8::7", 403),
    ("2001:db8::7]", 403), ("[2001:db8::7]4711", 403), ("[2001:db8::7]:", 403),
    ("[2001:db8::7]:x", 403), ("[[2001:db8::7]]", 403), ("[]:80", 403), ("[:]", 403), (":80", 403),
    ("[", 403), ("]", 403), ("[2001:db8::7]:80:80", 403), ('"[2001:db8::7]:80"', 403)]

with io.open(os.path.join(DATA, "guard_cases.json"), encoding="utf-8") as cases_file:
    CASES = json.load(cases_file)


def guarded_app(*guards, **options):
    """An app whose /health is guarded."""
    app = bottle.Bottle()
    app.route("/health", method=["GET", "OPTIONS"], callback=lambda: SECRET, apply=list(guards),
              **options)
    return app


def ask(app, environ=None, path="/health", method="GET"):
    """The app's answer to one request; environ's values become native strings, None is absent."""
    extra = {str(key): str(value) for key, value in (environ or {}).items() if value is not None}
    method = extra.pop("REQUEST_METHOD", method)
    return ask_webtest(app, path, method, extra)


def status_of(peer, networks, proxies=(), forwarded_for=None):
    guard = allow_networks(*networks, trusted_proxies=proxies)
    environ = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded_for}
    return ask(guarded_app(guard), environ).status_int


def guard_of(case):
    """The guard that a case describes."""
    spec = case["guard"]
    if "token" in spec:
        tokens = spec["token"] if isinstance(spec["token"], list) else [spec["token"]]
        return require_token(*tokens)
    return allow_networks(*spec["networks"], trusted_proxies=spec.get("trusted_proxies", ()))


class TestCorpus(object):
    """Requests that others have written down, and who may pass."""

    @pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
    def test_case(self, case):
        if "raises" in case:
            with pytest.raises(getattr(six.moves.builtins, case["raises"])):
                guard_of(case)
            return
        answer = ask(guarded_app(guard_of(case)), case["environ"])
        assert answer.status_int == case["status"], case["why"]
        assert (SECRET in answer.body) == (case["status"] == 200
                                           and case["environ"]["REQUEST_METHOD"] != "HEAD")


class TestRefusal(object):
    """A refusal is JSON, whatever the method and the route."""

    @pytest.mark.parametrize("guard, status", [
        (require_token(TOKEN), 401), (allow_networks("10.0.0.0/8"), 403)])
    def test_is_json_that_nobody_caches(self, guard, status):
        answer = ask(guarded_app(guard), {"REMOTE_ADDR": "203.0.113.9"})
        assert answer.status_int == status
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert list(json.loads(answer.body.decode("ascii"))) == ["error"]
        assert answer.headers.get("WWW-Authenticate") == (
            'Bearer realm="monitoring"' if status == 401 else None)

    def test_keeps_headers_of_hooks_and_leaks_none(self):
        app = guarded_app(require_token(TOKEN))

        @app.hook("before_request")
        def mark():
            bottle.response.set_header("X-Hook", "kept")

        assert ask(app).headers["X-Hook"] == "kept"
        assert "WWW-Authenticate" not in ask(app, BEARER).headers

    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
    @pytest.mark.parametrize("guard, status", [
        (require_token(TOKEN), 401), (allow_networks("10.0.0.0/8"), 403)])
    def test_every_method_is_guarded(self, guard, status, method):
        answer = ask(guarded_app(guard), {"REMOTE_ADDR": "203.0.113.9"}, method=method)
        assert answer.status_int == status
        assert SECRET not in answer.body
        allowed = dict(BEARER, REMOTE_ADDR="10.0.0.1")
        assert ask(guarded_app(guard), allowed, method=method).status_int == 200

    def test_route_is_not_run(self):
        ran = []
        app = bottle.Bottle()
        app.route("/health", callback=lambda: ran.append(1), apply=[require_token(TOKEN)])
        ask(app)
        assert ran == []

    def test_allowed_response_is_unchanged(self):
        answer = ask(guarded_app(require_token(TOKEN)), BEARER)
        assert answer.body == SECRET
        assert "WWW-Authenticate" not in answer.headers
        assert "Cache-Control" not in answer.headers


OTHER = "fake-guard-0002-guard"


class TestToken(object):
    """require_token() expects a bearer token."""

    @pytest.mark.parametrize("header", [
        TOKEN, "Bearer", "Bearer ", "Bearer " + TOKEN[:-1], "Bearer " + TOKEN + "x",
        "Token " + TOKEN,
        "Bearer " + TOKEN.upper(), "Bearer " + TOKEN + ", Bearer " + TOKEN, "Bearer\t" + TOKEN,
        "Bearer \xff\xfe", "Bearer " + TOKEN + " " + TOKEN, "BearerX " + TOKEN, " ",
        "Basic " + TOKEN, " " + TOKEN])
    def test_in_another_header_is_refused(self, header):
        assert ask(guarded_app(require_token(TOKEN)),
                   {"HTTP_AUTHORIZATION": header}).status_int == 401

    @pytest.mark.skipif(six.PY2, reason="headers are bytes there")
    def test_impossible_header_is_refused(self):
        app = guarded_app(require_token(TOKEN))
        assert ask(app, {"HTTP_AUTHORIZATION": u"Bearer \u20ac\udcff"}).status_int == 401

    def test_blanks_before_it_are_allowed(self):
        header = {"HTTP_AUTHORIZATION": "Bearer   " + TOKEN}
        assert ask(guarded_app(require_token(TOKEN)), header).status_int == 200

    def test_in_the_query_does_not_count(self):
        app = guarded_app(require_token(TOKEN))
        assert ask(app, path="/health?token=%s&access_token=%s" % (TOKEN, TOKEN)).status_int == 401

    def test_each_of_several_is_accepted(self):
        app = guarded_app(require_token(TOKEN, OTHER))
        assert ask(app, BEARER).status_int == 200
        assert ask(app, {"HTTP_AUTHORIZATION": "Bearer " + OTHER}).status_int == 200
        assert ask(app, {"HTTP_AUTHORIZATION": "Bearer fake-guard-0003-guard"}).status_int == 401

    def test_beyond_ascii_is_sent_as_utf_8(self):
        sent = u"Bearer gl\xfchw\xfcrmchen-nachts".encode("utf-8")
        header = sent if six.PY2 else sent.decode("latin-1")
        app = guarded_app(require_token(u"gl\xfchw\xfcrmchen-nachts"))
        assert ask(app, {"HTTP_AUTHORIZATION": header}).status_int == 200

    @pytest.mark.parametrize("token", [
        "", " ", " " * 20, "x" * 15, "fake-guard-0001-guard\n", " fake-guard-0001-guard", None,
        1234,
        ["fake-guard-0001-guard"]])
    def test_weak_one_is_refused_and_not_shown(self, token):
        for tokens in ([token], [TOKEN, token]):
            with pytest.raises(ValueError) as caught:
                require_token(*tokens)
            assert "fake" not in str(caught.value)
            assert "token" in str(caught.value)

    def test_error_names_the_type(self):
        with pytest.raises(ValueError) as caught:
            require_token(1234)
        assert str(caught.value) == "a token is text, not int"

    def test_may_be_a_subclass_of_text(self):
        class Setting(str):
            pass

        assert ask(guarded_app(require_token(Setting(TOKEN))), BEARER).status_int == 200

    def test_may_have_16_characters(self):
        app = guarded_app(require_token("x" * 16))
        assert ask(app, {"HTTP_AUTHORIZATION": "Bearer " + "x" * 16}).status_int == 200


class TestNetworks(object):
    """allow_networks() compares the client's address."""

    @pytest.mark.parametrize("networks", [
        [], ["10.0.0.1/8"], ["10.0.0.0/33"], ["localhost"], [10], [None], [["10.0.0.0/8"]], [""],
        [b"\xff"]])
    def test_invalid_network_is_refused(self, networks):
        with pytest.raises(ValueError):
            allow_networks(*networks)

    def test_may_be_native_strings_or_text(self):
        for network in ("10.0.0.0/8", u"10.0.0.0/8", "10.1.2.3"):
            app = guarded_app(allow_networks(network))
            assert ask(app, {"REMOTE_ADDR": "10.1.2.3"}).status_int == 200
            assert ask(app, {"REMOTE_ADDR": "11.1.2.3"}).status_int == 403

    def test_invalid_options_are_refused(self):
        with pytest.raises(TypeError) as caught:
            allow_networks("10.0.0.0/8", trusted_proxy=["127.0.0.1"])
        assert str(caught.value) == \
            "allow_networks() takes networks and trusted_proxies=, not trusted_proxy"
        with pytest.raises(TypeError) as caught:
            allow_networks("10.0.0.0/8", trusted_proxies="127.0.0.1")
        assert "list" in str(caught.value)
        with pytest.raises(ValueError):
            allow_networks("10.0.0.0/8", trusted_proxies=["proxy.example"])

    @pytest.mark.parametrize("peer, status", [
        ("10.1.2.3", 200), ("::1", 200), ("fe80::1%eth0", 200), ("::ffff:10.1.2.3", 200),
        ("11.1.2.3", 403), ("::2", 403), ("::ffff:11.1.2.3", 403), ("10.1.2.3%eth0", 403),
        ("10.1.2.03", 403), ("10.1.2.00", 403), ("0x0a010203", 403), ("167838211", 403),
        ("10.1", 403),
        ("", 403), (None, 403), ("unix:", 403), (" 10.1.2.3", 403), ("10.1.2.3:80", 200),
        ("\xff", 403)])
    def test_address_of_the_peer(self, peer, status):
        guard = allow_networks("10.0.0.0/8", "::1", "fe80::/10")
        assert ask(guarded_app(guard), {"REMOTE_ADDR": peer}).status_int == status

    @pytest.mark.parametrize("address, status", [
        one for one in ADDRESSES if not one[0].endswith(" ")])
    def test_address_as_servers_write_it(self, address, status):
        assert status_of(address, ["198.51.100.0/24", "2001:db8::/32"]) == status

    @pytest.mark.parametrize("network, inside, outside", [
        ("::ffff:10.0.0.0/104", "10.255.0.1", "11.0.0.1"),
        ("::ffff:10.1.2.3", "10.1.2.3", "10.1.2.4"),
        ("::ffff:a01:203", "10.1.2.3", "10.1.2.4"), ("::ffff:0:0/96", "255.0.0.1", "2001:db8::7"),
        ("::ffff:10.1.2.3/128", "10.1.2.3", "::a01:203"), ("::/0", "2001:db8::7", "10.1.2.3"),
        ("::/0", "::1", "::ffff:10.1.2.3"), ("::10.1.2.3", "::a01:203", "10.1.2.3")])
    def test_mapped_network_is_ipv4(self, network, inside, outside):
        assert status_of(inside, [network]) == 200
        assert status_of(outside, [network]) == 403
        if ":" not in inside:
            assert status_of("::ffff:" + inside, [network]) == 200

    def test_mapped_network_with_host_bits_is_refused(self):
        with pytest.raises(ValueError):
            allow_networks("::ffff:10.1.2.3/104")


class TestForwarding(object):
    """Forwarding headers count from trusted proxies alone."""

    @pytest.mark.parametrize("header", ["HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP",
                                        "HTTP_VIA"])
    @pytest.mark.parametrize("value", ["10.1.2.3", ""])
    def test_header_of_another_peer_is_refused(self, header, value):
        app = guarded_app(allow_networks("10.0.0.0/8"))
        assert ask(app, {"REMOTE_ADDR": "10.1.2.3"}).status_int == 200
        assert ask(app, {"REMOTE_ADDR": "10.1.2.3", header: value}).status_int == 403

    @pytest.mark.parametrize("hops, status", [
        ("198.51.100.7", 200), ("198.51.100.7, 10.0.0.5", 200),
        ("198.51.100.7,10.0.0.5,10.0.0.6", 200),
        ("junk, 198.51.100.7", 200),  # what the client itself claimed is not read
        ("198.51.100.7, 203.0.113.9", 403), ("203.0.113.9, 10.0.0.5", 403),
        ("198.51.100.7, junk", 403),
        ("198.51.100.7,", 403), ("198.51.100.7, , 10.0.0.5", 403), ("", 403), ("10.0.0.5", 403),
        ("198.51.100.7:4711", 200), ("unknown", 403), ("::ffff:198.51.100.7", 200)])
    def test_hops_are_read_from_right_to_left(self, hops, status):
        guard = allow_networks("198.51.100.0/24", trusted_proxies=["127.0.0.1", "10.0.0.0/8"])
        environ = {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": hops}
        assert ask(guarded_app(guard), environ).status_int == status

    @pytest.mark.parametrize("address, status", ADDRESSES)
    def test_hop_as_proxies_write_it(self, address, status):
        for hops in (address, "203.0.113.1:5, " + address, address + ", 10.0.0.5:4711, [::1]:80"):
            assert status_of("127.0.0.1", ["198.51.100.0/24", "2001:db8::/32"],
                             ["127.0.0.1", "10.0.0.0/8", "::1"], hops) == status

    def test_proxy_without_header_is_its_own_client(self):
        app = guarded_app(allow_networks("127.0.0.0/8", trusted_proxies=iter(["127.0.0.1"])))
        assert ask(app, {"REMOTE_ADDR": "127.0.0.1"}).status_int == 200  # it asks for itself
        for header in ("HTTP_VIA", "HTTP_FORWARDED", "HTTP_X_REAL_IP"):
            assert ask(app, {"REMOTE_ADDR": "127.0.0.1", header: "1.1 proxy"}).status_int == 403

    @pytest.mark.parametrize("peer", ["10.0.0.1:5000", "::ffff:10.0.0.1", "[::ffff:10.0.0.1]:5000"])
    @pytest.mark.parametrize("proxy", ["10.0.0.1", "::ffff:10.0.0.1", "::ffff:10.0.0.0/120"])
    def test_proxy_is_known_however_it_is_written(self, peer, proxy):
        assert status_of(peer, ["198.51.100.0/24"], [proxy], "198.51.100.7:4711") == 200
        assert status_of(peer.replace("0.0.1", "0.1.1"), ["198.51.100.0/24"], [proxy],
                         "198.51.100.7:4711") == 403


class TestRoute(object):
    """Guards are decorators like others."""

    def test_two_guards_require_both(self):
        app = guarded_app(require_token(TOKEN), allow_networks("10.0.0.0/8"))
        assert ask(app, dict(BEARER, REMOTE_ADDR="10.0.0.1")).status_int == 200
        assert ask(app, {"REMOTE_ADDR": "10.0.0.1"}).status_int == 401
        assert ask(app, dict(BEARER, REMOTE_ADDR="203.0.113.9")).status_int == 403

    def test_two_guards_of_a_kind_require_both(self):
        app = guarded_app(allow_networks("10.0.0.0/8"), allow_networks("10.1.0.0/16"))
        assert ask(app, {"REMOTE_ADDR": "10.1.0.1"}).status_int == 200
        assert ask(app, {"REMOTE_ADDR": "10.2.0.1"}).status_int == 403

    def test_guard_holds_beside_bottles_own(self):
        own = bottle.auth_basic(lambda user, password: False)
        assert ask(guarded_app(require_token(TOKEN), own), BEARER).status_int == 401

    @pytest.mark.parametrize("skip", ["json", ["json", "template"], [bottle.JSONPlugin]])
    def test_guard_holds_beside_skipped_plugins(self, skip):
        app = guarded_app(require_token(TOKEN), skip=skip)
        assert ask(app).status_int == 401
        assert ask(app, BEARER).status_int == 200

    def test_guard_holds_under_mount(self):
        parent = bottle.Bottle()
        parent.mount("/child/", guarded_app(require_token(TOKEN)))
        assert ask(parent, path="/child/health").status_int == 401
        assert ask(parent, path="/child/health").headers["WWW-Authenticate"].startswith("Bearer")
        assert ask(parent, BEARER, path="/child/health").body == SECRET

    def test_guard_may_be_installed_for_an_app(self):
        app = guarded_app()
        app.install(require_token(TOKEN))
        assert ask(app).status_int == 401
        assert ask(app, BEARER).body == SECRET

    def test_url_arguments_reach_the_route(self):
        app = bottle.Bottle()
        app.route("/<kind>/<name>", apply=[require_token(TOKEN)],
                  callback=lambda kind, name: kind + name)
        assert ask(app, path="/a/b").status_int == 401
        assert ask(app, BEARER, path="/a/b").body == b"ab"

    def test_function_keeps_name_and_arguments(self):
        app = bottle.Bottle()

        @app.route("/<name>")
        @require_token(TOKEN)
        @allow_networks("10.0.0.0/8")
        def page(name, db="none"):
            """The page."""

        assert (page.__name__, page.__doc__) == ("page", "The page.")
        assert list(app.routes[0].get_callback_args()) == ["name", "db"]
