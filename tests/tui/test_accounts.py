"""The Accounts screen: signing in by code and by paste, who pays, where the key is kept, and signing out again."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from textual.widgets import Input

from artui.config import AccountConfig, load, paths, save_setting
from artui.core.sign_in import Customer
from artui.credentials import KeyStore, Secret, Vault
from artui.journal import accounts, customers, offers, requests
from artui.journal.payers import Earlier
from artui.providers.base import DevicePrompt
from artui.sim.server import Simulator
from artui.tui.qr import qr_code
from artui.tui.rows import Rows
from artui.tui.sign_in_dialogs import CodeScreen
from artui.tui.signing import SignIn
from tests.tui.desk import QUEUED, SENT, Desk, at_desk, fill

pytestmark = pytest.mark.anyio

OLD, NEW = "retouch4me http://localhost old", "retouch4me http://localhost new"


@pytest.fixture
def given(stand_in: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What an account at the stand-in needs; new accounts of this test are at the stand-in, too."""
    stand_in.faults.clear()
    announced = stand_in.announcement()["autoretouch"]
    before = dict(os.environ)
    yield announced
    for name in os.environ.keys() - before.keys():
        monkeypatch.delenv(name)


def set_up(given: dict[str, Any], *, organization: str = "", name: str = "studio") -> None:
    """An account at the stand-in without a key."""
    where = paths()
    where.create()
    table = {"provider": "autoretouch", "api_url": given["api_url"], "auth_url": given["auth_url"]}
    for key, value in {**table, **({"organization": organization} if organization else {})}.items():
        save_setting(where, f"accounts.{name}.{key}", value)


def keep(key: str, place: KeyStore = KeyStore.FILE, login: str = "studio") -> None:
    Vault(paths()).keep(login, Secret(key), place)


async def sign_out(desk: Desk) -> None:
    """Ask for it, and say yes once the question is there."""
    await desk.press("x")
    await desk.sees("Sign studio out?")
    await desk.press("y")


async def open_accounts(desk: Desk) -> Rows:
    await desk.press("5")
    await desk.sees("[5A" if desk.console.size.width < 80 else "[5 Accounts]")
    return desk.console.place.query_one("#accounts", Rows)


@asynccontextmanager
async def signing_in(given: dict[str, Any]) -> AsyncIterator[Desk]:
    """A desk at which a code was just asked for."""
    set_up(given)
    async with at_desk() as desk:
        await open_accounts(desk)
        await press_sign_in(desk)
        await desk.sees("and enter the code")
        yield desk


async def press_sign_in(desk: Desk) -> None:
    """Begin to sign in with a code, the key to be kept in a file."""
    await desk.press("s")
    await desk.sees("Where should the key be kept?", "in a file readable by you only")
    await desk.press("f")


def code(desk: Desk) -> DevicePrompt:
    """The code that is on the screen."""
    screen = desk.console.screen
    assert isinstance(screen, CodeScreen)
    assert screen.prompt
    return screen.prompt


async def confirm(desk: Desk, answer: str = "confirm") -> None:
    """Answer on the stand-in's page, as a person does in a browser."""
    await desk.sees("and enter the code")
    prompt = code(desk)
    async with httpx.AsyncClient() as browser:
        page = await browser.post(prompt.url, data={"user_code": prompt.user_code, answer: "1"})
    assert page.status_code == 200


async def paste(desk: Desk, key: str) -> None:
    """Put a key where it is asked for, to be kept in memory."""
    await desk.press("t")
    await desk.sees("Where should the key be kept?")
    await desk.press("k")
    await desk.sees("Not there: this machine has no keyring", "only until artui ends")
    await desk.press("m")
    await desk.until(lambda: desk.console.screen.query(Input))
    desk.console.screen.query_one(Input).value = key


async def test_without_an_account_the_console_opens_here() -> None:
    async with at_desk() as desk:
        await desk.sees("[5 Accounts]", "Welcome. artui sends photos to paid services", "s  sign in to AutoRetouch")


