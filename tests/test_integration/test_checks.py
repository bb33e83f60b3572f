"""bottle_healthcheck.checks against real servers: up, refused, silent, wrong credentials, back"""
import contextlib
import datetime
import functools
import os
import socket
import sqlite3
import sys
import time

import pytest

from bottle_healthcheck import checks
from tests.helpers import failed, free_port, need_module, passed, wait_until
from tests.servers import http_server, memcached_server, postgres_server, redis_server

pytestmark = pytest.mark.servers
SECONDS = 15  # the time-out of every client; a loaded machine may stall for some of them
RUNS = 1000 if os.environ.get("REQUIRE_SERVERS") == "1" else 100
FEW = RUNS // 10  # where each takes long: passwords of PostgreSQL, more handshakes


def lives_through_it(check, server, refused="refused", silent="timed out", back=passed):
    """A check passes, fails while its server is gone or silent, and passes again."""
    outputs = [passed(check)]
    server.stop()
    outputs.append(failed(check))
    assert refused in outputs[-1].lower()
    server.start()
    back(check)
    server.pause()
    outputs.append(failed(check))
    assert silent in outputs[-1].lower()
    server.resume()
    back(check)
    assert "hunter2" not in "".join(outputs)


class Authority(object):
    """A private certificate authority whose certificate OpenSSL trusts."""

    def __init__(self, folder, name=u"Test authority", issuer=None, days=3650):
        self._folder, self._issuer = folder, issuer
        self._key, self._name = self._new_key(), self._named(name)
        signer = issuer or self
        self._certificate = signer._sign(self._name, self._key, days, authority=True)
        self.path = self._write(str("%s.pem" % name), self._certificate)

    def server(self, host=u"localhost", days=90):
        """The path of a PEM file, key and certificate, for a server."""
        key = self._new_key()
        certificate = self._sign(self._named(host), key, days, host=host)
        chain = [self._certificate] if self._issuer else []
        return self._write("%s%s.pem" % (host, days), certificate, key, chain)

    @staticmethod
    def _new_key():
        from cryptography.hazmat.backends import default_backend
        from cryptography.hazmat.primitives.asymmetric import ec
        return ec.generate_private_key(ec.SECP256R1(), default_backend())

    @staticmethod
    def _named(name):
        from cryptography import x509
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])

    def _sign(self, name, key, days, authority=False, host=None):
        from cryptography import x509
        from cryptography.hazmat.backends import default_backend
        from cryptography.hazmat.primitives import hashes
        public = key.public_key()
        now = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=time.time())
        usage = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment",
                               "key_agreement", "encipher_only", "decipher_only"), False)
        usage.update(key_cert_sign=authority, crl_sign=authority, digital_signature=not authority)
        builder = x509.CertificateBuilder(
            self._name, name, public, x509.random_serial_number(),
            now - datetime.timedelta(400), now + datetime.timedelta(days))
        extensions = [
            (x509.BasicConstraints(ca=authority, path_length=None), True),
            (x509.KeyUsage(**usage), True),
            (x509.SubjectKeyIdentifier.from_public_key(public), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False)]
        if host:
            extensions.append((x509.SubjectAlternativeName([x509.DNSName(host)]), False))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self._key, hashes.SHA256(), default_backend())

    def _write(self, name, certificate, key=None, chain=()):
        from cryptography.hazmat.primitives import serialization as to
        with open(os.path.join(self._folder, name), "wb") as pem:
            if key:
                pem.write(key.private_bytes(to.Encoding.PEM, to.PrivateFormat.TraditionalOpenSSL,
                                            to.NoEncryption()))
            for one in [certificate] + list(chain):
                pem.write(one.public_bytes(to.Encoding.PEM))
        return pem.name


@pytest.fixture
def authority(tmpdir, monkeypatch):
    need_module("cryptography.x509")
    made = Authority(str(tmpdir))
    monkeypatch.setenv("SSL_CERT_FILE", made.path)
    return made


