"""Secrets stay out of sight, tokens lie where they should, and each refresh token is used for one refresh."""

from __future__ import annotations

import asyncio
import copy
import io
import json
import logging
import os
import pickle
import stat
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keyring.backend
import pytest
from keyring.backends.fail import Keyring as FailingKeyring
from keyring.errors import KeyringLocked

from artui import config
from artui.cli import run
from artui.cli.exits import Exit
from artui.config import Paths, paths
from artui.credentials import (
    AccessTokens,
    CredentialProblem,
    KeyStore,
    Refreshed,
    Secret,
    SignedOut,
    Stored,
    Vault,
    scrub,
)
from artui.credentials.ring import Ring
from tests.waiting import eventually, until

CANARY = "canary-4711-üñ%/+"
TOKEN = "v1.Mabc-4711_token"


class Desktop(keyring.backend.KeyringBackend):
    """A keyring in memory that can be made slow, sick or forgetful."""

    priority = 5

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}
        self.asked = 0
        self.answers = threading.Event()
        self.answers.set()
        self.error: Exception | None = None
        self.keeps = True

    def _turn(self) -> None:
        self.asked += 1
        self.answers.wait(30)
        if self.error:
            raise self.error

    def get_password(self, service: str, username: str) -> str | None:
        self._turn()
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._turn()
        if self.keeps:
            self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._turn()
        del self.entries[service, username]


@pytest.fixture
def desktop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desktop]:
    backend = Desktop()
    monkeypatch.setattr(keyring, "get_keyring", lambda: backend)
    yield backend
    backend.answers.set()


@pytest.fixture
def where() -> Paths:
    return config.paths()


@pytest.fixture
def vault(where: Paths) -> Vault:
    return Vault(where, {}, ring=Ring())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def found(vault: Vault, account: str = "studio") -> Stored:
    stored = vault.find(account)
    assert stored is not None
    return stored


# --- a secret ------------------------------------------------------------------------------------------------------


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret(CANARY)
    assert secret.reveal() == CANARY
    for text in (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>20}",
        f"{secret:>20}",
        "%s" % secret,  # noqa: UP031  as logging does
        repr([secret]),
    ):
        assert "canary" not in text
        assert "[secret]" in text
    assert secret
    assert not Secret("")


def test_secrets_compare_by_content() -> None:
    assert Secret("one-value") == Secret("one-value")
    assert Secret("one-value") != Secret("other-value")
    assert Secret("one-value") != "one-value"
    assert len({Secret("one-value"), Secret("one-value")}) == 1
    assert Secret("odd \udcff") == Secret("odd \udcff")


def test_a_secret_does_not_leave_its_process() -> None:
    secret = Secret(CANARY)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="does not leave"):
            pickle.dumps(secret, protocol)
    with pytest.raises(TypeError):
        json.dumps(secret)
    assert copy.deepcopy([secret])[0] is secret
    assert copy.copy(secret) is secret


def test_text_is_cleaned_of_every_living_secret() -> None:
    secret, longer, short = Secret(CANARY), Secret(f"{CANARY}-and-more"), Secret("cat")
    text = f"a {CANARY} b {CANARY}-and-more c canary-4711-%C3%BC%C3%B1%25%2F%2B d cat"
    assert scrub(text) == "a [secret] b [secret] c [secret] d cat"
    del secret, longer, short
    assert scrub("nothing to hide") == "nothing to hide"


def test_one_of_two_equal_secrets_keeps_the_value_known() -> None:
    first, second = Secret("twice-the-same"), Secret("twice-the-same")
    del first
    assert scrub("x twice-the-same") == "x [secret]"
    del second
    assert scrub("x twice-the-same") == "x twice-the-same"


def test_no_traceback_or_log_tells_a_token(vault: Vault, where: Paths, caplog: pytest.LogCaptureFixture) -> None:
    stored = vault.keep("studio", Secret(TOKEN), KeyStore.FILE)
    try:
        raise SignedOut(f"no more {stored} {stored.secret!r}")  # noqa: TRY301
    except SignedOut as error:
        logging.getLogger("artui").exception("failed for %s with %s", vault, stored, exc_info=error)
        text = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert TOKEN not in text
    assert TOKEN not in caplog.text
    assert "[secret]" in caplog.text


# --- where tokens lie ----------------------------------------------------------------------------------------------


def test_without_a_token_there_is_none(vault: Vault, where: Paths) -> None:
    assert vault.find("studio") is None
    assert not where.state.exists()


def test_the_environment_holds_a_token(where: Paths) -> None:
    stored = found(Vault(where, {"ARTUI_MY_STUDIO_TOKEN": f" {TOKEN}\n"}, ring=Ring()), "my-studio")
    assert stored.secret == Secret(TOKEN)
    assert (stored.place, stored.detail) == (KeyStore.ENVIRONMENT, "ARTUI_MY_STUDIO_TOKEN")


