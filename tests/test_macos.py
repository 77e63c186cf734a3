"""What holds on a Mac, shown without one: its calls are faked, and names that only Linux has are taken away."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import plistlib
import resource
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apsw
import pytest

from artui import files
from artui.cli.exits import CommandError
from artui.cli.launchd import Agent
from artui.config import system
from artui.config.ignoring import USUAL
from artui.engine.awake import Awake
from artui.engine.supervisor import BALLAST
from artui.files import PhotoFault, photo_faults, publishing
from artui.journal import store
from artui.model.states import Status
from artui.model.watching import RuleCause, Skip
from artui.sim.photos import noise_jpeg
from artui.timing import Clock
from artui.tui import desktop
from artui.watch import marker
from artui.watch.rules import is_aside
from tests.mounts import ignoring_case
from tests.studio import Studio
from tests.test_watch_rules import look, old, scanner_of
from tests.waiting import until
from tests.watch_post import watching

DATALESS = 0x40000000


def failing(code: int) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


# ------------------------------------------------------------------------------------------------- file systems


def darwin_statfs(name: bytes, flags: int) -> Callable[..., int]:
    """What Darwin's ``statfs`` does: it fills 2,168 bytes, whatever room there is."""
    said = struct.pack("<IiQQQQQ2iIIII16s1024s1024sI28x", 4096, 1 << 20, 9, 8, 7, 6, 5, 1, 2, 501, 26, flags, 0, name,
                       b"/Volumes/NAS", b"//nas/photos", 0)  # fmt: skip
    assert len(said) == 2168

    def statfs(folder: bytes, reference: Any) -> int:
        assert ctypes.sizeof(reference._obj) == len(said), "it would write behind the end"
        ctypes.memmove(ctypes.addressof(reference._obj), said, len(said))
        return 0

    return statfs


@pytest.mark.parametrize(
    ("name", "flags", "kind"),
    [(b"apfs", 0x1000, None), (b"exfat", 0x1000, None), (b"smbfs", 0, "SMB"), (b"nfs", 0, "NFS"), (b"odd", 0, "odd")],
)
@pytest.mark.parametrize("symbol", ["statfs", "statfs$INODE64"])
def test_a_share_is_told_on_macos_by_its_own_structure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: bytes, flags: int, kind: str | None, symbol: str
) -> None:
    short = SimpleNamespace(statfs=lambda *_: pytest.fail("on x86_64 that is another structure"))
    library = short if "$" in symbol else SimpleNamespace()
    setattr(library, symbol, darwin_statfs(name, flags))
    monkeypatch.setattr(system, "_libc", lambda: library)
    monkeypatch.setattr(system, "is_mac", lambda: True)
    assert system.network_file_system(tmp_path) == kind
    assert files.file_system(tmp_path) == name.decode()


def test_what_the_system_writes_has_room() -> None:
    """Under the allocator that guards what it gives: one byte too many ends the child."""
    code = (
        "import ctypes, pathlib, types\n"
        "from artui.config import system\n"
        "write = lambda folder, there: ctypes.memmove(there, b'x' * 2168, 2168) and 0\n"
        "system._mac_file_system(pathlib.Path('/'), types.SimpleNamespace(statfs=write))\n"
        "print(system._magic(pathlib.Path('/')))"
    )
    guarded = {**os.environ, "PYTHONMALLOC": "debug"}
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=guarded)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_system_without_a_way_to_ask_counts_as_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "_libc", SimpleNamespace)
    for is_mac in (True, False):
        monkeypatch.setattr(system, "is_mac", lambda is_mac=is_mac: is_mac)
        assert system.network_file_system(tmp_path) is None
    assert system._hardware_uuid() == ""


# --------------------------------------------------------------------------------------------------- durability