def leaves_nothing_open(check, passes, runs=RUNS):
    """Runs a check, and expects the same outcome and no descriptor more at the end."""
    assert check()[0] is passes  # a client may keep its first connection
    before = os.listdir("/dev/fd")
    assert set(check()[0] for _ in range(runs)) == {passes}
    assert len(os.listdir("/dev/fd")) <= len(before)


@pytest.fixture
def redis_client():
    redis = need_module("redis")
    clients = []

    def make(server, **options):
        if hasattr(redis, "retry"):  # newer ones try ten times, for many seconds in all
            options["retry"] = redis.retry.Retry(redis.backoff.NoBackoff(), 0)
        clients.append(redis.Redis(host=server.host, port=server.port, socket_timeout=SECONDS,
                                   socket_connect_timeout=SECONDS, **options))
        return clients[-1]
    yield make
    for one in clients:
        one.connection_pool.disconnect()


class TestRedis(object):
    def test_passes_until_the_server_is_gone(self, redis_client):
        with redis_server("--requirepass", "hunter2") as server:
            check = checks.redis(redis_client(server, password="hunter2"))
            assert check.__name__ == "redis 127.0.0.1:%d" % server.port
            assert "Redis %s (" % redis_client(server, password="hunter2").info()["redis_version"] \
                in passed(check)
            lives_through_it(check, server, silent="time")

    @pytest.mark.smoke
    def test_passes(self, redis_client):
        with redis_server("--requirepass", "hunter2") as server:
            assert passed(checks.redis(redis_client(server,
                                                    password="hunter2"))).startswith("Redis ")

    def test_wrong_credentials_fail(self, redis_client):
        with redis_server("--requirepass", "hunter2") as server:
            assert "hunter3" not in failed(checks.redis(redis_client(server, password="hunter3")))
            assert "auth" in failed(checks.redis(redis_client(server))).lower()

    @pytest.mark.parametrize("rules, passes", [
        (["+@all", "-@dangerous"], True), (["+ping"], True), (["+@all"], True), (["+get"], False)])
    def test_user_without_info_passes(self, redis_client, rules, passes):
        with redis_server() as server:
            redis_client(server).execute_command("ACL", "SETUSER", "app", "reset", "on", ">hunter2",
                                                 "~*", *rules)
            client = redis_client(server, username="app", password="hunter2")
            output = passed(checks.redis(client)) if passes else failed(checks.redis(client))
            assert passes == output.startswith(("PONG (", "Redis "))
            assert "hunter2" not in output

    def test_nothing_is_left_open(self, redis_client):
        with redis_server("--requirepass", "hunter2") as server:
            check = checks.redis(redis_client(server, password="hunter2"))
            leaves_nothing_open(check, True)
            leaves_nothing_open(checks.redis(redis_client(server, password="hunter3")), False)


def soon(check):
    """For clients that leave a server that failed alone for a while."""
    wait_until(lambda: check()[0], what="a passing " + check.__name__)


def pymemcache_client(server):
    client = need_module("pymemcache.client.base").Client(
        (server.host, server.port), connect_timeout=SECONDS, timeout=SECONDS)
    return contextlib.closing(client)


def pymemcache_pool(server):
    client = need_module("pymemcache.client.base").PooledClient(
        (server.host, server.port), connect_timeout=SECONDS, timeout=SECONDS)
    return contextlib.closing(client)


@contextlib.contextmanager
def pymemcache_hash(server):
    client = need_module("pymemcache.client.hash").HashClient(
        [(server.host, server.port)], connect_timeout=SECONDS, timeout=SECONDS)
    yield client
    client.close()


@contextlib.contextmanager
def python_memcached(server):
    client = need_module("memcache").Client(
        ["%s:%d" % (server.host, server.port)], socket_timeout=SECONDS, dead_retry=0)
    yield client
    client.disconnect_all()


@contextlib.contextmanager
def pylibmc_client(server):
    pylibmc = need_module("pylibmc")  # not in requirements.txt: it has wheels for some Pythons only
    behaviors = {"connect_timeout": SECONDS * 1000, "receive_timeout": SECONDS * 10 ** 6,
                 "retry_timeout": 1}
    client = pylibmc.Client(["%s:%d" % (server.host, server.port)], behaviors=behaviors)
    yield client
    client.disconnect_all()


