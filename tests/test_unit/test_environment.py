"""bottle_healthcheck.environment: the route, seen from outside."""
import bottle
import webtest

from bottle_healthcheck import EnvironmentDump


def test_the_sections_of_an_app():
    app = bottle.Bottle()
    app.config["db.password"] = "not to be seen"
    app.config["db.host"] = "db1"
    dump = EnvironmentDump(app, "/environment")
    dump.add_section("broken", lambda: 1 / 0)
    answer = webtest.TestApp(app).get("/environment").json
    assert list(answer) == ["os", "python", "config", "process", "broken"] or len(answer) == 5
    assert answer["config"]["db.password"] == "********"
    assert answer["config"]["db.host"] == "db1"
    assert answer["broken"]["error"].startswith("ZeroDivisionError: ")
