"""Signing in, as the login host's pages and its product describe it: every word it may say has an end that is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.autoretouch import ORGANIZATION, OTHER_ORGANIZATION, AutoRetouch
from tests.contract.desk import Desk, Ran
from tests.contract.odd import fields, instead
from tests.contract.serving import GONE, Answer, At, html, said

TOKEN, DEVICE = "POST /oauth/token", "POST /oauth/device/code"


@pytest.fixture
def newcomer(desks: Callable[..., Desk], autoretouch: AutoRetouch) -> Desk:
    """A desk with an account that is not signed in."""
    desk = desks()
    desk.configure(autoretouch.config())
    return desk


def sign_in(desk: Desk, *more: str, patience: float = 40) -> Ran:
    return desk.artui("login", "studio", *(more or ("--store", "file")), patience=patience)


def is_signed_in(desk: Desk) -> bool:
    return desk.artui("balance").code == 0


def proper(ran: Ran) -> None:
    assert ran.code != -1, ran
    assert "Traceback" not in ran.out + ran.err, ran
    assert "seed-token-A" not in ran.out + ran.err


@pytest.mark.parametrize("consents", [
    (), ("403 authorization_pending",) * 3, ("400 authorization_pending",), ("429 authorization_pending",),
    ("403 slow_down",), ("502 ",),
], ids=str)  # fmt: skip
def test_a_person_confirms(newcomer: Desk, autoretouch: AutoRetouch, consents: tuple[str, ...]) -> None:
    autoretouch.consents = consents
    ran = sign_in(newcomer)
    proper(ran)
    assert ran.code == 0, ran
    assert "ABCD-EFGH" in ran.out + ran.err
    assert is_signed_in(newcomer)


@pytest.mark.parametrize("word", ["access_denied", "expired_token", "invalid_grant"])
@pytest.mark.parametrize("status", [403, 400])
def test_what_was_denied_or_came_too_late_ends_with_4(
    newcomer: Desk, autoretouch: AutoRetouch, word: str, status: int
) -> None:
    autoretouch.consents = ("403 authorization_pending", f"{status} {word}")
    ran = sign_in(newcomer)
    proper(ran)
    assert ran.code == 4, ran
    assert not is_signed_in(newcomer)


@pytest.mark.parametrize("odd", [
    At(DEVICE, fields({"expires_in": "900"})), At(DEVICE, fields({"interval": "0.05"})),
    At(DEVICE, fields({"verification_uri_complete": GONE})), At(DEVICE, fields({"extra": {"a": 1}})),
    At(TOKEN, fields({"expires_in": "86400"})), At(TOKEN, fields({"id_token": "x", "extra": None})),
    At(TOKEN, fields({"token_type": "bearer"})), At(TOKEN, fields({"scope": GONE})),
    At(TOKEN, instead(html(502)), times=1),
], ids=[
    "the code's life as text", "interval as text", "no complete address", "another key", "the token's life as text",
    "an id token too", "the type in small letters", "no scope", "a web page once",
])  # fmt: skip
def test_what_harms_nobody_is_read(newcomer: Desk, autoretouch: AutoRetouch, odd: At) -> None:
    autoretouch.odd_at = [odd]
    ran = sign_in(newcomer)
    proper(ran)
    assert ran.code == 0, ran
    assert is_signed_in(newcomer)


@pytest.mark.parametrize(("odd", "field"), [
    (At(DEVICE, fields({"user_code": None})), "user_code"),
    (At(DEVICE, fields({"device_code": GONE})), "device_code"),
    (At(DEVICE, fields({"verification_uri": "http://elsewhere.example.com/activate"})), "verification_uri|address"),
    (At(TOKEN, fields({"access_token": None})), "access_token"),
    (At(TOKEN, fields({"refresh_token": GONE})), "lasting|refresh"),
    (At(DEVICE, instead(said({"error": "invalid_client", "error_description": "no such one"}, 401))), "no such one"),
    (At(DEVICE, instead(Answer(404))), "404|not found"),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_what_is_needed_is_named(newcomer: Desk, autoretouch: AutoRetouch, odd: At, field: str) -> None:
    autoretouch.odd_at = [odd]
    ran = sign_in(newcomer, patience=15)
    proper(ran)
    assert ran.code != 0, ran
    assert re.search(field, ran.err), ran


def test_where_nothing_can_be_kept_nobody_is_asked_to_confirm(newcomer: Desk, autoretouch: AutoRetouch) -> None:
    ran = newcomer.artui("login", "studio")  # no keyring, no terminal
    proper(ran)
    assert ran.code != 0
    assert "--store file" in ran.err
    assert not autoretouch.asked(DEVICE)


def test_two_organizations_are_listed_and_the_sign_in_is_kept(newcomer: Desk, autoretouch: AutoRetouch) -> None:
    autoretouch.selected = None
    newcomer.configure(autoretouch.config(organization=""))
    ran = sign_in(newcomer)
    proper(ran)
    assert ran.code != 0
    for word in (ORGANIZATION, OTHER_ORGANIZATION, "--organization"):
        assert word in ran.err, ran
    newcomer.configure(autoretouch.config())
    assert is_signed_in(newcomer)


@pytest.mark.parametrize(
    "odd", [instead(html(502)), instead(said({"error": "server_error"}, 500))], ids=["page", "own"]
)
def test_a_host_in_trouble_signs_nobody_out(newcomer: Desk, autoretouch: AutoRetouch, odd: Any) -> None:
    assert sign_in(newcomer).code == 0
    autoretouch.odd_at = [At(TOKEN, odd)]
    assert newcomer.artui("balance").code == 3
    autoretouch.odd_at = []
    assert is_signed_in(newcomer)
