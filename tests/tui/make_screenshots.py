"""Pictures of every screen at work: ``python -m tests.tui.make_screenshots [FOLDER]`` stages a studio and takes them.

The studio is one in the middle of its day: photos as a shop has them, a stand-in without its test workflows, folders
that are watched, and an engine at work. SVG by Textual. PNG and the animated GIF need cairosvg, which needs the
system's libcairo, and the font DejaVu Sans Mono.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import io
import math
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image
from textual.pilot import Pilot

from artui.cli import run
from artui.cli.session import Session
from artui.config import paths, write_private
from artui.engine.anchor import open_journal
from artui.engine.lock import lock_is_held
from artui.journal import Connection, accounts, jobs, offers
from artui.model.job import Batch
from artui.sim import motifs
from artui.sim.autoretouch import studio as service
from artui.sim.motifs import Colour, Motif
from artui.sim.photos import _photograph, _posed
from artui.sim.server import Simulator, running
from artui.tui.app import Console
from artui.tui.jobs import Jobs
from tests.samples import new_job
from tests.tui.desk import SAVED, lines, place
from tests.waiting import eventually, until

FOLDER = Path(__file__).parents[2] / "screenshots"
PATIENCE = 300.0
"""Seconds that a slow machine gets for whatever is waited for."""
CELL = 12.2
"""The width of a cell in an SVG of Textual."""
WIDE, FULL = (120, 34), (160, 36)
LOW, LOWEST, CODE = (120, 30), (110, 24), (100, 28)
"""Sizes in cells, for what fills less of a screen too."""
MOVING_SIZE = (110, 30)
"""Cells of the animated picture."""

WORKFLOWS = [  # as the stand-in lists them: name, credits, seconds of work, recipe
    ("Background Removal", 10, 6, "cut out"),
    ("Ghost Mannequin", 57, 22, "mannequin"),
    ("Shadow + Reflection", 25, 12, "shadow"),
    ("Marketplace Square", 18, 9, "square"),
    ("Portrait Skin", 38, 14, "skin"),
    ("Print Master", 30, 10, "print"),
    ("Campaign Contrast", 22, 8, "contrast"),
    ("Beauty, checked by hand", 45, 5, "skin"),
    ("Lookbook White", 14, 6, "on white"),
]
CHECKED, FAILING = "Beauty, checked by hand", "Campaign Contrast"

COLOURS: dict[str, Colour] = {
    "cognac": (142, 78, 38), "navy": (44, 66, 116), "black": (52, 50, 54), "rust": (158, 62, 40),
    "olive": (92, 98, 58), "oxblood": (112, 30, 34), "tan": (178, 122, 70), "pine": (34, 104, 76),
}  # fmt: skip
SHELVES: dict[str, tuple[Motif, int]] = {
    "boot": (motifs.boot, 10482), "shirt": (motifs.shirt, 10517), "bag": (motifs.bag, 30210),
    "bottle": (motifs.bottle, 20931), "mug": (motifs.mug, 20417),
}  # fmt: skip
SKINS: tuple[Colour, ...] = ((214, 160, 132), (150, 100, 72), (228, 184, 160), (118, 78, 58), (196, 146, 112))

CONFIG = """
proxy = ""
account = "studio"
[accounts.studio]
provider = "autoretouch"
api_url = "{api_url}"
auth_url = "{auth_url}"
organization = "{organization}"
output = "{top}/out"
workflow = "Shadow + Reflection"
settle = 1
first_look = 1
qa_look = 2
caps = {{ day = 3000, month = 20000 }}
pace = {{ uploads = 4, in_flight = 12 }}
"""
RULE = """
[[watch]]
name = "{name}"
folder = "{top}/inbox/{name}"
output = "{top}/out/{name}/{{date}}"
account = "studio"
workflow = "{workflow}"
existing = "process"
after = "move"
caps = {{ day = {cap} }}
"""
RULES = (
    ("bags", "Shadow + Reflection", 250),
    ("bottles", "Print Master", 90),
    ("lookbook", "Lookbook White", 200),
    ("mannequins", "Ghost Mannequin", 800),
    ("marketplace", "Marketplace Square", 100),
    ("portraits", "Portrait Skin", 400),
)
"""The watched folders: name, workflow, credits a day."""

Steps = Callable[["Camera"], Awaitable[None]]


# --------------------------------------------------------------------------------------------------------- the studio


def photograph(path: Path, motif: Motif, colour: Colour, size: int = 0) -> None:
    """Take a picture; ``size`` fills the file up to so many bytes, as a camera's own are large."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = random.Random(path.name)
    written = io.BytesIO()
    _photograph(_posed(motif, colour), source).save(written, "JPEG", quality=88)
    picture = written.getvalue()
    filling = b""
    while (room := size - len(picture) - len(filling)) > 4:
        length = min(room, 65_537)
        filling += b"\xff\xfe" + (length - 2).to_bytes(2) + source.randbytes(length - 4)
    path.write_bytes(picture[:2] + filling + picture[2:])


