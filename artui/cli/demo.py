"""``artui sim`` and ``artui demo``: the local stand-in for the services, and the whole journey shown with it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import ProxyHandler, build_opener

import click

from artui.cli.exits import CommandError, Exit
from artui.cli.options import AS_JSON
from artui.cli.session import Session
from artui.cli.streams import go_on
from artui.cli.terminal import columns, put, put_json, put_line, say
from artui.config import make_private_folder, write_private
from artui.model.job import Job
from artui.model.lines import cost
from artui.model.states import Status

if TYPE_CHECKING:
    from artui.config import Paths
    from artui.core.plan import RefusedFile
    from artui.providers.base import Provider

SPEED, CONSOLE_SPEED = 4, 1.5
"""How many times as fast the stand-in works: for lines that are waited for, and for a console that is looked at."""

WORKFLOW = "Shadow + Reflection"
PATIENCE = 20.0
"""Seconds a process of the demo gets to start, and to end."""


@click.command("sim")
@click.option(
    "--port", default=0, show_default=True, type=click.IntRange(0, 65535), help="Port on 127.0.0.1; 0 takes a free one."
)
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="How many times as fast.",
)
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same ids and durations.")
@click.option("--credits", "credits_", default=5000, show_default=True, help="Credits each account begins with.")
@click.option("--until-eof", is_flag=True, hidden=True, help="End with stdin, and end the engine of this home then.")
def sim_command(port: int, speed: float, seed: int, credits_: int, *, until_eof: bool) -> Exit:
    """Serve a stand-in for the services on this machine, until TERM; prints one JSON line when it listens."""
    if until_eof:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        from artui.sim.server import Simulator, serve
    except ImportError as missing:
        raise _without(missing) from None
    try:
        serve(Simulator(speed=speed, seed=seed, credits=credits_), port, put_line)
    except OSError as error:
        raise CommandError(Exit.USAGE, f"Port {port} cannot be used ({error.strerror}).") from None
    return Exit.OK


def _end_with_stdin() -> None:
    """End the engine of this home and this process once whoever holds the other end of stdin is gone, even killed."""
    while os.read(sys.stdin.fileno(), 1024):  # not by the stream: its lock would be held when the interpreter ends
        pass
    if (engine := _engine_of(Session.here().paths)) is not None:
        with suppress(ProcessLookupError):
            os.kill(engine, signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGTERM)


def _without(missing: ImportError) -> CommandError:
    return CommandError(Exit.USAGE, f"The stand-in needs {missing.name}: pip install 'artui[demo]' brings it.")


# --------------------------------------------------------------------------------------------------------- the demo


@click.command("demo")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FOLDER",
    help="Folder for the results; without it a temporary one.",
)  # fmt: skip
@click.option("--headless", is_flag=True, help="Show one journey as lines; without a terminal this is the only way.")
@click.option("--sign-in", is_flag=True, help="Open the console signed out, to walk through signing in.")
@AS_JSON
def demo_command(folder: Path | None, output: Path | None, *, headless: bool, sign_in: bool, as_json: bool) -> Exit:
    """Show it all against a stand-in on this machine: no account, no costs."""
    from artui.cli.console import has_terminal

    if folder is not None and not folder.is_dir():
        raise CommandError(Exit.USAGE, f"{folder} is no folder.")
    interactive = has_terminal() and not headless and not as_json
    if sign_in and not interactive:
        raise CommandError(Exit.USAGE, "--sign-in shows screens: it needs a terminal, and no --headless.")
    top = Path(tempfile.mkdtemp(prefix="artui-demo-"))
    results = Path(os.path.abspath(output)) if output else top / "results"  # noqa: PTH100 — it need not exist yet
    try:
        if interactive:
            from artui.cli.console import open_console

            say("Starting the stand-in and making sample photos ...")
            with staged(top, results, folder, sign_in=sign_in) as session:
                code = open_console(session, demo=True)
            say("The demo has ended, and nothing of it goes on.")
            if results.is_dir():
                say(f"Results are in {results}")
            return code
        photos = folder.absolute() if folder else top / "photos"
        if folder is None:
            try:
                from artui.sim.photos import sample_photos
            except ImportError as missing:
                raise _without(missing) from None
            say(f"Making sample photos in {photos}: one of them cut off, one a copy of another.")
            sample_photos(photos, seed=0)
        with _stand_in(top, SPEED) as announced, _home(top, announced, results), _engine():
            return _journey(Session.here(), photos, results, announced["url"], as_json=as_json)
    finally:
        for place in ("home", "photos"):
            shutil.rmtree(top / place, ignore_errors=True)
        if not any(top.iterdir()):
            top.rmdir()


@contextmanager
def staged(top: Path, results: Path, folder: Path | None = None, *, sign_in: bool = False) -> Iterator[Session]:
    """All that the demo's console stands on, below ``top``; the working folder is the one to pick photos from.

    With jobs under way, unless the person is to sign in first. Nothing of it runs when the block ends.
    """
    from artui.cli.stage import UNSENT, DemoSetup, arriving, inbox_rule, make_photos

    try:
        photos = make_photos(top / "photos" / "aw26")
    except ImportError as missing:
        raise _without(missing) from None
    with (
        _stand_in(top, CONSOLE_SPEED) as announced,
        _home(top, announced, results, signed_in=not sign_in, rule="" if sign_in else inbox_rule(photos, results)),
        chdir(folder or photos / UNSENT),
        _no_engine_left(),
    ):
        session = Session.here()
        if sign_in:
            yield session
            return
        DemoSetup(session, announced["url"]).set_up(photos, results)
        with _engine(["artui", "watch"]), arriving(photos):
            yield session


@contextmanager
def _stand_in(top: Path, speed: float) -> Iterator[dict[str, Any]]:
    """The stand-in in a process of its own; gives what it announced.

    It ends with this process, however that ends: the pipe to its stdin is closed then.
    """
    command = ["artui", "sim", "--speed", str(speed), "--until-eof"]
    surroundings = {**os.environ, "ARTUI_HOME": str(top / "home")}
    with _process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=surroundings) as child:
        line = child.stdout.readline() if child.stdout else b""
        if not line:
            raise CommandError(Exit.FAILED, "The stand-in did not start; it has said why.")
        yield json.loads(line)


@contextmanager
def _home(
    top: Path, announced: Mapping[str, Any], results: Path, *, signed_in: bool = True, rule: str = ""
) -> Iterator[None]:
    """An ARTUI_HOME of its own with one account at the stand-in and a ``rule`` of a watched folder, for this process
    and those it starts."""
    account = announced["autoretouch"]
    config = top / "home" / "config"
    make_private_folder(config)
    text = (
        'proxy = ""\nidle_minutes = 1\n[accounts.demo]\nprovider = "autoretouch"\n'
        f"output = {json.dumps(str(results))}\nsettle = 1\nfirst_look = 1\nqa_look = 1\n"
        + "".join(f"{key} = {json.dumps(account[key])}\n" for key in ("api_url", "auth_url"))
        + (f"organization = {json.dumps(account['organization'])}\n" if signed_in else "")
        + "caps.day = 3000\npace.in_flight = 5\n"
        + rule
    )
    write_private(config / "config.toml", text.encode())
    before = dict(os.environ)
    for name in before:
        if name.startswith("ARTUI_"):
            del os.environ[name]
    # A key of the stand-in has no business among the person's own.
    os.environ.update(ARTUI_HOME=str(top / "home"), PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring")
    if signed_in:
        os.environ["ARTUI_DEMO_TOKEN"] = account["refresh_token"]
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _engine(module: Sequence[str] = ("artui.engine.process",)) -> Iterator[None]:
    """An engine in a process of its own; none is left when the block ends."""
    paths = Session.here().paths
    with (
        _no_engine_left(),
        _process(list(module), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child,
    ):
        deadline = time.monotonic() + PATIENCE
        while child.poll() is None and _engine_of(paths) != child.pid and time.monotonic() < deadline:
            time.sleep(0.05)
        yield


@contextmanager
def _no_engine_left() -> Iterator[None]:
    """Whatever engine runs when the block ends is ended: another may have taken over from one that was killed."""
    from artui.cli import run
    from artui.engine.lock import lock_is_held

    try:
        yield
    finally:
        if lock_is_held(Session.here().paths):
            run(["stop"])


def _engine_of(paths: Paths) -> int | None:
    """The process that is the engine now, None where there is none."""
    from artui.engine.lock import holder, lock_is_held

    return holder(paths)[0] if lock_is_held(paths) else None


@contextmanager
def _process(module: list[str], **streams: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A module of artui in a session of its own, so that ctrl-c comes to this process alone; ended with the block."""
    command = [sys.executable, "-m", *module]
    child = subprocess.Popen(command, start_new_session=True, **streams)  # noqa: S603 — our own interpreter and module
    with child:
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                child.kill()


