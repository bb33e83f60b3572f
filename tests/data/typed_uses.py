"""Uses of the package, for type checkers: exactly the lines that end with "# wrong" are errors."""
import functools
import sqlite3
from typing import Any, Dict, List, Optional, Tuple

import bottle  # type: ignore
from bottle_healthcheck import (WARN, EnvironmentDump, HealthCheck, ResultCache,
                                basic_exception_handler, check_reduce, checks, guards,
                                json_failed_handler)

# Right

app = bottle.Bottle()


def ping() -> Tuple[bool, str]:
    return True, "pong"


def count(table: str, least: int = 1) -> Tuple[int, Dict[str, int]]:
    return least, {table: least}


def only_failures(results: List[Dict[str, Any]]) -> str:
    return json_failed_handler([one for one in results if not one["passed"]])


def as_dictionary(results: List[Dict[str, Any]]) -> Dict[str, object]:
    return {"status": "success", "names": [one["checker"] for one in results]}


def on_exception(checker: Any, exc: Exception) -> Tuple[bool, Dict[str, str]]:
    return False, {"error": str(exc)}


def on_change(previous: Optional[str], current: str, report: Any) -> None:
    print(previous, current, report.passed)


health = HealthCheck(app, "/healthcheck", timeout=1, success_ttl=None, failed_ttl=4.5,
                     success_handler=None, failed_handler=only_failures, failed_status=503,
                     success_headers={"Content-Type": "text/plain"}, failed_headers=[("A", "b")],
                     exception_handler=on_exception, on_change=on_change, checkers=[ping],
                     details=lambda: True, formats=["json", "text"], drain_status=404,
                     drain_file="/run/drain", cache=ResultCache(), about={"version": "1.2"},
                     method="GET", apply=[guards.require_token("0123456789abcdef")])
live = HealthCheck(path=["/live", "/alive"], success_handler=as_dictionary,
                   exception_handler=basic_exception_handler, formats=("json",))
live.init_app(app, "/other")


@health.add_check
def database() -> Tuple[bool, str]:
    return True, "up"


@health.add_check(name="orders", critical=False, timeout=None, success_ttl=5)
def orders() -> Tuple[bool, List[str]]:
    return True, ["up"]


class Queue(object):
    def __call__(self) -> Tuple[bool, int]:
        return True, 7

    def is_short(self) -> Tuple[bool, int]:
        return True, 7


text: str = database()[1]
names: List[str] = orders()[1]
queue: Queue = health.add_check(Queue(), name="queue")
health.add_check(queue.is_short)
health.add_check(lambda: (True, "x"), "lambda")
health.add_check(lambda: (WARN, "late"), "warns")
health.add_check(functools.partial(count, "orders"), timeout=5)
health.add_check(checks.tcp("localhost", 80))
health.add_check(checks.http("https://shop.example/", status=(200, 204)))
health.add_check(checks.sql(lambda: sqlite3.connect(":memory:")))
health.add_check(checks.disk("/", "5%"))
health.checkers.append(ping)

report = health.run(check="database")
report = health.run(exclude=["orders", "queue"])
passed: bool = report.passed and all(one["passed"] for one in report.results)
since: float = report.results[0]["since"]
critical: bool = report.results[0].get("critical", True)
folded: bool = check_reduce(True, report.results[0])
output: object = health.run_check(database)["output"]
health.run_check("orders")
health.drain("stopping")
health.resume()

environment = EnvironmentDump(app, "/environment", include_os=False, hide=("word",), show=["NAME"])


@environment.add_section("build")
def build() -> Dict[str, str]:
    return {"commit": "0a1b2c3"}


commit: str = build()["commit"]
environment.add_section("release", lambda: 7)


# Wrong

def needs_argument(value: int) -> Tuple[bool, int]:
    return True, value


async def coroutine() -> Tuple[bool, str]:
    return True, "x"


def returns_nothing() -> None:
    pass


health.add_check(5)  # wrong
health.add_check("database")  # wrong
health.add_check(None)  # wrong
health.add_check(ping())  # wrong
health.add_check(needs_argument)  # wrong
health.add_check(coroutine)  # wrong
health.add_check(returns_nothing)  # wrong
health.add_check(lambda: True)  # wrong
health.add_check(lambda: "ok")  # wrong
health.add_check(lambda: ("DOWN", "reason"))  # wrong
health.add_check(lambda: (True, "a", "b"))  # wrong
health.add_check(lambda x: (True, x))  # wrong
health.add_check(ping, timeout="1")  # wrong
health.add_check(ping, timout=1)  # wrong
health.add_check(ping, name=5)  # wrong
health.add_check(timeout="1")  # wrong
health.add_check(critical="no")  # wrong
HealthCheck("/healthcheck", app)  # wrong
HealthCheck(app, 5)  # wrong
HealthCheck(app, "/h", success_ttl="27")  # wrong
HealthCheck(app, "/h", failed_status="503")  # wrong
HealthCheck(app, "/h", success_headers="Server: x")  # wrong
HealthCheck(app, "/h", success_handler=lambda: "x")  # wrong
HealthCheck(app, "/h", failed_handler=lambda results: 5)  # wrong
HealthCheck(app, "/h", exception_handler=lambda exc: (True, "x"))  # wrong
HealthCheck(app, "/h", checkers=ping)  # wrong
HealthCheck(app, "/h", checkers=[5])  # wrong
HealthCheck(app, "/h", formats="json")  # wrong
HealthCheck(app, "/h", details="no")  # wrong
HealthCheck(app, "/h", on_change=lambda current: None)  # wrong
HealthCheck(app, "/h", cache={})  # wrong
HealthCheck(app, "/h", about={"version": 5})  # wrong
HealthCheck(app, "/h", drain_file=5)  # wrong
health.run(check=5)  # wrong
health.run("database", "orders", "queue")  # wrong
health.run_check(5)  # wrong
print(report.pased)  # wrong
print(report.results[0]["outptu"])  # wrong
print(report.results["database"])  # wrong
number: int = orders()[1]  # wrong
EnvironmentDump(app, "/environment", include_os="no")  # wrong
EnvironmentDump(app, "/environment", hide="word")  # wrong
environment.add_section("build", {"commit": "0a1b2c3"})  # wrong
environment.add_section(lambda: 7)  # wrong
environment.add_section("build", needs_argument)  # wrong
checks.tcp("localhost", "80")  # wrong
checks.http(5)  # wrong
checks.sql("sqlite://")  # wrong
checks.sql(sqlite3.connect)  # wrong
checks.redis("redis://localhost")  # wrong
checks.heartbeat("/run/job", "5")  # wrong
guards.require_token(5)  # wrong
