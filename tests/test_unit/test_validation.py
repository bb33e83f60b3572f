# coding: utf-8
"""bottle_healthcheck._validation: what is refused, and what is said of it"""
import functools
import re

import pytest
import six

from tests.internals import _validation as validation

NAN = float("nan")
NAMED = [validation.validate_callable, validation.validate_seconds, validation.validate_flag,
         validation.validate_status, validation.validate_file]
TEXT_REFUSED = [functools.partial(one, "option") for one in NAMED if one is not NAMED[-1]] + [
    validation.validate_func, validation.validate_timeout, validation.validate_list,
    validation.validate_details, validation.validate_port,
    lambda value: validation.validate_number("days", value, 0, 7, "days")]


class Path(object):
    """As pathlib's are."""

    def __init__(self, text):
        self.text = text

    def __fspath__(self):
        return self.text


def needs_one(argument):
    return True, argument


class TestMessage(object):
    """An error says what was given and what was expected, and shows no text."""

    @pytest.mark.parametrize("validate", TEXT_REFUSED)
    @pytest.mark.parametrize("given", ["hunter2", u"hunter2", b"hunter2"])
    def test_does_not_repeat_the_text(self, validate, given):
        with pytest.raises(TypeError) as caught:
            validate(given)
        said = str(caught.value)
        assert type(given).__name__ in said and "expected " in said and "hunter2" not in said

    @pytest.mark.parametrize("validate", [
        functools.partial(one, "option") for one in NAMED] + [
            validation.validate_func, validation.validate_name, validation.validate_timeout,
            validation.validate_details, validation.validate_port, validation.validate_path,
            functools.partial(validation.validate_text, "name"),
            lambda value: validation.validate_number("days", value, 0, 7, "days")])
    @pytest.mark.parametrize("given, shown", [([], "list"), ({}, "dict")])
    def test_of_a_wrong_type(self, validate, given, shown):
        with pytest.raises(TypeError) as caught:
            validate(given)
        assert re.match(r"[a-z ]+ is of type %s, expected \w+" % shown, str(caught.value))

    @pytest.mark.parametrize("validate", [
        validation.validate_port, functools.partial(validation.validate_text, "name"),
        validation.validate_path,
        lambda value: validation.validate_number("days", value, 0, 7, "days")])
    @pytest.mark.parametrize("given, shown", [(None, "None"), (True, "of type bool")])
    def test_of_none_and_of_a_boolean(self, validate, given, shown):
        with pytest.raises(TypeError, match=r"[a-z]+ is %s, expected \w+" % shown):
            validate(given)

    @pytest.mark.parametrize("validate, given, said", [
        (functools.partial(validation.validate_seconds, "x"), -1,
         "x is -1, expected seconds from 0"),
        (functools.partial(validation.validate_seconds, "x"), NAN, "x is nan, expected seconds"),
        (functools.partial(validation.validate_seconds, "x"), 10 ** 10,
         "x is 10000000000, expected"),
        (validation.validate_timeout, 0, "timeout is 0, expected seconds above 0, or None"),
        (validation.validate_timeout, 0.0, "timeout is 0, expected"),
        (functools.partial(validation.validate_status, "x"), 199,
         "x is 199, expected a status from"),
        (functools.partial(validation.validate_status, "x"), 600,
         "x is 600, expected a status from"),
        (functools.partial(validation.validate_status, "x"), 204, r"\(not 204, 205, 206, 304\)"),
        (validation.validate_name, "", "name is empty, expected a text"),
        (functools.partial(validation.validate_file, "x"), "",
         "x is '', expected the path of a file"),
        (functools.partial(validation.validate_file, "x"), "a\0b", "expected the path of a file"),
        (functools.partial(validation.validate_file, "x"), Path(""), "expected the path of a file"),
        (validation.validate_port, 0, "port is 0, expected a TCP port from 1 to 65535"),
        (functools.partial(validation.validate_text, "x"), " ", "x is blank, expected text"),
        (validation.validate_path, Path(" "), "path is blank, expected text"),
        (validation.validate_min_free, "5", "min_free is '5', expected bytes, or a share"),
        (validation.validate_min_free, "5%\n", r"min_free is '5%\\n', expected bytes, or a share"),
        (validation.validate_min_free, "101%", "min_free is 101.0, expected percent from"),
        (validation.validate_codes, [200, 99], "status is 99, expected an HTTP status from 100"),
    ])
    def test_of_a_wrong_value(self, validate, given, said):
        with pytest.raises(ValueError, match=said):
            validate(given)

    def test_of_a_function_with_arguments_says_what_to_do(self):
        with pytest.raises(TypeError,
                           match="the check needs_one needs arguments, .*functools.partial"):
            validation.validate_func(needs_one)
        assert validation.name_of(functools.partial(functools.partial(needs_one), 1)) == "needs_one"
        assert validation.name_of(Path("")) == "Path"


