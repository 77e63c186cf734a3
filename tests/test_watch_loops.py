"""No photo is bought from its own result: outputs that are the watched folder in disguise, and results among photos.

Each test counts charges at the stand-in.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from artui.config import ConfigError
from artui.journal import Connection, jobs, published
from artui.journal.rules import RuleState
from artui.model.states import Seen, Status
from artui.model.watching import Skip
from artui.watch import service
from artui.watch.folder import What
from artui.watch.marker import NAME
from artui.watch.rules import Rule, refuse_conflicts
from artui.watch.watcher import Watcher
from tests.desk import Desk
from tests.mounts import bound, ignoring_case, overlaid
from tests.studio import Studio
from tests.watch_post import Post, counted, land, offers_of, rule_for, watching, written


def charges(studio: Studio) -> int:
    return len(studio.simulator.ledger)


# --------------------------------------------------------------------------------------------- refused when it is read

Disguise = Callable[[Path, Path], AbstractContextManager[Path]]
"""Makes a way that leads to a folder, given it and a place for the way; its output is a loop."""


def linked(folder: Path, place: Path) -> AbstractContextManager[Path]:
    folder.mkdir(parents=True)
    place.symlink_to(folder)
    return nullcontext(place)


def dotted(folder: Path, place: Path) -> AbstractContextManager[Path]:
    return nullcontext(place / ".." / "." / folder.name)


def spelled(folder: Path, _: Path) -> AbstractContextManager[Path]:
    return nullcontext(folder.with_name("SHO\u0308OT"))


def mounted(folder: Path, place: Path) -> AbstractContextManager[Path]:
    return bound(folder, place)


WAYS: dict[str, Disguise] = {"link": linked, "dots": dotted, "spelling": spelled, "mount": mounted}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("below", ["", "sub", "sub/deep"])
async def test_an_output_that_is_the_folder_by_another_way_is_refused(studio: Studio, way: str, below: str) -> None:
    folder = studio.folder / "sh\u00f6ot"
    with WAYS[way](folder, studio.folder / "way") as place:
        rule = rule_for(studio, folder=str(folder), output=str(place / below), recursive=bool(below))
        with pytest.raises(ConfigError, match="results would be sent again, without end"):
            refuse_conflicts([rule])
        turned = rule_for(studio, folder=str(place), output=str(folder / below), recursive=bool(below))
        with pytest.raises(ConfigError, match="results would be sent again, without end"):
            refuse_conflicts([turned])
        if below:
            refuse_conflicts([rule_for(studio, folder=str(folder), output=str(place / below))])


@pytest.mark.parametrize("number", [2, 3, 5])
@pytest.mark.parametrize("way", WAYS)
async def test_rules_that_feed_each_other_in_a_ring_are_refused(studio: Studio, way: str, number: int) -> None:
    folders = [studio.folder / f"sh\u00f6ot{place or ''}" for place in range(number)]
    with WAYS[way](folders[0], studio.folder / "way") as disguised:
        outputs = [*folders[1:], disguised]
        ring = [
            rule_for(studio, name=str(place), folder=str(folder), output=str(output))
            for place, (folder, output) in enumerate(zip(folders, outputs, strict=True))
        ]
        with pytest.raises(ConfigError, match="by way of other rules"):
            refuse_conflicts(ring)
        refuse_conflicts(ring[:-1])


@pytest.mark.parametrize("way", WAYS)
async def test_two_rules_for_one_folder_by_two_ways_are_refused(studio: Studio, way: str) -> None:
    folder = studio.folder / "sh\u00f6ot"
    with WAYS[way](folder, studio.folder / "way") as place:
        rules = [rule_for(studio, name=str(one), folder=str(one), output=str(studio.out)) for one in (folder, place)]
        with pytest.raises(ConfigError, match="would be sent by both"):
            refuse_conflicts(rules)


async def test_a_disk_that_ignores_case_has_no_second_folder(studio: Studio) -> None:
    with ignoring_case(studio.folder / "disk") as disk:
        (disk / "Shoot").mkdir()
        if not (disk / "shoot").exists():
            pytest.skip("this disk tells case apart")
        for output, recursive in ((disk / "shoot", False), (disk / "SHOOT" / "out", True)):
            rule = rule_for(studio, folder=str(disk / "Shoot"), output=str(output), recursive=recursive)
            with pytest.raises(ConfigError, match="results would be sent again"):
                refuse_conflicts([rule])


async def test_nesting_by_mounts_is_refused(studio: Studio) -> None:
    shoot, outside = studio.folder / "shoot", studio.folder / "outside"
    with bound(shoot / "a" / "b", studio.folder / "way") as way, bound(outside, shoot / "hole"):
        for output in (way, way / "new", outside, outside / "new"):
            with pytest.raises(ConfigError, match="results would be sent again"):
                refuse_conflicts([rule_for(studio, folder=str(shoot), output=str(output), recursive=True)])
            refuse_conflicts([rule_for(studio, folder=str(shoot), output=str(output))])


# ------------------------------------------------------------------------------------------------ seen when it happens


async def _settled(post: Post) -> None:
    """Wait until two more looks at the folder have passed, and nothing moves."""
    for _ in range(2):
        await post.studio.ask("look now")
        await post.until(lambda: not post.watcher._watched[post.rule.id].is_scan_wanted)
    await post.studio.at_rest()


async def test_an_output_that_becomes_the_folder_stops_it_until_it_is_another_again(studio: Studio) -> None:
    async with watching(studio) as post:
        with bound(studio.inbox, studio.out):
            post.drop("a.jpg", 1)
            await studio.ask("look now")
            await post.state(RuleState.OFFLINE)
            assert "would get its own results" in post.row.message
            await _settled(post)
            assert (charges(studio), studio.jobs()) == (0, [])
        await studio.ask("look now")
        await post.state(RuleState.WATCHING)
        await post.all_done(1)
        await _settled(post)
    assert charges(studio) == 1
    studio.check()


async def test_an_output_that_shows_the_folder_on_another_file_system_is_known_by_its_mark(studio: Studio) -> None:
    """Device and inode differ; the mark that the rule left in its folder turns up in the output."""
    with overlaid(studio.folder / "lower", studio.out, studio.inbox):
        async with watching(studio) as post:
            await post.state(RuleState.WATCHING)
            await studio.ask("look now")
            await post.state(RuleState.OFFLINE)
            assert "is a watched folder itself" in post.row.message
            shutil.copy(land(studio.folder, studio.folder / "b.jpg", 1), studio.inbox / "b.jpg")
            await _settled(post)
            assert (charges(studio), studio.jobs()) == (0, [])


async def test_an_output_that_another_artui_watches_is_left_alone(studio: Studio) -> None:
    """Two homes that feed each other know nothing of each other's results."""
    async with watching(studio) as post:
        studio.out.mkdir(exist_ok=True)
        mark = (studio.inbox / NAME).read_text()
        (studio.out / NAME).write_text(mark.replace(post.rule.id, "other").replace(_journal(mark), "another journal"))
        post.drop("a.jpg", 1)
        await post.state(RuleState.OFFLINE)
        assert f"or remove {NAME} there" in post.row.message
        assert (charges(studio), studio.jobs()) == (0, [])
        (studio.out / NAME).unlink()
        await studio.ask("look now")
        await post.all_done(1)
    assert charges(studio) == 1


