"""How picked photos become batches: one for all, one per folder, or every so many, each photo with its own label."""

from __future__ import annotations

import string
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from uuid import uuid4

from artui.core.plan import Order, SourceFile, folders_named, new_job
from artui.files import values
from artui.model.job import Batch, NewJob
from artui.sanitize import sanitize

LABEL = "sku"
LABEL_CELLS = 100


class Split(Enum):
    """What goes into one batch."""

    ALL = "one for all"
    FOLDER = "one per folder"
    EVERY = "every N"


@dataclass(frozen=True, slots=True)
class Batching:
    """How batches are made. ``every`` photos each where ``split`` says so; of each the first ``sample`` go ahead, None
    where all go at once; ``label`` is the template of each photo's label."""

    split: Split = Split.ALL
    every: int = 100
    sample: int | None = None
    label: str = "{folder}"

    def names(self, found: Sequence[SourceFile], now: float) -> dict[Path, str]:
        """The name of each file's batch."""
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
        match self.split:
            case Split.FOLDER:
                return {file.path: sanitize(f"{folder_of(file)} {at}", 100) for file in found}
            case Split.EVERY:
                of = -(-len(found) // self.every)
                first = folders_named(found)
                return {
                    file.path: sanitize(f"{first} {place // self.every + 1} of {of} {at}", 100)
                    for place, file in enumerate(found)
                }
            case _:
                return dict.fromkeys((file.path for file in found), sanitize(f"{folders_named(found)} {at}", 100))

    def line(self, found: Sequence[SourceFile], dot: str) -> str:
        """The order's line about batches."""
        one_of_each = {(file.top, file.path.parent): file for file in found}.values()
        folders = list(dict.fromkeys(map(folder_of, one_of_each)))
        named = ", ".join(sanitize(folder, 20) for folder in folders[:3]) + (" .." if len(folders) > 3 else "")
        text = {
            Split.ALL: "one for all",
            Split.FOLDER: f"one per folder: {named}" if found else "one per folder",
            Split.EVERY: f"every {self.every:,} photos",
        }[self.split]
        if self.sample is not None:
            text += f" {dot} first {self.sample:,}, then ask"
        return text


def folder_of(file: SourceFile) -> str:
    """The folder a file is known by: the way to it from where it was marked, or that folder's own name."""
    return file.relative.as_posix() if file.relative.parts else (file.base or file.top).name or "/"


def label_of(template: str, file: SourceFile, value: values.Value | None = None) -> str:
    """The label of one photo, with what its metadata says, or ``value`` does. Raises ValueError for a placeholder that
    there is not."""
    words = {"folder": file.path.parent.name, "stem": file.path.stem, "relative": file.relative.as_posix()}
    told = value or values.of(file.path)
    pieces = []
    for text, name, form, conversion in string.Formatter().parse(template):
        pieces.append(text)
        if name is not None:
            if name in values.KINDS and not conversion:
                pieces.append(told(name, form or ""))
                continue
            if name not in words or form or conversion:
                known = ", ".join(f"{{{one}}}" for one in words)
                raise ValueError(f"the label {template!r} has an unknown {{{name}}}; there are {known}")
            pieces.append(words[name])
    return sanitize("".join(pieces), LABEL_CELLS)


@dataclass(frozen=True, slots=True)
class BatchPart:
    """One batch of an order, and its jobs."""

    batch: Batch
    jobs: tuple[NewJob, ...]


def batches(names: Mapping[Path, str], account: str, sample: int | None, now: float) -> dict[str, Batch]:
    """The batches of these names."""
    return {name: Batch(str(uuid4()), name, account, now, sample=sample) for name in dict.fromkeys(names.values())}


def parts(
    order: Order,
    names: Mapping[Path, str],
    made: Mapping[str, Batch],
    batching: Batching,
    labels: Mapping[str, Mapping[str, str]],
) -> list[BatchPart]:
    """Divide an order into its batches; ``labels`` are what the service wants with every job of each, by its name."""
    jobs: dict[str, list[NewJob]] = {}
    for plan, planned in order.queued:
        name, found = names[planned.found.path], planned.found
        own = found.labels.get(LABEL) or label_of(batching.label, found)
        given = {**({LABEL: own} if own else {}), **labels[name]}
        new = new_job(plan.offer, planned, made[name], given, metadata=plan.target.metadata)
        jobs.setdefault(name, []).append(new)
    return [BatchPart(made[name], tuple(new)) for name, new in jobs.items()]
