"""What tests share: a home of their own, a stand-in for the services, a studio or a desk at it."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from artui.providers.base import misfits
from artui.sim.server import Simulator, running
from tests.desk import Desk, desks
from tests.premade import Engines, prepare
from tests.studio import Studio, open_studio

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell has what it runs in the background ignore ctrl-c, and so would every program that is interrupted here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # so has nohup, and what is tested would not hear of a closed terminal


# Without their bytecode the many commands and engines that tests start would compile all of artui each time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

os.umask(0o022)  # settings that tests write are those of a person whom nobody else writes for


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="Run sweeps and counts in full; takes much longer.")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """``-n auto`` takes four workers a processor: most tests wait for a condition, not for a processor."""
    return 4 * (os.cpu_count() or 1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Whoever is done takes over what another has before it: files of slow tests stand beside each other."""
    from xdist.scheduler import WorkStealingScheduling  # here, for a run without workers needs no xdist

    return WorkStealingScheduling(config, log)


@pytest.fixture
def long(request: pytest.FixtureRequest) -> bool:
    """Whether sweeps and counts run in full."""
    return bool(request.config.getoption("--long"))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def temporary(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Have what a killed stand-in or command leaves go with the run."""
    tempfile.tempdir = os.environ["TMPDIR"] = str(tmp_path_factory.mktemp("temporary"))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh ARTUI_HOME, with no word of the developer's own settings; a zone that was set goes with it."""
    zone = os.environ.get("TZ")
    for name in [name for name in os.environ if name.startswith(("ARTUI_", "SSL_CERT_"))]:
        monkeypatch.delenv(name)
    place = tmp_path / "home"
    monkeypatch.setenv("ARTUI_HOME", str(place))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    misfits._kept.clear()  # what the log keeps once in a process is told to each test anew
    yield place
    if os.environ.get("TZ") != zone:
        os.environ.pop("TZ")
        os.environ |= {"TZ": zone} if zone is not None else {}
        time.tzset()


@pytest.fixture(scope="session")
def engines() -> Iterator[Engines]:
    """Where the engines come from that commands of this process start."""
    made = Engines()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch, engines: Engines) -> None:
    """New journals and engines at a tenth of their price; those of other processes are made as ever."""
    monkeypatch.setattr("artui.journal.store.prepare", prepare)
    if hasattr(os, "pidfd_open"):
        monkeypatch.setattr("artui.engine.client._spawn", engines.spawn)


@pytest.fixture
def procfs() -> None:
    """For what looks into another process as Linux shows it."""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc, which Linux has")


@pytest.fixture
def byte_names(tmp_path: Path) -> None:
    """For names that are no UTF-8, which disks of a Mac refuse."""
    try:
        (tmp_path / os.fsdecode(b"\xff")).touch()
    except OSError as refusal:
        pytest.skip(f"needs a disk that takes any bytes for a name: {refusal}")
    (tmp_path / os.fsdecode(b"\xff")).unlink()


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A fresh stand-in, whose books no other test has written in."""
    with running(Simulator(speed=100)) as serving:
        yield serving


@pytest.fixture
async def studio(simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Studio]:
    """A studio at a fresh stand-in, its inbox empty, with an engine in this process once it is started."""
    async with open_studio(simulator, monkeypatch, tmp_path) as opened:
        opened.inbox.mkdir()
        yield opened


@pytest.fixture(scope="module")
def stand_in() -> Iterator[Simulator]:
    """A stand-in that the tests of one file share."""
    with running(Simulator(speed=100, device_interval=0.3)) as serving:
        yield serving


@pytest.fixture
def desk(
    stand_in: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    """A desk at which commands are typed, at the stand-in of its file."""
    yield from desks(stand_in, tmp_path, capsys, monkeypatch)