def _journal(mark: str) -> str:
    return str(json.loads(mark)["journal"])


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line of defence sees nothing."""
    monkeypatch.setattr("artui.watch.folder.refuse_loop", lambda *_: None)
    monkeypatch.setattr(Rule, "covers", lambda *_: False)


@pytest.mark.usefixtures("blind")
@pytest.mark.parametrize("after", ["keep", "move"])
async def test_a_result_among_the_photos_is_refused_and_stays(studio: Studio, after: str) -> None:
    async with watching(studio, after=after) as post:
        with bound(studio.inbox, studio.out):
            post.drop("a.jpg", 1)
            refused = await post.until(lambda: post.told(What.REFUSED))
            await _settled(post)
            assert len(refused) == 1
            assert refused[0].message.startswith("a-2.png is a result of job 1; not sent. Name the file itself")
            assert (studio.inbox / "a-2.png").exists()
            assert post.known("a-2.png").state is Seen.REFUSED
            assert charges(studio) == len(studio.jobs()) == 1
            studio.check()


@pytest.mark.usefixtures("blind")
async def test_the_engine_refuses_it_too_where_it_was_taken(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "has_size", lambda *_: False)
    async with watching(studio, after="move") as post:
        with bound(studio.inbox, studio.out):
            post.drop("a.jpg", 1)
            await post.all_done(2)
            left = await post.until(lambda: post.told(What.LEFT))
            await _settled(post)
            result = studio.job(2)
            assert (result.status, result.reason, result.twin_of) == (Status.SKIPPED, Skip.RESULT, 1)
            assert "a result of job 1; not sent" in result.message
            assert left[0].names == ("a-2.png",)
            assert (studio.inbox / "a-2.png").exists()
            assert charges(studio) == 1
            studio.check()


@pytest.mark.usefixtures("blind")
async def test_two_rules_that_feed_each_other_buy_each_photo_once(studio: Studio) -> None:
    there, back = studio.inbox, studio.out
    back.mkdir()
    first = rule_for(studio, name="there", folder=str(there), output=str(back))
    second = rule_for(studio, name="back", folder=str(back), output=str(studio.folder / "way"))
    events: list[Any] = []
    await studio.start()
    with bound(there, studio.folder / "way"):
        watcher = Watcher(studio.journal, [first, second], offers_of(studio), studio.config.timezone, events.append)
        post = Post(studio, first, watcher, events)
        assert studio.engine is not None
        studio.engine.handlers.update(service.handlers(watcher, lambda: None))
        post.start()
        await post.state(RuleState.WATCHING)
        post.drop("a.jpg", 1)
        await post.until(lambda: post.told(What.REFUSED))
        await _settled(post)
        await post.stop()
        assert charges(studio) == 1
    studio.check()


async def test_what_a_person_copies_in_is_no_photo_nor_is_a_twins_copy_or_a_layer(studio: Studio) -> None:
    async with watching(studio, recursive=True) as post:
        post.drop("a.jpg", 1)
        await post.all_done(1)
        post.drop("b.jpg", 1)
        await post.all_done(2)
        await studio.journal.write_async(published.note, 1, [_digest_of(post.drop(".later.jpg", 9))])
        (studio.inbox / ".later.jpg").rename(studio.inbox / "layer.jpg")
        for name in ("a.png", "b.png"):
            shutil.copy(studio.out / name, studio.inbox / f"copied {name}")
        await post.until(lambda: len(post.told(What.REFUSED)) == 3)
        await _settled(post)
        post.drop("c.jpg", 2)
        assert [job.status for job in await post.all_done(3)] == [Status.DONE, Status.SKIPPED, Status.DONE]
    assert charges(studio) == 2
    studio.check()


def _digest_of(path: Path) -> tuple[str, int]:
    content = path.read_bytes()
    return hashlib.sha256(content).hexdigest(), len(content)


async def test_a_photo_that_came_back_unchanged_is_its_own_result(studio: Studio) -> None:
    """Delivered once; another copy of it under the rule is refused, and no copy of a copy fills the disk."""
    async with watching(studio, engine=False) as post:
        photo = post.drop("a.jpg", 1)
        await post.until(studio.jobs)
    digest, size = _digest_of(photo)
    await studio.journal.write_async(published.note, 1, [(digest, size)])
    await studio.start()
    [first] = await studio.at_rest()
    assert first.status is Status.SKIPPED, "it was a result before it was sent"
    assert charges(studio) == 0


# ---------------------------------------------------------------------------------------------------------- by hand


def test_submit_sends_a_result_only_by_its_name(desk: Desk) -> None:
    before = len(desk.simulator.ledger)
    desk.photo("a.jpg", 41)
    assert desk.send().code == 0
    shutil.copy(desk.out / "a.png", desk.inbox / "copied.png")
    desk.photo("b.jpg", 42)
    again = desk("submit", desk.inbox, "-w", "Export only", "-o", desk.folder / "out2", "--yes", "--wait", "--json")
    [refused] = again.lines[0]["queued"]["refused"] if "queued" in again.lines[0] else again.lines[0]["refused"]
    assert refused["reason"] == Skip.RESULT
    assert "copied.png is a result of job" in refused["message"]
    assert "not sent. Name the file itself to send it" in refused["message"]
    assert len(desk.simulator.ledger) == before + 2
    whole = desk("submit", desk.out, "-w", "Export only", "-o", desk.folder / "out3", "--yes", "--wait")
    assert "is a result of job" in whole.err + whole.out
    assert len(desk.simulator.ledger) == before + 2
    named = desk(
        "submit", desk.inbox / "copied.png", "-w", "Export only", "-o", desk.folder / "out4", "--yes", "--wait"
    )
    assert named.code == 0, named.err
    assert len(desk.simulator.ledger) == before + 3


def test_submit_refuses_outputs_among_the_photos_and_in_watched_folders(desk: Desk) -> None:
    before = len(desk.simulator.ledger)
    desk.photo("a.jpg", 51)
    desk.photo("sub/b.jpg", 52)

    def sent(output: Path, *more: str) -> Any:
        said = desk("submit", desk.inbox, "-w", "Export only", "-o", output, "--yes", *more)
        assert said.code == 2, said
        return said.err

    (desk.folder / "link").symlink_to(desk.inbox)
    assert "would be sent again" in sent(desk.folder / "link")
    assert "would be sent again" in sent(desk.inbox / "sub" / ".." / "new", "-r")
    assert "would be sent again" in sent(desk.folder, "--template", "in/{stem}")
    assert "would be sent again" in sent(desk.folder, "-r", "--template", "in/sub/{stem}")
    with bound(desk.inbox, desk.folder / "way") as way:
        assert "would be sent again" in sent(way)
        assert "would be sent again" in sent(way / "new", "-r")
    with bound(desk.inbox / "sub", desk.folder / "deep") as deep:
        assert "would be sent again" in sent(deep, "-r")
    watched = desk.folder / "Watched"
    desk.configure(more=written("w", watched, desk.out, more="recursive = true"))
    watched.mkdir()
    (desk.folder / "eye").symlink_to(watched)
    for output in (watched, watched / "new", desk.folder / "eye" / "x"):
        assert "which a rule watches" in sent(output)
    desk.configure()
    (watched / NAME).write_text('{"rule": "r", "name": "boots", "journal": "other", "host": "far"}')
    assert "(rule boots of the artui of far)" in sent(watched)
    assert len(desk.simulator.ledger) == before
    assert desk.jobs() == []


def test_an_older_journal_knows_its_results_after_the_upgrade(studio_journal: Connection) -> None:
    assert published.job_of(studio_journal, "d" * 64) == 1
    assert published.has_size(studio_journal, 12)
    assert published.job_of(studio_journal, "e" * 64) is None, "a result that was never saved"


@pytest.fixture
def studio_journal(tmp_path: Path) -> Any:
    """A journal of the first step with one saved result and one that was only announced, brought up to date."""
    from artui.journal import schema
    from artui.journal.store import connect

    db = connect(tmp_path / "journal.db")
    schema.MIGRATIONS[0](db)
    results = [{"digest": "d" * 64, "size": 12, "path": "/out/\udcff.png"}, {"digest": "e" * 64, "path": None}]
    columns = db.execute("SELECT name, type FROM pragma_table_info('jobs')").fetchall()
    values = {name: {"TEXT": "", "BLOB": b"", "INTEGER": 0, "REAL": 0.0}[kind] for name, kind in columns}
    values |= {"id": 1, "stage": "saved", "status": "done", "results": json.dumps(results), "labels": "{}"}
    values |= {"batch": None, "twin_of": None}
    db.execute(f"INSERT INTO jobs ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})", list(values.values()))
    for step in schema.MIGRATIONS[1:]:
        step(db)
    yield db
    db.close()


async def test_whatever_saves_a_result_enters_it(studio: Studio) -> None:
    await studio.start()
    await studio.add(studio.photos(2))
    await studio.at_rest()
    digests = {result.digest for job in studio.jobs() for result in job.results}
    assert len(digests) == 2
    assert all(studio.journal.read(published.job_of, digest or "") for digest in digests)
    assert counted(studio, "1", "published") == 2
    assert studio.journal.read(jobs.get, 1) is not None
