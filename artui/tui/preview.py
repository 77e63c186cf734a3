"""Before and after, side by side: a photo and its result, or the first results of a batch, over the whole screen.

Terminals that can show real pictures do so where the settings say ``images = "auto"`` (``drawing``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from artui.model.job import Job
from artui.sanitize import sanitize
from artui.tui import thumbs
from artui.tui.above import Above, Answer
from artui.tui.drawing import chosen
from artui.tui.picture_view import PictureView
from artui.tui.pictures import Frame
from artui.tui.shell import Keys, Line


@dataclass(frozen=True, slots=True)
class Pair:
    """What is compared: a job's photo and the first of its results that is on this machine."""

    before: Path
    after: Path | None
    others: int = field(default=0)

    @classmethod
    def of(cls, job: Job) -> Pair:
        """The pair of a job."""
        saved = [Path(result.path) for result in job.results if result.path]
        return cls(job.source, saved[0] if saved else None, max(0, len(saved) - 1))

    @property
    def after_caption(self) -> str:
        """What stands over the result."""
        return f"After (and {self.others} more)" if self.others else "After"


class PairScreen(Above[Answer]):
    """A pair over the whole screen, each picture in half of it."""

    PICTURE: ClassVar[list[BindingType]] = [
        Binding("b", "swap", "swap", tooltip="Swap before and after"),
        Binding("z", "crop", "1:1", tooltip="A piece of both, one pixel to a dot; again: the whole"),
        Binding("left", "move(-1, 0)", show=False, tooltip="The piece further left"),
        Binding("right", "move(1, 0)", show=False, tooltip="The piece further right"),
        Binding("up", "move(0, -1)", show=False, tooltip="The piece further up"),
        Binding("down", "move(0, 1)", show=False, tooltip="The piece further down"),
    ]
    """The keys for the pictures."""
    BINDINGS = PICTURE
    CSS = """
    PairScreen #pair { height: 1fr; }
    PairScreen #limits { color: $quiet; }
    """

    def __init__(self, pair: Pair) -> None:
        super().__init__()
        self.pair = pair
        self.remark = ""
        """What stands in the place of the limits, until the pictures are drawn otherwise."""
        self.crop = False
        self.middle = (0.5, 0.5)

    def compose(self) -> ComposeResult:
        """The two panes, what their limits are, the keys."""
        plain = bool(self.host.glyphs.brackets[0])
        with Horizontal(id="pair"):
            yield PictureView("Before", self.pair.before, plain=plain, id="before")
            yield PictureView(self.pair.after_caption, self.pair.after, plain=plain, id="after")
        yield Line(id="limits")
        yield Keys()

    def turn_to(self, pair: Pair) -> None:
        """Compare another pair."""
        self.pair = pair
        self.query_one("#before", PictureView).put("Before", pair.before)
        self.query_one("#after", PictureView).put(pair.after_caption, pair.after)
        self.read()

    def on_mount(self) -> None:
        """Draw the keys whenever they are others."""
        self.bindings_updated_signal.subscribe(self, lambda _: self.query_one(Keys).draw())

    def on_resize(self) -> None:
        """Other widths."""
        self.call_after_refresh(self.read)

    def read(self) -> None:
        """Read and draw both anew."""
        for pane in self.query(PictureView):
            self.run_worker(pane.show(Frame(pane.dots, self.crop, self.middle)))
        self.say_limits()
        self.query_one(Keys).draw()

    def say_limits(self) -> None:
        """Say how much of the pictures this terminal shows, or the remark instead."""
        wide, high = self.query(PictureView).first().dots
        if self.remark:
            text = self.remark
        elif self.crop:
            text = f"1:1, {wide:,} x {high:,} pixels of each: the arrows move the piece, z shows the whole."
        elif chosen.widget:
            text = "Drawn by this terminal. z shows a piece 1:1."
        else:
            text = f"{wide} x {high} dots for each: shape and colour, not sharpness. z shows a piece 1:1."
        self.query_one("#limits", Line).say(f" {sanitize(text, self.app.size.width - 2, '..')}")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The arrows move a piece where there is one."""
        return self.crop if action == "move" else super().check_action(action, parameters)

    def action_swap(self) -> None:
        """Let the two change places."""
        self.query_one("#pair").move_child(0, after=1)

    def action_crop(self) -> None:
        """A piece of each, or the whole again."""
        self.crop, self.remark = not self.crop, ""
        self.refresh_bindings()
        self.read()

    def action_move(self, across: int, down: int) -> None:
        """Move the piece by half its size in the larger of the two."""
        wholes = [pane.picture.whole for pane in self.query(PictureView) if pane.picture]
        if wholes:
            dots, whole = self.query(PictureView).first().dots, max(wholes)
            first, second = (
                max(0.0, min(1.0, at + step * room / 2 / total))
                for at, step, room, total in zip(self.middle, (across, down), dots, whole, strict=True)
            )
            self.middle = (first, second)
            self.read()

    def action_back(self) -> None:
        """Back to where it was opened."""
        self.dismiss(None)


class PreviewScreen(PairScreen[None]):
    """A job's photo and its result, and whether the service is to be told that it is liked."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "rate(True)", "thumb up", tooltip="Tell the service that this result is liked (free)"),
        Binding(
            "x", "rate(False)", "thumb down...", tooltip="Tell the service that it is not liked: asks first (free)"
        ),
        Binding("escape,q,enter", "back", "back", tooltip="Back to the job"),
    ]

    changes = frozenset({"rate"})

    def __init__(self, job: Job) -> None:
        super().__init__(Pair.of(job))
        self._job = job

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A thumb is for a result of an account that wants ratings told."""
        wanted = action != "rate" or thumbs.are_wanted(self.host, self._job)
        return wanted and super().check_action(action, parameters)

    def action_rate(self, good: bool) -> None:
        """Tell the service whether the result is liked; before a thumb down it asks."""

        def answered(yes: bool | None) -> None:
            if yes:
                self.run_worker(self._rate(good=good))

        if good:
            answered(True)
        else:
            self.app.push_screen(thumbs.question(self._job), answered)

    async def _rate(self, *, good: bool) -> None:
        self.remark = await thumbs.tell(self.host, self._job, good=good)
        self.say_limits()
