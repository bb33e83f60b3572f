"""bottle_healthcheck._engine.backends: clients as they are, known by their class."""
import pickle
import threading
import zlib

import pytest

from bottle_healthcheck import ResultCache
from tests import internals
from tests.helpers import PY2, need_module

adapt = internals.backends.adapt


def redis_client(**options):
    """A client of redis-py whose server is a list of replies; it notes the commands."""
    redis = need_module("redis")

    class Client(redis.Redis):
        replies = []
        commands = []

        def execute_command(self, *args, **options):
            self.commands.append(args)
            reply = self.replies.pop(0)
            if isinstance(reply, Exception):
                raise reply
            return reply
    client = Client(**options)
    client.replies, client.commands = [], []
    return client


def pymemcache(name="client.base"):
    need_module("pymemcache.client.hash")
    need_module("pymemcache.client.retrying")
    return need_module("pymemcache." + name)


class JsonSerde(object):
    """What pymemcache's documentation shows."""

    def serialize(self, key, value):
        return value, 1

    def deserialize(self, key, value, flags):
        return loads_nothing(value)


def loads_nothing(value):
    """Calls itself, and unpickles nothing."""
    return value if value else loads_nothing("x")


class CompressingSerde(JsonSerde):
    """As pymemcache's CompressedSerde of 4.0."""

    def __init__(self, inner):
        self._serde = inner

    def deserialize(self, key, value, flags):
        return self._serde.deserialize(key, value, flags)


class UnpicklingSerde(JsonSerde):
    """One of somebody's own."""

    def deserialize(self, key, value, flags):
        return unpickled(value)


def unpickled(value):
    """Calls what unpickles."""
    return pickle.loads(value)


def decompress_and_unpickle(key, value, flags):
    """As some write it who store large objects."""
    return pickle.loads(zlib.decompress(value))


