"""One odd form of a service: what the server does, what becomes of the photos, and who plays it through."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.contract.desk import Desk, Ran
from tests.contract.pictures import digest, jpeg
from tests.contract.serving import At, Service

DONE, FAILED, REFUSED, HELD = "done", "failed", "refused", "held"
"""Ends of a photo: its result lies on disk; the service's refusal is its end; it was not even queued; a person decides
(any reason, where the table does not name one)."""
NO_PICTURE = "done, without a picture"


@dataclass(frozen=True)
class Switch:
    """``ends`` are the ends that are right for the first photo, ``then`` for the second, which a watched folder sends;
    a reason of a hold is an end too. ``says`` is what a sentence about the first must name, a pattern."""

    name: str
    odd: tuple[At, ...] = ()
    ends: str | tuple[str, ...] = DONE
    says: str = ""
    then: str | tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    """Attributes of the server."""
    shows: Mapping[str, Any] = field(default_factory=dict)
    """What a finished job of the photo shows."""
    packed: bool = False
    """It is about one photo and disturbs no other: it is played with others at one desk."""
    more: str = ""
    """Settings of the account."""
    photo: str = "photo-1.jpg"
    asks: tuple[str, ...] = ()
    """Instead of the photo: what to submit."""
    lists: bool = False
    """``login`` and ``workflows`` are asked as well, and end well where the photos do."""
    once: str = ""
    """The route that is asked once about a photo, at most."""
    redone: bool = False
    """The first photo is bought once more, by a person's word."""
    patience: float = 45
    check: Callable[[Any, Desk], None] | None = None


@dataclass
class Met:
    """What became of it."""

    ends: list[str] = field(default_factory=list)
    sentences: str = ""
    ran: list[Ran] = field(default_factory=list)
    log: str = ""


def rule(desk: Desk, account: str) -> str:
    """A watched folder whose results lie where the others do."""
    return (
        f'\n[[watch]]\nname = "drop"\nfolder = "{desk.place / "drop"}"\noutput = "{desk.out}"\naccount = "{account}"\n'
        'existing = "process"\nafter = "keep"\nquiet = 0.1\n'
    )


def turn(pack: Sequence[Switch], service: Service, pairs: Mapping[int, Sequence[str]]) -> None:
    """Turn the switches at a server, each for the digests of its photos."""
    for name, value in pack[0].given.items():
        setattr(service, name, value)
    each = [(switch, photo) for switch, photos in zip(pack, pairs.values(), strict=True) for photo in photos]
    service.shows = {photo: switch.shows for switch, photo in each}
    narrowed = [replace(at, photo="" if at.shared else photo) for switch, photo in each for at in switch.odd]
    service.odd_at = pack[0].odd if len(pack) == 1 else narrowed


def play(  # noqa: C901 - the day from its beginning to its end
    pack: Sequence[Switch], service: Service, desk: Desk, account: str, *, watch: bool = True
) -> list[Met]:
    """The command line from signing in to the watched folder, at a server with these switches turned, each for two
    photos: one that is submitted and one in the folder. A switch that is alone is turned for everything."""
    first, own = pack[0], dict(enumerate(pack, 1))
    pairs = {number: (digest(jpeg(number)), digest(jpeg(WATCHED + number))) for number in own}
    turn(pack, service, pairs)
    desk.configure(service.config(account, more=first.more) + rule(desk, account))  # type: ignore[attr-defined]
    drop = desk.place / "drop"
    for folder in (desk.inbox, drop):
        folder.mkdir()
    names = {number: switch.photo if len(pack) == 1 else f"photo-{number}.jpg" for number, switch in own.items()}
    for number, name in names.items():
        (desk.inbox / name).write_bytes(jpeg(number))
        (drop / f"photo-{WATCHED + number}.jpg").write_bytes(jpeg(WATCHED + number))
    ran: list[Ran] = []

    def run(*arguments: object, stdin: str | None = None) -> None:
        ran.append(desk.artui(*arguments, patience=max(one.patience for one in pack) + 2 * len(pack), stdin=stdin))

    if first.lists:
        token = desk.tokens.pop(account)
        run("login", account, "--with-token", "--store", "file", stdin=token)
        run("workflows", "--json")
    what = [word.format(photo=desk.inbox / first.photo) for word in first.asks] or [desk.inbox]
    run("submit", *what, "-o", desk.out, "--yes", "--wait")
    if watch:
        run("watch", "--once")
    if first.redone:
        run("redo", "1", "--yes", "--wait")
    jobs = desk.jobs()
    run("status", "--json")
    desk.stop()
    log = desk.home / "state" / "engine.log"
    logged = log.read_text("utf-8", "replace") if log.exists() else ""
    saved = desk.results()
    mets = []
    for number, name in names.items():
        met = Met(ran=ran, log=logged)
        both = zip(pairs[number], (name, f"photo-{WATCHED + number}.jpg"), strict=True)
        for photo, called in list(both)[: 1 + watch]:
            is_first = bool(first.asks) and called == name
            alike = (one for one in jobs if Path(one["source"]).name == called or (is_first and one["id"] == 1))
            job = next(alike, None)
            met.ends.append(_end(job, photo in saved) if job else REFUSED)
            if job and met.ends[-1] != DONE:
                met.sentences += f"{job['reason']}: {job['message']}\n{desk.artui('job', job['id']).out}\n"
        if len(pack) == 1:
            met.sentences += "".join(one.err + one.out for one in ran)
        mets.append(met)
    return mets


