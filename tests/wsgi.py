"""Asks an app as a server does, through wsgiref's validator."""
import collections
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import bottle
import six
import webtest

from bottle_healthcheck import HealthCheck

#: A name that needs percent-encoding in UTF-8; native text, as names of checks are.
NAIVE = six.ensure_str(u"na\xefve \u2713")

Answer = collections.namedtuple("Answer", "status headers pairs body")


def ask(app, path="/healthcheck", method="GET", without=(), **environ):
    """One request: the status as a number, headers as a dict and as pairs, the body as bytes.

    without names keys of the environ that a frugal client does not cause.
    """
    started = []

    def start_response(status, headers, exc_info=None):
        started[:] = [int(status.split()[0]), headers]
        return lambda data: None

    path, _, query = path.partition("?")
    whole = dict({"SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": query,
                  "REQUEST_METHOD": method}, **environ)
    setup_testing_defaults(whole)
    for key in without:
        whole.pop(key, None)
    chunks = validator(app)(whole, start_response)
    try:
        body = b"".join(chunks)
    finally:
        chunks.close()
    assert all(type(text) is str for pair in started[1] for text in pair)  # servers refuse others
    return Answer(started[0], dict(started[1]), started[1], body)


def ask_webtest(app, path="/healthcheck", method="GET", environ=None):
    """One request through WebTest, which answers with more to ask for, whatever the status."""
    return webtest.TestApp(app, environ).request(path, method=method, expect_errors=True)


#: What browsers send beside it when they open a page.
NAVIGATION = {"HTTP_SEC_FETCH_MODE": "navigate", "HTTP_UPGRADE_INSECURE_REQUESTS": "1"}


def ask_health(app, query="", accept=None, path="/health", method="GET", **environ):
    """One request to a health route; a traceback (anything in wsgi.errors) fails the test."""
    more = dict(environ, **{"wsgi.errors": six.StringIO()})
    if accept is not None:
        more["HTTP_ACCEPT"] = accept
    answer = ask(app, path + "?" + query, method, **more)
    assert more["wsgi.errors"].getvalue() == ""
    assert method == "HEAD" or int(answer.headers["Content-Length"]) == len(answer.body)
    return answer


def service(*checks, **options):
    """An app with a health check on /health: up, down, warning and a name that is not ASCII.

    output is what each of them says; where it is not given, each says something else.
    """
    outputs = {"up": "all-is-well", "down": "no-route", "warning": "slow-disk", NAIVE: "good"}
    output = options.pop("output", None)
    app = bottle.Bottle()
    app.health = HealthCheck(app, "/health", **options)
    for name in checks or ("up", "down"):
        app.health.add_check(lambda name=name: (name in ("up", NAIVE), output or outputs[name]),
                             name=name, critical=name != "warning")
    return app
