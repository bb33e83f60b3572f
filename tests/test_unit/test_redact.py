"""Secrets are masked and innocent values survive, over the collected cases and on hostile input."""
import json

import pytest

from bottle_healthcheck import _json, _redact
from tests.corpus_loader import load

CASES = load("redaction_cases.json")


def plain_data(case):
    """What `_json.plain` makes of the case's place in the dump, or of the check's output."""
    where, name, value = case["where"], case["name"], case["value"]
    if where == "output":
        return _json.plain(value)
    if where == "argv":
        return _json.plain({"process": {"argv": value}})
    if where == "environ":
        environ = dict(case.get("also", {}).get("environ", {}))
        environ[name] = value
        return _json.plain({"process": {"environ": environ}})
    return _json.plain({"config": {name: value}})


def shown(case):
    """What is shown of the case."""
    clean = _redact.clean_output if case["where"] == "output" else _redact.Redactor().clean
    return clean(plain_data(case))


def texts(data):
    """Every decoded text in plain data, names too, those of JSON inside text as well."""
    if isinstance(data, dict):
        for name, value in data.items():
            for text in [name] + list(texts(value)):
                yield text
    elif isinstance(data, list):
        for item in data:
            for text in texts(item):
                yield text
    elif isinstance(data, type(u"")):
        yield data


def faults(case):
    """What is wrong with what is shown of the case: nothing, in a list of texts."""
    data = shown(case)
    raw = json.dumps(data)
    every = list(texts(data)) + [raw]
    found = []
    for secret in [case["secret"]] + case.get("more_secrets", []):
        secret = _json.plain(secret)
        if secret and any(secret in text or json.dumps(secret)[1:-1] in text for text in every):
            found.append("leak: %s" % secret[:60])
    if case["secret"] is None and data != plain_data(case):
        found.append("changed: %s" % raw[:200])
    for kept in case.get("keep", []):
        if not any(kept in text for text in every):
            found.append("lost: %s" % kept)
    if case.get("contract"):
        values = data.get("config") or data["process"]["environ"]
        if values[case["name"]] != case["expect"]:
            found.append("contract: %s" % raw[:200])
    return found


def _figures(cases):
    core = [case for case in cases if case["tier"] == "core"]
    secret = [case for case in core if case["secret"] is not None]
    innocent = [case for case in core if case["secret"] is None]
    leaks = [case["id"] for case in secret if any("leak" in one for one in faults(case))]
    changed = [case["id"] for case in innocent if faults(case)]
    return len(secret), leaks, len(innocent), changed


@pytest.mark.parametrize("file_name", ["redaction_cases.json"])
def test_at_most_one_percent_is_visible_or_changed(file_name):
    secrets, leaks, innocents, changed = _figures(load(file_name))
    print("%s: %d of %d core secrets visible %s, %d of %d innocent values changed %s"
          % (file_name, len(leaks), secrets, leaks, len(changed), innocents, changed))
    assert len(leaks) <= 0.01 * secrets
    assert len(changed) <= 0.01 * innocents


@pytest.mark.parametrize("case", [case for case in CASES if case.get("contract")],
                         ids=lambda case: case["id"])
def test_contract_names_show_the_mask(case):
    assert faults(case) == []
