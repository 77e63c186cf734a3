"""Rules as they are written, folders as they are marked, and scans without a service."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from artui.config import Config, ConfigError, load, paths
from artui.journal.seen import KnownFile
from artui.model.states import Seen
from artui.model.watching import RuleCause
from artui.sim.photos import noise_jpeg
from artui.timing import Clock
from artui.watch.marker import NAME, Foreign, Marker, Offline, check, identity
from artui.watch.rules import Rule, load_rules, make_rule
from artui.watch.scanning import Glance, Scanner
from tests.waiting import until

STUDIO = '[accounts.studio]\nprovider = "autoretouch"\n'
RULE = 'folder = "/in"\noutput = "/out"\nworkflow = "w"\nexisting = "ignore"\n'


def configured(text: str) -> Config:
    where = paths()
    where.create()
    where.config_file.write_text(STUDIO + text)
    return load(where)


def rules_of(*written: str) -> tuple[Rule, ...]:
    return load_rules(configured("".join(f"\n[[watch]]\n{rule}" for rule in written)))


def test_a_rule_says_everything_and_takes_the_rest_from_its_account() -> None:
    [rule] = rules_of(
        'name = "boots"\nfolder = "/in"\noutput = "/out/{date}"\nrecursive = true\nworkflow = "w"\n'
        'existing = "process"\nafter = "move"\ntwins = "refuse"\ninclude = ["*.JPG", "raw/*"]\nexclude = ["x*"]\n'
        'sku = "{folder}-{stem}"\nsample = 5\nquiet = 10\ncaps = { day = 500 }\n'
    )
    assert (rule.name, rule.folder, rule.account, rule.caps.day, rule.sample) == (
        "boots",
        Path("/in"),
        "studio",
        500,
        5,
    )
    assert (rule.target.folder, rule.target.template) == (Path("/out"), "{date}/{relative}/{stem}")
    assert rule.read_only
    assert rule.source.line == 4
    assert rule.wants("a.jpg", "sub/a.jpg")
    assert rule.wants("a.tif", "raw/a.tif")
    assert not rule.wants("a.tif", "a.tif")
    assert not rule.wants("X.jpg", "X.jpg")
    assert rule.sku_of("heels/a.jpg", time_of()) == "heels-a"
    assert rule.id == rules_of('name = "boots"\n' + RULE)[0].id, "its name is what it is known by"


def test_a_rule_takes_the_sku_out_of_names_where_its_pattern_fits() -> None:
    account = 'sku_pattern = "(?P<sku>[0-9]+)-.*"\n'
    own = """template = "{rule}/{sku}"\nsku = "none"\nsku_pattern = "(?P<sku>[A-Z]+[0-9]+)_.*"\n"""
    rules = load_rules(configured(account + f"[[watch]]\n{RULE}[[watch]]\n{RULE.replace('/in', '/two')}{own}"))
    names = ("12-a.jpg", "AB1_b.jpg")
    assert [[rule.sku_of(name, time_of()) for name in names] for rule in rules] == [["12", "in"], ["none", "AB1"]]


def time_of() -> Any:
    import datetime as dt

    return dt.date(2026, 11, 22)


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ([RULE.replace('existing = "ignore"\n', "")], "line 4: the rule must say existing = …"),
        ([RULE.replace('output = "/out"\n', "")], "line 4: the rule must say output = …"),
        ([RULE + 'foldr = "x"\n'], "line 9: watch.0.foldr is no setting of a [[watch]] rule; did you mean folder?"),
        ([RULE + 'after = "moved"\n'], "line 9: watch.0.after must be one of keep, move; did you mean move?"),
        ([RULE + "caps = { dey = 3 }\n"], "watch.0.caps.dey is no setting of"),
        ([RULE + "recursive = 1\n"], "line 9: watch.0.recursive must be true or false"),
        ([RULE + 'account = "studi"\n'], "line 9: account studi is not set up; did you mean studio?"),
        ([RULE + 'sku = "{foldr}"\n'], "line 9: sku = '{foldr}' cannot be filled"),
        ([RULE + 'template = "{stm}"\n'], "line 9: the output template"),
        ([RULE.replace("/out", "/in")], "results would be sent again, without end"),
        ([RULE.replace("/out", "/in/out") + "recursive = true\n"], "results would be sent again, without end"),
        ([RULE, RULE.replace("/out", "/o2")], "has a rule called /in too"),
        ([RULE, 'name = "b"\n' + RULE], "is watched by the rule of"),
        ([RULE + "recursive = true\n", RULE.replace("/in", "/in/sub")], "is watched by the rule of"),
        ([RULE, RULE.replace("/in", "/x").replace("/out", "/in").replace("/x", "/out")], "by way of other rules"),
    ],
)
def test_a_rule_that_cannot_stand_is_refused_with_its_line(written: list[str], complaint: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        rules_of(*written)
    assert complaint in str(refusal.value)


def test_results_of_one_rule_may_be_the_photos_of_another() -> None:
    assert len(rules_of(RULE, RULE.replace("/out", "/final").replace("/in", "/out"))) == 2


# ------------------------------------------------------------------------------------------------------- the marker


def test_a_folder_is_ours_or_offline_or_somebody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Marker("r1", "boots", "j1", socket.gethostname())
    assert check(tmp_path, ours, None, begun=False, agreed=False)
    assert check(tmp_path, ours, tmp_path, begun=True, agreed=False)
    for other, said, cause in (
        (Marker("r1", "boots", "j2", ours.host), "another artui of this machine", RuleCause.OTHER_JOURNAL),
        (Marker("r1", "boots", "j1", "far"), "the artui of far", RuleCause.OTHER_HOST),
        (Marker("r2", "shoes", "j1", ours.host), "another rule of this artui, boots", RuleCause.OTHER_RULE),
    ):
        if other.host == "far":
            content = (tmp_path / NAME).read_text()
            (tmp_path / NAME).write_text(content.replace(ours.host, "far"))
            with pytest.raises(Foreign, match=said) as foreign:
                check(tmp_path, ours, tmp_path, begun=True, agreed=False)
            assert foreign.value.cause is cause
            (tmp_path / NAME).write_text(content)
            continue
        with pytest.raises(Foreign, match=said) as foreign:
            check(tmp_path, other, None, begun=False, agreed=False)
        assert foreign.value.cause is cause
    (tmp_path / NAME).write_text("{")
    with pytest.raises(Foreign, match="nothing that artui understands") as foreign:
        check(tmp_path, ours, tmp_path, begun=True, agreed=False)
    assert foreign.value.cause is RuleCause.MARKER_UNREADABLE
    assert check(tmp_path, ours, tmp_path, begun=True, agreed=True), "a person says it is the right folder"
    (tmp_path / NAME).unlink()
    with pytest.raises(Offline, match=r"without its \.artui-folder") as offline:
        check(tmp_path, ours, tmp_path, begun=True, agreed=False)
    assert offline.value.cause is RuleCause.NO_MARKER
    assert check(tmp_path, ours, tmp_path.parent, begun=True, agreed=False), "the rule was given another folder"
    (tmp_path / NAME).unlink()

    def read_only(*_: Any) -> Any:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr("artui.files.publishing._create", read_only)
        assert not check(tmp_path, ours, None, begun=False, agreed=False)
    assert not check(tmp_path, ours, None, begun=True, agreed=False), "nothing is written where nothing could be"
    assert not (tmp_path / NAME).exists()
    (tmp_path / "file").touch()
    for name, why in (("gone", RuleCause.MISSING), ("file", RuleCause.NOT_A_FOLDER)):
        with pytest.raises(Offline) as offline:
            identity(tmp_path / name)
        assert offline.value.cause is why


# --------------------------------------------------------------------------------------------------------- the scan


def scanner_of(folder: Path, known: Any = (), **given: Any) -> Scanner:
    plain = {"folder": str(folder), "output": "/out", "workflow": "w", "existing": "process", "account": "studio"}
    config = configured("")
    from artui.config import Origin, Source

    return Scanner(make_rule(config, {**plain, **given}, Source(Origin.FLAG)), Clock(), known)


def look(scanner: Scanner) -> Glance:
    return scanner.look(identity(scanner.rule.folder))


def settled(scanner: Scanner) -> list[str]:
    return sorted(candidate.name for candidate in look(scanner).settled)


def old(path: Path, seconds: float = 3600) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    noise_jpeg(path, 9000, 1)
    os.utime(path, (time.time() - seconds,) * 2)
    return path


def test_only_plain_files_with_wanted_names_are_looked_at(tmp_path: Path) -> None:
    place = tmp_path / "in"
    names = [
        ".hidden.jpg",
        "a.jpg~",
        "a.part",
        "._a.jpg",
        "Thumbs.db",
        "done/a.jpg",
        "sub/failed/a.jpg",
        ".artui-7.part",
    ]
    for name in [*names, "a.jpg", "sub/b.jpg", "nope.tif"]:
        old(place / name)
    (place / "link.jpg").symlink_to(place / "a.jpg")
    (place / "loop").symlink_to(place)
    os.mkfifo(place / "fifo.jpg")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(place / "socket.jpg"))
        scanner = scanner_of(place, recursive=True, exclude=["*.tif"])
        glance = look(scanner)
    assert sorted(candidate.name for candidate in glance.settled) == ["a.jpg", "sub/b.jpg"]
    assert glance.passed["not a regular file"].count == 4
    assert glance.passed["pattern"].names == ["nope.tif"]
    assert settled(scanner_of(place)) == ["a.jpg", "nope.tif"]


def test_a_file_settles_by_its_age_or_by_being_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scanner = scanner_of(tmp_path, quiet=2)
    old(tmp_path / "old.jpg")
    fresh = old(tmp_path / "fresh.jpg", 0)
    assert settled(scanner) == ["old.jpg"]
    now = time.monotonic()
    monkeypatch.setattr("artui.watch.scanning.time.monotonic", lambda: now + 1)
    fresh.write_bytes(b"more")
    assert settled(scanner) == ["old.jpg"]
    monkeypatch.setattr("artui.watch.scanning.time.monotonic", lambda: now + 2.9)
    assert settled(scanner) == ["old.jpg"], "it was written to a moment ago"
    monkeypatch.setattr("artui.watch.scanning.time.monotonic", lambda: now + 3.1)
    assert settled(scanner) == ["fresh.jpg", "old.jpg"]


@pytest.mark.parametrize("jump", [3600, -3600, 365 * 86400, -365 * 86400])
def test_a_clock_that_jumps_hurries_nothing_and_brings_nothing_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    scanner = scanner_of(tmp_path, quiet=2)
    old(tmp_path / "taken.jpg")
    [taken] = look(scanner).settled
    scanner.knows(taken, Seen.TAKEN)
    old(tmp_path / "before.jpg", 0)
    real = time.time
    monkeypatch.setattr("artui.watch.scanning.time.time", lambda: real() + jump)
    after = old(tmp_path / "after.jpg", 0)
    os.utime(after, (real() + jump,) * 2)
    assert settled(scanner) == []
    now = time.monotonic()
    monkeypatch.setattr("artui.watch.scanning.time.monotonic", lambda: now + 2.1)
    assert settled(scanner) == ["after.jpg", "before.jpg"]


def test_another_inode_counts_only_within_one_mount(tmp_path: Path) -> None:
    place = old(tmp_path / "a.jpg")
    stamp = place.stat()
    scanner = scanner_of(tmp_path, [KnownFile("a.jpg", stamp.st_size, stamp.st_mtime_ns, Seen.TAKEN, 0.0)])
    assert settled(scanner) == []

    def replace() -> None:
        other = old(tmp_path / ".other")
        other.write_bytes(b"?" * stamp.st_size)
        os.utime(other, ns=(stamp.st_mtime_ns,) * 2)
        other.rename(place)

    replace()
    assert [one.name for one in scanner.look((1, 1)).settled] == [], "after another mount inodes are dealt anew"
    replace()
    assert [one.name for one in scanner.look((1, 1)).settled] == ["a.jpg"]


def filled_in(path: Path) -> None:
    """Write where a file was kept free, and give it back the time it shows, as `rsync -t` does."""
    was = path.stat()
    with path.open("r+b") as file:
        file.write(b"??")
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (was.st_size, was.st_mtime_ns)


def surely(change: Callable[[Path], object], path: Path) -> None:
    """Change a file until the clock of the file system has gone on."""
    was = path.stat().st_ctime_ns
    until(lambda: change(path) or path.stat().st_ctime_ns != was)


def test_patience_with_a_file_begins_at_first_sight_whatever_time_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanner, slow = scanner_of(tmp_path, quiet=2), old(tmp_path / "slow.jpg")
    now = begun = time.monotonic()
    monkeypatch.setattr("artui.watch.scanning.time.monotonic", lambda: now)

    def watched() -> float:
        [candidate] = look(scanner).settled
        return candidate.watched

    assert watched() == 0
    now = begun + 50
    assert watched() == 50
    surely(filled_in, slow)
    assert settled(scanner) == [], "a change that shows in neither size nor time"
    now = begun + 55
    assert watched() == 5


@pytest.mark.parametrize("change", [filled_in, Path.touch, lambda path: path.chmod(0o640)])
def test_a_refused_file_is_looked_at_again_after_any_change(tmp_path: Path, change: Any) -> None:
    refused = old(tmp_path / "half.jpg")
    scanner = scanner_of(tmp_path)
    [candidate] = look(scanner).settled
    scanner.knows(candidate, Seen.REFUSED)
    known = [KnownFile("half.jpg", *candidate.signs[:2], Seen.REFUSED, time.time())]
    later = scanner_of(tmp_path, known)
    for one in (scanner, later):
        assert look(one).new == 0
    surely(change, refused)
    for one in (scanner, later, scanner_of(tmp_path, [known[0]._replace(at=time.time() - 60)])):
        assert look(one).new == 1


def test_what_lay_there_before_is_left_alone_while_size_and_time_stay(tmp_path: Path) -> None:
    before = old(tmp_path / "before.jpg")
    scanner = scanner_of(tmp_path)
    [candidate] = look(scanner).settled
    scanner.knows(candidate, Seen.EXISTING)
    surely(filled_in, before)
    assert look(scanner).new == 0
    before.touch()
    assert look(scanner).new == 1


def test_a_folder_that_cannot_be_read_is_told_of_and_one_that_is_gone_is_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old(tmp_path / "sub/a.jpg")
    scanner, real = scanner_of(tmp_path, recursive=True), os.scandir

    def closed(path: Any) -> Any:
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr("artui.watch.scanning.os.scandir", closed)
        assert look(scanner).passed["not readable by this user"].names == ["sub/"]
    with pytest.raises(Offline):
        scanner_of(tmp_path / "gone").look((1, 1))