CLIENTS = [pymemcache_client, pymemcache_pool, pymemcache_hash, python_memcached, pylibmc_client]


class TestMemcached(object):
    @pytest.mark.smoke
    def test_passes(self):
        with memcached_server() as server, pymemcache_client(server) as client:
            assert passed(checks.memcached(client)).startswith("memcached 1.")

    @pytest.mark.parametrize("client_of", CLIENTS)
    def test_passes_until_the_server_is_gone(self, client_of):
        with memcached_server() as server, client_of(server) as client:
            check = checks.memcached(client)
            assert check.__name__ == "memcached 127.0.0.1:%d" % server.port
            assert passed(check).startswith("memcached 1.")
            lives_through_it(check, server, refused="", silent="", back=soon)

    @pytest.mark.parametrize("client_of", CLIENTS)
    def test_missing_credentials_fail(self, client_of, tmpdir):
        users = tmpdir.join("users")
        users.write("user:hunter2\n")
        with memcached_server("-Y", str(users)) as server, client_of(server) as client:
            failed(checks.memcached(client))

    @pytest.mark.parametrize("client_of", CLIENTS)
    def test_nothing_is_left_open(self, client_of):
        with memcached_server() as server, client_of(server) as client:
            leaves_nothing_open(checks.memcached(client), True)
            server.stop()
            leaves_nothing_open(checks.memcached(client), False)


@pytest.fixture(scope="module")
def postgres():
    with postgres_server(password="hunter2") as server:
        yield server


def driver():
    """psycopg, or psycopg2 where there is none."""
    try:
        import psycopg
    except ImportError:
        return need_module("psycopg2")
    return psycopg


def connecting(server, password="hunter2"):
    return functools.partial(driver().connect, host=server.host, port=server.port, user="postgres",
                             dbname="postgres", password=password, connect_timeout=SECONDS,
                             sslmode="disable")


def make_engine(server, password="hunter2", **options):
    sqlalchemy = need_module("sqlalchemy")
    url = "postgresql+%s://postgres:%s@%s:%d/postgres" % (
        driver().__name__, password, server.host, server.port)
    limits = dict(connect_timeout=SECONDS, sslmode="disable")
    return sqlalchemy.create_engine(url, connect_args=limits, **options)


