"""How the console opens: at which place, and with what has happened since it was last left."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path

from artui.config import Config, Paths, write_private
from artui.config.private import read_private
from artui.journal import Connection, Journal, accounts, history, offers, window
from artui.model.states import Reason
from artui.tui.pages import ACCOUNTS, JOBS, PageEntry
from artui.tui.phrases import SINCE
from artui.tui.words import clock


def first_place(paths: Paths, config: Config, journal: Journal) -> PageEntry:
    """Where the console opens: without an account that may work where one is made, or signed in again. Blocks.

    What an account did last tells whether it is signed in. Only the key of a new one is looked for: a keyring may take
    its time, or ask the person to open it.
    """
    for account in config.accounts.values():
        known = journal.read(accounts.state, account.name)
        if known.held == Reason.LOGIN or journal.read(offers.paused_by_sign_out, account.name):
            continue
        if known.balance_at is not None:
            return JOBS
        from artui.credentials import CredentialProblem, Vault

        with suppress(CredentialProblem):
            vault = Vault(paths)
            if vault.find(account.login) is not None or vault.keyring_complaint:
                return JOBS
    return ACCOUNTS


def _file(paths: Paths) -> Path:
    return paths.state / "console-left.json"


def remember(paths: Paths, journal: Journal) -> None:
    """Remember that all until now has been seen. A full disk costs only the line at the next opening."""
    left = {"seq": journal.read(history.last_seq), "at": time.time()}
    with suppress(OSError):
        write_private(_file(paths), json.dumps(left).encode())


def last_left(paths: Paths) -> tuple[int, float] | None:
    """Up to which event everything has been seen, and when; None where no console was left yet."""
    try:
        left = json.loads(read_private(_file(paths)))
        return int(left["seq"]), float(left["at"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def greeting(db: Connection, left: tuple[int, float]) -> str:
    """The line; empty where nothing has happened since."""
    seq, at = left
    done = window.happened(db, seq)
    if not done and history.last_seq(db) == seq:
        return ""
    parts = [f"{number:,} {what}" for what, number in done.items()]
    parts += [f"{number:,} {SINCE[Reason(why)]}" for why, number in window.held(db).items()]
    if not parts:
        return ""
    return f"Since {clock(at, time.time())}: {' · '.join(parts)}. n shows what needs you."
