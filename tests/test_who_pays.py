"""Who pays is looked at before each paid call: keys, apps, organizations and addresses that change under way.

The real commands at the stand-in; what was charged to whom is read from the stand-in's ledger.
"""

from __future__ import annotations

import io
import sys
from collections import Counter
from typing import Any

import pytest

from artui.cli.exits import Exit
from artui.config import load, paths
from artui.engine.anchor import open_journal
from artui.sim.server import Simulator, running
from tests.desk import Desk, Said
from tests.proof import invariants
from tests.proof.evidence import Evidence
from tests.studio import ACCOUNT
from tests.test_engine_retouch4me import ACCOUNT as LABORATORY


@pytest.fixture
def stand_in(simulator: Simulator) -> Simulator:
    """A stand-in for each test: no journal but its own has ordered there."""
    return simulator


class Laboratory:
    """A Retouch4me account whose token is kept in a file, and three tokens for it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.given: dict[str, Any] = desk.simulator.announcement()["retouch4me"]
        self.first, self.renewed, self.strangers = (
            self.given[name] for name in ("token", "renewed_token", "strangers_token")
        )
        desk.monkeypatch.delenv("ARTUI_STUDIO_TOKEN")
        self.settings()
        self.login(self.first)

    def settings(self, **values: Any) -> None:
        """Set the account up, with another address or settling time, and with more lines."""
        text = LABORATORY.replace("settle = 0.2", "settle = {settle}\n{more}")
        plain = {"settle": 0.2, "more": "", **self.given, **values}
        paths().config_file.write_text(text.format(**plain))

    def login(self, token: str, *more: str) -> Said:
        self.desk.monkeypatch.setattr(sys, "stdin", io.StringIO(f"{token}\n"))
        said = self.desk("login", "studio", "--with-token", "--store", "file", *more)
        assert said.code == Exit.OK, said.err
        return said

    def send(self, *more: str) -> Said:
        return self.desk("submit", self.desk.inbox, "-w", "Natural", "-o", self.desk.out, "--yes", *more)

    def charged(self) -> dict[str, int]:
        """How often each token was charged, by its name."""
        names = {mark_of(token): name for name, token in (("first", self.first), ("renewed", self.renewed))}
        return dict(Counter(names.get(charge["owner"], "stranger") for charge in self.desk.simulator.ledger))

    def at_rest(self, *wanted: tuple[str, str]) -> None:
        """Wait until so many jobs stand so; which of several photos goes first nobody says."""
        self.desk.until(lambda: Counter((job["status"], job["reason"]) for job in self.desk.jobs()) == Counter(wanted))


def mark_of(token: str) -> str:
    import hashlib

    return hashlib.sha256(token.encode()).hexdigest()[:16]


@pytest.fixture
def laboratory(desk: Desk) -> Laboratory:
    return Laboratory(desk)


def check(desk: Desk) -> None:
    """Ask all invariants of what the stand-in and the journal say."""
    with open_journal(paths()) as journal:
        invariants.check(
            Evidence(
                charges=desk.simulator.ledger,
                requests=desk.simulator.history,
                journal=journal,
                caps={},
                settle={},
                sources={},
                before={},
                spool=paths().spool,
                engine_lives=True,
                clocks_agree=True,
            )
        )


DONE, CHANGED = ("done", ""), ("held", "account changed")
TWIN = ("skipped", "")


def test_what_waits_at_a_cap_is_not_sent_with_another_customers_token(desk: Desk, laboratory: Laboratory) -> None:
    laboratory.settings(more="caps.run = 2")
    for seed in range(4):
        desk.photo(f"{seed}.jpg", seed)
    laboratory.send("--wait")
    laboratory.at_rest(DONE, DONE, ("held", "cap"), ("held", "cap"))
    laboratory.login(laboratory.strangers, "--other-customer")
    laboratory.settings()
    laboratory.at_rest(DONE, DONE, CHANGED, CHANGED)
    assert laboratory.charged() == {"first": 2}
    assert any("made for the key" in job["message"] for job in desk.jobs())
    laboratory.send("--wait")
    assert laboratory.charged() == {"first": 2, "stranger": 4}
    laboratory.login(laboratory.first)
    laboratory.at_rest(*[DONE] * 8)
    assert laboratory.charged() == {"first": 4, "stranger": 4}
    check(desk)


def test_a_renewed_token_buys_nothing_again_until_somebody_says_whose_it_is(desk: Desk, laboratory: Laboratory) -> None:
    laboratory.settings(more="caps.run = 2")
    for seed in range(4):
        desk.photo(f"{seed}.jpg", seed)
    laboratory.send("--wait")
    said = laboratory.login(laboratory.renewed)
    assert "2 photos may have been paid" in said.err
    assert "--same-customer" in said.err
    laboratory.settings()
    plan = laboratory.send("--dry-run")
    assert "2 bought before under another key: held, not sent" in plan.out
    laboratory.send()
    held = ("held", "journal recovered")
    laboratory.at_rest(DONE, DONE, CHANGED, CHANGED, held, held, DONE, DONE)
    assert laboratory.charged() == {"first": 2, "renewed": 2}
    before = [f"(job {job['id']}," for job in desk.jobs()[:4] if job["status"] == "done"]
    told = [job["message"] for job in desk.jobs() if job["reason"] == held[1]]
    assert all(sum(one in message for message in told) == 1 for one in before)
    assert desk("login", "studio", "--same-customer").code == Exit.OK
    desk.until(lambda: not any(job["status"] == "held" for job in desk.jobs()))
    desk("wait")
    assert laboratory.charged() == {"first": 2, "renewed": 2}
    assert len(list(desk.out.iterdir())) == 8
    assert "another key" not in laboratory.login(laboratory.renewed).err
    check(desk)


def test_an_answer_about_keys_can_be_corrected_or_says_why_not(desk: Desk, laboratory: Laboratory) -> None:
    desk.photo("0.jpg", 0)
    laboratory.send("--wait")
    assert "has nothing to answer" in laboratory.login(laboratory.first, "--same-customer").err
    assert "Noted of the key" in laboratory.login(laboratory.renewed, "--other-customer").err
    again = desk("login", "studio", "--other-customer")
    assert (again.code, "noted before" in again.err) == (Exit.OK, True)
    corrected = desk("login", "studio", "--same-customer")
    assert corrected.code == Exit.OK
    assert "what was bought with the earlier key stays bought" in corrected.err
    refused = desk("login", "studio", "--other-customer")
    assert refused.code == Exit.FAILED
    assert "cannot be taken apart again" in refused.err
    assert laboratory.send("--wait").code == Exit.OK
    assert laboratory.charged() == {"first": 1}
    check(desk)


def test_the_yes_at_the_sign_in_lets_everything_go_on_and_stay_bought(desk: Desk, laboratory: Laboratory) -> None:
    desk.photo("0.jpg", 0)
    laboratory.send("--wait")
    laboratory.settings(more="caps.run = 1")
    desk.photo("1.jpg", 1)
    laboratory.send()
    laboratory.at_rest(DONE, ("held", "cap"))
    laboratory.login(laboratory.renewed, "--same-customer")
    laboratory.settings()
    laboratory.at_rest(DONE, DONE)
    laboratory.send("--wait")
    laboratory.login(laboratory.first)
    desk.photo("2.jpg", 2)
    laboratory.send("--wait")
    assert laboratory.charged() == {"first": 2, "renewed": 1}
    check(desk)


@pytest.mark.parametrize("fault", ["drop_after", "status:500"])
def test_what_is_in_doubt_is_not_sent_again_with_another_token(
    desk: Desk, laboratory: Laboratory, fault: str, *, long: bool
) -> None:
    if not long and fault != "drop_after":
        pytest.skip("runs with --long")
    laboratory.settings(settle=2)
    desk.photo()
    desk.simulator.faults.add([{"route": "retouch4me.start", "do": fault}])
    laboratory.send()
    laboratory.at_rest(("waiting", "looking it up"))
    charged = laboratory.charged()
    laboratory.login(laboratory.strangers, "--other-customer")
    laboratory.at_rest(CHANGED)
    desk("retry", "1", "--yes")
    laboratory.at_rest(CHANGED)
    assert laboratory.charged() == charged
    laboratory.login(laboratory.first)
    laboratory.at_rest(DONE)
    assert laboratory.charged() == {"first": 1}
    check(desk)


def test_what_is_in_doubt_under_an_earlier_key_of_the_customer_asks_a_person(
    desk: Desk, laboratory: Laboratory
) -> None:
    laboratory.settings(settle=1)
    desk.photo()
    desk.simulator.faults.add([{"route": "retouch4me.start", "do": "drop_after"}])
    laboratory.send()
    laboratory.at_rest(("waiting", "looking it up"))
    laboratory.login(laboratory.renewed, "--same-customer")
    laboratory.at_rest(("held", "in doubt"))
    assert "earlier key" in desk.jobs()[0]["message"]
    assert laboratory.charged() == {"first": 1}
    check(desk)


def test_this_machine_by_another_name_is_the_same_payer(desk: Desk, laboratory: Laboratory) -> None:
    desk.photo()
    laboratory.send("--wait")
    other = laboratory.given["api_url"].replace("127.0.0.1", "localhost")
    laboratory.settings(api_url=other)
    desk.photo("again.jpg")
    laboratory.send("--wait")
    assert laboratory.charged() == {"first": 1}
    check(desk)


# ------------------------------------------------------------------------- another address, organization or app

HOLDS = ["paused", "cap", "sample", "credits", "doubt"]


@pytest.mark.parametrize("held", HOLDS)
@pytest.mark.parametrize("what", ["organization", "api_url"])
def test_what_was_held_is_not_sent_for_another_payer(desk: Desk, held: str, what: str) -> None:
    given = desk.simulator.announcement()["autoretouch"]
    for seed in range(2):
        desk.photo(f"{seed}.jpg", seed)
    more = "caps.run = 10" if held == "cap" else ""
    settings(given, more=more, settle=2 if held == "doubt" else 0.3)
    match held:
        case "paused":
            desk("pause")
        case "credits":
            desk.control("credits", provider="autoretouch", set=10)
        case "doubt":
            desk.simulator.faults.add([{"route": "autoretouch.create", "do": "drop_after", "after": 1}])
    sample = ["--sample", "1"] if held == "sample" else []
    desk("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--yes", *sample)
    waits_for = {"doubt": "looking it up"}.get(held, held)
    desk.until(lambda: any(job["reason"] == waits_for for job in desk.jobs()))
    desk.until(lambda: held == "paused" or sum(job["status"] == "done" for job in desk.jobs()) == 1)
    before = len(desk.simulator.ledger)
    with running(Simulator(speed=100)) as elsewhere:
        changed = {"organization": organizations(desk)[1]} if what == "organization" else api_of(elsewhere)
        settings({**given, **changed})
        release(desk, held)
        # At another host the sign-in may be refused before anything else is looked at: that holds it as well.
        desk.until(lambda: all(job["reason"] in ("account changed", "login", "") for job in desk.jobs()))
        assert len(desk.simulator.ledger) == before
        assert elsewhere.ledger == []
        assert not [one for one in elsewhere.history if one["path"].endswith("/create")]
        waits = [str(job["id"]) for job in desk.jobs() if (job["stage"], job["reason"]) == ("uploaded", CHANGED[1])]
        for number in waits:
            refused = desk("retry", number, "--yes")
            assert (refused.code, "stays held" in refused.err) == (Exit.FAILED, True)
        settings(given)
        for number in waits:
            assert desk("retry", number, "--yes").code == Exit.OK
        desk.until(lambda: all(job["status"] == "done" for job in desk.jobs()))
        assert elsewhere.ledger == []
    assert Counter(charge["owner"] for charge in desk.simulator.ledger) == {given["organization"]: 2}
    check(desk)


def settings(given: dict[str, Any], *, settle: float = 0.3, more: str = "") -> None:
    paths().config_file.write_text(ACCOUNT.format(**given, settle=settle, more=more))
    load()


def api_of(simulator: Simulator) -> dict[str, str]:
    return {"api_url": simulator.announcement()["autoretouch"]["api_url"]}


def organizations(desk: Desk) -> list[str]:
    return [owner for provider, owner in desk.simulator.books.balances if provider == "autoretouch"]


def release(desk: Desk, held: str) -> None:
    """End what holds the jobs."""
    match held:
        case "paused":
            desk("resume")
        case "sample":
            assert desk("approve", desk.jobs()[0]["batch"], "--yes").code == Exit.OK
        case "credits":
            desk.control("credits", provider="autoretouch", set=1000)
            desk("resume")
