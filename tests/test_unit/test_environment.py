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


def test_a_secret_of_the_environment_is_masked_wherever_it_turns_up(monkeypatch):
    monkeypatch.setenv("SHOP_DB_PASSWORD", "fake-pw-4711-fake")
    monkeypatch.setattr("sys.argv", ["serve", "fake-pw-4711-fake"])
    app = bottle.Bottle()
    dump = EnvironmentDump(app, "/environment", include_process=False, hide=["colour"],
                           show=["MONKEY"])
    dump.add_section("more", lambda: {"seen": "it was fake-pw-4711-fake", "colour": "red",
                                      "MONKEY": "gibbon"})
    answer = webtest.TestApp(app).get("/environment")
    assert answer.json["more"] == {"seen": "it was ********", "colour": "********",
                                   "MONKEY": "gibbon"}
    assert dump.get_process()["environ"]["SHOP_DB_PASSWORD"] == "********"
    assert "fake-pw-4711-fake" not in answer.text