# ------------------------------------------------------------------------------------------------------ the journey


def _journey(session: Session, photos: Path, results: Path, stand_in: str, *, as_json: bool) -> Exit:
    """Send the photos as a person would, then check and show what came of them."""
    from artui.cli import run
    from artui.core import plan
    from artui.journal import history
    from artui.providers import capabilities

    before = _balance(session)
    command = ["submit", str(photos), "-w", WORKFLOW, "-o", str(results), "--yes", "--wait"]
    say(f"$ artui {shlex.join(command)}")
    if run(command) == Exit.INTERRUPTED:
        raise KeyboardInterrupt
    go_on()
    direct = build_opener(ProxyHandler({}))  # a proxy leads away from this machine
    with direct.open(f"{stand_in}/_sim/ledger", timeout=PATIENCE) as answer:
        charges = sum(charge["credits"] for charge in json.load(answer))
    accepts = capabilities("autoretouch").limits.accepts
    good, refused, _ = plan.check(plan.collect([photos]), accepts, lambda *_: None)
    with session.journal() as journal:
        jobs = [(file.path, job) for file, _ in good for job in journal.read(history.by_source, file.path)]
    lost = {file.path for file, _ in good} - {path for path, _ in jobs}
    never = [plan.RefusedFile(path, "lost", f"{path.name} never became a job") for path in sorted(lost)]
    no_jobs = [(one.path, one) for one in (*never, *refused)]
    outcome = _Outcome([*jobs, *no_jobs], before, _balance(session), charges)
    if as_json:
        put_json(outcome.document(results))
    else:
        for line in outcome.lines():
            put(line)
        put(f"results are in {results}")
    for fault in outcome.faults():
        say(f"! {fault}")
    return Exit.FAILED if outcome.faults() else Exit.OK