@pytest.mark.parametrize("name", ["studio.token", "artui-studio"])
def test_systemd_hands_a_token_over(where: Paths, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(f"{TOKEN}\n")
    (tmp_path / name).chmod(0o440)  # what systemd makes with an access list
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path), "ARTUI_STUDIO_TOKEN": "another-token"}
    stored = found(Vault(where, environ, ring=Ring()))
    assert stored.secret == Secret(TOKEN)
    assert (stored.place, stored.detail) == (KeyStore.SYSTEMD, str(tmp_path / name))
    (tmp_path / name).chmod(0o444)
    with pytest.raises(CredentialProblem, match="is open to others"):
        Vault(where, environ, ring=Ring()).find("studio")


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_a_token_file_is_private_from_birth(vault: Vault, where: Paths, umask: int) -> None:
    before = os.umask(umask)
    try:
        vault.keep("studio", Secret(TOKEN), KeyStore.FILE)
        vault.lock_file(found(vault))
    finally:
        os.umask(before)
    file = where.credentials / "studio.json"
    assert mode(where.state) == mode(where.credentials) == 0o700
    assert {path.name: mode(path) & 0o077 for path in where.credentials.iterdir()} == {
        "studio.json": 0,
        "write.lock": 0,
    }
    assert mode(file) == 0o600
    stored = found(Vault(where, {}, ring=Ring()))
    assert (stored.secret, stored.place, stored.detail) == (Secret(TOKEN), KeyStore.FILE, str(file))


@pytest.mark.parametrize("bits", [0o644, 0o640, 0o604, 0o620])
def test_a_token_file_open_to_others_is_refused_with_the_way_out(vault: Vault, where: Paths, bits: int) -> None:
    vault.keep("studio", Secret(TOKEN), KeyStore.FILE)
    file = where.credentials / "studio.json"
    file.chmod(bits)
    with pytest.raises(CredentialProblem) as caught:
        vault.find("studio")
    assert str(caught.value) == f"{file} is open to others and is not used: run chmod 600 {file}"
    file.chmod(0o600)
    assert found(vault).secret == Secret(TOKEN)


