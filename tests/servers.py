"""Real servers on a free port of 127.0.0.1, as context managers: started, awaited, ended by pid."""
import contextlib
import csv
import json
import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from xml.etree import ElementTree

from six.moves.urllib.parse import quote

from tests.helpers import IMPORTS, fetch, free_port, need_command, need_module, wait_until


class Server(object):
    """A running server: host, port, pid; and what a test does to it."""

    def __init__(self, command, port, answers, cwd=None, user=None, env=None,
                 stop_signal=signal.SIGTERM):
        self.host = "127.0.0.1"
        self.port = port
        self._command = command
        self._answers = answers
        self._cwd = cwd
        self._user = user
        self._env = env
        self._stop_signal = stop_signal
        self._process = None

    @property
    def pid(self):
        """The process that start() made."""
        return self._process.pid

    def start(self):
        """Runs the server, again after stop(), and returns once it answers."""
        with open(os.devnull, "r+b") as nowhere:
            self._process = subprocess.Popen(
                self._command, cwd=self._cwd, stdin=nowhere, stdout=nowhere, stderr=nowhere,
                preexec_fn=_becoming(self._user), env=self._env)
        wait_until(self._ready, what="an answer of %s" % self._command[0])

    def _ready(self):
        if self._process.poll() is not None:
            raise RuntimeError("%s ended with %s" % (self._command, self._process.returncode))
        return self._answers(self)

    def stop(self):
        """Ends the server, a paused one too; more than once is fine."""
        if self._process is not None and self._process.poll() is None:
            # One alone: a second would interrupt what the first has begun. SIGINT only where a
            # server sets a handler of its own: tests that run in the background ignore it, and
            # what they start inherits that.
            self._process.send_signal(self._stop_signal)
            self._process.send_signal(signal.SIGCONT)
            self.wait_for_end()

    def wait_for_end(self):
        """Fails, and kills the server, where it does not end."""
        try:
            wait_until(lambda: self._process.poll() is not None,
                       what="the end of %s" % self._command)
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()

    def pause(self):
        """SIGSTOP: connections are still accepted (by the kernel), and nothing answers."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitpid(self.pid, os.WUNTRACED)  # it may answer until then

    def resume(self):
        """SIGCONT: undoes pause()."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self):
        """SIGKILL: ends the server at once, without a word to its clients."""
        self._process.kill()
        self._process.wait()

    def is_running(self):
        """Whether the server has not ended; a paused one has not."""
        return self._process.poll() is None


def _becoming(user):
    """What a child process calls to run as user; None for the user of this process."""
    def become():
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
    return become if user else None


@contextlib.contextmanager
def _running(server):
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def _folder(user=None):
    path = tempfile.mkdtemp()
    try:
        if user:
            os.chown(path, user.pw_uid, user.pw_gid)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _reply(server, request, size=1):
    """The first bytes that the server answers to request, size of them where it has so many."""
    try:
        connection = socket.create_connection((server.host, server.port), 1)
    except (OSError, socket.error):
        return b""
    try:
        connection.settimeout(1)
        connection.sendall(request)
        answer = connection.recv(64)
        while len(answer) < size:
            more = connection.recv(65536)
            if not more:
                break
            answer += more
        return answer
    except (OSError, socket.error):
        return b""
    finally:
        connection.close()


def _redis_answers(server):
    return _reply(server, b"PING\r\n")[:1] in (b"+", b"-")


def _memcached_answers(server):
    """True for a version, and for the refusal of one that asks for credentials."""
    return _reply(server, b"version\r\n").startswith((b"VERSION", b"CLIENT_ERROR"))


def _postgres_answers(server):
    """True once a start-up packet is met by a request for authentication, not by an error."""
    packet = struct.pack(">I", 196608) + b"user\0postgres\0\0"
    return _reply(server, struct.pack(">I", len(packet) + 4) + packet).startswith(b"R")


@contextlib.contextmanager
def redis_server(*options):
    """A redis-server that keeps nothing; options as on its command line ("--requirepass", "x")."""
    port = free_port()
    with _folder() as data:
        command = [need_command("redis-server"), "--port", str(port), "--bind", "127.0.0.1",
                   "--save", "", "--appendonly", "no", "--dir", data] + list(options)
        with _running(Server(command, port, _redis_answers)) as server:
            yield server


@contextlib.contextmanager
def memcached_server(*options):
    """A memcached; options as on its command line ("-m", "8")."""
    port = free_port()
    command = [need_command("memcached"), "-p", str(port), "-U", "0", "-l", "127.0.0.1",
               "-u", pwd.getpwuid(os.getuid()).pw_name] + list(options)
    with _running(Server(command, port, _memcached_answers)) as server:
        yield server