class TestValue(object):
    """What is valid is returned, in the one form that the library uses."""

    @pytest.mark.parametrize("validate, given, returned", [
        (functools.partial(validation.validate_callable, "x"), None, None),
        (functools.partial(validation.validate_callable, "x"), needs_one, needs_one),
        (functools.partial(validation.validate_seconds, "x"), None, 0.0),
        (functools.partial(validation.validate_seconds, "x"), 10 ** 9, 1e9),
        (functools.partial(validation.validate_flag, "x"), 1, True),
        (functools.partial(validation.validate_flag, "x"), False, False),
        (validation.validate_timeout, None, None), (validation.validate_timeout, 2, 2.0),
        (functools.partial(validation.validate_status, "x"), 599, 599),
        (validation.validate_name, u"käse", six.ensure_str(u"käse")),
        (functools.partial(validation.validate_file, "x"), None, None),
        (functools.partial(validation.validate_file, "x"), u"/käse", u"/käse"),
        (functools.partial(validation.validate_file, "x"), b"/f", b"/f"),
        (validation.validate_details, True, True), (validation.validate_details, dict, dict),
        (validation.validate_port, 65535, 65535), (validation.validate_path, Path("/f"), "/f"),
        (validation.validate_min_free, "2.5%", 2.5),
        (validation.validate_codes, 404, [404]),
        (validation.validate_codes, {500, 200}, [200, 500]),
        (validation.validate_codes, (404, 200), [200, 404]),
    ])
    def test_valid_one_is_returned(self, validate, given, returned):
        assert validate(given) == returned
        assert type(validate(given)) is type(returned)

    @pytest.mark.parametrize("given", [(), [True], [200, None], {"200"}, object, "200", None])
    def test_invalid_status_codes_are_refused(self, given):
        with pytest.raises(TypeError,
                           match="status is .*, expected an integer or a collection of them"):
            validation.validate_codes(given)

    @pytest.mark.parametrize("given", [b"checks", {"a": 1}, u"checks", needs_one])
    def test_invalid_list_of_checks_is_refused(self, given):
        with pytest.raises(TypeError, match="checkers is of type .*, expected a list of checks"):
            validation.validate_list(given)

    def test_list_is_a_copy(self):
        given = [needs_one]
        assert validation.validate_list(given) == given
        assert validation.validate_list(given) is not given
        assert validation.validate_list((needs_one,)) == given
        assert validation.validate_list(None) == []


class TestStatus(object):
    """A status must have a whole body."""

    @pytest.mark.parametrize("given", ["503 Service Unavailable", u"503 Down", "503", "503-Down"])
    def test_line_is_refused_with_the_number_to_write(self, given):
        with pytest.raises(TypeError) as caught:
            validation.validate_status("failed_status", given)
        assert str(caught.value).endswith("expected an integer: write failed_status=503")

    @pytest.mark.parametrize("given",
                             ["100 Continue", "5030", "1e3", "Down 503", "", "204 No Content"])
    def test_invalid_one_is_not_recommended(self, given):
        with pytest.raises(TypeError) as caught:
            validation.validate_status("failed_status", given)
        assert str(caught.value).endswith("expected an integer such as 200 or 503")
