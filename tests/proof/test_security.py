"""Nothing secret leaves its place, nothing foreign gets in: over whole runs, with every canary a service has heard."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import resource
import signal
import stat
import struct
import sys
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from artui import files
from artui.cli import COMMANDS, Commands, root, run
from artui.cli.exits import Exit
from artui.config import paths
from artui.credentials import KeyStore, Secret, Vault
from artui.engine import log
from artui.files import Accepts, BadPhoto
from artui.journal import jobs
from artui.model.states import Status
from artui.providers.base import Output
from artui.sim.photos import noise_jpeg
from artui.sim.server import Simulator, running
from artui.tui.app import Console
from tests import fakes, test_engine_filestack, test_engine_retouch4me
from tests.peer import Link, serving
from tests.proof.canaries import Canaries, files_below, said_by
from tests.studio import ACCOUNT, Studio, open_studio
from tests.tui.desk import at_desk

PROXY_PASSWORD = "canary-of-the-proxy-4711"
PASTED = "canary-that-was-pasted-4711"


@dataclass(frozen=True)
class Scene:
    """A service, its account in config.toml, a workflow, and what goes wrong at it, each once."""

    account: str
    workflow: str
    faults: tuple[tuple[str, str], ...]


SCENES = {
    "autoretouch": Scene(
        ACCOUNT,
        "Background Removal",
        (("token", "status:500"), ("upload", "early:401"), ("create", "drop_after"), ("create", "status:503:1"),
         ("list", "html"), ("download", "truncate"), ("balance", "status:403")),
    ),
    "retouch4me": Scene(
        test_engine_retouch4me.ACCOUNT,
        "Natural",
        (("start", "drop_after"), ("start", "status:500"), ("status", "html"), ("result", "truncate"),
         ("result", "status:404"), ("balance", "status:500")),
    ),
    "filestack": Scene(
        test_engine_filestack.ACCOUNT,
        "Preview",
        (("store", "status:500"), ("store", "html"), ("run", "drop_before"), ("status", "status:403"),
         ("metadata", "drop_before"), ("download", "truncate"), ("download", "html")),
    ),
}  # fmt: skip


@dataclass
class Stage:
    """A studio whose key lies in a file, at a stand-in that notes every secret it hears."""

    studio: Studio
    canaries: Canaries
    scene: Scene


@pytest.fixture
def open_umask() -> Iterator[None]:
    """A umask that takes nothing away, for this process and those it starts."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture(params=SCENES)
async def stage(
    request: pytest.FixtureRequest, open_umask: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Stage]:
    service, scene = request.param, SCENES[request.param]
    simulator = Simulator(speed=100)
    canaries = Canaries(simulator.app)
    simulator.app = canaries
    account = f'proxy = "http://me:{PROXY_PASSWORD}@127.0.0.1:9"\n' + scene.account
    with running(simulator):
        async with open_studio(simulator, monkeypatch, tmp_path, service=service, account=account) as studio:
            token = os.environ["ARTUI_STUDIO_TOKEN"]
            canaries.known |= {token, PROXY_PASSWORD}
            Vault(paths(), {}).keep("studio", Secret(token), KeyStore.FILE)
            monkeypatch.delenv("ARTUI_STUDIO_TOKEN")
            if service == "autoretouch":
                simulator.switch({"token_lifetime": 2, "rotate_refresh_tokens": True})
            simulator.faults.add([{"route": f"{service}.{route}", "do": do} for route, do in scene.faults])
            yield Stage(studio, canaries, scene)