async def test_a_code_is_confirmed_elsewhere_and_two_organizations_become_accounts(given: dict[str, Any]) -> None:
    set_up(given)
    async with at_desk() as desk:
        await open_accounts(desk)
        await desk.sees("signed out", "key: none; s signs in")
        await press_sign_in(desk)
        await desk.sees("Sign in to AutoRetouch", "and enter the code", "expires ", "/activate")
        await desk.sees(" ".join(code(desk).user_code))
        await confirm(desk)
        await desk.sees("Which organization pays?", "Acme Footwear", "admin, operator", "5,000 cr", "Studio North")
        assert not list(paths().credentials.glob("*.json"))
        await desk.press("space", "down", "space", "enter")
        await desk.until(lambda: desk.console.news.newest)
        assert "Acme Footwear pays as studio, Studio North pays as studio-north." in desk.console.news.newest.line(0)
        await desk.sees("shared with studio-north", "ready")
        config = load()
        assert config.accounts["studio-north"].login == "studio"
        assert config.accounts["studio-north"].settings["api_url"] == given["api_url"]
        assert config.default_account == "studio" == desk.console.account
        assert desk.console.journal.read(accounts.state, "studio-north").balance == 5000
        assert [request.arguments["account"] for request in desk.console.journal.read(requests.pending)] == [
            "studio",
            "studio-north",
        ]
        [kept] = [one for one in paths().credentials.glob("*.json") if ".about" not in one.name]
        await desk.sees("signed in: Robin Sample <robin@example.com>")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


async def test_whoever_goes_back_has_kept_nothing_and_the_key_is_revoked(
    given: dict[str, Any], stand_in: Simulator
) -> None:
    set_up(given, organization=given["organization"])
    async with at_desk() as desk:
        await open_accounts(desk)
        await press_sign_in(desk)
        await confirm(desk)
        await desk.sees("Which organization pays?")
        before = revocations(stand_in)
        await desk.press("escape")
        await desk.until(lambda: revocations(stand_in) == before + 1)
        await desk.sees("signed out")
        assert Vault(paths()).find("studio") is None


def revocations(stand_in: Simulator) -> int:
    return sum(request["path"].endswith("/oauth/revoke") for request in stand_in.history)


async def test_cancelling_the_code_ends_the_waiting(given: dict[str, Any]) -> None:
    async with signing_in(given) as desk:
        await desk.press("q")
        await desk.until(lambda: len(desk.console.screen_stack) == 1)
        await desk.sees("signed out")


async def test_a_refused_code_says_so_and_another_one_can_be_had(given: dict[str, Any]) -> None:
    async with signing_in(given) as desk:
        refused = code(desk)
        await confirm(desk, "deny")
        await desk.sees("the sign-in was refused", "r  new code")
        await desk.press("r")
        await desk.sees("and enter the code")
        assert code(desk).user_code != refused.user_code


async def test_the_address_is_sent_in_one_line(given: dict[str, Any]) -> None:
    async with signing_in(given) as desk:
        prompt = code(desk)
        await desk.press("y")
        await desk.sees("Sent to your terminal; if nothing arrives, select it here", prompt.url_with_code)


@pytest.mark.parametrize(
    ("size", "plain", "drawn"), [((80, 24), False, True), ((77, 24), False, False), ((80, 24), True, False)]
)
async def test_the_qr_code_is_drawn_where_it_fits(
    given: dict[str, Any], size: tuple[int, int], plain: bool, drawn: bool
) -> None:
    set_up(given)
    async with at_desk(size) as desk:
        if not plain:
            from artui.tui.look import UNICODE

            desk.console.glyphs = UNICODE
        await open_accounts(desk)
        await press_sign_in(desk)
        await desk.sees("and enter the code", "expires", "cancel")
        assert ("▀" in "\n".join(desk.lines())) is drawn
        assert {len(line) for line in desk.lines()} == {size[0]}


def test_a_qr_code_of_a_real_address_fits_into_the_least_terminal() -> None:
    lines = qr_code("https://auth.autoretouch.com/activate?user_code=ABCD-EFGH").plain.split("\n")
    assert len(lines) <= 19
    assert {len(line) for line in lines} == {37}
    assert lines[0] == " " * 37