def shelf(folder: Path, kind: str, colours: str, size: int = 0) -> None:
    """Pictures of one thing in several colours, named by their SKU."""
    motif, first = SHELVES[kind]
    for number, colour in enumerate(colours.split()):
        photograph(folder / f"{first + number}_{kind}_{colour}.jpg", motif, COLOURS[colour], size + number * size // 5)


def portraits(folder: Path, number: int) -> None:
    for index in range(number):
        photograph(folder / f"portrait_{127 + index:04}.jpg", motifs.portrait, SKINS[index % len(SKINS)])


@contextlib.contextmanager
def studio(top: Path) -> Iterator[Simulator]:
    """A stand-in, an account at it, folders that are watched, and ``artui watch`` for as long as the block runs."""
    service._CATALOGUE[:] = WORKFLOWS
    service._CHECKED, service._FAILURES = {CHECKED}, {FAILING: math.inf}
    for rule, *_ in RULES:
        (top / "inbox" / rule).mkdir(parents=True)
    with running(Simulator(credits=9000)) as simulator:
        simulator.switch({"qa": 3600, "labels": "drop"})
        account = simulator.announcement()["autoretouch"]
        os.environ |= {"ARTUI_HOME": str(top / ".artui"), "ARTUI_STUDIO_TOKEN": account["refresh_token"]}
        rules = "".join(RULE.format(name=name, workflow=flow, cap=cap, top=top) for name, flow, cap in RULES)
        where = paths()
        where.create()
        write_private(where.config_file, (CONFIG.format(**account, top=top) + rules).encode())
        watch = [sys.executable, "-m", "artui", "watch"]
        with subprocess.Popen(watch, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as watching:
            try:
                until(lambda: lock_is_held(where), PATIENCE)
                yield simulator
            finally:
                watching.terminate()


def fault(simulator: Simulator, route: str, do: str, times: int = -1) -> None:
    simulator.faults.add([{"route": f"autoretouch.{route}", "do": do, "times": times}])


def send(folder: Path, workflow: str, batch: str, *more: str) -> None:
    assert run(["submit", str(folder), "-w", workflow, "--batch", batch, "--yes", "--quiet", *more]) == 0


def begin_the_day(simulator: Simulator, top: Path) -> None:
    """One paid request that loses its answer, one photo whose price rises, some that fail, some that are checked."""
    photos = top / "aw26"
    with open_journal(paths()) as journal:
        payer = simulator.announcement()["autoretouch"]["organization"]
        journal.write(offers.name_organization, payer, "Acme Footwear")
    with contextlib.redirect_stdout(io.StringIO()):
        assert run(["workflows"]) == 0  # the console knows them then
    fault(simulator, "create", "drop_after", 1)
    shelf(photos / "lookbook", "shirt", "navy")
    send(photos / "lookbook", "Lookbook White", "lookbook")
    until(lambda: not simulator.faults.left(), PATIENCE)
    shelf(photos / "campaign", "bag", "oxblood")
    send(photos / "campaign", FAILING, "campaign")
    portraits(photos / "portraits", 2)
    send(photos / "portraits", CHECKED, "portraits")
    shelf(photos / "shirts", "shirt", "navy rust olive black")
    send(photos / "shirts", "Ghost Mannequin", "shirts")
    shelf(photos / "bottles", "bottle", "pine oxblood tan")
    send(photos / "bottles", "Background Removal", "bottles")


def fill_the_inboxes(top: Path) -> None:
    """What lands in the watched folders; each rule gets as far as its cap lets it."""
    shelf(top / "inbox" / "marketplace", "mug", "navy black rust olive")
    portraits(top / "inbox" / "portraits", 3)
    shelf(top / "inbox" / "bottles", "bottle", "navy black rust olive")
    shelf(top / "inbox" / "mannequins", "shirt", "tan pine oxblood")
    shelf(top / "inbox" / "bags", "bag", "tan pine black rust olive")


def remember(days: int) -> None:
    """What was bought on the days before, as the journal would have kept it."""
    source = random.Random(26)
    today = dt.datetime.now(dt.UTC).date()

    def write(db: Connection) -> None:
        intents = db.execute("SELECT intents FROM engine").fetchone()
        for ago in range(1, days):
            day = today - dt.timedelta(days=ago)
            for name, price, *_ in source.sample(WORKFLOWS[:6], 0 if day.weekday() > 4 else 3):
                made = Batch(f"{name} {day}", f"{name.lower()} {day:%d %b}", "studio", time.time())
                count = source.randint(3, 14)
                files = [
                    new_job(source=Path(f"/photos/{name}/{day}/{i}.jpg"), batch=made.id, workflow_name=name,
                            workflow=name, quoted=price)
                    for i in range(count)
                ]  # fmt: skip
                numbers = jobs.add(db, made, files)
                for number in numbers:
                    place(db, number, **SAVED | {"charged": price})
                db.execute(
                    "UPDATE purchases SET day = ?, month = ?, charged = ?, reserved = ? WHERE job BETWEEN ? AND ?",
                    (f"{day}", f"{day:%Y-%m}", price, price, numbers[0], numbers[-1]),
                )
        db.execute("UPDATE engine SET intents = ?", intents)
        accounts.set_balance(db, "studio", 7968, time.time())

    with open_journal(paths()) as journal:
        journal.write(write)


# --------------------------------------------------------------------------------------------------------- the camera


class Camera:
    """A console at work, and where its pictures go."""

    def __init__(self, console: Console, pilot: Pilot[None], folder: Path) -> None:
        self.console = console
        self.pilot = pilot
        self.folder = folder
        self.frames: list[tuple[Image.Image, int]] = []

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
            await self.pilot.pause(0.35)  # a question takes no key that was pressed before it could be read

    async def sees(self, *texts: str) -> None:
        """Wait until all of this is on the screen."""
        shown = lambda: "\n".join(lines(self.console))  # noqa: E731 — the console may be redrawn at any time
        await eventually(lambda: all(text in shown() for text in texts), PATIENCE, told=lambda: f"{texts}: {shown()}")

    async def has(self, condition: str, number: int = 1) -> list[Any]:
        """Wait until so many jobs are so."""

        def found() -> list[Any]:
            rows = self.console.journal.read(jobs.select, condition)
            return rows if len(rows) >= number else []

        return list(await eventually(found, PATIENCE, told=lambda: condition))

    async def stop_at(self, condition: str) -> None:
        """Put the cursor on the first job of which this holds, once there is one."""
        page = self.console.place
        assert isinstance(page, Jobs)
        found = await self.has(condition)
        await eventually(lambda: found[0].id in page.table.order, PATIENCE)
        page.table.move_to(page.table.order.index(found[0].id))
        await self.pilot.pause(1)

    async def shoot(self, name: str) -> None:
        """Take a picture."""
        self.console.clear_notifications()
        await self.pilot.pause(0.5)
        to_png(self.console.export_screenshot(title="artui"), str(self.folder / f"{name}.png"))

    async def frame(self, lasts: int) -> None:
        """Take a picture that is one of the moving ones, shown for so many milliseconds."""
        await self.pilot.pause(0.05)
        drawn = io.BytesIO()
        to_png(self.console.export_screenshot(title="artui"), drawn, 9 / CELL)
        with Image.open(drawn) as picture:
            self.frames.append((picture.convert("RGB"), lasts))


def to_png(svg: str, where: Any, scale: float = 15 / CELL) -> None:
    """Draw an SVG with a font of this machine, so large that its cells are as wide as those of the named one.

    A cell is a whole number of dots wide: letters are moved to whole dots, and a line would grow shorter by it.
    """
    import cairosvg

    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code", "DejaVu Sans Mono").replace("font-size: 20px", "font-size: 20.266px")
    cairosvg.svg2png(bytestring=svg.encode(), write_to=where, scale=scale)


def to_gif(frames: list[tuple[Image.Image, int]], path: Path) -> None:
    """Write the moving picture, with one palette for all frames, in which what is rare has its colour too."""
    shots = [frame for frame, _ in frames]
    chosen = shots[:: max(1, len(shots) // 12)] + shots[-1:]
    strip = Image.new("RGB", (shots[0].width, shots[0].height * len(chosen)))
    for number, shot in enumerate(chosen):
        strip.paste(shot, (0, number * shot.height))
    palette = strip.quantize(256, Image.Quantize.MAXCOVERAGE)
    first, *others = [shot.quantize(palette=palette, dither=Image.Dither.NONE) for shot in shots]
    first.save(path, save_all=True, append_images=others, duration=[lasts for _, lasts in frames], loop=0)


async def film(session: Session, folder: Path, size: tuple[int, int], steps: Steps) -> None:
    """Open a console and carry out some steps in it."""
    console = Console(session.paths, session.config)
    async with console.run_test(size=size) as pilot:
        await steps(Camera(console, pilot, folder))


# ---------------------------------------------------------------------------------------------------------- the scenes


async def moving(camera: Camera) -> None:
    """Mark photos, see the price, send them, see them come, look at one."""
    await camera.press("2")
    await camera.sees("Shadow + Reflection", "ready")
    await camera.frame(1200)
    for _ in range(3):
        await camera.press("space")
        await camera.frame(300)
    await camera.press("a")
    await camera.sees("to send", "cr each")
    await camera.pilot.pause(1)
    await camera.frame(2000)
    await camera.press("s")
    await camera.sees("Send")
    await camera.pilot.pause(0.5)
    await camera.frame(2500)
    await camera.press("y")
    await camera.press("1")
    sent = "workflow_name = 'Shadow + Reflection'"
    await camera.stop_at(sent)
    began = time.monotonic()
    while len(camera.console.journal.read(jobs.select, f"{sent} AND status = 'done'")) < 8:
        assert time.monotonic() < began + PATIENCE
        if len(camera.frames) < 60:
            await camera.frame(350)
        await camera.pilot.pause(0.5)
    await camera.frame(1500)
    await camera.stop_at(f"{sent} AND status = 'done'")
    await camera.press("enter", "b")
    await camera.pilot.pause(2)
    camera.console.clear_notifications()
    await camera.pilot.pause(0.5)
    await camera.frame(4000)
    to_gif(camera.frames, camera.folder / "artui.gif")


async def at_work(camera: Camera) -> None:
    await camera.has("reason = 'in QA'", 2)
    await camera.has("reason = 'in doubt'")
    await camera.has("status = 'failed'")
    await camera.has("stage = 'checked' AND status = 'running'", 3)
    await camera.press("0")
    await camera.stop_at("stage = 'checked' AND status = 'running'")
    await camera.pilot.pause(2)
    await camera.shoot("jobs")


async def wide(camera: Camera) -> None:
    await camera.stop_at("status = 'done' AND workflow_name = 'Ghost Mannequin'")
    await camera.pilot.pause(2)
    await camera.shoot("wide")


async def decisions(camera: Camera) -> None:
    await camera.stop_at("reason = 'in doubt'")
    await camera.press("enter", "enter")
    await camera.shoot("in-doubt")
    await camera.press("escape", "escape")
    await camera.stop_at("status = 'done' AND workflow_name = 'Ghost Mannequin'")
    await camera.press("b")
    await camera.sees("after", "this photo: not decided")
    await camera.pilot.pause(2)
    await camera.shoot("review")
    await camera.press("escape", "1")


async def an_order(camera: Camera) -> None:
    await camera.press("2")
    await camera.sees("Shadow + Reflection", "ready")
    await camera.press("a", "down", "down")
    await camera.sees("to send", "cr each")
    await camera.pilot.pause(2)
    await camera.shoot("submit")


async def lists(camera: Camera) -> None:
    await camera.press("3")
    await camera.sees("[3 Workflows]", "Ghost Mannequin")
    await camera.pilot.pause(2)
    await camera.shoot("workflows")
    await camera.press("4")
    await camera.sees("[4 Watch]", "ketplace")
    await camera.sees("90/90", "/100")
    await camera.press("down")
    await camera.pilot.pause(2)
    await camera.shoot("watch")


async def money(camera: Camera) -> None:
    remember(14)
    await camera.press("dollar_sign")
    await camera.pilot.pause(2)
    await camera.shoot("money")


async def sign_in(camera: Camera) -> None:
    del os.environ["ARTUI_STUDIO_TOKEN"]
    await camera.press("5")
    await camera.sees("[5 Accounts]")
    await camera.press("s")
    await camera.sees("Where should the key be kept?")
    await camera.pilot.pause(0.5)
    await camera.press("m")
    await camera.sees("█▀▀")
    await camera.shoot("sign-in")
    await camera.press("escape")


def main() -> None:
    """Take all pictures; a home of its own makes its folders look like a person's."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else FOLDER).absolute()
    folder.mkdir(exist_ok=True)
    top = Path(tempfile.gettempdir()) / "studio"  # a name that may be seen in a picture
    top.mkdir()
    os.environ |= {"COLORFGBG": "15;0", "TERM": "xterm-256color", "COLORTERM": "truecolor", "TZ": "UTC"}
    os.environ |= {"HOME": str(top), "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring", "ARTUI_NO_PROMPT": "1"}
    new, arrivals = top / "aw26" / "boots", top / "aw26" / "bags"
    shelf(new, "boot", "cognac black tan oxblood navy olive rust pine", 2_500_000)
    shelf(arrivals, "bag", "cognac black tan oxblood navy olive rust pine")
    shelf(top / "aw26" / "details", "boot", "rust tan black olive cognac navy", 5_000_000)
    try:
        with studio(top) as simulator:
            session = Session(paths())
            begin_the_day(simulator, top)
            os.chdir(new)
            fault(simulator, "upload", "slow:450000", 8)
            asyncio.run(film(session, folder, MOVING_SIZE, moving))
            simulator.faults.clear()
            fault(simulator, "upload", "slow:500000")
            send(top / "aw26" / "details", "Print Master", "details")
            os.chdir(arrivals)
            asyncio.run(film(session, folder, WIDE, at_work))
            asyncio.run(film(session, folder, FULL, wide))
            simulator.faults.clear()
            fill_the_inboxes(top)
            scenes = ((LOW, decisions), (WIDE, an_order), (LOWEST, lists), (LOW, money), (CODE, sign_in))
            for size, steps in scenes:
                asyncio.run(film(session, folder, size, steps))
    finally:
        os.chdir("/")
        shutil.rmtree(top)


if __name__ == "__main__":
    main()
