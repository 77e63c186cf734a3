"""Results never land where photos are taken from: asked of the folders as they are now, and of the marks in them.

Rules are compared when they are read. A folder may be mounted, linked or marked later: so a rule's output is looked at
again whenever its folder is, and the output of what a person sends before it is sent.
"""

from __future__ import annotations

import os
from pathlib import Path

from artui import files
from artui.config import Config
from artui.core.plan import PlanProblem
from artui.journal import Connection, Journal, rules
from artui.journal.rules import RuleState
from artui.journal.store import journal_uuid
from artui.model.watching import RuleCause
from artui.sanitize import sanitize
from artui.watch.marker import NAME, Foreign, Marker, Offline
from artui.watch.rules import Rule


def refuse_loop(rule: Rule, ours: Marker) -> None:
    """Raise :class:`Offline` where results of a rule would land in its own folder, or in one another artui watches.

    The mark of the rule itself in its output means its own folder, whatever way leads there.
    """
    output = rule.target.folder
    if rule.covers(output):
        raise Offline(
            RuleCause.OUTPUT_INSIDE,
            f"{rule.folder} would get its own results, for its output {output} is the same folder or lies in it:"
            " nothing is taken. Choose another output",
        )
    found = _marker_in(output)
    if found is not None and (found.rule == ours.rule or not found.is_of_artui(ours)):
        raise Offline(
            RuleCause.OUTPUT_INSIDE,
            f"{rule.folder} is left alone, for its output {output} is a watched folder itself ({_whose(found)}), and"
            f" results would be sent from there. Choose another output, or remove {NAME} there if nothing watches it",
        )


def mount_of(output: Path, mount: Path | None) -> Path:
    """Where the disk is mounted that an output folder lies on. Raises :class:`Offline` where that was ``mount``, and it
    is not mounted any more: results would be hidden by it once it is again."""
    if mount is not None and files.has_left(output, mount):
        raise Offline(
            RuleCause.OUTPUT_UNMOUNTED,
            f"the disk at {mount}, to which results go, is not mounted: nothing is taken. Mount it, or say that"
            f" {output} is right as it is",
        )
    return files.mount_of(output)


def refuse_watched(output: Path, config: Config, journal: Journal) -> None:
    """Raise PlanProblem where what a person sends would have its results in a watched folder."""
    for written in config.watch:
        watched = Path(str(written.get("folder", "")))
        place = files.inside(output, watched) if watched.is_absolute() else None
        if place is not None and (written.get("recursive") or place == Path()):
            raise PlanProblem(
                f"the output folder {output} lies in {watched}, which a rule watches: results there would be taken for"
                " photos. Choose another output folder."
            )
    found = _marker_in(output)
    if found is None or journal.read(_has_ended, found):  # markers stay where a rule was given up
        return
    raise PlanProblem(
        f"the output folder {output} is watched ({_whose(found)}): results there would be taken for photos. Choose"
        f" another output folder, or remove {output / NAME} if nothing watches it any more."
    )


def _has_ended(db: Connection, found: Marker) -> bool:
    """Whether a mark is of a rule of this journal that nobody watches by now."""
    if found.journal != journal_uuid(db):
        return False
    row = rules.get(db, found.rule)
    return row is None or row.state is RuleState.ENDED


def _whose(found: Marker) -> str:
    return f"rule {sanitize(found.name, 60)} of the artui of {sanitize(found.host, 60)}"


def _marker_in(folder: Path) -> Marker | None:
    """The mark in an output folder; one that says nothing is somebody's all the same."""
    try:
        return Marker.read(folder)
    except Foreign:
        return Marker("", "?", "", "?") if os.path.lexists(folder / NAME) else None