class TestRedis(object):
    def test_values_are_read_within_bounds(self):
        client = redis_client()
        client.replies = [b"x", b"", u""]
        backend = adapt(client)
        assert [backend.get("k") for _ in range(3)] == [b"x", None, None]
        assert client.commands == [("GETRANGE", "k", 0, 2 ** 19)] * 3

    def test_values_expire_and_a_lock_is_taken_once(self):
        client = redis_client()
        client.replies = [True, True, None]
        backend = adapt(client)
        assert backend.set("k", "v", timeout=54) is True
        assert [backend.add("k", "v", timeout=9) for _ in range(2)] == [True, None]
        once = {"SET", "k", "v", "EX", 9, "NX"}
        assert [set(command) for command in client.commands] == [
            {"SET", "k", "v", "EX", 54}, once, once]

    def test_value_of_another_type_is_replaced(self):
        redis, client = need_module("redis"), redis_client()
        wrong_type = redis.ResponseError(
            "WRONGTYPE Operation against a key holding the wrong kind of value")
        client.replies = [wrong_type, UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no")]
        backend = adapt(client)
        assert [backend.get("k") for _ in range(2)] == [u"?"] * 2
        client.replies = [redis.ResponseError("OOM")]
        with pytest.raises(redis.ResponseError):
            backend.get("k")

    def test_too_large_value_is_not_read_whole(self):
        class Client(object):
            @staticmethod
            def getrange(key, start, end):
                return (u"x" * 1000000)[start:end + 1]
        value = internals.backends.RedisClient(Client).get("k")
        assert len(value) == internals.shared.MAX_VALUE + 1

    def test_client_of_a_cluster_is_one_too(self):
        need_module("redis")
        if PY2:
            pytest.skip("redis-py for 2.7 knows no clusters")
        cluster = need_module("redis.cluster").RedisCluster
        assert isinstance(adapt(cluster.__new__(cluster)), internals.backends.RedisClient)

    def test_subclass_that_somebody_made_a_backend_stays_one(self):
        redis = need_module("redis")

        class Backend(redis.Redis):
            def add(self, key, value, timeout):
                pass
        backend = Backend()
        assert adapt(backend) is backend

    def test_pipeline_is_refused(self):
        with pytest.raises(TypeError) as refused:
            ResultCache(backend=need_module("redis").Redis().pipeline(), prefix="shop")
        assert "a pipeline of redis-py, expected the client that made it" in str(refused.value)

    def test_asynchronous_client_is_refused(self):
        if PY2:
            pytest.skip("2.7 has no asynchronous client")
        client = need_module("redis.asyncio").Redis()
        with pytest.raises(TypeError) as refused:
            ResultCache(backend=client, prefix="shop")
        assert "an asynchronous client of redis-py, expected a plain one" in str(refused.value)


def pymemcache_clients(**options):
    """A client of each kind."""
    base, address = pymemcache(), ("127.0.0.1", 1)
    return [base.Client(address, **options), base.PooledClient(address, **options),
            pymemcache("client.hash").HashClient([address], **options),
            pymemcache("client.hash").HashClient([address], use_pooling=True, **options),
            pymemcache("client.retrying").RetryingClient(base.Client(address, **options))]


class TestPymemcache(object):
    def test_every_kind_of_client_is_taken(self):
        for client in pymemcache_clients():
            assert isinstance(adapt(client), internals.backends.PymemcacheClient)
        for client in pymemcache_clients(serde=JsonSerde()):
            assert isinstance(adapt(client), internals.backends.PymemcacheClient)

    def test_serde_that_unpickles_is_refused(self):
        serde = pymemcache("serde")

        for options in ({"serde": serde.pickle_serde},
                        {"serde": CompressingSerde(serde.pickle_serde)},
                        {"serde": CompressingSerde(UnpicklingSerde())},
                        {"deserializer": serde.python_memcache_deserializer},
                        {"serde": UnpicklingSerde()}, {"deserializer": decompress_and_unpickle}):
            for client in pymemcache_clients(**options):
                with pytest.raises(TypeError) as refused:
                    ResultCache(backend=client, prefix="shop")
                assert "with a serde that unpickles what the server holds" in str(refused.value)
        if hasattr(serde, "compressed_serde"):
            client = pymemcache().Client(("127.0.0.1", 1), serde=serde.compressed_serde)
            with pytest.raises(TypeError):
                adapt(client)
        client = pymemcache().Client(("127.0.0.1", 1), serde=CompressingSerde(JsonSerde()))
        assert isinstance(adapt(client), internals.backends.PymemcacheClient)

    def test_client_whose_serde_cannot_be_seen_is_refused(self):
        with pytest.raises(TypeError) as refused:
            adapt(pymemcache("client.hash").HashClient([]))
        assert "without a readable serde" in str(refused.value)

    def test_every_reply_is_waited_for(self):
        class Client(pymemcache().PooledClient):
            calls = []

            def get(self, *args, **kwargs):
                self.calls.append(("get", args, kwargs))

            def set(self, *args, **kwargs):
                self.calls.append(("set", args, kwargs))

            def add(self, *args, **kwargs):
                self.calls.append(("add", args, kwargs))
        backend = adapt(Client(("127.0.0.1", 1)))
        backend.get("k"), backend.set("k", "v", timeout=5), backend.add("k", "v", timeout=6)
        assert Client.calls == [("get", ("k",), {}),
                                ("set", ("k", "v"), {"expire": 5, "noreply": False}),
                                ("add", ("k", "v"), {"expire": 6, "noreply": False})]


def one_of_many(client):
    """A HashClient of one server that uses this client for it."""
    many = pymemcache("client.hash").HashClient([client.server])
    many.clients = dict.fromkeys(many.clients, client)
    return many


class TestConnections(object):
    """A connection of pymemcache is not used by two calls at once."""

    def backend(self, get):
        class Client(pymemcache().Client):
            def get(self, key):
                return get(self)
        self.client = Client(("127.0.0.1", 1))
        self.client.sock = "the client's own"
        return adapt(self.client)

    def test_calls_at_once_have_connections_of_their_own(self):
        inside, may_go, used = threading.Event(), threading.Event(), []

        def get(client):
            used.append((client, client.sock))
            if len(used) == 1:
                inside.set()
                may_go.wait(60)
        backend = self.backend(get)
        first = threading.Thread(target=backend.get, args=("k",))
        first.start()
        assert inside.wait(60)
        backend.get("k")
        may_go.set()
        first.join()
        backend.get("k")
        clients = [client for client, _ in used]
        assert clients[0] is not clients[1] and clients[2] in clients[:2]
        assert self.client not in clients and [sock for _, sock in used] == [None] * 3

    @pytest.mark.parametrize("wrap", [
        lambda client: pymemcache("client.retrying").RetryingClient(client),
        lambda client: one_of_many(client)], ids=["RetryingClient", "HashClient"])
    def test_client_inside_another_is_not_shared_either(self, wrap):
        used = []

        class Client(pymemcache().Client):
            def get(self, *args, **kwargs):
                used.append(self)
                if len(used) == 1:
                    backend.get("k")  # as another thread meanwhile
        client = Client(("127.0.0.1", 1))
        backend = adapt(wrap(client))
        backend.get("k")
        assert len(used) == 2 and used[0] is not used[1] and client not in used

    def test_connection_that_failed_is_not_used_again(self):
        used = []

        def get(client):
            used.append(client)
            if len(used) == 1:
                raise KeyError("k")
        backend = self.backend(get)
        with pytest.raises(KeyError):
            backend.get("k")
        backend.get("k"), backend.get("k")
        assert used[0] is not used[1] and used[1] is used[2]

    def test_forked_process_has_connections_of_its_own(self, monkeypatch):
        used = []
        backend = self.backend(used.append)
        backend.get("k")
        monkeypatch.setattr("os.getpid", lambda: -1)
        backend.get("k")
        assert used[0] is not used[1]


class TestOthers(object):
    def test_object_with_get_set_and_add_is_used_as_it_is(self):
        class Backend(object):
            def get(self, key):
                pass
            set = add = get
        backend = Backend()
        assert adapt(backend) is backend

    @pytest.mark.skipif(PY2, reason="2.7 has no coroutines")
    def test_one_with_coroutine_functions_is_refused(self):
        class Backend(object):
            set = add = lambda self, key, value, timeout: None
        namespace = {}
        exec("async def get(self, key):\n    pass", namespace)
        Backend.get = namespace["get"]
        with pytest.raises(TypeError) as refused:
            ResultCache(backend=Backend(), prefix="shop")
        assert "whose get is a coroutine function" in str(refused.value)
