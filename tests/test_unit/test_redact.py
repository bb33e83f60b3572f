"""Secrets are masked and innocent values survive, over the collected cases and on hostile input."""
import json
import random
import time

import pytest
import six

from bottle_healthcheck import _json, _redact, _redact_text
from tests.corpus_loader import load

try:
    from hypothesis import HealthCheck, given, settings, strategies as st
except ImportError:
    st = None

FILES = {name: load(name) for name in ("redaction_cases.json", "redaction_more_cases.json")}
CASES = FILES["redaction_cases.json"] + FILES["redaction_more_cases.json"]
CONTRACT_CASES = [case for case in CASES if case.get("contract")]

NAME_TABLES = ("CONTRACT", "STRONG", "SUFFIXES", "LAST_WORDS", "KEYS_OF", "TAIL_WORDS",
               "EXEMPT_LAST", "EXEMPT_FIRST", "EXEMPT_WORDS", "PROSE")
TEXT_TABLES = ("SCHEMES", "HEADERS", "PREFIXES", "SHAPES", "OPTIONS", "USER_OPTIONS")
ROWS = [(_redact, table, row) for table in NAME_TABLES for row in getattr(_redact, table)]
ROWS += [(_redact_text, table, row)
         for table in TEXT_TABLES for row in getattr(_redact_text, table)]


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


HAYSTACKS = [json.dumps(plain_data(case), ensure_ascii=False).lower() for case in CASES]


@pytest.mark.parametrize("file_name", sorted(FILES))
def test_at_most_one_percent_is_visible_or_changed(file_name):
    secrets, leaks, innocents, changed = _figures(FILES[file_name])
    print("%s: %d of %d core secrets visible %s, %d of %d innocent values changed %s"
          % (file_name, len(leaks), secrets, leaks, len(changed), innocents, changed))
    assert len(leaks) <= 0.01 * secrets
    assert len(changed) <= 0.01 * innocents


@pytest.mark.parametrize("case", CONTRACT_CASES, ids=lambda case: case["id"])
def test_contract_names_show_the_mask(case):
    assert faults(case) == []


def test_all_cases_of_the_environment_at_once():
    environ = {}
    for case in FILES["redaction_cases.json"]:
        if case["where"] == "environ" and case["secret"] is not None:
            environ[case["name"]] = case["value"]
            environ.update(case.get("also", {}).get("environ", {}))
    body = json.dumps(_redact.Redactor().clean(_json.plain({"process": {"environ": environ}})))
    secrets = [case["secret"] for case in FILES["redaction_cases.json"]
               if case["where"] == "environ" and case["secret"] is not None]
    assert len(secrets) > 90
    assert [one for one in secrets if one in body or json.dumps(one)[1:-1] in body] == []


@pytest.mark.parametrize("module, table, row", ROWS, ids=lambda value: str(value)[:40])
def test_every_row_is_needed_by_a_case(module, table, row, monkeypatch):
    rows = getattr(module, table)
    kept = [one for one in rows if one != row]
    if isinstance(rows, dict):
        kept = {one: rows[one] for one in kept}
    monkeypatch.setattr(module, table, type(rows)(kept))
    monkeypatch.setattr(_redact, "_GENTLE", _redact._Walk(_redact._Names([], [], True), []))
    hint = (row[0] if isinstance(row, tuple) else row).lower()
    related = [case for case, haystack in zip(CASES, HAYSTACKS) if hint in haystack]
    assert any(faults(case) for case in related)


HOSTILE = {
    "dotted": "a.a.a.", "braces": "{{{{", "brackets": "[", "closing": "]}", "escaped": "password='\\\\",
    "quoted": "password='x'", "at": "@@@@", "url": "://", "urls": "a://b:c@", "quotes": "'\"",
    "backslashes": "\\", "escaped quotes": "\\\"", "json": '{"a":', "json text": '{"password": "x"},',
    "equals": "=", "pairs": "a=a;", "secrets": "password=x ", "fields": ";password=x", "words": "a ",
    "commas": ",a:", "options": "-p x1y2z3 ", "dashes": "-", "blanks": " ", "lines": "\n",
    "pem": "-----BEGIN PRIVATE KEY-----", "jwt": "eyJaaaaa.", "bearer": "Bearer ", "auth": "AUTH a ",
    "marked": "sk-", "marked long": "sk-aaaaaaaaaaaaaaaaaaaaaaa ", "yaml": "password:\n", "xml": "<password>",
    "deep yaml": "  - password: |\n", "login": "login a password ", "name": "password", "names": "PasswordToken_",
    "cookies": "Cookie: ", "headers": "Authorization: Basic ", "oracle": "jdbc:oracle:a:a/", "query": "?key=",
    "does not": "'a' does not appear ", "found": "found: '", "schemes": "a+b-c.d://",
    "users": "a:b@c:1 ", "webhooks": "/webhooks/1/", "bots": "123456:AA", "spaced": "password =  ",
    "tabs": "a\t", "number signs": "1:1,", "mixed": "{'\"password\\\":[",
}


def _seconds(clean, text, runs):
    times = []
    for _ in range(runs):
        start = time.time()
        clean(text)
        times.append(time.time() - start)
    return min(times)


@pytest.mark.parametrize("clean", [_redact.Redactor().clean, _redact.clean_output],
                         ids=["dump", "output"])
@pytest.mark.parametrize("shape", sorted(HOSTILE))
def test_the_time_is_linear_in_the_length(shape, clean):
    unit = HOSTILE[shape]
    half, whole = [six.text_type((unit * (size // len(unit) + 1))[:size]) for size in (30000, 60000)]
    for _ in range(3):  # a busy machine may disturb one measurement
        short, long_ = _seconds(clean, half, 3), _seconds(clean, whole, 3)
        if long_ < 0.5 and (long_ < 3 * short or long_ < 0.002):
            return
    pytest.fail("%.3f s for 30 kB, %.3f s for 60 kB of %r" % (short, long_, unit))