@contextlib.contextmanager
def postgres_server(*options, **settings):
    """A PostgreSQL whose user "postgres" has password= ("secret"); options as for `postgres`."""
    initdb, postgres, port = need_command("initdb"), need_command("postgres"), free_port()
    user = pwd.getpwnam("nobody") if os.getuid() == 0 else None  # it refuses to run as root
    with _folder(user) as data:
        with open(os.path.join(data, "password"), "w") as password_file:
            password_file.write(settings.get("password", "secret"))
        os.chmod(password_file.name, 0o644)  # the folder above is closed
        command = [initdb, "--pgdata", "db", "--username", "postgres", "--auth", "scram-sha-256",
                   "--pwfile", "password", "--no-sync", "--no-locale", "--encoding", "UTF8"]
        subprocess.check_output(command, cwd=data, stderr=subprocess.STDOUT,
                                preexec_fn=_becoming(user))
        command = [postgres, "-D", "db", "-p", str(port), "-h", "127.0.0.1", "-k", "",
                   "-c", "fsync=off"] + list(options)
        with _running(Server(command, port, _postgres_answers, data, user,
                             stop_signal=signal.SIGINT)) as server:  # "fast": waits for no client
            yield server


_HTTP_SERVER = """
import base64, ssl, sys
from six.moves.BaseHTTPServer import BaseHTTPRequestHandler, HTTPServer
port, password, certificate = int(sys.argv[1]), sys.argv[2], sys.argv[3]
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        given = base64.b64decode((self.headers.get("Authorization") or "Basic ")[6:])
        allowed = not password or given == ("user:" + password).encode("ascii")
        self.send_response(200 if allowed else 401)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"Hello")
HTTPServer.request_queue_size = 128
server = HTTPServer(("127.0.0.1", port), Handler)
if certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_SSLv23)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


def accepts(server):
    """Whether the server's port is open."""
    try:
        socket.create_connection((server.host, server.port), 1).close()
    except (OSError, socket.error):
        return False
    return True


@contextlib.contextmanager
def http_server(password="", certificate=""):
    """An HTTP server; for the user "user" with a password, https with the path of a PEM file."""
    port = free_port()
    command = [sys.executable, "-c", _HTTP_SERVER, str(port), password, certificate]
    with _running(Server(command, port, accepts)) as server:
        yield server


# The service of tests/service.py, under several servers; shape is what its environment is to say

@contextlib.contextmanager
def bottle_service(adapter, redis=None, **shape):
    """One process under "wsgiref", "waitress" or "cheroot"."""
    need_module(adapter)
    port = free_port()
    command = [sys.executable, "-m", "tests.service", adapter, str(port)]
    with _running(Server(command, port, _pings, env=environment(redis, shape))) as server:
        yield server


GUNICORN = """
def post_worker_init(worker):
    with open(%r, "a") as file:
        file.write("1")
"""


@contextlib.contextmanager
def gunicorn_service(*options, **shape):
    """Processes under gunicorn, workers=2, with options of its command line ("--preload").

    All of them are up: one that gets a signal before it has handlers would lose it.
    """
    need_module("gunicorn")
    port, workers = free_port(), shape.pop("workers", 2)
    with _folder() as folder:
        path, ready = os.path.join(folder, "config.py"), os.path.join(folder, "ready")
        for name, text in ((path, GUNICORN % ready), (ready, "")):
            with open(name, "w") as file:
                file.write(text)
        command = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:%d" % port, "-c", path,
                   # Only an end of its own accord comes before the test has waited long enough.
                   "--graceful-timeout", "600", "--timeout", "600",
                   "--workers", str(workers)] + list(options) + ["tests.service:app"]
        env = environment(shape.pop("redis", None), shape)
        with _running(Server(command, port, lambda _: os.path.getsize(ready) >= workers, env=env,
                             stop_signal=signal.SIGINT)) as server:  # waits for no request
            yield server


@contextlib.contextmanager
def uwsgi_service(*options, **shape):
    """Two prefork processes under Debian's uWSGI, which embeds a Python of its own."""
    uwsgi, port = need_command("uwsgi"), free_port()
    with _folder() as packages:  # these alone: the rest may be for another Python
        for name in ("bottle", "six"):
            source = os.path.splitext(need_module(name).__file__)[0] + ".py"
            shutil.copy(source, packages)
        env = environment(shape.pop("redis", None), shape)
        env["PYTHONPATH"] += os.pathsep + packages
        command = [uwsgi, "--plugin", "python3", "--http-socket", "127.0.0.1:%d" % port,
                   "--master", "--processes", "2", "--die-on-term", "--need-app",
                   "--wsgi", "tests.service:app"] + list(options)
        with _running(Server(command, port, _pings, env=env)) as server:
            yield server


def environment(redis=None, shape=()):
    """The environment of a service of that shape."""
    return dict(os.environ, PYTHONPATH=IMPORTS, SERVICE=json.dumps(dict(shape)),
                REDIS=str(redis or 0))


def _pings(server):
    return _reply(server, b"GET /ping HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.")


# Monitoring clients and proxies; config is their configuration's text, as in tests/data/clients

HAPROXY = """
global
    stats socket %(folder)s/stats mode 600
defaults
    mode http
    timeout connect 60s
    timeout check 60s
    timeout client 60s
    timeout server 60s
frontend public
    bind 127.0.0.1:%(port)d
    default_backend service
"""


