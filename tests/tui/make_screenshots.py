"""Pictures of every screen at work: ``python -m tests.tui.make_screenshots [FOLDER]`` drives the demo and writes them.

SVG by Textual. PNG needs cairosvg, which needs the system's libcairo, and the font DejaVu Sans Mono.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from artui.cli import run
from artui.cli.demo import staged
from artui.cli.session import Session
from artui.journal import jobs
from artui.model.holds import Group
from artui.sim.photos import noise_jpeg
from artui.tui import catalogue
from artui.tui.app import Console
from artui.tui.jobs import Jobs
from artui.tui.submit import Submit
from tests.tui.desk import lines
from tests.waiting import eventually

FOLDER = Path(__file__).parents[2] / "screenshots"
PATIENCE = 300.0
"""Seconds that a slow machine gets for whatever is waited for."""
CELL = 12.2
"""The width of a cell in an SVG of Textual."""
WIDE, NORMAL = (120, 36), (80, 24)
RULE = """
[[watch]]
folder = "/srv/photos/aw26/in"
output = "/srv/photos/aw26/out/{date}"
account = "demo"
workflow = "Ghost Mannequin"
existing = "ignore"
after = "move"
caps = { day = 500 }

[[watch]]
folder = "/mnt/nas/boots"
output = "/srv/photos/boots"
account = "demo"
workflow = "Shadow + Reflection"
existing = "process"
"""

ORDERED = "Shadow + Reflection"

Steps = Callable[["Camera"], Awaitable[None]]


class Camera:
    """A console at work, and where its pictures go."""

    def __init__(self, console: Console, pilot: Pilot[None], folder: Path) -> None:
        self.console = console
        self.pilot = pilot
        self.folder = folder

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
        await self.pilot.pause(0.3)

    async def sees(self, *texts: str) -> None:
        """Wait until all of this is on the screen."""
        shown = lambda: "\n".join(lines(self.console))  # noqa: E731 — the console may be redrawn at any time
        await eventually(lambda: all(text in shown() for text in texts), PATIENCE, told=lambda: f"{texts}: {shown()}")

    async def stop_at(self, condition: str) -> None:
        """Put the cursor on the first job of which this holds, once there is one."""
        place = self.console.place
        assert isinstance(place, Jobs)
        found = await eventually(lambda: self.console.journal.read(jobs.select, condition), PATIENCE)
        await eventually(lambda: found[0].id in place.table.order, PATIENCE)
        place.table.move_to(place.table.order.index(found[0].id))
        await self.pilot.pause(0.3)

    async def shoot(self, name: str) -> None:
        """Take a picture."""
        await self.pilot.pause(0.3)
        svg = self.console.export_screenshot(title="artui")
        (self.folder / f"{name}.svg").write_text(svg)
        to_png(svg, self.folder / f"{name}.png")


def to_png(svg: str, path: Path) -> None:
    """Draw an SVG with a font of this machine, so large that its cells are as wide as those of the named one.

    A cell is a whole number of dots wide: letters are moved to whole dots, and a line would grow shorter by it.
    """
    import cairosvg

    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code", "DejaVu Sans Mono").replace("font-size: 20px", "font-size: 20.266px")
    cairosvg.svg2png(bytestring=svg.encode(), write_to=str(path), scale=15 / CELL)


async def film(session: Session, folder: Path, size: tuple[int, int], steps: Steps, **given: Any) -> None:
    """Open a console and carry out some steps in it."""
    console = Console(session.paths, session.config, **given)
    async with console.run_test(size=size) as pilot:
        await steps(Camera(console, pilot, folder))


def every_state(console: Console) -> bool:
    """Whether there is a job in every group that the demo fills by itself, and something is processing."""
    counts = console.look.counts
    return all(counts.get(group, 0) for group in Group if group is not Group.ENDED) and counts[Group.NEEDS] >= 3


async def at_work(camera: Camera) -> None:
    console = camera.console
    await eventually(lambda: every_state(console) and console.look.moving, PATIENCE)
    console.clear_notifications()
    await camera.press("0", "n")
    await camera.shoot("jobs")
    await camera.stop_at("reason = 'in doubt'")
    await camera.press("enter")
    await camera.shoot("in-doubt")
    await camera.press("enter")
    await camera.shoot("decide")
    await camera.press("escape", "escape")
    await camera.stop_at("status = 'done' AND workflow_name = 'Background Removal'")
    await camera.press("b")
    await camera.sees("after", "this photo: not decided")
    await camera.shoot("review")
    await camera.press("z")
    await camera.press(*["left"] * 5)  # to an edge, where the most is to be seen
    await camera.sees("after", "1:1", "from")
    await camera.pilot.pause(1)
    await camera.shoot("review-crop")
    await camera.press("escape", "4")
    await camera.shoot("watch")
    await camera.press("1", "question_mark")
    await camera.shoot("keys")
    await camera.press("escape", "colon")
    await camera.shoot("palette")
    await camera.press("escape", "q")
    await camera.shoot("leave")
    await camera.press("escape")


async def small(camera: Camera) -> None:
    await camera.sees("need you")
    await camera.shoot("jobs-ascii")


async def others(camera: Camera) -> None:
    await camera.press("2")
    await order(camera)
    await camera.shoot("submit")
    await camera.press("3")
    await camera.sees("[3 Workflows]", ORDERED)
    await camera.shoot("workflows")
    await camera.press("5")
    await camera.sees("[5 Accounts]", "Acme Footwear")
    await camera.shoot("accounts")


async def order(camera: Camera) -> None:
    """An order as it looks before it is sent: everything marked and checked, a workflow chosen."""
    console, place = camera.console, camera.console.place
    assert isinstance(place, Submit)

    async def offered() -> Any:
        offers = (await console.view.ask(catalogue.read, "demo")).offers
        return next((offer.workflow.id for offer in offers if offer.workflow.name == ORDERED), None)

    while (workflow := await offered()) is None:
        await camera.pilot.pause(0.3)
    place.take_workflow("demo", workflow)
    await camera.sees(ORDERED, "ready")
    await camera.press("a")
    await camera.sees("checked 13 of 13", "to send")


def send_large_ones(folder: Path) -> None:
    """Queue photos as large as a camera makes them: their way up can be watched."""
    folder.mkdir()
    for number in range(8):
        noise_jpeg(folder / f"IMG_{231 + number:04}.jpg", 6_000_000 + 317_000 * number, number)
    run(["submit", str(folder), "-w", ORDERED, "--yes"])


def write_rules(session: Session) -> Session:
    """Add rules to the demo's config.toml; the session that knows them."""
    with session.paths.config_file.open("a") as config:
        config.write(RULE)
    return Session(session.paths)


def main() -> None:
    """Take all pictures; a home of its own makes its folders look like a person's."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else FOLDER).absolute()
    folder.mkdir(exist_ok=True)
    top = Path(tempfile.mkdtemp(prefix="artui-film-"))
    os.environ.update(COLORFGBG="15;0", TERM="xterm-256color", COLORTERM="truecolor", TZ="UTC", HOME=str(top))
    try:
        with staged(top, top / "photos" / "out") as session:
            session = write_rules(session)
            send_large_ones(top / "photos" / "aw26" / "details")
            asyncio.run(film(session, folder, WIDE, at_work))
            asyncio.run(film(session, folder, NORMAL, small, ascii=True))
            asyncio.run(film(session, folder, (100, 30), others))
    finally:
        shutil.rmtree(top)


if __name__ == "__main__":
    main()