def test_bytes_reach_the_medium(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", lambda _, what: asked.append(f"fcntl {what}"))
    monkeypatch.setattr(os, "fsync", lambda _: asked.append("fsync"))
    system.sync(0)
    assert asked == ["fcntl 51"]
    monkeypatch.setattr(fcntl, "fcntl", failing(errno.ENOTSUP))
    system.sync(0)
    assert asked == ["fcntl 51", "fsync"]
    monkeypatch.setattr(fcntl, "fcntl", failing(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        system.sync(0)
    assert asked == ["fcntl 51", "fsync"], "a disk that fails is not asked more kindly"


def test_every_connection_that_writes_reaches_the_medium(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[tuple[int, int]] = []

    class Watched(apsw.Connection):
        def close(self, force: bool = False) -> None:
            closed.append((self.pragma("synchronous"), self.pragma("fullfsync")))
            super().close(force)

    monkeypatch.setattr(apsw, "Connection", Watched)
    store.prepare(tmp_path / "journal.db")
    db = store.connect(tmp_path / "journal.db")
    store.back_up(db, tmp_path / "copy.db")
    db.close()
    assert closed == [(2, 1)] * 3


def test_the_reserve_is_written_where_it_cannot_be_allocated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    monkeypatch.setattr(system, "_BLOCK", 1000)
    place = tmp_path / "ballast"
    for before in (b"", b"half of it was written", b"x" * 5000):
        place.write_bytes(before)
        descriptor = os.open(place, os.O_WRONLY)
        system.reserve(descriptor, 4500)
        os.close(descriptor)
        assert place.stat().st_size == max(4500, len(before))
        assert place.read_bytes().startswith(before)


# ------------------------------------------------------------------------------------------------------- publishing


@pytest.mark.parametrize("code", [errno.ENOTSUP, errno.EPERM])
def test_without_links_a_result_is_renamed_and_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """As exFAT and SMB do it: no links, and ``renamex_np`` with RENAME_EXCL."""

    def renamex_np(source: bytes, target: bytes, flags: int) -> int:
        assert flags == 4
        if os.path.lexists(target):
            ctypes.set_errno(errno.EEXIST)
            return -1
        Path(os.fsdecode(source)).rename(os.fsdecode(target))
        return 0

    monkeypatch.setattr(os, "link", failing(code))
    monkeypatch.setattr(system, "_libc", lambda: SimpleNamespace(renamex_np=renamex_np))
    for turn in (0, 1):
        with publishing.Part(tmp_path / ".part") as part:
            part.write(b"result %d" % turn)
            part.finish()
        if turn:
            with pytest.raises(FileExistsError):
                publishing.publish(part.path, tmp_path / "a.jpg")
        else:
            publishing.publish(part.path, tmp_path / "a.jpg")
    assert (tmp_path / "a.jpg").read_bytes() == b"result 0"


def test_a_disk_that_can_nothing_of_it_takes_the_name_with_a_placeholder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> int:
        ctypes.set_errno(errno.ENOTSUP)
        return -1

    monkeypatch.setattr(os, "link", failing(errno.ENOTSUP))
    for library in (SimpleNamespace(), SimpleNamespace(renamex_np=refuses)):
        monkeypatch.setattr(system, "_libc", lambda library=library: library)
        (tmp_path / "part").write_bytes(b"result")
        publishing.publish(tmp_path / "part", tmp_path / "a.jpg")
        assert (tmp_path / "a.jpg").read_bytes() == b"result"
        (tmp_path / "part").write_bytes(b"other")
        with pytest.raises(FileExistsError):
            publishing.publish(tmp_path / "part", tmp_path / "a.jpg")
        (tmp_path / "a.jpg").unlink()


def test_privacy_is_told_with_the_page_and_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "is_mac", lambda: True)
    monkeypatch.setenv("TERM_PROGRAM", "Apple_Terminal")
    page = "allow Terminal in System Settings, Privacy & Security, Files and Folders"
    refusal = PermissionError(errno.EPERM, "Operation not permitted")
    monkeypatch.setattr(os, "scandir", failing(errno.EPERM))
    with pytest.raises(marker.Offline, match=page) as offline:
        marker.identity(tmp_path)
    assert offline.value.cause is RuleCause.UNREADABLE
    assert page in str(publishing.OutputProblem(tmp_path, refusal))
    with pytest.raises(files.BadPhoto, match=page), photo_faults.told_of(tmp_path / "a.jpg"):
        raise refusal
    monkeypatch.delenv("TERM_PROGRAM")
    assert "python" in system.privacy(refusal)
    assert system.privacy(PermissionError(errno.EACCES, "Permission denied")) == ""
    monkeypatch.setattr(system, "is_mac", lambda: False)
    assert system.privacy(refusal) == ""


# -------------------------------------------------------------------------------------------------- watched folders


def test_done_and_failed_are_known_however_they_are_written(tmp_path: Path) -> None:
    for name in ("Done", "DONE", "Failed", "done", "faileD"):
        assert is_aside(name)
        old(tmp_path / name / "a.jpg")
    old(tmp_path / "Done 2" / "b.jpg")
    [taken] = look(scanner_of(tmp_path, recursive=True)).settled
    assert taken.name == "Done 2/b.jpg"


def named(monkeypatch: pytest.MonkeyPatch, host: str) -> marker.Marker:
    """The marker of a rule on this machine, while the machine is called so."""
    monkeypatch.setattr("socket.gethostname", lambda: host)
    return marker.Marker.of("r1", "boots", "j1")


def shown(folder: Path, ours: marker.Marker) -> bool:
    return marker.check(folder, ours, folder, begun=True, agreed=False)


def test_a_host_name_that_follows_the_network_makes_no_folder_foreign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marker, "machine_id", lambda: "hardware")
    assert marker.check(tmp_path, named(monkeypatch, "mac.local"), None, begun=False, agreed=False)
    assert shown(tmp_path, named(monkeypatch, "mac.studio.example"))
    assert "hardware" not in (tmp_path / marker.NAME).read_text()
    monkeypatch.setattr(marker, "machine_id", lambda: "another Mac's")
    with pytest.raises(marker.Foreign, match=r"the artui of mac\.local") as foreign:
        shown(tmp_path, named(monkeypatch, "mac.local"))
    assert foreign.value.cause is RuleCause.OTHER_HOST


def test_a_marker_of_the_version_before_goes_on_and_is_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = json.dumps({"rule": "r1", "name": "boots", "journal": "j1", "host": "mac.local"})
    (tmp_path / marker.NAME).write_text(before)
    with pytest.raises(marker.Foreign):
        shown(tmp_path, named(monkeypatch, "other.local"))
    assert (tmp_path / marker.NAME).read_text() == before
    monkeypatch.setattr(marker, "machine_id", lambda: "")
    assert shown(tmp_path, named(monkeypatch, "mac.local"))
    assert (tmp_path / marker.NAME).read_text() == before, "nothing here lasts longer than the name"
    monkeypatch.setattr(marker, "machine_id", lambda: "hardware")
    with monkeypatch.context() as patch:
        patch.setattr("artui.files.publishing._create", failing(errno.EROFS))
        assert shown(tmp_path, named(monkeypatch, "mac.local"))
    assert shown(tmp_path, named(monkeypatch, "mac.local"))
    assert shown(tmp_path, named(monkeypatch, "other.local")), "from here on the name is for show"
    assert [one.name for one in tmp_path.iterdir()] == [marker.NAME]


class Evicted:
    """What ``lstat`` says of a file whose bytes are in iCloud."""

    def __init__(self, status: os.stat_result) -> None:
        self._status = status
        self.st_flags = DATALESS

    def __getattr__(self, name: str) -> Any:
        return getattr(self._status, name)


def test_what_is_in_icloud_is_waited_for_and_taken_once_it_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old(tmp_path / "here.jpg")
    old(tmp_path / "away.jpg")
    (tmp_path / ".older.jpg.icloud").write_bytes(b"bplist00")
    away = {(tmp_path / "away.jpg").stat().st_ino}
    monkeypatch.setattr("artui.watch.scanning.is_in_cloud", lambda status: status.st_ino in away)
    scanner = scanner_of(tmp_path)
    glance = look(scanner)
    assert [one.name for one in glance.settled] == ["here.jpg"]
    assert glance.passed[Skip.IN_CLOUD].names == [".older.jpg.icloud", "away.jpg"] or glance.passed[
        Skip.IN_CLOUD
    ].names == ["away.jpg", ".older.jpg.icloud"]
    assert {one.name for one in scanner.everything_new()} == {"here.jpg", "away.jpg"}, "it lay there before the rule"
    away.clear()
    assert {one.name for one in look(scanner).settled} == {"here.jpg", "away.jpg"}


def test_nothing_that_is_in_icloud_is_begun_to_be_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = old(tmp_path / "a.jpg")
    sent = files.sha256(files.Photo(path, files.stamp(path), "image/jpeg", 0, 0))
    assert b"".join(files.Sending(sent))
    real = os.fstat
    monkeypatch.setattr(os, "fstat", lambda descriptor: Evicted(real(descriptor)))
    for act in (lambda: next(iter(files.Sending(sent))), lambda: files.sha256(sent)):
        with pytest.raises(files.BadPhoto, match="is in iCloud, not on this Mac") as refused:
            act()
        assert refused.value.reason is PhotoFault.IN_CLOUD


@pytest.mark.parametrize(
    ("name", "is_folder"),
    [("Icon\r", False), ("boot.jpg.sb-1a2b3c4d-XyZ012", False), ("boot.jpg.sb-1a2b3c4d-XyZ012", True),
     ("Temporary Items", True), ("(A Document Being Saved By Photoshop)", True), (".TemporaryItems", True),
     (".DS_Store", False), ("._boot.jpg", False), ("Photos Library.photoslibrary", True), (".boot.jpg.icloud", False)],
)  # fmt: skip
def test_what_macos_leaves_in_folders_is_no_photo(name: str, *, is_folder: bool) -> None:
    assert USUAL.why(name, is_folder=is_folder)


def test_the_names_of_photos_are_not_taken_for_those_of_macos() -> None:
    assert not USUAL.why("boot.sb-12-3.jpg", is_folder=False)
    assert not USUAL.why("Icon.jpg", is_folder=False)
    assert USUAL.why(".boot.jpg.icloud", is_folder=False) == Skip.IN_CLOUD


# ------------------------------------------------------------------------------------------------------ the machine


def test_the_clock_counts_fourteen_hours_of_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    asleep = 0.0
    awake = system.boot_time
    monkeypatch.setattr("artui.timing.boot_time", lambda: awake() + asleep)
    clock = Clock()
    before = clock.now()
    asleep = 14 * 3600
    assert 14 * 3600 <= clock.now() - before < 14 * 3600 + 60


def test_the_clock_is_the_one_that_counts_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = getattr(time, "CLOCK_BOOTTIME", None) or time.CLOCK_MONOTONIC_RAW
    asked = []
    monkeypatch.setattr(time, "clock_gettime", lambda clock: asked.append(clock) or 1.0)
    assert system.boot_time() == 1.0
    assert asked == [wanted]


@pytest.mark.parametrize(
    ("soft", "hard", "becomes"),
    [(256, resource.RLIM_INFINITY, 4096), (256, 10240, 4096), (256, 512, 512), (1024, 10240, None), (256, 256, None),
     (resource.RLIM_INFINITY, resource.RLIM_INFINITY, None)],
)  # fmt: skip
def test_few_descriptors_are_made_more(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, becomes: int | None
) -> None:
    limits = (soft, hard)
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    made: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, to: made.append(to))
    system.raise_open_files()
    assert made == ([] if becomes is None else [(becomes, hard)])


def test_a_folder_is_listened_to_by_the_name_the_system_uses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert system.true_path(tmp_path) == tmp_path
    (tmp_path / "link").symlink_to(tmp_path / "Real", target_is_directory=True)
    (tmp_path / "Real").mkdir()

    def get_path(descriptor: int, what: int, room: bytes) -> bytes:
        assert (what, len(room)) == (50, 1024)
        return os.fsencode(f"/proc/self/fd/{descriptor}" and os.path.realpath(tmp_path / "Real")).ljust(1024, b"\0")

    monkeypatch.setattr(fcntl, "F_GETPATH", 50, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", get_path)
    assert system.true_path(tmp_path / "link") == Path(os.path.realpath(tmp_path / "Real"))
    assert system.true_path(tmp_path / "none") == tmp_path / "none"


# --------------------------------------------------------------------------------------------------------- programs


def test_the_agent_lets_a_paid_call_end_and_gets_its_signal_itself(tmp_path: Path) -> None:
    agent = Agent(["/opt/my tools/artui"], ["--webhook", "127.0.0.1:8080"], [("ARTUI_HOME", "/a & b")], tmp_path, 501)
    asked = plistlib.loads(agent.text())
    shell, *_, script = asked["ProgramArguments"][:3]
    assert shell == "/bin/sh"
    assert "caffeinate -i" in script
    assert asked["ProgramArguments"][3:] == ["/opt/my tools/artui", "watch", "--webhook", "127.0.0.1:8080"]
    assert asked["EnvironmentVariables"] == {"ARTUI_HOME": "/a & b"}
    assert (asked["RunAtLoad"], asked["KeepAlive"]) == (True, {"SuccessfulExit": False})
    assert (asked["ThrottleInterval"], asked["ExitTimeOut"]) == (10, 180)
    assert asked["SoftResourceLimits"]["NumberOfFiles"] == 4096
    assert asked["StandardErrorPath"] == str(tmp_path / "Logs" / "artui.watch.log")
    assert agent.install()[-1] == ("launchctl", "bootstrap", "gui/501", str(agent.place))
    assert agent.status() == ("launchctl", "print", "gui/501/artui.watch")
    with pytest.raises(CommandError, match="cannot stand in a property list"):
        Agent(["/a\0b"]).text()


def test_what_the_agent_starts_is_the_process_that_launchd_knows(tmp_path: Path) -> None:
    """The shell becomes artui, so that a signal reaches it; caffeinate only looks on."""
    (tmp_path / "caffeinate").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/kept\n')
    (tmp_path / "artui").write_text('#!/bin/sh\necho "$$ $@"\n')
    for program in tmp_path.iterdir():
        program.chmod(0o755)
    command = plistlib.loads(Agent([str(tmp_path / "artui")], ["--a b"]).text())["ProgramArguments"]
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        said, _ = child.communicate()
    assert said == f"{child.pid} watch --a b\n"
    until(lambda: (tmp_path / "kept").exists() and (tmp_path / "kept").read_text() == f"-i -w {child.pid}\n")


def test_a_mac_is_kept_awake_while_photos_are_under_way_on_mains_power(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "caffeinate").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "pmset").write_text(f"#!/bin/sh\ncat {tmp_path}/power\n")
    for program in tmp_path.iterdir():
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    power, awake = tmp_path / "power", Awake()
    monkeypatch.setattr("artui.engine.awake.LOOK_AGAIN", 0.0)
    power.write_text("Now drawing from 'Battery Power'\n")
    awake.mind(is_busy=True)
    assert awake._child is None
    power.write_text("Now drawing from 'AC Power'\n")
    awake.mind(is_busy=True)
    kept = awake._child
    assert kept is not None
    assert kept.args == ["caffeinate", "-i", "-w", str(os.getpid())]
    awake.mind(is_busy=True)
    assert awake._child is kept
    for is_busy, source in ((False, "AC"), (True, "Battery")):
        power.write_text("Now drawing from 'AC Power'\n")
        awake.mind(is_busy=True)
        kept = awake._child
        assert kept is not None
        power.write_text(f"Now drawing from '{source} Power'\n")
        awake.mind(is_busy=is_busy)
        assert awake._child is None
        assert kept.returncode is not None
    awake.end()


async def test_an_engine_works_without_what_only_linux_has(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    monkeypatch.delattr(fcntl, "F_SETLEASE", raising=False)
    monkeypatch.setattr(system, "_libc", SimpleNamespace)
    monkeypatch.setattr(os, "link", failing(errno.ENOTSUP))
    await studio.start()
    [number] = await studio.add(studio.photos(1))
    await studio.until(lambda: studio.job(number).status is Status.DONE)
    [result] = studio.job(number).results
    assert result.digest
    assert studio.config.paths.ballast.stat().st_size == BALLAST


async def test_on_a_disk_that_ignores_case_and_has_no_links_all_goes_its_way(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """exFAT, over FUSE: an operator's own Done is the folder photos are moved to, and never a source."""
    monkeypatch.setattr("artui.watch.folder.network_file_system", lambda _: None)
    with ignoring_case(studio.folder / "disk") as disk:
        if not has_no_case(disk):
            pytest.skip("this disk tells case apart")
        inbox, out = disk / "in", disk / "out"
        (inbox / "Done").mkdir(parents=True)
        rule: dict[str, Any] = {"folder": str(inbox), "output": str(out), "after": "move", "recursive": True}
        async with watching(studio, **rule) as post:
            for seed, name in enumerate(("a.jpg", "e\u0301.jpg")):
                shutil.move(jpeg_at(studio, seed), inbox / name)
            await post.until(lambda: len(list((inbox / "Done").glob("*.jpg"))) == 2)
            await post.all_done(2)
            for _ in range(3):
                await studio.ask("look now")
                await post.until(lambda: not post.watcher._watched[post.rule.id].is_scan_wanted)
        below = {path.relative_to(inbox).as_posix() for path in inbox.rglob("*") if path.is_dir()}
        assert below == {"Done"}, "not Done/done/done"
        assert len(list(out.iterdir())) == len(studio.simulator.ledger) == 2


def has_no_case(disk: Path) -> bool:
    (disk / "Case").mkdir()
    return (disk / "cASE").is_dir()


def jpeg_at(studio: Studio, seed: int) -> Path:
    place = studio.folder / f"made-{seed}.jpg"
    noise_jpeg(place, 20_000, seed)
    return place


def test_results_open_with_the_desktop_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result, opened = tmp_path / "a b.jpg", tmp_path / "opened"
    for name in ("open", "xdg-open", "pbcopy"):
        (tmp_path / name).write_text(f'#!/bin/sh\n[ -n "$1" ] && echo "{name} $1" > {opened} || cat > {opened}\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    assert "no result" in desktop.open_files([result])
    result.touch()
    assert "no desktop" in desktop.open_files([result])
    monkeypatch.setenv("DISPLAY", ":0")
    assert desktop.open_files([result]) == ""
    until(lambda: opened.exists() and opened.read_text() == f"xdg-open {result}\n")
    monkeypatch.setattr(desktop, "is_mac", lambda: True)
    assert desktop.open_files([result]) == ""
    until(lambda: opened.read_text() == f"open {result}\n")
    monkeypatch.setenv("SSH_CONNECTION", "1 2 3 4")
    assert "no desktop" in desktop.open_files([result])
    app = SimpleNamespace(copy_to_clipboard=lambda _: None, push_screen=lambda _: None)
    until(lambda: all(child.poll() is not None for child in desktop._children))
    desktop.copy(app, "grüße.jpg")  # type: ignore[arg-type]
    assert opened.read_text() == "grüße.jpg"
