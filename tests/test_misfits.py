"""What of an answer does not fit: told by its field, and kept in the log without anybody's secrets."""

from __future__ import annotations

import json
import logging

import pytest
from pydantic import BaseModel, ValidationError

from artui.credentials import Secret
from artui.providers.base.heard import EXCERPT
from artui.providers.base.misfits import counted, excerpt, keep, misfit, value
from artui.providers.http import Answer


class Inner(BaseModel):
    number: int
    access_token: str = ""


class Shape(BaseModel):
    id: str
    inner: Inner | None = None
    several: list[Inner | str] = []


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ({}, "`id` is missing"),
        ({"id": None}, "`id` null"),
        ({"id": ["a", {"b": 1}]}, '`id` ["a", {"b": 1}]'),
        ({"id": "a", "inner": {}}, "`inner.number` is missing"),
        ({"id": "a", "inner": {"number": "many\x1b[2J\n"}}, '`inner.number` "many\\u001b[2J\\n"'),
        ({"id": "a", "inner": {"number": 1, "access_token": 7}}, "`inner.access_token` [secret]"),
        ({"id": "a", "several": ["x", {"number": {}}]}, "`several[1].number` {}"),
        ({"id": "a", "several": 10.5}, "`several` 10.5"),
        ([], "it is []"),
        (None, "it is null"),
        ("x" * 100, f'it is "{"x" * 59}…'),
    ],
)
def test_a_misfit_names_the_field_and_what_stands_there(found: object, why: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Shape.model_validate(found)
    assert misfit(found, caught.value) == why
    with pytest.raises(Exception, match="not what the service documents") as told:
        Answer("Studio: looking", 200, {}, json.dumps(found).encode()).read_as(Shape)
    assert str(told.value).endswith(why)


def test_what_is_no_json_is_shown_as_it_came() -> None:
    with pytest.raises(Exception, match=r'it is no JSON that can be read: "good day"$'):
        Answer("Studio: looking", 200, {}, b"good day").read_as(Shape)


SIGNED = "https://store.example/a/b.png?X-Amz-Signature=abcdef&X-Amz-Date=2026"


@pytest.mark.parametrize(
    "said",
    [
        json.dumps({"url": SIGNED}),
        json.dumps({"url": SIGNED}).replace("/", "\\/"),
        json.dumps({"inner": json.dumps({"url": SIGNED, "token": "abcdef"})}),
        f"<a href='{SIGNED}'>here</a>",
        json.dumps({"path": "/image/x?token=abcdef&expires=1"}),
        json.dumps({"path": "/image/x?Key-Pair-Id=abcdef"}),
        "https://cdn.example/security=p:abcdef,s:abcdef/run_workflow=id:1/x",
        json.dumps({"access_token": "abcdef", "refresh_token": 'ab"cdef', "device_code": "abcdef"}),
        json.dumps({"apikey": "abcdef", "api_key": "abcdef", "Set-Cookie": "abcdef", "awsSignature": "abcdef"}),
        '{"refresh_token": "abcdef',
        "Authorization: Bearer abcdef",
        "token eyJhbGciOi.abcdef.abcdef",
    ],
)
def test_an_excerpt_has_no_secret_of_anybody(said: str) -> None:
    assert "abcdef" not in excerpt(said).replace('ab\\"cdef', "abcdef")
    assert "[secret]" in excerpt(said)


def test_an_excerpt_is_two_kilobytes_of_what_is_no_secret() -> None:
    ours = Secret("a-secret-of-ours-that-is-long")
    body = b"x" * (EXCERPT - 10) + ours.reveal().encode() + b"y" * 10_000
    assert excerpt(body) == "x" * (EXCERPT - 10) + "[secret]yy"
    assert excerpt(json.dumps({"status": "ACTIVE", "labels": {"artui_job": "key-1"}})).count("key-1") == 1


def test_each_misfit_is_kept_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(3):
        keep("the list: `version` null, once", json.dumps({"version": None, "token": "abcdef"}))
    assert caplog.text.count("`version` null, once. Said was: ") == 1
    assert "abcdef" not in caplog.text


def test_entries_are_counted_with_their_reasons() -> None:
    assert counted(1, 40, "workflows", ["`executionPrice` 10.5"]) == (
        "1 of 40 workflows could not be read: `executionPrice` 10.5"
    )
    many = [f"`id` {n}" for n in (1, 1, 2, 3, 4, 5)]
    assert (
        counted(6, 1_000, "workflows", many)
        == "6 of 1,000 workflows could not be read: `id` 1; `id` 2; `id` 3 and 2 more"
    )


def test_a_value_is_one_printable_line() -> None:
    assert value("a\u202eb\nc") == '"a\\u202eb\\nc"'
    assert value(float("nan")) == "NaN"
    assert value("abcdef", "settings.secret") == "[secret]"