class TestSql(object):
    def test_driver(self, postgres):
        check = checks.sql(connecting(postgres), query="SHOW server_version")
        assert check.__name__ == "sql connect"
        assert passed(check).startswith("SHOW server_version: 1")
        lives_through_it(check, postgres, silent="time")

    def test_wrong_credentials_fail(self, postgres):
        output = failed(checks.sql(connecting(postgres, "hunter3")))
        assert "password authentication failed" in output and "hunter3" not in output

    @pytest.mark.smoke
    def test_error_of_the_server_is_shown(self, postgres):
        output = failed(checks.sql(connecting(postgres), "SELECT 1 FROM nowhere"))
        assert 'relation "nowhere" does not exist' in output

    def test_engine(self, postgres):
        engine = make_engine(postgres, pool_pre_ping=True)
        try:
            check = checks.sql(engine)
            assert check.__name__ == "sql postgresql 127.0.0.1:%d/postgres" % postgres.port
            assert passed(check).startswith("SELECT 1: 1 (")
            postgres.stop()
            assert "refused" in failed(check)
            postgres.start()
            passed(check)
            engine.dispose()
            postgres.pause()
            assert "hunter2" not in failed(check)
            postgres.resume()
            passed(check)
        finally:
            engine.dispose()

    def test_engine_with_wrong_credentials_fails(self, postgres):
        engine = make_engine(postgres, "hunter3")
        output = failed(checks.sql(engine))
        assert "password authentication failed" in output and "hunter3" not in output

    @pytest.mark.smoke
    def test_sqlite(self, tmpdir):
        path = str(tmpdir.join("app.db"))
        check = checks.sql(functools.partial(sqlite3.connect, path, timeout=0.1),
                           "SELECT count(*) FROM jobs")
        assert "no such table" in failed(check)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("CREATE TABLE jobs (id INTEGER)")
            passed(check)
            other.execute("BEGIN EXCLUSIVE")
            assert "database is locked" in failed(check)
            other.execute("ROLLBACK")
            passed(check)
        with open(path, "wb") as garbage:
            garbage.write(b"no database" * 1000)
        assert "not a database" in failed(check)

    def test_engine_of_sqlite(self, tmpdir):
        path = str(tmpdir.join("app.db"))
        engine = need_module("sqlalchemy").create_engine("sqlite:///" + path)
        check = checks.sql(engine)
        assert check.__name__ == "sql sqlite " + path
        passed(check)
        engine.dispose()

    def test_nothing_is_left_open(self, postgres, tmpdir):
        leaves_nothing_open(checks.sql(connecting(postgres)), True, FEW)
        leaves_nothing_open(checks.sql(connecting(postgres), "SELECT nonsense"), False, FEW)
        leaves_nothing_open(checks.sql(connecting(postgres, "hunter3")), False, FEW)
        path = str(tmpdir.join("app.db"))
        leaves_nothing_open(checks.sql(functools.partial(sqlite3.connect, path)), True)
        leaves_nothing_open(checks.sql(functools.partial(sqlite3.connect, path), "nonsense"), False)
        leaves_nothing_open(checks.sql(functools.partial(sqlite3.connect, path + "/x")), False)

    def test_engine_gets_its_connections_back(self, postgres):
        engine = make_engine(postgres, pool_size=1, max_overflow=0, pool_timeout=0.01)
        leaves_nothing_open(checks.sql(engine), True)
        leaves_nothing_open(checks.sql(engine, "SELECT nonsense"), False)
        engine.dispose()


class TestHttp(object):
    def test_passes_until_the_server_is_gone(self):
        with http_server(password="hunter2") as server:
            url = "http://user:hunter2@127.0.0.1:%d/" % server.port
            lives_through_it(checks.http(url, timeout=SECONDS), server)

    @pytest.mark.parametrize("user", ["", pytest.param("user:hunter3@", marks=pytest.mark.smoke),
                                      "user@"])
    def test_wrong_credentials_fail(self, user):
        with http_server(password="hunter2") as server:
            check = checks.http("http://%s127.0.0.1:%d/" % (user, server.port), timeout=SECONDS)
            output = failed(check)
            assert "401 Unauthorized, expected 200 to 299" in output and "hunter" not in output

    def test_certificate_is_verified(self, authority, monkeypatch):
        with http_server(certificate=authority.server(), password="hunter2") as server:
            check = checks.http("https://user:hunter2@localhost:%d/" % server.port, timeout=SECONDS)
            lives_through_it(check, server)
            monkeypatch.delenv("SSL_CERT_FILE")
            assert "certificate verify failed" in failed(check).lower()

    def test_nothing_is_left_open(self, authority):
        with http_server() as server:
            leaves_nothing_open(checks.tcp(server.host, server.port, timeout=SECONDS), True)
            url = "http://127.0.0.1:%d/" % server.port
            leaves_nothing_open(checks.http(url, timeout=SECONDS), True)
            leaves_nothing_open(checks.http(url, status=404), False)
            leaves_nothing_open(checks.certificate(server.host, server.port, 14), False)


def certificate_check(server, min_days=14):
    return checks.certificate("localhost", server.port, min_days, timeout=SECONDS)


