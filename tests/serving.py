"""An app, served to real clients."""
import contextlib
import threading
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from six.moves import socketserver


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
        thread.join(60)
