"""Secrets are masked and innocent values survive, over the collected cases and on hostile input."""
import collections
import gc
import json
import random
import weakref

import bottle
import pytest
import six

import bottle_healthcheck
from bottle_healthcheck import EnvironmentDump
from tests import counting, growth
from tests.corpus_loader import load
from tests.helpers import FakeClock, examples
from tests.internals import PRE_FILTERS, _jsonable, _redaction, known, scrubber, texts as rules

try:
    from hypothesis import HealthCheck, given, settings, strategies as st
except ImportError:
    st = None

#: Each file of cases, with the goals: percent of core secrets shown, of innocent values changed.
GOALS = {"redaction_cases.json": 1, "redaction_more_cases.json": 1,
         "redaction_field_cases.json": 2, "redaction_fresh_cases.json": 2}
FILES = {name: load(name) for name in GOALS}
CASES = sum((FILES[name] for name in sorted(FILES)), [])
CONTRACT_CASES = [case for case in CASES if case.get("contract")]

MASK = scrubber.MASK


def plain_data(case):
    """What `_jsonable.plain` makes of the case's place in the dump, or of the check's output."""
    where, name, value = case["where"], case["name"], case["value"]
    if where == "output":
        return _jsonable.plain(value)
    if where == "argv":
        return _jsonable.plain({"process": {"argv": value}})
    if where == "environ":
        environ = dict(case.get("also", {}).get("environ", {}))
        environ[name] = value
        return _jsonable.plain({"process": {"environ": environ}})
    return _jsonable.plain({"config": {name: value}})


def shown(case):
    """What is shown of the case."""
    clean = scrubber.clean_output if case["where"] == "output" else scrubber.Redactor().clean
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
        secret = _jsonable.plain(secret)
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


class Tally(object):
    """How many core cases there are of a kind, and the ids of those with a fault."""

    def __init__(self):
        self.secrets, self.shown, self.innocents, self.changed = 0, [], 0, []

    def add(self, case):
        found = faults(case)
        if case["secret"] is None:
            self.innocents += 1
            self.changed += [case["id"]] if found else []
        else:
            self.secrets += 1
            self.shown += [case["id"]] if any("leak" in one for one in found) else []

    def __str__(self):
        return "%d of %d core secrets shown %s, %d of %d innocent values changed %s" % (
            len(self.shown), self.secrets, self.shown,
            len(self.changed), self.innocents, self.changed)


class TestCases(object):
    """The collected cases reach the goals; names of the contract always show the mask."""

    @pytest.mark.parametrize("file_name", sorted(FILES))
    def test_figures_reach_the_goals(self, file_name):
        every, by_kind = Tally(), collections.defaultdict(Tally)
        for case in FILES[file_name]:
            if case["tier"] == "core":
                every.add(case)
                by_kind[case["where"], case.get("topic") or case["kind"]].add(case)
        for (where, kind), tally in sorted(by_kind.items()):
            print("%s, %s, %s: %s" % (file_name, where, kind, tally))
        print("%s: %s" % (file_name, every))
        assert len(every.shown) <= GOALS[file_name] / 100.0 * every.secrets
        assert len(every.changed) <= GOALS[file_name] / 100.0 * every.innocents

    @pytest.mark.parametrize("case", CONTRACT_CASES, ids=lambda case: case["id"])
    def test_contract_names_show_the_mask(self, case):
        assert faults(case) == []

    def test_environment_of_all_cases_shows_no_secret(self):
        environ = {}
        for case in FILES["redaction_cases.json"]:
            if case["where"] == "environ" and case["secret"] is not None:
                environ[case["name"]] = case["value"]
                environ.update(case.get("also", {}).get("environ", {}))
        body = json.dumps(scrubber.Redactor().clean(
            _jsonable.plain({"process": {"environ": environ}})))
        secrets = [case["secret"] for case in FILES["redaction_cases.json"]
                   if case["where"] == "environ" and case["secret"] is not None]
        assert len(secrets) > 90
        assert [one for one in secrets if one in body or json.dumps(one)[1:-1] in body] == []