@contextlib.contextmanager
def haproxy(config):
    """A haproxy in front of the backend "service"; `.states()` is {server: "UP", "DOWN", ...}."""
    port = free_port()
    with _folder() as folder:
        path = os.path.join(folder, "haproxy.cfg")
        with open(path, "w") as file:
            file.write(HAPROXY % {"folder": folder, "port": port} + config)
        server = Server([need_command("haproxy"), "-db", "-f", path], port, _haproxy_states)
        server.stats = os.path.join(folder, "stats")
        server.states = lambda: _haproxy_states(server)
        with _running(server):
            yield server


def _haproxy_states(server):
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(server.stats)
        connection.sendall(b"show stat\n")
        with contextlib.closing(connection.makefile("rb")) as answer:
            lines = answer.read().decode("ascii").lstrip("# ").splitlines()
    except (OSError, socket.error):
        return {}
    finally:
        connection.close()
    rows = list(csv.DictReader(lines))
    return dict((row["svname"], row["status"]) for row in rows
                if row["pxname"] == "service" and row["svname"] != "BACKEND")


MONIT = """
set httpd port %(port)d and use address 127.0.0.1 allow 127.0.0.1
set pidfile %(folder)s/pid
set statefile %(folder)s/state
set idfile %(folder)s/id
"""


@contextlib.contextmanager
def monit(config):
    """A monit; `.verdict(name)` says of the service whether it is well, None before the first look.
    """
    port = free_port()
    with _folder() as folder:
        path = os.path.join(folder, "monitrc")
        with open(path, "w") as file:
            file.write(MONIT % {"folder": folder, "port": port} + config)
        os.chmod(path, 0o600)  # it refuses anything laxer
        server = Server([need_command("monit"), "-I", "-c", path], port, _monit_services)
        server.verdict = lambda name: _monit_verdict(_monit_services(server).get(name))
        with _running(server):
            yield server


def _monit_services(server):
    """{name: element} of monit's status page."""
    answer = _reply(server, b"GET /_status?format=xml HTTP/1.0\r\n\r\n", 10 ** 6)
    body = answer.partition(b"\r\n\r\n")[2]
    services = ElementTree.fromstring(body).iter("service") if body else ()
    return dict((one.findtext("name"), one) for one in services)


def _monit_verdict(service):
    if service is None:  # monit itself did not answer in time
        return None
    if int(service.findtext("status")):
        return False
    return True if float(service.findtext("port/responsetime") or -1) >= 0 else None


@contextlib.contextmanager
def prometheus(config):
    """A Prometheus; `.value(query)` is that of the query's only series as text, None without one.
    """
    command = [need_command("prometheus"), "--config.file={folder}/config",
               "--storage.tsdb.path={folder}/data"]
    with _exporter(command, config, b"/-/ready") as server:
        server.value = lambda query: _prometheus_value(server, query)
        yield server


def _prometheus_value(server, query):
    found = json.loads(fetch("http://127.0.0.1:%d/api/v1/query?query=%s"
                             % (server.port, quote(query))) or '{"data": {"result": []}}')
    result = found["data"]["result"]
    return result[0]["value"][1] if result else None


@contextlib.contextmanager
def blackbox_exporter(config):
    """A blackbox_exporter."""
    command = [need_command("prometheus-blackbox-exporter"), "--config.file={folder}/config"]
    with _exporter(command, config, b"/-/healthy") as server:
        yield server


@contextlib.contextmanager
def _exporter(command, config, ready):
    """A program of the Prometheus family, which answers 200 on the path `ready` once it is."""
    port = free_port()
    with _folder() as folder:
        with open(os.path.join(folder, "config"), "w") as file:
            file.write(config)
        command = [part.format(folder=folder) for part in command]
        command.append("--web.listen-address=127.0.0.1:%d" % port)
        request = b"GET " + ready + b" HTTP/1.0\r\n\r\n"
        with _running(Server(command, port,
                             lambda server: b" 200 " in _reply(server, request))) as server:
            yield server


NGINX = """
daemon off;
master_process off;
pid %(folder)s/pid;
error_log %(folder)s/log;
events {}
http {
    access_log off;
    client_body_temp_path %(folder)s/body;
    proxy_temp_path %(folder)s/proxy;
    fastcgi_temp_path %(folder)s/fastcgi;
    uwsgi_temp_path %(folder)s/uwsgi;
    scgi_temp_path %(folder)s/scgi;
    proxy_cache_path %(folder)s/cache keys_zone=cache:1m;
    proxy_cache cache;
    proxy_cache_valid any 1h;
    server {
        listen 127.0.0.1:%(port)d;
        location / { proxy_pass http://127.0.0.1:%(service)d; }
        %(config)s
    }
}
"""


@contextlib.contextmanager
def nginx(service, config):
    """An nginx in front of the service that keeps every answer for an hour where it may.

    config goes into its server block.
    """
    port = free_port()
    with _folder() as folder:
        path = os.path.join(folder, "nginx.conf")
        with open(path, "w") as file:
            file.write(NGINX % {"folder": folder, "port": port, "service": service.port,
                                "config": config})
        command = [need_command("nginx"), "-e", os.path.join(folder, "log"), "-c", path]
        with _running(Server(command, port, _pings)) as server:
            yield server