WATCHED = 500
"""What the number of a photo in the watched folder has more than that of its like."""


def _end(job: Mapping[str, Any], is_saved: bool) -> str:
    if job["status"] == "done":
        return DONE if is_saved else NO_PICTURE
    return job["reason"] if job["status"] == "held" else str(job["status"])


def wrong(switch: Switch, number: int, service: Service, met: Met) -> list[str]:
    """What is not as it must be with the photos of one switch."""
    found = []
    for photo, end, ends in zip(
        (number, WATCHED + number), met.ends, (_all(switch.ends), _all(switch.then or switch.ends)), strict=False
    ):
        is_held = end not in (DONE, NO_PICTURE, FAILED, REFUSED, "waiting", "ready", "running")
        if not (end in ends or (HELD in ends and is_held)):
            found.append(f"photo {photo} ended {end}, not {' or '.join(ends)}")
        charges = len(service.charges(digest(jpeg(photo))))
        if charges > (2 if switch.redone else 1):
            found.append(f"photo {photo} was charged {charges} times")
        asked = sum(service.photo_of(request) == digest(jpeg(photo)) for request in service.asked(switch.once or "-"))
        if asked > 1:
            found.append(f"photo {photo} was sent {asked} times")
        if end in (REFUSED, FAILED) and charges and not switch.shows:
            found.append(f"photo {photo} ended {end} and was charged")
    if {*met.ends} - {DONE, NO_PICTURE} and not re.search(switch.says, met.sentences, re.IGNORECASE):
        found.append(f"no sentence names {switch.says}")
    return found


def judge(pack: Sequence[Switch], service: Service, desk: Desk, mets: Sequence[Met]) -> None:
    """Assert what holds for every switch, then the end of each."""
    met = mets[0]
    told = "".join(ran.out + ran.err for ran in met.ran) + met.log
    found = {
        switch.name: (said, one.sentences)
        for number, (switch, one) in enumerate(zip(pack, mets, strict=True), 1)
        if (said := wrong(switch, number, service, one))
    }
    every = []
    if "Traceback" in told:
        every.append("a traceback was told")
    if any(secret in told for secret in ("seed-token-A", "r4-token-A", "app-secret-A")):
        every.append("a secret was told")
    if any(ran.code == -1 for ran in met.ran):
        every.append("a command did not end")
    if all({*_all(one.ends), *_all(one.then)} <= {DONE, NO_PICTURE} for one in pack) and any(r.code for r in met.ran):
        every.append(f"ended with {[ran.code for ran in met.ran]}")
    lines = [f"RED {name}: {'; '.join(said)}\n    {sentences[:1_500]}" for name, (said, sentences) in found.items()]
    lines += [f"RED {pack[0].name}: {one}" for one in every]
    assert not lines, "\n".join([*lines, *map(str, met.ran), met.log[-3_000:]])
    if pack[0].check and len(pack) == 1:
        pack[0].check(service, desk)


def _all(ends: str | tuple[str, ...]) -> tuple[str, ...]:
    return (ends,) if isinstance(ends, str) else ends