class TestCertificate(object):
    def test_passes(self, authority):
        with http_server(certificate=authority.server(days=90)) as server:
            assert passed(certificate_check(server)).startswith("expires in 90.0 days (")
            lives_through_it(certificate_check(server), server)

    @pytest.mark.smoke
    def test_expiring_soon_fails(self, authority):
        with http_server(certificate=authority.server(days=10)) as server:
            output = failed(certificate_check(server))
            assert "expires in 10.0 days (" in output and "), expected at least 14 (" in output
            passed(certificate_check(server, min_days=9))

    def test_issuer_expiring_soon_fails(self, authority, tmpdir):
        issuer = Authority(str(tmpdir), u"Test issuer", authority, days=10)
        with http_server(certificate=issuer.server(days=90)) as server:
            check = certificate_check(server)
            if sys.version_info < (3, 10):  # Python shows the server's own certificate alone
                assert passed(check).startswith("expires in 90.0 days (")
                return
            output = failed(check)
            assert "its issuer Test issuer expires in 10.0 days (" in output
            assert ", expected at least 14 (" in output
            passed(certificate_check(server, min_days=9))

    def test_host_with_the_final_dot(self, authority, monkeypatch):
        real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda host, *args: real("127.0.0.1", *args))
        with http_server(certificate=authority.server()) as server:
            for check in (checks.certificate("localhost.", server.port, 14, timeout=SECONDS),
                          checks.http("https://localhost.:%d/" % server.port, timeout=SECONDS)):
                passed(check)

    @pytest.mark.parametrize("options", [dict(days=-1), dict(host=u"other.example")])
    def test_expired_or_of_another_host_fails(self, authority, options):
        with http_server(certificate=authority.server(**options)) as server:
            failed(certificate_check(server, min_days=0))

    def test_unknown_authority_fails(self, authority, monkeypatch):
        with http_server(certificate=authority.server()) as server:
            monkeypatch.delenv("SSL_CERT_FILE")
            assert "certificate verify failed" in failed(certificate_check(server)).lower()

    def test_nothing_is_left_open(self, authority):
        with http_server(certificate=authority.server()) as server:
            leaves_nothing_open(certificate_check(server), True)
            leaves_nothing_open(checks.certificate("127.0.0.1", server.port, 14),
                                False)  # not its name
            url = "https://localhost:%d/" % server.port
            leaves_nothing_open(checks.http(url, timeout=SECONDS), True, FEW)
            leaves_nothing_open(checks.http("https://127.0.0.1:%d/" % server.port), False, FEW)


@pytest.fixture
def silent_port():
    with contextlib.closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(2 * RUNS)
        yield listener.getsockname()[1]


class TestConnections(object):
    """No check leaves a connection or a file open."""

    def test_tcp_passes_until_the_server_is_gone(self):
        with http_server() as server:
            check = checks.tcp(server.host, server.port, timeout=SECONDS)
            passed(check)
            server.pause()
            passed(check)  # as documented: the kernel accepts
            server.resume()
            server.stop()
            assert "refused" in failed(check)
            server.start()
            passed(check)

    @pytest.mark.smoke
    @pytest.mark.parametrize("make", [
        checks.tcp, functools.partial(checks.certificate, min_days=14),
        lambda host, port: checks.http("http://%s:%d/" % (host, port)),
        lambda host, port: checks.http("https://%s:%d/" % (host, port)),
    ])
    def test_refused_ones_are_closed(self, make):
        leaves_nothing_open(make("127.0.0.1", free_port()), False)

    @pytest.mark.parametrize("make", [
        functools.partial(checks.certificate, min_days=14, timeout=0.002),
        lambda host, port: checks.http("http://%s:%d/" % (host, port), timeout=0.002),
        lambda host, port: checks.http("https://%s:%d/" % (host, port), timeout=0.002),
    ])
    def test_silent_ones_are_closed(self, make, silent_port, authority):
        leaves_nothing_open(make("127.0.0.1", silent_port), False)

    @pytest.mark.smoke
    def test_files_are_closed(self, tmpdir):
        tmpdir.join("beat").write("")
        leaves_nothing_open(checks.disk(str(tmpdir), 2 ** 20), True)
        leaves_nothing_open(checks.disk(str(tmpdir), "100%"), False)
        leaves_nothing_open(checks.heartbeat(str(tmpdir.join("beat")), 3600), True)
        leaves_nothing_open(checks.heartbeat(str(tmpdir.join("missing")), 3600), False)
