"""An app, asked without a server for what a client may send, or served to real clients."""
import contextlib
import threading
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import six
from six.moves import socketserver

from tests import wsgi


def ask(app, query="", accept=None, path="/health", method="GET"):
    """The answer to a request; a traceback (anything in wsgi.errors) fails the test."""
    environ = {"wsgi.errors": six.StringIO()}
    if accept is not None:
        environ["HTTP_ACCEPT"] = accept
    answer = wsgi.ask(app, path + "?" + query, method, **environ)
    assert environ["wsgi.errors"].getvalue() == ""
    assert method == "HEAD" or int(answer.headers["Content-Length"]) == len(answer.body)
    return answer


class _Quiet(WSGIRequestHandler):

    def log_message(self, *args):
        pass


class _Threads(socketserver.ThreadingMixIn, WSGIServer):
    """One thread a connection: browsers open some that they do not use."""

    daemon_threads = True


@contextlib.contextmanager
def serving(app, asked=None):
    """The URL of an app that is served on loopback; the list asked gets the paths of requests."""
    asked = [] if asked is None else asked

    def counted(environ, start_response):
        asked.append(environ["PATH_INFO"])
        return app(environ, start_response)

    server = make_server("127.0.0.1", 0, counted, _Threads, _Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.daemon = True
    thread.start()
    try:
        yield "http://127.0.0.1:%d" % server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(30)
