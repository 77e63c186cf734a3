"""``python -m tests.bench.rates FOLDER [--strict]``: what becomes of the pictures below a folder, against a judge.

The judge decodes each and takes warnings for errors: libvips where pyvips is installed, and simplejpeg or Pillow. What
both find whole is whole, what both refuse is broken; about the rest they differ, and it is left out.
"""

from __future__ import annotations

import argparse
import os
import warnings
from collections import Counter, defaultdict
from importlib.util import find_spec
from pathlib import Path

from artui.files import Accepts, decoding, inspect, whole
from artui.files.decoder import BROKEN, UNDECODED, WHOLE, judge
from artui.files.photo_faults import PhotoProblem

TYPES = frozenset({"image/jpeg", "image/png", "image/tiff", "image/webp"})


def truth(path: Path, media_type: str) -> str:
    """Whole or broken, as the judges agree; disputed where they differ."""
    verdict, _ = judge(os.open(path, os.O_RDONLY), media_type)  # closes it
    if not find_spec("pyvips"):
        return {WHOLE: "whole", BROKEN: "broken"}.get(verdict, "disputed")
    import pyvips  # type: ignore[import-not-found,import-untyped,unused-ignore]

    try:
        pyvips.Image.new_from_file(str(path), fail_on="warning", access="sequential").avg()
    except pyvips.Error:
        return "broken" if verdict in (BROKEN, UNDECODED) else "disputed"
    return "whole" if verdict == WHOLE else "disputed"


def ours(path: Path, accepts: Accepts) -> str:
    """Taken, suspect or refused."""
    try:
        return "suspect" if inspect(path, accepts, hashed=True).suspect else "taken"
    except PhotoProblem:
        return "refused"


def main() -> None:
    """Count, and print the counts by type and what the bars are held to."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.rates", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--strict", action="store_true", help="decode each; else as where nothing is there to decode")
    given = parser.parse_args()
    if not given.strict:
        decoding.can_decode = lambda _: False  # type: ignore[assignment]
    warnings.simplefilter("ignore")
    accepts = Accepts(TYPES, strict=given.strict)
    counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for path in sorted(given.folder.rglob("*")):
        if path.is_file() and path.stat().st_size:
            with path.open("rb") as file:
                media_type = whole.sniff(file.read(whole.HEAD))
            if media_type in TYPES:
                counts[truth(path, media_type), media_type][ours(path, accepts)] += 1
    for (said, media_type), found in sorted(counts.items()):
        print(f"{said:9} {media_type:11} {dict(found)}")  # noqa: T201
    for said, wrong in (("whole", ("suspect", "refused")), ("broken", ("taken",))):
        total = sum((found for (one, _), found in counts.items() if one == said), Counter[str]())
        share = sum(total[one] for one in wrong) / max(1, total.total())
        print(f"{said}: {total.total():,}, of which {' or '.join(wrong)}: {share:.2%}")  # noqa: T201


if __name__ == "__main__":
    main()