async def test_no_secret_is_anywhere_but_in_its_place(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    studio, canaries = stage.studio, stage.canaries
    recipe = studio.workflows[stage.scene.workflow]
    await studio.add(studio.photos(4), workflow=recipe.name, parameters=recipe.parameters)
    pid = await studio.spawn()
    assert canaries.found_in(told_by_the_system(pid)) == []
    await studio.at_rest()
    assert Status.DONE in {job.status for job in studio.jobs()}, studio.places()
    canaries.known |= rotated(studio.simulator)
    assert len(canaries.known) > 2
    seen = {"screens": "\n".join(await screens()).encode()}
    await studio.end_process()
    for words in QUESTIONS:
        seen[" ".join(words)] = await asyncio.to_thread(printed, words, capsys)
    seen["the journal's rows"] = said_by(studio.config.paths.journal)
    seen |= {str(path): content for path, content in files_below(Path(os.environ["ARTUI_HOME"])).items()}
    seen |= {str(path): content for path, content in files_below(studio.out).items()}
    where = {place for place, content in seen.items() if canaries.found_in(content)}
    paths = studio.config.paths
    own = {str(path) for path in (*files_below(paths.credentials), *files_below(paths.last_good), paths.config_file)}
    assert where <= own
    assert where, "nor would it be found where it is"
    assert modes(Path(os.environ["ARTUI_HOME"])) == {(True, 0o700), (False, 0o600)}


QUESTIONS = [
    ["status"], ["status", "--json"], ["jobs", "--json"], ["job", "1", "--json"], ["job", "1"], ["accounts", "--json"],
    ["config", "show"], ["config", "show", "--json"], ["workflows", "--json"], ["balance"],
    ["why", "nothing.jpg", "--json"],
]  # fmt: skip


def printed(words: list[str], capsys: pytest.CaptureFixture[str]) -> bytes:
    """All that a command prints."""
    capsys.readouterr()
    assert run(words) in (Exit.OK, Exit.USAGE, Exit.LOGIN, Exit.CREDIT), words
    said = capsys.readouterr()
    assert said.out or said.err
    return (said.out + said.err).encode()


async def screens() -> list[str]:
    """Every place of the console as a picture, and the details of a job."""
    pictures = []
    async with at_desk((120, 36)) as desk:
        for keys in ("1", "2", "3", "4", "5", "M", "escape", "1", "enter"):
            await desk.press(keys)
            await desk.pilot.pause()
            pictures.append(desk.console.export_screenshot())
    return pictures


def told_by_the_system(pid: int) -> bytes:
    """The command line and the environment of a process, as every other process of its user can read them; nothing
    where there is no /proc."""
    place = Path(f"/proc/{pid}")
    return b"".join((place / what).read_bytes() for what in ("cmdline", "environ")) if place.is_dir() else b""


def rotated(simulator: Simulator) -> set[str]:
    """The refresh tokens that came of the first one."""
    return set(simulator._services[0]._login._refresh_tokens)  # type: ignore[attr-defined]


def modes(folder: Path) -> set[tuple[bool, int]]:
    """Whether it is a folder, and its mode, of everything below a folder; what the test itself wrote is left out."""
    found = [path for path in folder.rglob("*") if path != paths().config_file and path != paths().config]
    return {(path.is_dir(), stat.S_IMODE(path.lstat().st_mode)) for path in found}


# --------------------------------------------------------------------------------------------- logs, crashes, cores


@contextmanager
def own_log(file: Path) -> Iterator[None]:
    """Send this process's log to a file alone, while the block runs."""
    top = logging.getLogger()
    before = top.handlers[:], top.level, logging.raiseExceptions
    top.handlers.clear()  # not closed: they are pytest's
    log.log_to_file(file)
    yield
    with suppress(OSError):  # what is left in it may find no room
        top.handlers[0].close()
    top.handlers[:], top.level, logging.raiseExceptions = before


@pytest.mark.usefixtures("open_umask")
def test_a_log_is_private_through_every_rotation_and_holds_neither_secrets_nor_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "LOG_BYTES", 400)
    secret = Secret(PASTED)
    with own_log(tmp_path / "engine.log"):
        for number in range(20):
            failure = OSError(f"{secret.reveal()} \x1b]52;c;{number}\x07 \udcff")
            logging.getLogger("artui").error("it is %s\x1b[2J\nforged", secret.reveal(), exc_info=failure)
    found = sorted(tmp_path.glob("engine.log*"))
    assert len(found) == 1 + log.LOG_FILES
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}
    for path in found:
        text = path.read_text("utf-8")
        assert PASTED not in text
        assert text.replace("\n", "").isprintable()
        assert not any(line.startswith("forged") for line in text.splitlines())