def test_a_token_file_that_is_none_is_refused(vault: Vault, where: Paths, tmp_path: Path) -> None:
    file = where.credentials / "studio.json"
    for content in ("", "{", "[]", '{"token": 3}', "{}", "\udcff"):
        vault.keep("studio", Secret(TOKEN), KeyStore.FILE)
        file.write_bytes(content.encode("utf-8", "surrogateescape"))
        with pytest.raises(CredentialProblem, match="is damaged: remove it, then run artui login"):
            vault.find("studio")
    file.unlink()
    file.symlink_to(tmp_path)
    with pytest.raises(CredentialProblem, match="is a link and is not used"):
        vault.find("studio")
    file.unlink()
    file.mkdir()
    with pytest.raises(CredentialProblem, match="no regular file"):
        vault.find("studio")
    file.rmdir()
    os.mkfifo(file, 0o600)
    with pytest.raises(CredentialProblem, match="no regular file"):
        vault.find("studio")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_token_file_of_another_user_is_refused(vault: Vault, where: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    vault.keep("studio", Secret(TOKEN), KeyStore.FILE)
    os.chown(where.credentials / "studio.json", 4711, 4711)
    with pytest.raises(CredentialProblem, match="belongs to another user"):
        vault.find("studio")


@pytest.mark.parametrize("text", ["two words-4711", "two\nlines-4711", "ümlaut-4711", "nul-4711\0"])
def test_text_that_can_be_no_token_is_refused_and_not_repeated(vault: Vault, where: Paths, text: str) -> None:
    with pytest.raises(CredentialProblem, match="copy the key again") as caught:
        Vault(where, {"ARTUI_STUDIO_TOKEN": text}, ring=Ring()).find("studio")
    assert "4711" not in str(caught.value)
    with pytest.raises(CredentialProblem, match="copy the key again"):
        vault.keep("studio", Secret(text), KeyStore.MEMORY)
    assert text not in scrub(f"locals: {text}")


def test_an_empty_token_is_not_kept(vault: Vault) -> None:
    with pytest.raises(CredentialProblem, match="the key is empty"):
        vault.keep("studio", Secret(" \n"), KeyStore.FILE)


def test_a_token_in_memory_ends_with_the_process(vault: Vault, where: Paths) -> None:
    vault.keep("studio", Secret(TOKEN), KeyStore.MEMORY)
    assert found(vault).place is KeyStore.MEMORY
    assert Vault(where, {}, ring=Ring()).find("studio") is None


@pytest.mark.parametrize("place", [KeyStore.ENVIRONMENT, KeyStore.SYSTEMD])
def test_what_is_set_from_outside_is_not_written(vault: Vault, place: KeyStore) -> None:
    with pytest.raises(CredentialProblem, match="cannot write"):
        vault.keep("studio", Secret(TOKEN), place)


def test_a_full_disk_is_said(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("artui.credentials.vault.write_private", full)
    with pytest.raises(CredentialProblem, match=r"credentials cannot be written \(No space left on device\)"):
        vault.keep("studio", Secret(TOKEN), KeyStore.FILE)


# --- the keyring ---------------------------------------------------------------------------------------------------


def test_the_keyring_keeps_a_token(vault: Vault, where: Paths, desktop: Desktop) -> None:
    assert vault.keep("studio", Secret(TOKEN), KeyStore.KEYRING).place is KeyStore.KEYRING
    assert desktop.entries == {(f"artui {where.state}", "studio"): TOKEN}
    assert found(Vault(where, {}, ring=Ring())).place is KeyStore.KEYRING
    elsewhere = Paths(*[where.config / "other"] * 4)
    assert Vault(elsewhere, {}, ring=Ring()).find("studio") is None


def test_keyring_and_file_never_both_hold_a_token(vault: Vault, where: Paths, desktop: Desktop) -> None:
    vault.keep("studio", Secret("first-token"), KeyStore.KEYRING)
    vault.keep("studio", Secret("second-token"), KeyStore.FILE)
    assert not desktop.entries
    assert found(vault).secret == Secret("second-token")
    vault.keep("studio", Secret("third-token"), KeyStore.KEYRING)
    assert not (where.credentials / "studio.json").exists()
    assert found(vault).secret == Secret("third-token")


def test_a_file_chosen_over_a_silent_keyring_wins_when_that_speaks_again(where: Paths, desktop: Desktop) -> None:
    Vault(where, {}, ring=Ring()).keep("studio", Secret("first-token"), KeyStore.KEYRING)
    desktop.error = RuntimeError("locked")
    Vault(where, {}, ring=Ring()).keep("studio", Secret("second-token"), KeyStore.FILE)
    desktop.error = None
    assert found(Vault(where, {}, ring=Ring())).secret == Secret("second-token")


def test_a_silent_keyring_is_left_after_a_moment_and_not_asked_again(where: Paths, desktop: Desktop) -> None:
    desktop.answers.clear()
    vault = Vault(where, {}, ring=Ring(patience=0.2))
    began = time.monotonic()
    assert vault.find("studio") is None
    assert vault.find("other") is None
    assert time.monotonic() - began < 5
    assert desktop.asked == 1
    assert vault.keyring_complaint == "the keyring did not answer within 0.2 s"
    with pytest.raises(CredentialProblem, match=r"did not answer.*in a file, or set ARTUI_STUDIO_TOKEN"):
        vault.keep("studio", Secret(TOKEN), KeyStore.KEYRING)


def test_a_failing_keyring_counts_as_none_for_now(where: Paths, desktop: Desktop, vault: Vault) -> None:
    vault.keep("studio", Secret(TOKEN), KeyStore.KEYRING)
    desktop.error = RuntimeError("canary: locked")
    assert vault.find("studio") is None
    with pytest.raises(CredentialProblem, match=r"the keyring failed \(RuntimeError\)") as caught:
        vault.keep("studio", Secret(TOKEN), KeyStore.KEYRING)
    assert "canary" not in str(caught.value)
    desktop.error = None
    assert found(vault).place is KeyStore.KEYRING


def test_a_keyring_that_keeps_nothing_is_noticed(vault: Vault, desktop: Desktop) -> None:
    desktop.keeps = False
    with pytest.raises(CredentialProblem, match="did not keep"):
        vault.keep("studio", Secret(TOKEN), KeyStore.KEYRING)


@pytest.mark.parametrize("priority", [0.5, -1])
def test_a_keyring_that_protects_nothing_is_none(vault: Vault, desktop: Desktop, priority: float) -> None:
    desktop.priority = priority  # type: ignore[assignment]
    with pytest.raises(CredentialProblem, match="this machine has no keyring"):
        vault.keep("studio", Secret(TOKEN), KeyStore.KEYRING)
    assert vault.find("studio") is None
    assert desktop.asked == 0
    assert vault.forget("studio") == []


def test_the_failing_backend_is_none(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "get_keyring", FailingKeyring)
    with pytest.raises(CredentialProblem, match="this machine has no keyring"):
        vault.keep("studio", Secret(TOKEN), KeyStore.KEYRING)


# --- renewed and forgotten -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [KeyStore.FILE, KeyStore.KEYRING])
def test_a_renewed_token_lies_where_the_old_one_lay(
    vault: Vault, where: Paths, desktop: Desktop, place: KeyStore
) -> None:
    vault.keep("studio", Secret("first-token"), place)
    vault.renew("studio", found(vault), Secret("second-token"))
    stored = found(Vault(where, {}, ring=Ring()))
    assert (stored.secret, stored.place) == (Secret("second-token"), place)
    assert not list(where.credentials.glob("*.renewed.json"))


def test_a_renewed_token_from_outside_lies_beside_its_seed_and_a_new_seed_wins(where: Paths) -> None:
    vault = Vault(where, {"ARTUI_STUDIO_TOKEN": "first-token"}, ring=Ring())
    vault.renew("studio", found(vault), Secret("second-token"))
    vault.renew("studio", found(vault), Secret("third-token"))
    (file,) = where.credentials.glob("*.renewed.json")
    assert mode(file) == 0o600
    assert "first-token" not in file.read_text()
    stored = found(Vault(where, {"ARTUI_STUDIO_TOKEN": "first-token"}, ring=Ring()))
    assert (stored.secret, stored.seed, stored.place) == (
        Secret("third-token"),
        Secret("first-token"),
        KeyStore.ENVIRONMENT,
    )
    assert str(file) in stored.detail
    assert found(Vault(where, {"ARTUI_STUDIO_TOKEN": "new-token"}, ring=Ring())).secret == Secret("new-token")


def test_accounts_with_one_token_from_outside_share_what_it_became(where: Paths) -> None:
    environ = {"ARTUI_ONE_TOKEN": "first-token", "ARTUI_TWO_TOKEN": "first-token"}
    vault = Vault(where, environ, ring=Ring())
    vault.renew("one", found(vault, "one"), Secret("second-token"))
    assert found(vault, "two").secret == Secret("second-token")
    assert vault.lock_file(found(vault, "one")) == vault.lock_file(found(vault, "two"))


def test_a_renewed_token_outlives_a_keyring_that_fell_silent(vault: Vault, where: Paths, desktop: Desktop) -> None:
    vault.keep("studio", Secret("first-token"), KeyStore.KEYRING)
    used = found(vault)
    desktop.keeps = False
    vault.renew("studio", used, Secret("second-token"))
    assert found(vault).secret == Secret("second-token")
    desktop.keeps = True
    vault.renew("studio", found(vault), Secret("third-token"))
    assert desktop.entries == {(f"artui {where.state}", "studio"): "third-token"}
    assert not list(where.credentials.glob("*.renewed.json"))


def test_a_new_sign_in_is_not_overwritten_by_the_renewal_of_the_old(vault: Vault) -> None:
    vault.keep("studio", Secret("first-token"), KeyStore.FILE)
    used = found(vault)
    vault.keep("studio", Secret("signed-in-anew"), KeyStore.FILE)
    vault.renew("studio", used, Secret("second-token"))
    assert found(vault).secret == Secret("signed-in-anew")


def test_a_damaged_renewed_token_does_not_bring_back_the_old_one(where: Paths) -> None:
    vault = Vault(where, {"ARTUI_STUDIO_TOKEN": "first-token"}, ring=Ring())
    vault.renew("studio", found(vault), Secret("second-token"))
    (file,) = where.credentials.glob("*.renewed.json")
    file.write_text("{")
    with pytest.raises(CredentialProblem, match="damaged"):
        vault.find("studio")


def test_forgetting_names_the_places(where: Paths, desktop: Desktop) -> None:
    vault = Vault(where, {}, ring=Ring())
    assert vault.forget("studio") == []
    vault.keep("studio", Secret(TOKEN), KeyStore.FILE)
    desktop.entries[f"artui {where.state}", "studio"] = TOKEN
    vault._memory["studio"] = Secret(TOKEN)
    assert vault.forget("studio") == [KeyStore.MEMORY, KeyStore.FILE, KeyStore.KEYRING]
    assert vault.find("studio") is None


def test_forgetting_leaves_what_is_set_from_outside_and_shows_it(where: Paths) -> None:
    vault = Vault(where, {"ARTUI_STUDIO_TOKEN": "first-token"}, ring=Ring())
    vault.renew("studio", found(vault), Secret("second-token"))
    assert vault.forget("studio") == [KeyStore.FILE]
    assert found(vault).secret == Secret("first-token")


def test_forgetting_says_when_the_keyring_may_still_hold_the_token(
    where: Paths, desktop: Desktop, vault: Vault
) -> None:
    vault.keep("studio", Secret(TOKEN), KeyStore.FILE)
    desktop.error = RuntimeError("locked")
    with pytest.raises(CredentialProblem, match=r"so the key of studio may still be in it"):
        vault.forget("studio")
    assert not (where.credentials / "studio.json").exists()


# --- the one refresh -----------------------------------------------------------------------------------------------


class Service:
    """A login host: counts what is used, may renew refresh tokens, waits while its gate is closed."""

    def __init__(self, *, rotates: bool = False, lifetime: float = 86_400) -> None:
        self.used: Counter[str] = Counter()
        self.good = {"token-0"}
        self.rotates = rotates
        self.lifetime = lifetime
        self.error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.calls = 0

    async def exchange(self, token: Secret) -> Refreshed:
        self.calls += 1
        self.used[token.reveal()] += 1
        await self.gate.wait()
        if self.error:
            raise self.error
        if token.reveal() not in self.good:
            raise SignedOut("studio is signed out: the service no longer accepts its token")
        fresh = None
        if self.rotates:
            self.good = {f"token-{self.calls}"}
            fresh = Secret(f"token-{self.calls}")
        return Refreshed(Secret(f"access-{self.calls}"), self.lifetime, fresh)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept(vault: Vault) -> Vault:
    vault.keep("studio", Secret("token-0"), KeyStore.FILE)
    return vault


async def test_one_exchange_serves_until_shortly_before_the_end(kept: Vault, clock: Clock) -> None:
    service = Service()
    tokens = AccessTokens(kept, "studio", service.exchange, monotonic=clock)
    first = await tokens.get()
    assert await tokens.get() == first
    clock.now += 86_400 - 121
    assert await tokens.get() == first
    assert await tokens.get(needed_for=100) == first
    assert (await tokens.get(needed_for=300)).reveal() == "access-2"
    clock.now += 86_400 - 119
    assert (await tokens.get()).reveal() == "access-3"
    assert service.calls == 3


async def test_the_wall_clock_does_not_matter(kept: Vault, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service()
    tokens = AccessTokens(kept, "studio", service.exchange, monotonic=clock)
    await tokens.get()
    monkeypatch.setattr(time, "time", lambda: 4e9)
    await tokens.get()
    assert service.calls == 1


async def test_a_short_lived_token_is_used_for_half_its_life(kept: Vault, clock: Clock) -> None:
    service = Service(lifetime=60)
    tokens = AccessTokens(kept, "studio", service.exchange, monotonic=clock)
    await tokens.get(needed_for=600)
    clock.now += 29
    await tokens.get(needed_for=600)
    assert service.calls == 1
    clock.now += 2
    await tokens.get()
    assert service.calls == 2


async def test_the_lifetime_counts_from_before_the_request(kept: Vault, clock: Clock) -> None:
    service = Service(lifetime=1000)
    service.gate.clear()
    tokens = AccessTokens(kept, "studio", service.exchange, monotonic=clock)
    waiting = asyncio.create_task(tokens.get())
    await eventually(lambda: service.calls == 1)
    clock.now += 900
    service.gate.set()
    await waiting
    await tokens.get()
    assert service.calls == 2


async def test_all_who_ask_at_once_share_one_exchange(kept: Vault) -> None:
    service = Service()
    service.gate.clear()
    tokens = AccessTokens(kept, "studio", service.exchange)
    waiting = [asyncio.create_task(tokens.get()) for _ in range(50)]
    await eventually(lambda: service.calls == 1)
    service.gate.set()
    assert {token.reveal() for token in await asyncio.gather(*waiting)} == {"access-1"}
    assert service.calls == 1


async def test_a_refused_access_token_is_replaced_once(kept: Vault) -> None:
    service = Service()
    tokens = AccessTokens(kept, "studio", service.exchange)
    old = await tokens.get()
    new = await asyncio.gather(*(tokens.rejected(old) for _ in range(20)))
    assert {token.reveal() for token in new} == {"access-2"}
    assert (await tokens.rejected(old)).reveal() == "access-2"
    assert (await tokens.get()).reveal() == "access-2"
    assert service.calls == 2


async def test_a_refused_access_token_is_not_handed_out_while_its_successor_is_fetched(kept: Vault) -> None:
    service = Service()
    tokens = AccessTokens(kept, "studio", service.exchange)
    old = await tokens.get()
    service.gate.clear()
    waiting = [asyncio.create_task(tokens.rejected(old)), asyncio.create_task(tokens.get())]
    await eventually(lambda: service.calls == 2)
    service.gate.set()
    assert [token.reveal() for token in await asyncio.gather(*waiting)] == ["access-2", "access-2"]


async def test_a_cancelled_waiter_takes_nobody_along(kept: Vault) -> None:
    service = Service()
    service.gate.clear()
    tokens = AccessTokens(kept, "studio", service.exchange)
    first, second = asyncio.create_task(tokens.get()), asyncio.create_task(tokens.get())
    await eventually(lambda: service.calls == 1)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    service.gate.set()
    assert (await second).reveal() == "access-1"


async def test_a_refresh_nobody_waits_for_any_more_ends_quietly_and_is_kept(kept: Vault) -> None:
    service = Service(rotates=True)
    service.gate.clear()
    tokens = AccessTokens(kept, "studio", service.exchange)
    waiting = asyncio.create_task(tokens.get())
    await eventually(lambda: service.calls == 1)
    waiting.cancel()
    service.gate.set()
    await tokens.settle()
    assert found(kept).secret == Secret("token-1")
    assert (await tokens.get()).reveal() == "access-1"
    service.error, service.gate = OSError("no route"), asyncio.Event()
    waiting = asyncio.create_task(tokens.rejected(Secret("access-1")))
    await eventually(lambda: service.calls == 2)
    waiting.cancel()
    service.gate.set()
    await tokens.settle()


async def test_without_a_token_the_account_is_signed_out(vault: Vault) -> None:
    service = Service()
    tokens = AccessTokens(vault, "studio", service.exchange)
    with pytest.raises(SignedOut, match="studio is not signed in: artui login studio, or 5 in the console"):
        await tokens.get()
    vault.keep("studio", Secret("token-0"), KeyStore.FILE)
    assert (await tokens.get()).reveal() == "access-1"


async def test_signed_out_because_of_a_silent_keyring_says_so(where: Paths, desktop: Desktop) -> None:
    desktop.answers.clear()
    tokens = AccessTokens(Vault(where, {}, ring=Ring(patience=0.1)), "studio", Service().exchange)
    with pytest.raises(SignedOut, match=r"sign-in of studio cannot be read: the keyring did not answer within 0.1 s"):
        await tokens.get()


async def test_a_late_answer_of_the_keyring_is_taken_and_a_person_is_asked_once(
    where: Paths, desktop: Desktop, vault: Vault
) -> None:
    vault.keep("studio", Secret(TOKEN), KeyStore.KEYRING)
    desktop.answers.clear()
    desktop.asked = 0
    late = Vault(where, {}, ring=Ring(patience=0.05))
    for _ in range(3):
        assert late.find("studio") is None
        assert late.find("other") is None
    assert late.keyring_complaint
    desktop.answers.set()
    until(lambda: not late._ring.complaint)
    assert found(late).secret == Secret(TOKEN)
    assert desktop.asked == 1, "no second question to the person"
    assert found(late).secret == Secret(TOKEN)
    assert not late.keyring_complaint
    assert desktop.asked == 2


def test_a_late_answer_is_not_believed_after_a_new_sign_in(where: Paths, desktop: Desktop, vault: Vault) -> None:
    vault.keep("studio", Secret("first-token"), KeyStore.KEYRING)
    desktop.answers.clear()
    late = Vault(where, {}, ring=Ring(patience=0.05))
    assert late.find("studio") is None
    desktop.answers.set()
    until(lambda: not late._ring.complaint)
    late.keep("studio", Secret("second-token"), KeyStore.KEYRING)
    assert found(late).secret == Secret("second-token")


def test_a_person_gets_time_on_a_mac(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("artui.credentials.ring.is_mac", lambda: True)
    assert Ring().patience == 60


@pytest.mark.parametrize("trouble", [KeyringLocked("canary"), RuntimeError("canary")])
async def test_a_locked_keyring_never_counts_as_signed_out(
    where: Paths, desktop: Desktop, vault: Vault, trouble: Exception
) -> None:
    vault.keep("studio", Secret("token-0"), KeyStore.KEYRING)
    desktop.error = trouble
    tokens = AccessTokens(vault, "studio", Service().exchange)
    with pytest.raises(
        SignedOut, match=r"the sign-in of studio cannot be read: the keyring (is locked|failed)"
    ) as told:
        await tokens.get()
    assert "not signed in" not in str(told.value)
    assert "canary" not in str(told.value)
    desktop.error = None
    assert await tokens.get()
    assert not vault.keyring_complaint


@pytest.mark.parametrize("hangs", [False, True])
def test_a_token_renewed_while_the_keyring_fails_is_not_lost(
    where: Paths, desktop: Desktop, vault: Vault, *, hangs: bool
) -> None:
    vault.keep("studio", Secret("first-token"), KeyStore.KEYRING)
    renewing = Vault(where, {}, ring=Ring(patience=0.1))
    used = found(renewing)
    desktop.error = KeyringLocked()
    if hangs:
        desktop.answers.clear()
    renewing.renew("studio", used, Secret("second-token"))
    (file,) = where.credentials.glob("*.renewed.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    desktop.error = None
    desktop.answers.set()
    assert found(Vault(where, {}, ring=Ring())).secret == Secret("second-token")


def test_a_sign_in_elsewhere_while_the_keyring_fails_is_left_alone(
    where: Paths, desktop: Desktop, vault: Vault
) -> None:
    vault.keep("studio", Secret("first-token"), KeyStore.KEYRING)
    used = found(vault)
    desktop.error = KeyringLocked()
    vault.keep("studio", Secret("signed-in-anew"), KeyStore.FILE)
    vault.renew("studio", used, Secret("second-token"))
    assert not list(where.credentials.glob("*.renewed.json"))
    assert found(vault).secret == Secret("signed-in-anew")


async def test_a_refused_refresh_token_is_not_tried_again_until_it_changes(kept: Vault) -> None:
    service = Service()
    service.good = {"token-new"}
    tokens = AccessTokens(kept, "studio", service.exchange)
    for _ in range(3):
        with pytest.raises(SignedOut, match="no longer accepts"):
            await tokens.get()
    assert service.used == {"token-0": 1}
    kept.keep("studio", Secret("token-new"), KeyStore.FILE)
    assert (await tokens.get()).reveal() == "access-2"


async def test_a_sign_in_during_a_refused_exchange_is_used_at_once(kept: Vault) -> None:
    service = Service()
    service.good = {"token-new"}
    service.gate.clear()
    tokens = AccessTokens(kept, "studio", service.exchange)
    waiting = asyncio.create_task(tokens.get())
    await eventually(lambda: service.calls == 1)
    kept.keep("studio", Secret("token-new"), KeyStore.FILE)
    service.gate.set()
    assert (await waiting).reveal() == "access-2"


async def test_other_errors_pass_through_and_are_not_remembered(kept: Vault) -> None:
    service = Service()
    service.error = OSError("no route")
    tokens = AccessTokens(kept, "studio", service.exchange)
    with pytest.raises(OSError, match="no route"):
        await tokens.get()
    service.error = None
    assert (await tokens.get()).reveal() == "access-2"


async def test_a_renewed_refresh_token_is_durable_before_the_access_token_is_out(
    kept: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(rotates=True)
    tokens = AccessTokens(kept, "studio", service.exchange)
    renewing, may_renew = threading.Event(), threading.Event()
    renew = Vault.renew

    def slow(vault: Vault, account: str, used: Stored, rotated: Secret) -> None:
        renewing.set()
        may_renew.wait(10)
        renew(vault, account, used, rotated)

    monkeypatch.setattr(Vault, "renew", slow)
    waiting = asyncio.create_task(tokens.get())
    await eventually(renewing.is_set)
    for _ in range(20):
        await asyncio.sleep(0)
    assert not waiting.done()
    assert tokens._access is None
    may_renew.set()
    assert (await waiting).reveal() == "access-1"
    assert found(kept).secret == Secret("token-1")


async def test_a_renewed_refresh_token_that_cannot_be_written_is_not_lost(
    kept: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(rotates=True)
    tokens = AccessTokens(kept, "studio", service.exchange)
    with monkeypatch.context() as patch:
        patch.setattr("artui.credentials.vault.write_private", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
        for _ in range(2):
            with pytest.raises(CredentialProblem, match=r"cannot be written \(full\)"):
                await tokens.get()
    assert (await tokens.get()).reveal() == "access-1"
    assert service.used == {"token-0": 1}
    assert found(kept).secret == Secret("token-1")


async def test_the_event_loop_turns_while_another_holds_the_lock(kept: Vault) -> None:
    service = Service()
    tokens = AccessTokens(kept, "studio", service.exchange)
    with config.locked(kept.lock_file(found(kept))):
        waiting = asyncio.create_task(tokens.get())
        began = time.monotonic()
        for _ in range(100):
            await asyncio.sleep(0.001)
        assert time.monotonic() - began < 5
        assert service.calls == 0
        assert not waiting.done()
    assert (await waiting).reveal() == "access-1"


async def test_a_cancelled_wait_for_the_lock_leaves_no_lock(kept: Vault) -> None:
    file = kept.lock_file(found(kept))
    tokens = AccessTokens(kept, "studio", Service().exchange)
    with config.locked(file):
        waiting = asyncio.create_task(tokens.get())
        await asyncio.sleep(0.1)
        (flight,) = tokens._flights._under_way.values()
        flight.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    with config.locked(file, patience=0.1):
        pass


async def test_a_lock_that_cannot_be_made_is_named(kept: Vault) -> None:
    kept.lock_file(found(kept)).mkdir()
    with pytest.raises(CredentialProblem, match=r"studio\.lock cannot be locked \(Is a directory\)"):
        await AccessTokens(kept, "studio", Service().exchange).get()


async def test_a_lock_that_is_kept_for_ever_ends_in_an_error(kept: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("artui.credentials.tokens._PATIENCE", 0.1)
    tokens = AccessTokens(kept, "studio", Service().exchange)
    with (
        config.locked(kept.lock_file(found(kept))),
        pytest.raises(TimeoutError, match=r"another artui has kept .*studio\.lock"),
    ):
        await tokens.get()


async def test_two_that_share_a_renewing_token_never_use_one_twice(where: Paths, vault: Vault) -> None:
    """The same as between processes: each has a vault and a lock of its own."""
    vault.keep("studio", Secret("token-0"), KeyStore.FILE)
    service = Service(rotates=True)
    sharers = [AccessTokens(Vault(where, {}, ring=Ring()), "studio", service.exchange) for _ in range(5)]
    for _ in range(3):
        current = await asyncio.gather(*(tokens.get() for tokens in sharers))
        await asyncio.gather(*(tokens.rejected(access) for tokens, access in zip(sharers, current, strict=True)))
    assert set(service.used.values()) == {1}
    assert found(vault).secret == Secret(f"token-{service.calls}")


WORKER = """
import asyncio, os, sys, time
from pathlib import Path
from artui import config
from artui.credentials import AccessTokens, Refreshed, Secret, SignedOut, Vault

ledger = Path(sys.argv[1])

async def exchange(token):
    # A service that renews: it accepts the one token it gave last, and notes each use.
    with ledger.open("a") as stream:
        stream.write(token.reveal() + chr(10))
    current = (ledger.parent / "current").read_text()
    if token.reveal() != current:
        raise SignedOut("used twice")
    await asyncio.sleep(0.01)
    fresh = "token-" + os.urandom(8).hex()
    (ledger.parent / "current").write_text(fresh)
    return Refreshed(Secret("access-" + fresh), 3600, Secret(fresh))

async def main():
    tokens = AccessTokens(Vault(config.paths()), "studio", exchange)
    access = await tokens.get()
    for _ in range(9):
        access = await tokens.rejected(access)

print("ready", flush=True)
sys.stdin.readline()
asyncio.run(main())
"""


@pytest.mark.parametrize("place", [KeyStore.FILE, KeyStore.ENVIRONMENT])
def test_processes_that_share_a_renewing_token_never_use_one_twice(
    where: Paths, tmp_path: Path, place: KeyStore
) -> None:
    ledger = tmp_path / "ledger"
    (tmp_path / "current").write_text("token-first")
    environ = {**os.environ}
    if place is KeyStore.FILE:
        Vault(where, {}, ring=Ring()).keep("studio", Secret("token-first"), KeyStore.FILE)
    else:
        environ["ARTUI_STUDIO_TOKEN"] = "token-first"
    command = [sys.executable, "-c", WORKER, str(ledger)]
    workers = [
        subprocess.Popen(
            command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    errors = [worker.communicate(timeout=60)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0], errors
    used = ledger.read_text().split()
    assert len(used) == 30
    assert len(set(used)) == 30
    last = Vault(where, {"ARTUI_STUDIO_TOKEN": "token-first"} if place is KeyStore.ENVIRONMENT else {}, ring=Ring())
    assert found(last).secret.reveal() == (tmp_path / "current").read_text()


class TestSecretOfTheWebhook:
    """``artui login NAME --webhook-secret``."""

    @pytest.fixture
    def given(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
        """Runs the command with this on stdin; returns its exit code and all it said."""
        where = paths()
        where.create()
        where.config_file.write_text(
            '[accounts.shop]\nprovider = "filestack"\napi_key = "A"\n[accounts.studio]\nprovider = "autoretouch"\n'
        )

        def run_it(secret: str, *options: str, name: str = "shop") -> tuple[int, str]:
            monkeypatch.setattr("sys.stdin", io.StringIO(secret))
            code = run(["login", name, "--webhook-secret", *options])
            printed = capsys.readouterr()
            return code, printed.out + printed.err

        return run_it

    def test_it_is_read_from_stdin_kept_as_a_key_is_and_forgotten_with_it(self, given: Callable[..., Any]) -> None:
        code, said = given("whsec-canary-4711\n", "--store", "file")
        assert code == Exit.OK
        assert "canary" not in said
        assert "the secret of its webhook is kept in the file" in said
        file = paths().credentials / "shop.webhook.json"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        stored = Vault(paths()).find("shop.webhook")
        assert stored is not None
        assert stored.secret.reveal() == "whsec-canary-4711"
        assert Vault(paths()).forget("shop") == []
        assert not file.exists()

    def test_what_does_not_fit_is_refused_and_nothing_is_kept(self, given: Callable[..., Any]) -> None:
        assert given("", "--store", "file") == (Exit.USAGE, "No secret was given.\n")
        assert given("two words", "--store", "file")[0] == Exit.USAGE
        code, said = given("whsec-canary-4711", "--store", "file", name="studio")
        assert (code, "AutoRetouch signs no webhooks" in said) == (Exit.USAGE, True)
        assert given("whsec-canary-4711", "--organization", "x")[0] == Exit.USAGE
        assert not list(paths().credentials.glob("*webhook*"))