async def test_a_pasted_key_is_tried_and_never_shown(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(given, organization=given["organization"])
    key = given["refresh_token"]
    async with at_desk() as desk:
        await open_accounts(desk)
        await paste(desk, "wrong-key-altogether")
        await desk.press("enter")
        await desk.sees("unknown or invalid refresh token")
        await paste(desk, key)
        assert key not in "\n".join(desk.lines()) + desk.console.export_screenshot()
        await desk.press("enter")
        await desk.sees("Which organization pays?")
        await desk.press("enter")
        await desk.sees("key: memory (until artui ends)", "ready")
        assert key not in "\n".join(desk.lines()) + repr(desk.console.screen) + desk.console.export_screenshot()
        assert os.environ["ARTUI_STUDIO_TOKEN"] == key
        assert not list(paths().credentials.glob("*.json"))


async def test_a_key_that_is_set_from_outside_is_not_replaced(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(given)
    monkeypatch.setenv("ARTUI_STUDIO_TOKEN", given["refresh_token"])
    async with at_desk() as desk:
        await open_accounts(desk)
        await desk.press("s")
        await desk.sees("The key of studio is set from outside (ARTUI_STUDIO_TOKEN): change it there.")


async def test_signing_out_revokes_forgets_and_pauses(given: dict[str, Any], stand_in: Simulator) -> None:
    set_up(given, organization=given["organization"])
    keep(given["refresh_token"])
    fill(SENT, QUEUED, QUEUED)
    async with at_desk() as desk:
        desk.pretend_engine()
        desk.write(offers.name_organization, given["organization"], "Acme [/] Footwear")
        await open_accounts(desk)
        await desk.sees("Acme [/] Footwear", "file")
        await desk.until(lambda: desk.console.look.engine)
        before = revocations(stand_in)
        await desk.press("x")
        await desk.sees("Sign studio out?", "1 sent photo is safe", "2 wait")
        await desk.press("enter")
        await desk.until(lambda: len(desk.console.screen_stack) == 1)
        assert Vault(paths()).find("studio")
        await desk.press("x", "x", "y")
        await desk.until(lambda: Vault(paths()).find("studio") is None)
        await desk.until(lambda: desk.requests() == [("pause", None)])
        await desk.until(lambda: desk.console.journal.read(offers.paused_by_sign_out, "studio"))
        assert revocations(stand_in) == before + 1


async def test_signing_out_offline_keeps_the_key_unless_a_person_insists(
    given: dict[str, Any], stand_in: Simulator
) -> None:
    set_up(given)
    keep(given["refresh_token"])
    stand_in.faults.add([{"route": "autoretouch.revoke", "do": "status:500", "times": 9}])
    async with at_desk() as desk:
        await open_accounts(desk)
        await desk.sees("file")
        await sign_out(desk)
        await desk.sees("Not signed out at the service")
        await desk.press("enter")
        await desk.until(lambda: len(desk.console.screen_stack) == 1)
        assert Vault(paths()).find("studio")
        await sign_out(desk)
        await desk.sees("Not signed out at the service", "f  forget it here only")
        await desk.press("y", "f")
        await desk.until(lambda: Vault(paths()).find("studio") is None)


async def test_balance_and_the_account_in_use() -> None:
    for name in ("acme", "north"):
        set_up({"api_url": "https://one.invalid", "auth_url": "https://two.invalid"}, name=name)
    save_setting(paths(), "account", "acme")
    async with at_desk() as desk:
        await open_accounts(desk)
        desk.write(accounts.set_balance, "north", 4321, 0.0)
        desk.write(accounts.set_hold, "north", "credits", "4 credits left \x1b[31m[@click=app.quit]now[/]")
        await desk.sees("4,321 cr", "* acme")
        await desk.press("down", "R")
        await desk.until(desk.requests)
        assert desk.requests() == [("refresh", None)]
        await desk.sees(r"held: 4 credits left \x1b[31m[@click=app.quit]now[/]")
        await desk.press("enter")
        await desk.sees("* north", "north (credits) 4,321 cr")
        assert load().default_account == "north"


async def test_a_readonly_console_changes_no_account(given: dict[str, Any]) -> None:
    set_up(given)
    async with at_desk(readonly=True) as desk:
        await open_accounts(desk)
        await desk.sees("signed out")
        assert "sign in " not in desk.lines()[-1]
        await desk.press("s", "t", "R", "x", "enter")
        assert len(desk.console.screen_stack) == 1
        assert desk.requests() == []


@pytest.mark.parametrize(("key", "now", "apart"), [("n", OLD, set()), ("s", NEW, set()), ("o", OLD, {OLD})])
async def test_whose_an_earlier_key_was_a_person_says_or_leaves_open(key: str, now: str, apart: set[str]) -> None:
    async with at_desk() as desk:
        account = AccountConfig("studio", "retouch4me", "studio")
        customer = Customer(NEW, (Earlier(OLD, 3),))
        desk.console.soon(SignIn(desk.console, account, pasted=True)._tell_apart(customer))
        await desk.sees("under which 3 photos may have been", "n  I cannot tell")
        await desk.press(key)
        await desk.until(lambda: len(desk.console.screen_stack) == 1)
        await desk.until(lambda: desk.console.journal.read(customers.current, OLD) == now)
        await desk.until(lambda: desk.console.journal.read(customers.others, NEW) == apart)