def _balance(session: Session) -> int:
    async def question(provider: Provider[Any]) -> int | None:
        return await provider.balance()

    return session.ask(session.account("demo"), question) or 0


@dataclass(frozen=True)
class _Outcome:
    """What came of the demo: the files, the balance before and after, and what the stand-in's ledger says."""

    made: list[tuple[Path, Job | RefusedFile]]
    before: int
    after: int
    ledger: int

    def lines(self) -> Iterator[str]:
        """The closing table and the totals."""
        heading = ("file", "workflow", "stage", "cost", "result")
        rows: list[tuple[str, ...]] = []
        for path, what in self.made:
            if isinstance(what, Job):
                result = ", ".join(Path(result.path).name for result in what.results if result.path)
                note = " (same photo)" if what.status is Status.SKIPPED else ""
                rows.append((path.name, what.workflow_name, what.stage, cost(what), f"{result or what.message}{note}"))
            else:
                rows.append((path.name, "-", "refused", "-", what.reason))
        yield from columns([heading, *rows], right=[3])
        yield f"quoted {self._sum('quoted'):,}, charged {self._sum('charged'):,} credits"
        yield f"balance before {self.before:,}, after {self.after:,} credits"

    def document(self, results: Path) -> dict[str, Any]:
        """The same as JSON has it."""
        files: list[dict[str, Any]] = []
        for path, what in self.made:
            job = what if isinstance(what, Job) else None
            outputs = [result.path for result in job.results if result.path] if job else []
            files.append(
                {
                    "file": str(path), "status": job.status if job else "refused", "message": what.message,
                    "charged": job.charged if job else None, "outputs": outputs,
                }
            )  # fmt: skip
        return {
            "ok": not self.faults(), "faults": self.faults(), "quoted": self._sum("quoted"),
            "charged": self._sum("charged"), "balance_before": self.before, "balance_after": self.after,
            "results": str(results), "files": files,
        }  # fmt: skip

    def _sum(self, amount: str) -> int:
        return sum(getattr(job, amount) or 0 for _, job in self.made if isinstance(job, Job) and job.buys)

    def faults(self) -> list[str]:
        """What went wrong; empty where every good photo's result is on disk and was paid for once."""
        faults = []
        for path, job in self.made:
            if isinstance(job, Job):
                kept = [result.path for result in job.results if result.path and Path(result.path).is_file()]
                if job.status not in (Status.DONE, Status.SKIPPED) or not kept:
                    faults.append(f"{path.name}: {job.status}, no result on disk. {job.message}")
            elif job.reason == "lost":
                faults.append(job.message)
        sums = {self._sum("charged"), self.ledger, self.before - self.after}
        if len(sums) != 1:
            faults.append(f"the charges do not agree: {sorted(sums)}")
        return faults