#: What is repeated, or a function that makes a text of about so many characters.
HOSTILE = {
    "dotted": "a.a.a.", "braces": "{{{{", "brackets": "[", "closing": "]}",
    "escaped": "password='\\\\", "quoted": "password='x'", "at": "@@@@", "url": "://",
    "urls": "a://b:c@", "quotes": "'\"", "backslashes": "\\", "escaped quotes": "\\\"",
    "json": '{"a":', "json text": '{"password": "x"},', "equals": "=", "pairs": "a=a;",
    "secrets": "password=x ", "fields": ";password=x", "words": "a ", "commas": ",a:",
    "options": "-p x1y2z3 ", "dashes": "-", "blanks": " ", "lines": "\n",
    "pem": "-----BEGIN PRIVATE KEY-----", "jwt": "eyJaaaaa.", "bearer": "Bearer ",
    "auth": "AUTH a ", "marked": "sk-", "marked long": "sk-aaaaaaaaaaaaaaaaaaaaaaa ",
    "yaml": "password:\n", "xml": "<password>", "deep yaml": "  - password: |\n",
    "login": "login a password ", "name": "password", "names": "PasswordToken_",
    "cookies": "Cookie: ", "headers": "Authorization: Basic ", "oracle": "jdbc:oracle:a:a/",
    "query": "?key=", "does not": "'a' does not appear ", "found": "found: '",
    "schemes": "a+b-c.d://", "users": "a:b@c:1 ", "webhooks": "/webhooks/1/", "bots": "123456:AA",
    "spaced": "password =  ", "tabs": "a\t", "number signs": "1:1,",
    "mixed": "{'\"password\\\":[",
    "resources": ":password:(", "resource lines": ":authorization:x",
    "prose lines": "authorization: no ", "prose words": "password=no,",
    "prose fields": ";password=no ", "prose blocks": "-password:\n no\n",
    "prose quotes": "password=\"no '", "prose brackets": "password: [no ",
    "urls with quotes": "a://b:'", "urls with blanks": "a://b:c ", "far at": "://a:'b@",
    "far ats": "://a:'" + "b@" * 300, "far urls": "://a:'a,a://",
    "pairs of names": "'a', ", "pairs of secrets": "('password', 'x'), ", "open pairs": "'a',\"b",
    "named": "password\nvalue: ", "names given": "key: a\nvalue: ", "gaps": "a" + " " * 90,
    "elements": "<a b='c'>d", "secret elements": "<password>x</password>", "calls": "auth=A('",
    "subscripts": "a['password'] = ", "database keys": "(token)=(", "encoded": "token%3Da%26",
    "paths": "a/sk-a1", "tokens in paths": "/x/ghp_aaaaaaaaaaaaaaaaaaaaaaaa1", "three": '"""',
    "three quotes": 'password="""', "keys": "API key: ", "easy": "a/b@//h:1/",
    "things": "token 'a' ",
    "dsns": "dsn=a=/", "dsns in brackets": "dsn=(", "dsns in calls": "dsn=f(a=",
    "components in brackets": "auth=(://",
    "closed brackets": lambda size: "dsn=(=" * (size // 7) + ")" * (size // 7),
    "set": "PASSWORD FOR a ", "lists": "lftp -u a,", "percent": "-U a%b ",
    "repeated": "key 1a2b3c4d5e6f ", "unread": "header value: '", "programs": "mysql ",
    "sshpass": "sshpass x -p",
    "consul": "consul -encrypt=", "snmp": "snmpget -A ",
    "marked letters": "hf_aBcDeFgHiJ", "long hex": "v1.0-" + "a1" * 12 + "-",
    "users of hosts": "a:b9@c ", "urls in urls": "%3A%2F%2Fa%3A",
    "entities": "password=&quot;", "putty": "Private-Lines: 1 ", "tags": "a b c>d</",
    "inner quotes": "password='it's ", "yaml states": "  auth:\n   x: y\n",
    "arrows": "token -> ", "cells": "| token | ", "cells in lines": "token\tab1\n",
    "forms": 'name="token"\r\n\r\n', "escaped pairs": "%22token%22%3A%22",
    "keys of elements": '<a key="password" value="b"/>', "colons": "token:: ",
    "yaml leaves": "auth:\n  word: a1b2c3d4e5\n", "yaml mapping": lambda size: (
        "auth:\n" + "  auth:\n  word: a1b2c3d4e5\n" * (size // 27)),
    "escaped lines": "\\npassword: ", "bots' tokens": "M" + "a" * 24 + ".aaaaaa.",
    "keys in base64": "LS0tLS1CRUdJTi", "references": "password=${a", "roots": "auth=/a/b ",
    "states": "auth: ok ", "sentences": "auth: user ann logged in ", "lists of states": "auth=[a] ",
    "ports": "p://a:b:c:d/", "schemes of headers": "Basic a",
    "said": "password is ", "said values": "secret was a1b2c3d4 ", "next": "password=x|secret: ",
    "phrases": "password: my dog has\n", "long phrases": "password: my dog has fleas ",
    "close cells": "token|", "mails": "cc:a1b2c3d4e5@", "basic": "Basic  ",
    "indented prose": " " * 300 + "password:\n" + " " * 301 + "no\n",
}


def equal_urls(count):
    return {u"redis://:%d@h" % number: number for number in range(count)}


class TestCost(object):
    """Time grows linearly with the data, however hostile, and nothing is searched twice."""

    @pytest.mark.growth
    @pytest.mark.parametrize("clean", [scrubber.Redactor().clean, scrubber.clean_output],
                             ids=["dump", "output"])
    @pytest.mark.parametrize("shape", sorted(HOSTILE))
    def test_time_is_linear_in_the_length(self, shape, clean):
        unit = HOSTILE[shape]
        make = unit if callable(unit) else lambda size: (unit * (size // len(unit) + 1))[:size]
        needles = [u"", u"=", u":", u"'", u'"', u" -x"] + [row[0] for row in rules.PATTERNS]
        needles = u"\n".join(needles)
        growth.assert_linear(clean, lambda size: six.text_type(make(size)) + needles, 7500)

    @pytest.mark.growth
    def test_many_known_secrets_take_linear_time(self):
        def data(count):
            names = {u"A%d_PASSWORD" % one: u"tangerine%d" % (one * 7919) for one in range(count)}
            return [names, [u"text %d of tangerine%d and more" % (one, one)
                            for one in range(count)]]
        growth.assert_linear(scrubber.Redactor().clean, data, 500)

    @pytest.mark.growth
    def test_many_equal_names_take_linear_time(self):
        growth.assert_linear(scrubber.clean_output, equal_urls, 1000)

    def test_ordinary_output_costs_little(self):
        text = u"disk 81% used on /dev/sda1, ok"
        scrubber.clean_output(text)  # so that the environment has just been read
        assert counting.calls(lambda: scrubber.clean_output(text)) < 60

    def test_second_dump_searches_new_texts_alone(self, monkeypatch):
        searched = []
        mask_text = scrubber.mask_text

        def recorded(text, *args):
            searched.append(text)
            return mask_text(text, *args)
        monkeypatch.setattr(scrubber, "mask_text", recorded)
        redactor = scrubber.Redactor()
        data = {u"a": u"password=tangerine", u"b": [u"x=1", u"y"], u"c": u"ok"}
        first = redactor.clean(data)
        assert first == {u"a": u"password=********", u"b": [u"x=1", u"y"], u"c": u"ok"}
        del searched[:]
        assert redactor.clean(data) == first and searched == []
        data[u"d"] = u"pwd=tangerine"
        assert redactor.clean(data)[u"d"] == u"pwd=********"
        assert searched == [u"pwd=tangerine"]


class Everything(object):
    """Finds itself in every text: a pre-filter that lets all pass."""
    search = staticmethod(lambda text: True)

    def __contains__(self, text):
        return True


#: What generated texts are made of, beside the needles of the patterns.
WORDS = (u"password", u"secret", u"token", u"key", u"auth", u"API", u"user", u"is", u"was", u"and",
         u"hunter22", u"abc12345", u"Zq7Wm2Xc9Lp4", u"P@ssw0rd!9", u"ok", u"3306", u"10.0.0.1")
SIGNS = (u" ", u" ", u" ", u"|", u"\t", u": ", u"=", u" -", u" --", u"'", u"\"", u"\n", u"\x1f",
         u"/", u"@", u", ", u"-", u".", u"(", u"\\n", u"<", u">", u"%3D")


def generated_texts(count):
    """Texts of words and signs, always the same."""
    chance = random.Random(7)
    words = WORDS * 8 + tuple(row[0] for row in rules.PATTERNS)
    for _ in range(count):
        yield u"".join(chance.choice(kind) for _ in range(chance.randint(2, 8))
                       for kind in (words, SIGNS))


class TestPreFilters(object):
    """A pre-filter never excludes a text in which its rule masks something."""

    def test_masked_text_passes_them(self, monkeypatch):
        every = list(generated_texts(4000))
        clean_dump = scrubber.Redactor().clean
        fast = [(scrubber.clean_output(text), clean_dump(text)) for text in every]
        fast_cases = [shown(case) for case in CASES]
        for module, name in PRE_FILTERS:
            monkeypatch.setattr(module, name, Everything)
        monkeypatch.setattr(rules, "PATTERNS", [(u"", row[1]) for row in rules.PATTERNS])
        clean_dump = scrubber.Redactor().clean
        assert sum(text != masked[0] for text, masked in zip(every, fast)) > 300
        for text, masked in zip(every, fast):
            assert (text, scrubber.clean_output(text), clean_dump(text)) == (text,) + masked
        assert [shown(case) for case in CASES] == fast_cases


class TestHideAndShow(object):
    """hide adds words that make a name secret; show exempts exact names."""

    @pytest.mark.parametrize("argument", ["hide", "show"])
    @pytest.mark.parametrize("wrong, error", [
        ("word", TypeError), (u"word", TypeError), (b"word", TypeError), ([1], TypeError),
        ([None], TypeError), (None, TypeError), (7, TypeError), ([""], ValueError)])
    def test_argument_is_a_list_of_texts(self, argument, wrong, error):
        with pytest.raises(error) as caught:
            EnvironmentDump(**{argument: wrong})
        assert str(caught.value).startswith(argument + " ")

    def test_error_says_what_was_given(self):
        for wrong, error in ((7, "hide is 7, expected a list of texts such as (\"word\",)"),
                             ([7], "hide holds 7, expected texts only"),
                             ([""], "hide holds an empty text, which is part of every name")):
            with pytest.raises((TypeError, ValueError)) as caught:
                EnvironmentDump(hide=wrong)
            assert str(caught.value) == error

    def test_hide_adds_words(self):
        data = _jsonable.plain({"SHOP_LICENCE": "ABC", "text": "licence=abcdef", "other": "x"})
        assert scrubber.Redactor(hide=["Licence"]).clean(data) == {
            "SHOP_LICENCE": "********", "text": "licence=********", "other": "x"}
        assert scrubber.Redactor().clean(data) == data

    def test_show_exempts_an_exact_name(self):
        data = _jsonable.plain({"KEYBOARD": "us", "keyboard": "us", "TOKEN_URL": "http://u:p@h/"})
        assert scrubber.Redactor(show=("KEYBOARD", "TOKEN_URL")).clean(data) == {
            "KEYBOARD": "us", "keyboard": "********", "TOKEN_URL": "http://********@h/"}

    def test_shown_secret_is_not_masked_elsewhere(self):
        data = _jsonable.plain({"APP_PASSWORD": "welcome-all", "banner": "welcome-all"})
        assert scrubber.Redactor(show=["APP_PASSWORD"]).clean(data) == data


class TestSecretNames(object):
    """A name is secret by the words in it."""

    @pytest.mark.parametrize("name", [
        u"pass_phrase", u"PassWord", u"DB_PWDs", u"seed_phrase", u"DBPASSWORD", u"shop.connect.sid",
        u"map_pw", u"DBPW", u"client_secrets", u"unseal_key"])
    def test_words_and_pairs_of_words_make_a_name_secret(self, name):
        assert scrubber.clean_output({name: u"a1b2c3d4"}) == {name: MASK}

    @pytest.mark.parametrize("value", [True, None, u"", u"/run/x", 0, 1.5, [], {u"a": [u"b"]}])
    def test_contract_name_masks_any_value(self, value):
        data = scrubber.Redactor().clean({u"a": [{u"API_KEY": value}]})
        assert data == {u"a": [{u"API_KEY": MASK}]}

    def test_last_two_hundred_characters_are_read(self):
        for name in (u"pwd_" + u"a" * 196, u"a" * 300 + u"_pwd"):
            assert scrubber.clean_output({name: u"tangerine"}) == {name: u"********"}
        name = u"pwd_" + u"a" * 197
        assert scrubber.clean_output({name: u"tangerine"}) == {name: u"tangerine"}

    @pytest.mark.parametrize("name", [u"OTEL_EXPORTER_OTLP_HEADERS", u"FLUENT_HEADERS"])
    def test_variable_of_headers_holds_secrets_under_any_name(self, name):
        environ = {name: u"x-team=Zq7Wm2Xc9Lp4,x-dataset=shop,x-id=7"}
        assert scrubber.Redactor().clean(environ) == {
            name: u"x-team=********,x-dataset=shop,x-id=7"}


class TestKnownSecrets(object):
    """A secret that stands under a credential's name or in a URL is masked wherever it occurs."""

    def test_secret_is_masked_everywhere(self):
        data = _jsonable.plain({"process": {"environ": {"DB_PASSWORD": "tangerine1",
                                                        "DB_PWD": "short"},
                                            "argv": ["app", "tangerine1", "--x=tangerine1"]},
                                "config": {"a-tangerine1": ["a tangerine1 a day", "short"]}})
        assert scrubber.Redactor().clean(data) == {
            "process": {"environ": {"DB_PASSWORD": "********", "DB_PWD": "********"},
                        "argv": ["app", "********", "--x=********"]},
            "config": {"a-********": ["a ******** a day", "short"]}}

    @pytest.mark.parametrize("text, shown", [
        (u"/var/lib/postgres7/data", u"/var/lib/********/data"),
        (u"mypostgres7 2postgres7 postgres7\xe9", u"mypostgres7 2postgres7 postgres7\xe9"),
        (u"a_postgres7-b 'postgres7'.", u"a_********-b '********'."),
        (u"x\\npostgres7 %3Dpostgres7\\x0apostgres7\\u0020postgres7",
         u"x\\n******** %3D********\\x0a********\\u0020********"),
        (u"x$ecret+tail!y", u"x********y"),
        (u"x+sign-in xsign-in+x xsign-in+", u"x+sign-in xsign-in+x xsign-in+"),
        (u"x+sign-up x+sign-upx sign-in+x", u"x******** x+sign-upx ********x"),
    ])
    def test_secret_is_masked_as_a_whole_word(self, text, shown):
        environ = {u"POSTGRES_PASSWORD": u"postgres7", u"MY_PASSWORD": u"$ecret+tail!",
                   u"DATA": text, u"UP_PASSWORD": u"+sign-up", u"IN_PASSWORD": u"sign-in+"}
        assert scrubber.Redactor().clean(environ)[u"DATA"] == shown

    @pytest.mark.parametrize("secrets, text, shown", [
        (["Tangerine", "Tangerine pie"], "Tangerine pie, Tangerine pies",
         "********, ******** pies"),
        (["Tangerine", "Tangerine-"], "Tangerine-Tangerines", "********Tangerines"),
        (["Tangerine", "Tangerines", "Tangerinesx"], "Tangerines Tangerinesy",
         "******** Tangerinesy"),
        (["tangeri-a", "tangeri-c"], "tangeri-b tangeri-c tangeri", "tangeri-b ******** tangeri"),
        (["--x-----", "--x------x"], "--x------y--x------x", "********-y********"),
    ])
    def test_longest_secret_that_is_a_whole_word_is_masked(self, secrets, text, shown):
        assert known.mask_secrets(text, known.index_of(secrets)) == shown

    @pytest.mark.parametrize("value", [
        u"postgres", u"12345678", u"/run/secrets/db1", u"https://db.internal/1",
        u"arn:aws:secretsmanager:eu:1:secret:db1", u"short1"])
    def test_ordinary_word_is_no_secret(self, value):
        data = {u"DB_PASSWORD": value, u"said": u"connected to %s at once" % value}
        assert scrubber.Redactor().clean(data)[u"said"] == data[u"said"]

    @pytest.mark.parametrize("name, is_known", [
        (u"DB_PASSWORD", True), (u"clientSecret", True), (u"PWD2", True), (u"API_KEY", True),
        (u"BOT_TOKEN", True), (u"WALLET_MNEMONIC", True), (u"NONCE_SALT", False),
        (u"SESSION_COOKIE", False), (u"KEYBOARD", False), (u"SECRET_NAME", False)])
    def test_name_of_a_credential_makes_its_value_known(self, name, is_known):
        data = {name: u"tangerine1", u"said": u"a tangerine1 b"}
        shown = scrubber.Redactor().clean(data)[u"said"]
        assert shown == (u"a ******** b" if is_known else u"a tangerine1 b")

    def test_list_holds_secrets_below_a_plural_only(self):
        for name, shown in ((u"app_credentials", u"a ******** b"),
                            (u"APP_CREDENTIALS", u"a ******** b"),
                            (u"app_credential", u"a tangerine1 b")):
            data = {u"x": {name: [u"tangerine1"]}, u"text": u"a tangerine1 b"}
            assert scrubber.Redactor().clean(data)[u"text"] == shown

    @pytest.mark.parametrize("source", [
        u'{"db": [{"db_password": "tangerine-1"}]}', u"['x'] postgres://u:tangerine-1@h/d",
        u"https://bob:tangerine-1@h/d", [u"x", u"redis://:tangerine-1@h, redis://i"],
        u'{"url": "amqp://u:tangerine-1@h"}'])
    def test_json_texts_and_urls_make_secrets_known(self, source):
        data = _jsonable.plain({"source": source, "argv": ["app", "tangerine-1"],
                                "b": "=tangerine-1;"})
        shown_data = scrubber.Redactor().clean(data)
        assert "tangerine" not in json.dumps(shown_data)
        assert shown_data["b"] == "=********;"

    def test_password_of_url_is_known_as_it_stands_and_decoded(self):
        data = {u"a": u"mysql://u:p%40ss-word@h/d", u"b": u"with p@ss-word, p%40ss-word."}
        assert scrubber.Redactor().clean(data)[u"b"] == u"with ********, ********."

    @pytest.mark.parametrize("source", [
        u"postgres://postgres:postgres@h/d", u"postgres://u:postgres@h/postgres", u"postgres@h/d",
        u"postgres://h:5432/d", u"postgres://postgres@h/d", u'{"user": "postgres"}',
        u"http://postgres@h", u"redis://:********@h", u"redis://:@h"])
    def test_names_in_urls_and_json_texts_are_no_secrets(self, source):
        data = _jsonable.plain({"source": source, "argv": ["app", "postgres", "******** *"]})
        assert scrubber.Redactor().clean(data)["argv"] == data["argv"]

    def test_limit_of_length(self):
        for secret, shown in ((u"abcdef8", u"a abcdef8 b"), (u"abcdefg8", u"a ******** b")):
            data = {u"x": [{u"DB_PWD": secret}], u"text": u"a %s b" % secret}
            assert scrubber.Redactor().clean(data)[u"text"] == shown


class Source(object):
    """What may own an application's configuration."""

    def __init__(self, **data):
        self.data, self.reads = data, 0

    def read(self):
        self.reads += 1
        return self.data


class TestSources(object):
    """Secrets of the environment and of registered configurations are known, also once changed."""

    @pytest.fixture()
    def clock(self):
        return FakeClock()

    @pytest.fixture()
    def sources(self):
        return weakref.WeakKeyDictionary()

    @pytest.fixture()
    def secrets(self, clock, sources):
        return known.KnownSecrets(scrubber.Names(), sources, clock)

    @staticmethod
    def shown(text, secrets):
        return known.mask_secrets(text, secrets.index())

    def test_environment_alone_is_known_without_a_source(self, monkeypatch):
        monkeypatch.setenv("SHOP_DB_PASSWORD", "Zq7Wm2Xc9Lp4")
        secrets = known.KnownSecrets(scrubber.Names())
        assert self.shown(u"with Zq7Wm2Xc9Lp4.", secrets) == u"with ********."

    def test_index_is_made_again_only_when_a_source_has_changed(self, secrets, sources, clock):
        source = Source(password="tangerine1")
        sources[source] = Source.read
        assert self.shown(u"tangerine1 tangerine2", secrets) == u"******** tangerine2"
        first = secrets.index()
        assert secrets.index() is first and source.reads == 1
        clock.tick(1)
        assert secrets.index() is first and source.reads == 2
        source.data = {"password": "tangerine2"}
        clock.tick(0.5)
        assert secrets.index() is first
        clock.tick(0.5)
        assert self.shown(u"tangerine1 tangerine2", secrets) == u"tangerine1 ********"

    def test_added_source_is_read_at_once(self, secrets, sources):
        secrets.index()
        source = Source(password="tangerine1")
        sources[source] = Source.read
        assert self.shown(u"tangerine1", secrets) == MASK

    def test_owner_of_a_source_is_not_kept_alive(self):
        source = Source(password="tangerine1")
        _redaction.add_secret_source(source, Source.read)
        assert known.SOURCES[source] == Source.read
        reference = weakref.ref(source)
        del source
        gc.collect()
        assert reference() is None

    def test_source_that_fails_does_not_take_the_others(self, secrets, sources):
        one, other = Source(), Source(password="tangerine1")
        sources[one] = lambda owner: 1 // 0
        sources[other] = Source.read
        assert self.shown(u"tangerine1", secrets) == MASK

    def test_app_s_configuration_is_known_in_outputs_and_messages(self, caplog):
        app = bottle.Bottle()
        app.config["shop.db_password"] = "Rt6Vb1NkDs8F"
        health = bottle_healthcheck.HealthCheck(
            app, "/h", checkers=[lambda: (False, "refused Rt6Vb1NkDs8F")])

        @health.add_check
        def raises():
            raise ValueError("no Rt6Vb1NkDs8F here")
        outputs = [result["output"] for result in health.run().results]
        assert outputs == ["refused ********", "no ******** here"]
        assert "no ******** here" in caplog.text and "Rt6Vb1NkDs8F" not in caplog.text


class TestEndOfValue(object):
    """A secret value is masked to its end, whatever characters it contains."""

    @pytest.mark.parametrize("text, shown", [
        (u"password=(tan)gerine!pie x", u"password=******** x"),
        (u"f(password=[1, 'tan'], x=1)", u"f(password=********, x=1)"),
        (u"f(auth=Basic('u', 'tan7gerine')).get()", u"f(auth=********).get()"),
    ])
    def test_value_with_a_bracket(self, text, shown):
        assert scrubber.Redactor().clean([text]) == [shown]

    @pytest.mark.parametrize("text, shown", [
        (u"password=(tan)password=gerine x", u"password=******** x"),
        (u"dsn=(tangerine1)x@y z", u"dsn=******** z"),
        (u"my_dsn: [tangerine1]p://x z", u"my_dsn: ******** z"),
        (u"auth=(tangerine1)x://y z", u"auth=******** z"),
    ])
    def test_word_behind_a_bracket(self, text, shown):
        assert scrubber.clean_output([text]) == [shown]

    @pytest.mark.parametrize("blanks", [1, 90, 96, 5000])
    def test_word_behind_a_harmless_one_and_many_blanks(self, blanks):
        for word in (u"none", u"bearer"):
            value = word + u" " * blanks + u"tangerine"
            assert scrubber.Redactor().clean({u"db_pwd": value}) == {u"db_pwd": u"********"}
            text = scrubber.Redactor().clean([u"db_pwd='%s'" % value])
            assert text == [u"db_pwd='********'"]
        for value in (u"none", u"none" + u" " * 96):
            assert scrubber.Redactor().clean({u"db_pwd": value}) == {u"db_pwd": value}
        for value in (u"none" + u" " * 95 + u"x", u"none" + u" " * 96 + u"x"):
            assert scrubber.Redactor().clean({u"db_pwd": value}) == {u"db_pwd": u"********"}

    @pytest.mark.parametrize("words, is_shown", [(170, True), (172, False)])
    def test_value_too_long_to_be_read_is_masked(self, words, is_shown):
        said = u" ".join([u"ok"] * words)
        shown = said if is_shown else MASK
        assert scrubber.clean_output(u"auth: '%s'" % said) == u"auth: '%s'" % shown

    @pytest.mark.parametrize("text, expected", [
        (u"password=(ab)cd|secret: hunter2", u"password=********|secret: ********"),
        (u"password=x|secret: hunter2", u"password=********|secret: ********"),
        (u"auth=basic|secret: hunter2 x", u"auth=basic|secret: ******** x"),
        (u"password=ab/cd= x", u"password=******** x")])
    def test_name_at_the_end_of_a_value_names_the_next_one(self, text, expected):
        assert scrubber.clean_output(text) == expected
        assert scrubber.Redactor().clean([text]) == [expected]

    @pytest.mark.parametrize("words, expected", [
        ([u"x", u"--password", u"my pass"], [u"x", u"--password", MASK]),
        ([u"x", u"--password", u"it's mine, all"], [u"x", u"--password", MASK]),
        ([u"curl", u"-u", u"ann:my pw"], [u"curl", u"-u", u"ann:" + MASK]),
        ([u"sh", u"-c", u"mysql -phunter2 shop"], [u"sh", u"-c", u"mysql -p******** shop"])])
    def test_words_of_a_list(self, words, expected):
        assert scrubber.clean_output(words) == scrubber.Redactor().clean(words) == expected

    def test_password_of_words(self):
        text = u"password: my dog has fleas\nport: 1"
        assert scrubber.clean_output(text) == u"password: ********\nport: 1"
        assert scrubber.clean_output({u"password": u"my dog has fleas"}) == {u"password": MASK}


class TestValueUnderSecretName(object):
    """What looks like a secret is masked; states, and what is said of a secret, are shown."""

    @pytest.mark.parametrize("name", [u"auth", u"token", u"db_password", u"client_secret"])
    @pytest.mark.parametrize("value", [
        u"Zq7Wm2Xc9Lp4", u"abcdefghijklmnop", u"tan$gerine", u"qWeRtYuIoPaS",
        u"ab12-cd34-ef56-gh78"])
    def test_secret_is_masked_under_any_secret_name(self, name, value):
        for text in (u"%s: %s", u"%s=%s", u"%s='%s'", u"x {\"%s\": \"%s\"}"):
            assert value not in scrubber.clean_output(text % (name, value))
        assert scrubber.clean_output({name: value}) == {name: MASK}

    @pytest.mark.parametrize("name", [u"auth", u"jwt", u"token", u"api_key", u"credentials"])
    @pytest.mark.parametrize("said", [
        u"went well", u"user ann logged in", u"service answered 200 in 12ms", u"3/4 nodes up",
        u"RS256", u"down since 2026-11-20T00:00:00Z", u"http://auth:80/health", u"LDAP bind failed",
        u"refused by 10.0.0.1:389", u"secure, httponly"])
    def test_state_is_shown_under_a_weak_name(self, name, said):
        for output in ({name: said}, u"%s: %s" % (name, said), [{name: {u"status": said}}]):
            assert scrubber.clean_output(output) == output

    @pytest.mark.parametrize("said", [
        u"set", u"ok", u"expired", u"rotated", u"from file", u"missing"])
    def test_clear_state_is_shown_under_a_strong_name(self, said):
        assert scrubber.clean_output({u"password": said}) == {u"password": said}
        assert scrubber.clean_output({u"password": u"Tangerine " + said}) == {u"password": MASK}

    @pytest.mark.parametrize("said", [
        u"rotated for user ann", u"invalid for the service account", u"is not set",
        u"set from file", u"configured through environment variable"])
    def test_sentence_about_a_password_is_shown(self, said):
        for output in (u"password: " + said, {u"password": said}):
            assert scrubber.clean_output(output) == output

    @pytest.mark.parametrize("value", [True, False, None, u"", u"/run/auth.sock", u"yes", [], {}])
    def test_harmless_value_is_shown_under_a_weak_name(self, value):
        assert scrubber.Redactor().clean({u"use.auth": value}) == {u"use.auth": value}
        assert scrubber.Redactor().clean({u"my.auth": value}) == {u"my.auth": value}


class TestNumbers(object):
    """A dump masks long numbers under secret names; an output masks those that are text alone."""

    @pytest.mark.parametrize("value, shown", [
        (0, 0), (123, 123), (1234, MASK), (73517351, MASK), ([u"a"], [MASK]), ([5], [5]),
        ({u"a": u"b", u"user": u"ann", u"retries": 3},
         {u"a": MASK, u"user": u"ann", u"retries": 3})])
    def test_strong_name_masks_long_numbers_and_texts_below_it_in_a_dump(self, value, shown):
        assert scrubber.Redactor().clean({u"db_pwd": value}) == {u"db_pwd": shown}

    def test_number_in_a_dump_is_judged_as_its_text(self):
        data = {u"pg_stat_auth": 1, u"otp": 1234, u"jwt": 123456, u"db_pwd": u"0"}
        shown = {u"pg_stat_auth": 1, u"otp": MASK, u"jwt": MASK, u"db_pwd": u"0"}
        assert scrubber.Redactor().clean(data) == shown

    @pytest.mark.parametrize("data, expected", [
        ({u"pin": [12345, 67]}, {u"pin": [MASK, 67]}),
        ({u"secret": {u"a": 12345678, u"port": 54321}}, {u"secret": {u"a": MASK, u"port": 54321}}),
        ({u"jwt": {u"leeway": 12345}}, {u"jwt": {u"leeway": 12345}})])
    def test_long_number_is_masked_in_a_dump_alone(self, data, expected):
        assert scrubber.Redactor().clean(data) == expected
        assert scrubber.clean_output(data) == data

    @pytest.mark.parametrize("name, number, shown", [
        (u"pass", u"123", u"123"), (u"pass", u"1234", MASK),
        (u"db_pass", u"123", u"123"), (u"userpass", u"1234", MASK), (u"token", u"1234", u"1234"),
        (u"otp", u"123456", MASK), (u"db_password", u"1234", MASK)])
    def test_short_number_of_what_passed_is_shown(self, name, number, shown):
        assert scrubber.clean_output({name: number}) == {name: shown}


class TestReferences(object):
    """A reference to a secret and a path are no secrets."""

    @pytest.mark.parametrize("value", [
        u"${DB_PASSWORD}", u"$DB_PASSWORD", u"%(secret)s", u"{{ token }}", u"<password>", u"now()",
        u"os.environ[\"DB_PASSWORD\"]", u"os.getenv('DB_PASSWORD')", u"/run/secrets/db",
        u"arn:aws:secretsmanager:eu-west-1:1234:secret:db-a1b2c3"])
    def test_reference_is_shown(self, value):
        assert scrubber.clean_output({u"password": value}) == {u"password": value}
        assert scrubber.Redactor().clean({u"db_pwd": value}) == {u"db_pwd": value}

    @pytest.mark.parametrize("value", [
        u"$tangerine", u"/9j4AAQSkZJRgABAQ", u"/Kx9pLw2Qz7", u"\\u00fcber", u"tan(gerine", u"$(x",
        u"/aB3dEf6hIj/kL9mNoPq2St+"])
    def test_secret_that_begins_like_one_is_masked(self, value):
        assert scrubber.clean_output({u"password": value}) == {u"password": MASK}

    @pytest.mark.parametrize("name", ["PWD", "OLDPWD"])
    def test_folder_of_a_shell_is_shown(self, monkeypatch, name):
        folder = "/tmp/tmp.G5WINFvnv8/clone"
        monkeypatch.setenv(name, folder)
        dump = EnvironmentDump()
        assert dump.safe_dump({name: folder, "cwd": folder + "/x"}) == {
            name: folder, "cwd": folder + "/x"}
        assert dump.get_process()["environ"][name] == folder
        monkeypatch.setenv(name, "Tr0ub4dor&3")  # ODBC's name of a password
        assert dump.safe_dump({name: "Tr0ub4dor&3", "cwd": "/srv/shop"}) == {
            name: "********", "cwd": "/srv/shop"}


class TestSettings(object):
    """Settings and names of components are shown; the secrets among them are masked."""

    @pytest.mark.parametrize("output", [
        {u"failed": [u"auth", u"cache"]}, [u"password", u"none"], [u"token", u"present"],
        {u"token": {u"expires_in": 3412, u"scope": u"read"}},
        {u"auth": {u"type": u"ldap", u"server": u"ldap.example", u"port": 389}}])
    def test_settings_and_names_of_components_are_shown(self, output):
        assert scrubber.clean_output(output) == output

    def test_mapping_below_secret_name_hides_secrets_only(self):
        section = {u"auth": {u"type": u"ldap", u"bind": {u"dn": u"cn=app", u"word": u"a1b2c3d4e5"}}}
        assert scrubber.Redactor().clean(section) == {
            u"auth": {u"type": u"ldap", u"bind": {u"dn": u"cn=app", u"word": MASK}}}

    @pytest.mark.parametrize("names", [
        [u"client_secret_basic", u"private_key_jwt"], [u"password", u"client_secret"]])
    def test_two_names_of_secrets_are_no_pair(self, names):
        assert scrubber.clean_output(names) == names
        assert scrubber.clean_output([names[1], u"tangerine7"]) == [names[1], MASK]


class TestTexts(object):
    """Secrets within texts are masked; what only resembles one is shown."""

    @pytest.mark.parametrize("text, expected", [
        (u"password|hunter22", u"password|********"), (u"token|abc12345", u"token|********"),
        (u"the password is hunter2", u"the password is ********"),
        (u"root:tangerine@tcp(db:3306)/shop", u"root:********@tcp(db:3306)/shop"),
        (u"scott/tangerine@db:1521/XE", u"scott/********@db:1521/XE"),
        (u"the secret was P@ssw0rd!9, sorry", u"the secret was ********, sorry")])
    def test_secret_in_cells_and_sentences_is_masked(self, text, expected):
        assert scrubber.clean_output(text) == expected
        assert scrubber.Redactor().clean([text]) == [expected]

    def test_secret_that_sounds_like_a_name_is_masked_under_a_key(self):
        assert scrubber.clean_output(u"API key: mysecret!4f9a") == u"API key: ********"
        assert scrubber.Redactor().clean([u"key: topsecret!4f9a"]) == [u"key: ********"]
        assert scrubber.Redactor().clean([u'<add key="password" value="x1"/>']) == [
            u'<add key="password" value="********"/>']

    def test_json_is_masked_as_it_stands(self):
        text = u'{"user": "ann",  "db": {"pwd": "tan\\"gerine", "port": 1}, "pwds": ["x", "y"]}'
        assert scrubber.clean_output(text) == (
            u'{"user": "ann",  "db": {"pwd": "********", "port": 1}, "pwds": ********}')

    @pytest.mark.parametrize("output", [
        {u"bypass_workers": u"4x2y6z8"}, {u"compass_width": u"a1b2c3d4"},
        {u"secretary_phone": u"+49 30 1234567"}, {u"map_w": u"a1b2c3d4"}, [u"password", u"user"],
        u"oauth: token endpoint answered 200 in 12 ms",
        u"compass_width=1234567", u"mkdir -p v1.2.3", u"mysql is slow -port 3306",
        u"Basic knowledge123 needed", u"cc:bob1234567@example.com",
        u"mailto:bob1234567@example.com",
        u"no secret \"db-credentials\" in namespace shop", u"secret: db-credentials not found",
        u"passwords: 3 expired", u"Duplicate entry for key 'users.email_uq12'",
        u"curl -u 1000:1000 x",
        u"the password is sha256", u"the secret is 12 days old",
        u"dapi-gateway-prod-12345678", u"pul-requests-open-12345678",
        u"npm_config_registry_20240101",
        u"ops_dashboard_service_12345678"])
    def test_what_only_resembles_a_secret_is_shown(self, output):
        assert scrubber.clean_output(output) == output


class TestArguments(object):
    """In a dump the value of an option is no prose, as it may be in the text of an output."""

    @pytest.mark.parametrize("words", [[u"app", u"--token", u"tangerine"],
                                       [u"app", u"--token=tangerine"], [u"app --token tangerine"]])
    def test_word_behind_a_secret_option_is_masked_in_a_dump(self, words):
        data = {u"process": {u"argv": words}}
        assert u"tangerine" not in json.dumps(scrubber.Redactor().clean(data))
        assert scrubber.clean_output(words) == words

    def test_word_behind_another_option_is_shown(self):
        data = {u"process": {u"argv": [u"app", u"--auth-type", u"ldap", u"--port", u"80"]}}
        assert scrubber.Redactor().clean(data) == data


class TestCut(object):
    """Long texts are cut before and after redaction; a secret that a cut splits is not shown."""

    def test_long_text_is_cut_after_redaction(self):
        text = u"password=tangerine " + u"x" * 70000
        shown = scrubber.clean_output(text)
        assert len(shown) <= scrubber.MAX_TEXT
        assert shown.startswith(u"password=******** xxx")
        kept = shown.index(u"\n<")
        assert shown[kept:] == u"\n<%d characters cut>" % (len(text) - 1 - kept)
        assert scrubber.clean_output(u"x" * scrubber.MAX_TEXT) == u"x" * scrubber.MAX_TEXT

    def test_longer_text_is_cut_before_redaction_as_well(self, monkeypatch):
        lengths = []
        mask_text = scrubber.mask_text

        def measured(text, *args):
            lengths.append(len(text))
            return mask_text(text, *args)
        monkeypatch.setattr(scrubber, "mask_text", measured)
        text = u"password=tangerine " + u"x" * 10 ** 6
        shown = scrubber.clean_output(text)
        assert lengths == [scrubber.MAX_READ] == [262144]
        assert shown.startswith(u"password=******** xxx")
        kept = shown.index(u"\n<")
        assert kept > scrubber.MAX_TEXT - 100
        assert shown[kept:] == u"\n<%d characters cut>" % (len(text) - 1 - kept)

    def test_sixty_four_kibibytes_are_shown(self):
        assert scrubber.clean_output(u"x" * 65536) == u"x" * 65536
        assert scrubber.clean_output(u"x" * 65537) == u"x" * 65496 + u"\n<41 characters cut>"

    @pytest.mark.parametrize("missing", [1, 10, 1000])
    def test_secret_that_the_first_cut_splits_is_not_shown(self, missing):
        url = u"amqp://app:tangerine" + u"x" * 2000
        long_ = u"password=" + u"y" * (scrubber.MAX_READ - len(url) + missing - 10) + u" "
        shown = scrubber.clean_output(long_ + url + u"@host/")
        assert u"tangerine" not in shown and u"yy" not in shown
        assert shown.endswith(u" characters cut>")

    @pytest.mark.parametrize("read, shown", [
        (65536 + 100, 100), (65536 + 1, 1), (65536, 0), (65536 - 1, 0), (1000, 0)])
    @pytest.mark.parametrize("unread", [1, 700])
    def test_last_64_kibibytes_before_the_first_cut_are_not_shown(self, read, shown, unread):
        """What the redaction left of the characters that were read: so many."""
        start = u"x" * 200 + u" password="
        secret = u"y" * (262144 - read + 8)
        rest = u" " * (read - len(start) - 8)
        text = start + secret + rest + u"z" * unread
        assert scrubber.clean_output(text) == (
            start[:shown] + u"\n<%d characters cut>" % (unread + read - shown))


def nested(levels, wrap, inmost=u"x"):
    """The inmost value wrapped so many times."""
    for _ in range(levels):
        inmost = wrap(inmost)
    return inmost


class TestShape(object):
    """The result has the shape of the data; placeholders stand for what cannot be shown."""

    def test_data_itself_is_left_alone(self):
        data = _jsonable.plain({"password": ["a"], "b": [{"argv": ["--password", "x"]}]})
        before = json.dumps(data)
        scrubber.Redactor().clean(data)
        assert json.dumps(data) == before

    def test_deeply_nested_data_is_masked(self):
        data = _jsonable.plain(nested(100, lambda inner: [{u"a": inner, u"pwd": u"tangerine"}]))
        shown = scrubber.clean_output(data)
        assert u"tangerine" in json.dumps(data) and u"tangerine" not in json.dumps(shown)
        assert json.dumps(shown).count(u"[") == json.dumps(data).count(u"[")

    def test_object_is_shown_by_its_type(self):
        assert scrubber.clean_output([object()]) == [_jsonable.type_name(object())]

    def test_error_in_a_rule_shows_a_placeholder(self, monkeypatch):
        def fail(*args):
            raise RuntimeError("must not be shown")
        monkeypatch.setattr(scrubber, "mask_text", fail)
        assert scrubber.clean_output([u"raw: text", 3]) == [scrubber.FAILED, 3]
        assert scrubber.Redactor().clean({u"a": u"raw: text"}) == {u"a": scrubber.FAILED}
        assert scrubber.Redactor().clean([{u"raw: text": u"a"}, 3]) == [scrubber.FAILED, 3]
        monkeypatch.setattr(scrubber, "named_values", fail)
        assert scrubber.clean_output([{u"a": 1}, 3]) == [scrubber.FAILED, 3]
        monkeypatch.setattr(known, "secrets_in", fail)
        assert scrubber.Redactor().clean({u"a": u"raw text"}) == scrubber.FAILED


class TestEqualNames(object):
    """Names that redaction makes equal are all shown, each different."""

    def test_names_stay_different(self):
        data = {u"redis://:abc@h": 1, u"redis://:xyz@h": 2}
        assert sorted(scrubber.Redactor().clean(data)) == [
            u"redis://:********@h", u"redis://:********@h'"]

    def test_names_get_a_quote_and_numbers(self):
        data = {u"redis://:%d@h" % number: 1 for number in range(11)}
        assert set(scrubber.Redactor().clean(data)) == {
            u"redis://:********@h" + end for end in [u"", u"'"] + [
                u"'%d" % number for number in range(2, 11)]}

    def test_many_are_all_shown(self):
        assert len(scrubber.clean_output(equal_urls(2000))) == 2000


if st is not None:
    _PIECES = st.sampled_from([
        u"password", u"token", u"=", u":", u" ", u"'", u'"', u"\\", u"://", u"@", u"/", u"{", u"}",
        u"[", u"]", u",", u";", u"&", u"?", u"\n", u"-p", u"--", u"Bearer ", u"mysql ", u"a1B2c3d4",
        u"********", u"eyJhbGciOiJub25lIn0.eyJzdWIiOiJm.a", u"Cookie", u"|", u"user", u"-", u".",
        u"-----BEGIN PRIVATE KEY-----", u"-----END", u"AUTH ", u"key", u"%", u"\u00e9", u"tcp(",
        u"(", u")", u"<", u">", u"</", u"value", u"name", u'"""', u"%3D", u"%26", u"auth", u"dsn",
        u"API ", u" -U ", u" not found", u"ghp_16C7e42F292c6912E7710c838347Ae178B4a"])
    _TEXT = st.lists(_PIECES, max_size=12).map(u"".join) | st.text(max_size=20)
    _SCALARS = (_TEXT | st.binary(max_size=10) | st.none() | st.booleans() | st.integers()
                | st.floats() | st.just(object()) | st.just(ValueError("password=x")))
    _NAMES = st.sampled_from(["a", "API_KEY", "dbPassword", "auth", "argv", "name", "value",
                              "netloc", "scheme", "path", "Key", "Value", "dsn", 7, None]) | _TEXT
    _NESTED = st.recursive(_SCALARS, lambda inner: (
        st.lists(inner, max_size=4) | st.tuples(inner, inner)
        | st.dictionaries(_NAMES, inner, max_size=4)), max_leaves=12)
    _CLEAN = settings(max_examples=examples(20, "FUZZ_EXAMPLES"), deadline=None, database=None,
                      suppress_health_check=[HealthCheck.too_slow])

    class TestGeneratedData(object):
        """The result is valid JSON and stable, and shows nothing under a contract name."""

        @pytest.mark.examples
        @_CLEAN
        @given(_NESTED)
        def test_any_nesting_is_valid_json_and_stable(self, value):
            # It may mask more: password=(x)) becomes password=********), whose ) is then of the
            # value.
            data = _jsonable.plain(value)
            for clean in (scrubber.Redactor().clean, scrubber.clean_output):
                once = clean(data)
                json.loads(json.dumps(once, allow_nan=False))
                # Text by text: a number that the second pass masks brings quotes along, and names
                # that it makes equal do too.
                first = u"\n".join(texts(once))
                assert all(part.strip(u"'") in first for text in texts(clean(once))
                           for part in text.split(MASK))

        @pytest.mark.examples
        @_CLEAN
        @given(_NESTED, st.sampled_from(["api_KEY", "Tokens", "compass", "x.password.y"]),
               st.integers())
        def test_nothing_under_a_contract_name_is_shown(self, value, name, number):
            secret = u"fuzz-%d-mock" % number
            for hidden in (secret, [secret], {"a": secret}, (value, secret)):
                data = _jsonable.plain([value, {"x": {name: hidden}}])
                assert secret not in json.dumps(scrubber.Redactor().clean(data))
