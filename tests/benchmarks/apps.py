"""The same checks behind each library, and the bare Bottle route that all are measured against.

Environments with other libraries, Python 2.7 among them, import this too: nothing but the
library that is asked for is imported.
"""
import io
import json
import os
import sys

PATH = "/healthcheck"

HEADERS = (("Cache-Control", "no-store"), ("Vary", "Accept"),
           ("X-Content-Type-Options", "nosniff"))


def passing():
    """A check that costs nothing itself."""
    return True, "ok"


def many(count):
    """So many checks, each a function of its own name."""
    return [_named("check_%d" % index) for index in range(count)]


def _named(name):
    def check():
        return True, "ok"
    check.__name__ = name
    return check


def make_app(kind, checks, **options):
    """A WSGI application with the checks at PATH; the options are the library's own."""
    if kind == "django":
        return _django(checks, **options)
    if kind == "plain":
        return _plain(checks, **options)
    return make_health(kind, checkers=list(checks), **options)[0]


def make_health(kind, **options):
    """(the WSGI application, its HealthCheck) of a library that has one at PATH."""
    if kind == "flask":
        import flask
        import healthcheck
        app = flask.Flask("benchmark")
        health = healthcheck.HealthCheck(**options)
        app.add_url_rule(PATH, "healthcheck", view_func=health.run)
        return app, health
    # Ours or the original: both have this name, and each environment has one of them.
    import bottle
    from bottle_healthcheck import HealthCheck
    app = bottle.Bottle()
    return app, HealthCheck(app, PATH, **options)


def _django(checks):
    import dataclasses

    import django
    from django import urls
    from django.conf import settings
    from health_check.base import HealthCheck
    from health_check.views import HealthCheckView
    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF="benchmark_urls", LOGGING_CONFIG=None,
                           INSTALLED_APPS=["health_check"], TEMPLATES=[
                               {"BACKEND": "django.template.backends.django.DjangoTemplates",
                                "APP_DIRS": True}])
        django.setup()

    def as_class(check):
        # Its checks are classes whose run() may block, and runs them in threads.
        kind = type(check.__name__, (HealthCheck,), {"run": lambda self: check() and None})
        return dataclasses.dataclass(kind)
    view = HealthCheckView.as_view(checks=[as_class(check) for check in checks])
    module = type(sys)("benchmark_urls")
    module.urlpatterns = [urls.path(PATH[1:], view)]
    sys.modules["benchmark_urls"] = module
    urls.clear_url_caches()
    from django.core.handlers.wsgi import WSGIHandler
    return WSGIHandler()


def _plain(checks):
    # What somebody writes who needs no library: a route that calls its checks.
    import bottle
    app = bottle.Bottle()

    def call():
        results = [check() for check in checks]
        bottle.response.content_type = "application/json"
        return json.dumps(results)
    app.route(PATH, callback=call)
    return app


def bare_app(body):
    """A hand-written Bottle route that returns these bytes with the headers that ours sends."""
    import bottle
    app = bottle.Bottle()

    @app.route(PATH)
    def bare():
        response = bottle.response
        response.content_type = "application/json"
        for name, value in HEADERS:
            response.set_header(name, value)
        return body
    return app


def bare_flask_app(body):
    """The same route, written for Flask."""
    import flask
    app = flask.Flask("bare")

    @app.route(PATH)
    def bare():
        response = flask.Response(body, mimetype="application/json")
        for name, value in HEADERS:
            response.headers[name] = value
        return response
    return app


def environ(query):
    """The environ that a server makes of haproxy's GET."""
    return {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": PATH, "QUERY_STRING": query,
            "SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "localhost", "HTTP_ACCEPT": "*/*", "REMOTE_ADDR": "127.0.0.1",
            "wsgi.url_scheme": "http", "wsgi.version": (1, 0), "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr, "wsgi.multithread": True, "wsgi.multiprocess": False,
            "wsgi.run_once": False}


def asking(app, query=""):
    """A function that calls the app as a server does, and returns the status and the body."""
    request_environ = environ(query)
    statuses = []

    def start_response(status, headers, exc_info=None):
        statuses[:] = [status]

    def ask():
        chunks = app(dict(request_environ), start_response)
        body = b"".join(chunks)
        if hasattr(chunks, "close"):
            chunks.close()
        return statuses[0], body
    return ask


def service():
    """For real servers: the app that the environment names, and /bare with the same bytes."""
    app = make_app(os.environ["BENCHMARK_KIND"], many(int(os.environ["BENCHMARK_CHECKS"])))
    bare = bare_app(asking(app)()[1])

    def either(environ, start_response):
        if environ["PATH_INFO"] == "/bare":
            environ["PATH_INFO"] = PATH
            return bare(environ, start_response)
        return app(environ, start_response)
    return either
