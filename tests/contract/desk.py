"""A person at a command line: the real program, as a subprocess, with a home of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.contract.pictures import digest, made_from, whole

LONGEST_DELAY = 8.0


def delay() -> float:
    """How many times longer than on a machine with nothing else to do a person has to be patient here now."""
    return min(LONGEST_DELAY, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))


PROGRAM = [str(Path(sys.executable).with_name("artui"))]


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Desk:
    """``place`` holds everything: the home, folders for photos and results."""

    place: Path
    tokens: dict[str, str] = field(default_factory=dict)
    name: str = "home"
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.place / self.name

    @property
    def inbox(self) -> Path:
        return self.place / "in"

    @property
    def out(self) -> Path:
        return self.place / "out"

    def configure(self, text: str) -> None:
        file = self.home / "config" / "config.toml"
        if not file.parent.exists():
            file.parent.mkdir(parents=True, mode=0o700)
            self.home.chmod(0o700)
        file.write_text(text)
        file.chmod(0o600)

    def env(self) -> dict[str, str]:
        given = {name: value for name, value in os.environ.items() if not name.startswith("ARTUI_")}
        given |= {"ARTUI_HOME": str(self.home), "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
                  "HOME": str(self.place)}  # fmt: skip
        given |= {f"ARTUI_{account.upper()}_TOKEN": token for account, token in self.tokens.items()}
        return given | self.environment

    def artui(self, *arguments: object, patience: float = 60, stdin: str | None = None) -> Ran:
        words, patience = [str(argument) for argument in arguments], patience * delay()
        try:
            ran = subprocess.run(
                [*PROGRAM, *words], env=self.env(), cwd=self.place, capture_output=True, text=True, timeout=patience,
                check=False, **({"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}),
            )  # fmt: skip
        except subprocess.TimeoutExpired as late:
            out, err = ((part or b"").decode("utf-8", "replace") for part in (late.stdout, late.stderr))
            return Ran(-1, out, f"{err}\n(no end after {patience:.0f} s)")
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    def start(self, *arguments: object) -> subprocess.Popen[bytes]:
        with (self.place / f"log-{time.monotonic_ns()}").open("wb") as log:
            return subprocess.Popen([*PROGRAM, *map(str, arguments)], env=self.env(), cwd=self.place, stdout=log,
                                    stderr=log,
                                    stdin=subprocess.DEVNULL)  # fmt: skip

    def jobs(self) -> list[dict[str, Any]]:
        told = self.artui("jobs", "--json")
        return list(told.json()) if told.code == 0 else []

    def held(self) -> list[tuple[str, str]]:
        return [(job["status"], job["reason"]) for job in self.jobs()]

    def stop(self) -> None:
        self.artui("stop")

    def until(self, holds: Callable[[], Any], patience: float = 20, rest: float = 0.1) -> Any:
        patience *= delay()
        end = time.monotonic() + patience
        while not (found := holds()):
            if time.monotonic() > end:
                raise AssertionError(f"waited {patience:.0f} s in vain: {self.held()}")
            time.sleep(rest)
        return found

    # What lies on the disk.

    def results(self, folder: Path | None = None) -> dict[str, list[Path]]:
        """Digest of a photo -> the results made from it that were saved."""
        found: dict[str, list[Path]] = {}
        for path in sorted((folder or self.out).rglob("*")):
            if path.is_file():
                content = path.read_bytes()
                if of := made_from(content):
                    assert whole(content), f"{path} is cut"
                    found.setdefault(of, []).append(path)
        return found

    def check(self, photos: list[Path], folder: Path | None = None) -> None:
        """Each photo's result, under its name, was made from that photo and no other."""
        results = self.results(folder)
        for photo in photos:
            assert digest(photo.read_bytes()) in results, f"no result of {photo.name}"


def copy_home(desk: Desk, to: Path, *, name: str = "home") -> Desk:
    """The whole home in another place."""
    to.mkdir(parents=True, exist_ok=True)
    shutil.copytree(desk.home, to / name, symlinks=True)
    return Desk(to, dict(desk.tokens), name, dict(desk.environment))
