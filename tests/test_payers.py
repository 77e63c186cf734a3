"""One spelling for each payer: a table of addresses, and an older journal that holds one payer under several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from artui.config import paths
from artui.credentials import Secret, Vault
from artui.journal import Journal, customers, jobs, payers, purchases
from artui.journal.schema import MIGRATIONS
from artui.journal.schema import payers as frozen
from artui.model.job import Job
from artui.model.states import Kind, Reason, Stage, Status
from artui.providers.base import ProviderDeps
from artui.providers.http.addresses import canonical_address, is_private_way, is_this_machine
from artui.providers.services.retouch4me.provider import Retouch4me, Retouch4meSettings
from tests.samples import new_job

ONE = [
    ("https://api.example.com", ["https://API.Example.com/", "https://api.example.com:443", "https://api.example.com."]),
    ("https://api.example.com/v1", ["https://api.example.com/v1/", "https://API.example.com.:443/v1//"]),
    ("http://localhost:8000/a", [
        "http://127.0.0.1:8000/a", "http://127.8.9.1:8000/a", "http://[::1]:8000/a/", "http://LOCALHOST.:8000/a",
        "http://[::ffff:127.0.0.1]:8000/a", "http://[0:0:0:0:0:0:0:1]:8000/a",
    ]),
    ("http://localhost", ["http://127.0.0.1:80/", "http://[::1]"]),
    ("https://xn--mller-kva.example", ["https://müller.example", "https://MÜLLER.example/"]),
]  # fmt: skip
"""Each address, and other spellings of it."""

SEVERAL = [
    "https://api.example.com", "https://api.example.com:8443", "https://api.example.com/v1", "http://localhost",
    "https://localhost", "http://localhost:8000", "https://api.example.org", "https://api.example.com.evil.example",
    "https://127.evil.example",
]  # fmt: skip
"""Addresses of which no two are the same."""

OURS = ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.255.1.2", "::1", "::ffff:127.0.0.1", "127.0.0.1."]
OTHERS = [
    "127.evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "127.1", "2130706433", "0x7f000001", "0177.0.0.1",
    "evil.localhost.example", "::2", "0.0.0.0", "::1%eth0", "", "localhost@evil", "128.0.0.1",
    "\uff11\uff12\uff17.0.0.1",
]  # fmt: skip
"""Hosts that only look like this machine."""


@pytest.mark.parametrize("spelled", [canonical_address, frozen.canonical_address])
def test_each_address_has_one_spelling(spelled: Callable[[str], str]) -> None:
    for address, others in ONE:
        assert {spelled(other) for other in (address, *others)} == {address}
    assert len({spelled(address) for address in SEVERAL}) == len(SEVERAL)


def test_only_this_machine_is_this_machine() -> None:
    assert [host for host in OURS if not is_this_machine(host)] == []
    assert [host for host in OTHERS if is_this_machine(host)] == []
    in_clear = ["http://127.0.0.1@evil.example", "http://127.0.0.1\\@evil.example", "http://evil.example#@127.0.0.1"]
    assert [address for address in in_clear if is_private_way(address)] == []


async def test_the_vendors_hosts_are_one_payer_and_no_other_is(tmp_path: Path) -> None:
    async def payer(api_url: str) -> str:
        vault = Vault(paths())
        vault._memory["studio"] = Secret("the-same-token")
        async with Retouch4me(Retouch4meSettings(api_url=api_url), ProviderDeps("studio", vault)) as provider:
            return (await provider.who_pays()).payer

    vendors = ("https://retoucher.hz.labs.retouch4.me", "https://cf-retoucher.retouch4.me:443/", "https://Retouch4.me")
    assert len({await payer(url) for url in vendors}) == 1
    others = ("https://retouch4.me.evil.example", "https://evilretouch4.me", "http://localhost", vendors[0])
    assert len({await payer(url) for url in others}) == len(others)


# ------------------------------------------------------------------------------------------------------- the upgrade

PAYERS = ("autoretouch http://127.0.0.1:9/autoretouch org", "autoretouch http://localhost:9/autoretouch org")
JOINED = "autoretouch http://localhost:9/autoretouch org"


class Older:
    """A journal at the first step of the schema, and what is put into it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.db = apsw.Connection(str(path))
        MIGRATIONS[0](self.db)
        self.db.pragma("user_version", 1)

    def job(self, payer: str, status: str = "done", *, digest: str = "d", cost: int | None = None, **given: Any) -> int:
        """Add a job; one with a cost has a purchase that was charged so much, below zero one in doubt."""
        plain = new_job(payer=payer, endpoint=payer.split()[1])
        values = {
            "account": "studio", "provider": "autoretouch", "endpoint": plain.endpoint, "organization": "org",
            "payer": payer, "workflow": "wf", "workflow_name": "wf", "version": "v1", "quoted": 10, "source": b"/a.jpg",
            "size": 1, "mtime_ns": 1, "inode": 1, "device": 1, "folder": b"/out", "stem": b"a",
            "stem_key": plain.stem_key, "run": "r", "parameters": "", "address": "", "rule": "", "batch": None,
            "labels": "{}", "copy": 0, "stage": "saved" if status == "done" else "checked", "status": status,
            "reason": "", "message": "", "due": None, "attempts": 0, "media_type": "image/jpeg", "width": 1,
            "height": 1, "digest": digest, "buys": 1, "twin_of": None, "reference": "",
            "purchase": int(cost is not None),
            "execution": "", "word": "", "results": "[]", "charged": cost, "expires_at": None, "cancel": 0, "keep": 1,
            "created_at": 1.0, "stage_at": 1.0, "finished_at": 1.0 if status == "done" else None, **given,
        }  # fmt: skip
        marks = ", ".join("?" * len(values))
        self.db.execute(f"INSERT INTO jobs ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))
        number = self.db.last_insert_rowid()
        event = (number, values["stage"], values["status"])
        self.db.execute(
            "INSERT INTO events (job, at, what, stage, status, message) VALUES (?, 1, 'x', ?, ?, '')", event
        )
        if cost is not None:
            execution, state = (f"e{number}", "known") if cost >= 0 else ("", "intended")
            self.db.execute(
                "INSERT INTO purchases VALUES (?, ?, 1, 'create', 'studio', ?, ?, 'org', 'wf', 'v1', '', '', '', 10, ?,"
                " ?, ?, 0, '2026-01-01', '2026-01', 'r', '', NULL, 1, 1)",
                (f"k{number}", number, payer, plain.endpoint, cost if cost >= 0 else None, state, execution),
            )
            self.db.execute("INSERT INTO executions VALUES (?, ?, ?)", (payer, f"e{number}", f"k{number}"))
        return number

    def upgraded(self) -> Journal:
        self.db.close()
        return Journal(self.path)


@pytest.fixture
def older(tmp_path: Path) -> Older:
    return Older(tmp_path / "journal.db")


def test_two_that_were_paid_for_the_same_photo_are_kept_as_copies(older: Older) -> None:
    numbers = [older.job(payer, cost=10) for payer in PAYERS]
    with older.upgraded() as journal:
        found = {job.id: job for job in journal.read(jobs.select, "1")}
        assert sorted(found) == numbers
        assert {job.payer for job in found.values()} == {JOINED}
        assert {job.endpoint for job in found.values()} == {"http://localhost:9/autoretouch"}
        assert sorted(job.copy for job in found.values()) == [0, 1]
        assert journal.read(payers.every) == [JOINED]
        assert journal.read(purchases.known_executions, JOINED, ["e1", "e2"]) == {"e1", "e2"}
        assert journal.read(purchases.amounts, "studio", {"run": "r"}) == {"run": 20}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_is_not_sent_yet_becomes_the_twin_of_what_is_paid(older: Older, order: tuple[int, int]) -> None:
    paid = older.job(PAYERS[order[0]], cost=10)
    unsent = older.job(PAYERS[order[1]], "held", reason=Reason.CAP)
    twin = older.job(PAYERS[order[1]], "waiting", reason=Reason.TWIN, buys=0, twin_of=unsent)
    with older.upgraded() as journal:
        found = {job.id: job for job in journal.read(jobs.select, "1")}
        assert (found[unsent].place, found[unsent].reason) == ((Stage.NEW, Status.HELD), Reason.CAP)
        assert found[twin].place == (Stage.NEW, Status.READY)
        assert found[paid].place == (Stage.SAVED, Status.DONE)

        def checked(db: apsw.Connection, number: int) -> Job:
            held = jobs.get(db, number)
            assert held is not None
            ready = held if held.status is Status.READY else jobs.move(db, held, held.stage, Status.READY, "goes on")
            taken = jobs.move(db, ready, Stage.NEW, Status.RUNNING, "taken")
            return jobs.check_in(db, taken, digest="d", media_type="image/jpeg", width=1, height=1)

        for number in (unsent, twin):
            assert journal.write(checked, number).twin_of == paid


def test_what_is_in_doubt_counts_as_paid(older: Older) -> None:
    doubtful = older.job(
        PAYERS[0], "waiting", cost=-1, stage="submitting", reason=Reason.LOOKING, due=1.0, charged=None
    )
    unsent = older.job(PAYERS[1], "ready")
    with older.upgraded() as journal:
        found = {job.id: job for job in journal.read(jobs.select, "1")}
        assert found[doubtful].place == (Stage.SUBMITTING, Status.WAITING)
        assert (found[unsent].place, found[unsent].buys) == ((Stage.NEW, Status.READY), False)


def test_marks_durations_and_rules_are_joined(older: Older) -> None:
    older.db.execute(
        "INSERT INTO marks VALUES (?1, 'wf', '2026-01'), (?2, 'wf', '2026-02'), (?1, 'other', '2026')", PAYERS
    )
    older.db.execute("INSERT INTO durations VALUES (?1, 'wf', 10, 1), (?2, 'wf', 20, 3)", PAYERS)
    offer = f'{{"identity": {{"payer": "{PAYERS[0]}", "endpoint": "http://127.0.0.1:9/autoretouch"}}}}'
    columns = "id, name, folder, account, twins, since, offer"
    older.db.execute(f"INSERT INTO rules ({columns}) VALUES ('r', 'r', x'', 'studio', 'link', 1, ?)", (offer,))
    with older.upgraded() as journal:
        rows = journal.read(lambda db: db.execute("SELECT * FROM marks ORDER BY workflow").fetchall())
        assert rows == [(JOINED, "other", "2026"), (JOINED, "wf", "2026-02")]
        assert journal.read(lambda db: db.execute("SELECT * FROM durations").fetchall()) == [(JOINED, "wf", 17.5, 4)]
        ((offer,),) = journal.read(lambda db: db.execute("SELECT offer FROM rules").fetchall())
        assert JOINED in offer
        assert '"http://localhost:9/autoretouch"' in offer


def test_the_vendors_hosts_are_joined_too(older: Older) -> None:
    hosts = ("https://retoucher.hz.labs.retouch4.me", "https://cf-retoucher.retouch4.me")
    numbers = [older.job(f"retouch4me {host} key", cost=1, provider="retouch4me") for host in hosts]
    with older.upgraded() as journal:
        found = [journal.read(jobs.get, number) for number in numbers]
        assert {job.payer for job in found if job} == {f"retouch4me {hosts[0]} key"}
        assert [job.endpoint for job in found if job] == list(hosts), "jobs of one are not known at the other"


def test_a_payer_in_another_form_stays_as_it_is(older: Older) -> None:
    number = older.job("autoretouch|http://127.0.0.1|org x y", cost=1)
    with older.upgraded() as journal:
        job = journal.read(jobs.get, number)
        assert job is not None
        assert job.payer == "autoretouch|http://127.0.0.1|org x y"


# --------------------------------------------------------------------------------------- one customer, several keys


def test_what_a_person_says_of_keys_holds_for_later_jobs_and_keys(tmp_path: Path) -> None:
    one, two, three = (f"retouch4me http://localhost {key}" for key in ("a", "b", "c"))

    def bought(db: apsw.Connection, payer: str, digest: str = "d", **given: Any) -> Job:
        (number,) = jobs.add(db, None, [new_job(payer=payer, provider="retouch4me", **given)])
        job = jobs.get(db, number)
        assert job is not None
        job = jobs.move(db, job, Stage.NEW, Status.RUNNING, "taken")
        return jobs.check_in(db, job, digest=digest, media_type="image/jpeg", width=1, height=1)

    def intended(db: apsw.Connection, job: Job) -> None:
        day = {"day": "2026-01-01", "month": "2026-01"}
        purchases.intend(db, job, key=f"k{job.id}", number=1, kind=Kind.CREATE, draft="", reserved=1, mark="", **day)

    with Journal(tmp_path / "journal.db") as journal:
        first = journal.write(bought, one)
        second = journal.write(bought, two)
        assert journal.read(payers.bought_under_another, second) is None, "nothing was sent yet"
        journal.write(intended, first)
        found = journal.read(payers.bought_under_another, second)
        assert found is not None
        assert found.id == first.id
        elsewhere = journal.write(bought, "retouch4me https://retouch4.me a", digest="e")
        other_account = journal.write(bought, three, account="another")
        assert journal.read(payers.bought_under_another, other_account) is None
        assert [seen.payer for seen in journal.read(payers.earlier, ["studio"], two)] == [one]
        journal.write(payers.other_customer, one, two)
        assert journal.read(payers.bought_under_another, second) is None
        assert journal.read(payers.earlier, ["studio"], two) == []
        journal.write(payers.same_customer, one, three)
        assert journal.read(customers.current, one) == three
        assert journal.write(bought, one, digest="f").payer == three
        assert journal.read(payers.bought_under_another, second) is None, "of the one it is not, nor of its other key"
        assert journal.read(customers.joined, three) == [one]
        assert [
            seen.payer for seen in journal.read(lambda db: payers.earlier(db, ["studio"], two, told_apart=True))
        ] == [three]
        journal.write(payers.same_customer, three, "retouch4me http://localhost d")
        assert journal.read(customers.current, one) == "retouch4me http://localhost d"
        again = journal.read(jobs.get, first.id)
        assert again is not None
        assert again.payer == "retouch4me http://localhost d"
        kept = journal.read(jobs.get, elsewhere.id)
        assert kept is not None
        assert kept.payer == "retouch4me https://retouch4.me a"
        counted = Counter(job.payer for job in journal.read(jobs.select, "1"))
        assert sum(counted.values()) == 5


def test_what_was_said_to_be_another_customer_can_be_corrected(tmp_path: Path) -> None:
    one, two = (f"retouch4me http://localhost {key}" for key in ("a", "b"))
    with Journal(tmp_path / "journal.db") as journal:
        journal.write(payers.other_customer, one, two)
        journal.write(lambda db: [jobs.add(db, None, [new_job(payer=payer)]) for payer in (one, two)])
        journal.write(payers.same_customer, one, two)
        assert {job.payer for job in journal.read(jobs.select, "1")} == {two}
        assert journal.read(customers.joined, two) == [one]
        assert journal.read(lambda db: payers.earlier(db, ["studio"], two, told_apart=True)) == []