@pytest.mark.parametrize("kept", ["in text", "in json", "nowhere"])
def test_a_console_that_breaks_says_a_sentence_and_shows_no_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kept: str
) -> None:
    log_file = paths().log
    paths().create()
    if kept == "in json":
        paths().config_file.write_text('log = "json"\n')
    elif kept == "nowhere":
        log_file.mkdir()

    async def break_down(_console: Console) -> None:
        typed = PASTED
        raise RuntimeError(f"a defect at {len(typed)} letters")

    run_async = Console.run_async
    monkeypatch.setattr(Console, "run_async", lambda console: run_async(console, headless=True))
    monkeypatch.setattr(Console, "on_mount", break_down)
    monkeypatch.setattr("artui.cli.console.has_terminal", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    assert run([]) == Exit.FAILED
    said = capsys.readouterr()
    assert "artui itself failed (RuntimeError: a defect at 27 letters)" in said.err
    assert "Traceback" not in said.err
    if kept == "nowhere":
        assert "ARTUI_DEBUG=1 shows where it happened" in said.err
    else:
        assert f"{log_file} says where it happened" in said.err
        text = log_file.read_text()
        assert stat.S_IMODE(log_file.stat().st_mode) == 0o600
        assert (text.count("\n") == 1) is (kept == "in json")
        for part in ("Traceback", "in break_down", "RuntimeError: a defect at 27 letters", "the console ended"):
            assert part in text
        assert PASTED not in text
    assert PASTED not in said.out + said.err


CRASH = "os.kill(os.getpid(), signal.SIGSEGV)"
ENTRIES = {
    "a command": f"import artui.cli as entry; entry.run = lambda _, become: {CRASH}; entry.main()",
    "the engine": f"import artui.engine.process as entry; entry.load = lambda _: {CRASH}; entry.main()",
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_no_process_of_ours_leaves_a_core(entry: str, tmp_path: Path) -> None:
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    allowed = f"import os, resource, signal; resource.setrlimit(resource.RLIMIT_CORE, ({hard}, {hard}));"

    def dumps(program: str) -> bool:
        command = [sys.executable, "-c", f"{allowed} os.chdir({str(tmp_path)!r}); {program}"]
        pid = os.posix_spawn(sys.executable, command, os.environ)
        _, status = os.waitpid(pid, 0)
        assert os.WTERMSIG(status) == signal.SIGSEGV
        return os.WCOREDUMP(status)

    assert not dumps(ENTRIES[entry])
    if not dumps(CRASH):
        pytest.skip("this machine leaves no cores of anybody")


def test_no_command_takes_a_secret_as_an_argument() -> None:
    assert isinstance(root, Commands)
    words = {"token", "key", "secret", "password", "credential"}
    context = click.Context(root)
    for name in COMMANDS:
        command = root.get_command(context, name)
        subcommands = getattr(command, "commands", {}).values()
        for one in (command, *subcommands):
            assert one
            taking = [parameter for parameter in one.params if not getattr(parameter, "is_flag", False)]
            assert not [parameter.name for parameter in taking if words & set((parameter.name or "").split("_"))], name


# ------------------------------------------------------------------------------------- names that come from outside


HOSTILE = [
    "../../../out-of-it",
    "/tmp/out-of-it",
    "..",
    ".",
    "a/b",
    "\0",
    "x" * 300,
    "\x1b]52;c;eA==\x07",
    "",
    "\udcff",
]
PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)


def archive() -> bytes:
    """An archive whose entries want to be anywhere but in it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        for number, name in enumerate(name for name in HOSTILE if name and name.isprintable()):
            made.writestr(f"index={number}&blendmode=normal&name={name}.png", PNG)
            made.writestr(f"{name}/../../../../up-{number}.png", PNG)
        link = zipfile.ZipInfo("to-the-outside.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(link, "/etc/passwd")
    return packed.getvalue()


async def test_results_and_layers_stay_in_their_folder_whatever_they_are_called(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pictures = [Output(f"picture {n}", task=name, media_type=name) for n, name in enumerate(HOSTILE)]
    service = fakes.Service(outputs=[*pictures, Output("layers", media_type="application/zip", unpack=True)])
    service.files = {one.locator: whole_jpeg(number) for number, one in enumerate(pictures)}
    service.files["layers"] = archive()
    async with fakes.bench(tmp_path, monkeypatch, north=service) as bench:
        studio = bench.studio
        (photo,) = studio.photos(1)
        await studio.journal.write_async(jobs.add, None, [bench.job(photo, stem=f"{photo.stem}\x1b[2J")])
        studio.out.mkdir()
        before = snapshot(tmp_path, studio)
        await studio.start()
        (job,) = await studio.at_rest()
        assert job.status is Status.DONE, studio.places()
        assert snapshot(tmp_path, studio) == before
        assert all(Path(result.path or "").parent == studio.out for result in job.results)
        below = list(studio.out.rglob("*"))
        assert len(below) > 2 * len(HOSTILE)
        assert not any(path.is_symlink() for path in below)
        assert "out-of-it" not in {path.name for path in Path("/tmp").iterdir()}  # noqa: ASYNC240


def whole_jpeg(number: int) -> bytes:
    """A picture that is whole; another number is another one."""
    noise_jpeg(file := Path(os.environ["ARTUI_HOME"]).parent / "picture", 4_000, seed=1_000 + number)
    content = file.read_bytes()
    file.unlink()
    return content


def snapshot(folder: Path, studio: Studio) -> dict[str, tuple[int, int, int]]:
    """Everything around the output folder and artui's own: its kind, size and time."""
    home = Path(os.environ["ARTUI_HOME"])
    found = {}
    for above, folders, names in os.walk(folder):
        place = Path(above)
        folders[:] = [name for name in folders if place / name not in (studio.out, home)]
        for name in (*folders, *names):
            status = (place / name).lstat()
            found[str(place / name)] = (status.st_mode, status.st_size, status.st_mtime_ns)
    return found


@pytest.mark.parametrize("reader", ["inspect", "sha256", "Sending"])
def test_what_is_swapped_in_between_check_and_open_is_not_read(
    reader: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """At each opening, the photo, or the folder it lies in, has just been replaced by a link to something secret."""
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "photo.jpg").write_bytes(PASTED.encode() * 1000)
    taken = Accepts(frozenset({"image/jpeg"}))
    for swap in (_file_for_link, _folder_for_link):
        inbox = tmp_path / swap.__name__
        (photo_path := inbox / "photo.jpg").parent.mkdir()
        fakes.Studio.photos(_Holding(inbox), 1)  # type: ignore[arg-type]
        (inbox / "IMG_0000.jpg").rename(photo_path)
        photo = files.sha256(files.inspect(photo_path, taken))
        opens = {
            "inspect": lambda: files.inspect(photo_path, taken),
            "sha256": lambda: files.sha256(photo),  # noqa: B023
            "Sending": lambda: b"".join(files.Sending(photo)),  # noqa: B023
        }
        real = os.open

        def swapped(path: Any, *rest: Any, **more: Any) -> int:
            swap(photo_path, secret)  # noqa: B023
            return real(path, *rest, **more)  # noqa: B023

        with monkeypatch.context() as patch:
            patch.setattr("artui.files.regular.os.open", swapped)
            with pytest.raises((files.Changed, BadPhoto)):
                opens[reader]()


class _Holding:
    """What making a photo needs of a studio."""

    def __init__(self, inbox: Path) -> None:
        self.inbox = inbox
        self._names: set[str] = set()


def _file_for_link(photo: Path, secret: Path) -> None:
    if not photo.is_symlink():
        photo.unlink()
        photo.symlink_to(secret / "photo.jpg")


def _folder_for_link(photo: Path, secret: Path) -> None:
    if not photo.parent.is_symlink():
        photo.parent.rename(photo.parent.with_name("away"))
        photo.parent.symlink_to(secret)


# ------------------------------------------------------------------------------------------------------------ bombs


MOST_GROWTH = 32
"""Megabytes that refusing a bomb may take."""

NEVER_ENDING = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def _swollen(item: bytes) -> bytes:
    return b'{"entries": [' + b",".join([item] * (3_000_000 // (len(item) + 1))) + b'], "total": 1}'


def _answer(body: bytes, headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n" % (len(body), headers) + body


def _gzipped(size: int) -> bytes:
    packer = zlib.compressobj(wbits=31)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()


BOMBS: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: _answer(_gzipped(200 << 20), b"Content-Encoding: gzip\r\n"),
    "gzip, unsaid": lambda: _answer(_gzipped(100 << 20)),
    "lists": lambda: _answer(_swollen(b"[]")),
    "objects": lambda: _answer(_swollen(b"{}")),
    "numbers": lambda: _answer(_swollen(b"1")),
    "depth": lambda: _answer(b"[" * 3_000_000),
    "one text": lambda: _answer('{"total": "😀'.encode() + b"x" * 3_000_000 + b'"}'),
    "an endless answer": lambda: NEVER_ENDING + b"10000\r\n" + b" " * 65_536 + b"\r\n",
    "one long header": lambda: b"HTTP/1.1 200 OK\r\nX: " + b"x" * 60_000_000 + b"\r\n\r\n",
    "many headers": lambda: b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5_000_000 + b"\r\n",
    "a long status line": lambda: b"HTTP/1.1 200 " + b"x" * 60_000_000 + b"\r\n\r\n",
}


async def test_no_answer_of_a_service_takes_much_memory(tmp_path: Path) -> None:
    bombs = {f"/{number}": bomb() for number, bomb in enumerate(BOMBS.values())}
    endless = f"/{list(BOMBS).index('an endless answer')}"

    async def throw(link: Link) -> None:
        path = (await link.whole()).split(b" ")[1].decode()
        bomb = bombs[path]
        link.writer.write(bomb)
        await link.writer.drain()
        while path == endless:
            link.writer.write(bomb[len(NEVER_ENDING) :])
            await link.writer.drain()

    async with serving(throw) as peer:
        grown = await _in_a_child("answers", peer.url, *bombs)
    assert max(grown.values()) <= MOST_GROWTH, dict(zip(BOMBS, grown.values(), strict=True))


async def test_no_file_takes_much_memory(tmp_path: Path) -> None:
    rows = zlib.compress(bytes(50_000 * 4_000), 9)
    header = b"IHDR" + struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunks = [header, b"IDAT" + rows, b"IEND"]
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks
    )
    (tmp_path / "bomb.png").write_bytes(png)
    with (
        zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as packed,
        packed.open("index=1&blendmode=normal&name=a.png", "w", force_zip64=True) as entry,
    ):
        for _ in range(150):
            entry.write(bytes(1 << 20))
    with zipfile.ZipFile(tmp_path / "entries.zip", "w") as many:
        for number in range(8_000):
            many.writestr(f"{number}.png", b"")
    (tmp_path / "bomb.json").write_bytes((_swollen(b"[]") * 4)[:-1])
    grown = await _in_a_child("files", str(tmp_path), "bomb.png", "bomb.zip", "entries.zip", "bomb.json")
    assert max(grown.values()) <= MOST_GROWTH, grown


async def _in_a_child(what: str, where: str, *bombs: str) -> dict[str, float]:
    """Megabytes by which a process of its own has grown after each bomb; it fails where one was not refused."""
    command = [sys.executable, "-m", "tests.proof.bombed", what, where, *bombs]
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said, _ = await child.communicate()
    assert child.returncode == 0
    grown: dict[str, float] = json.loads(said)
    return grown
