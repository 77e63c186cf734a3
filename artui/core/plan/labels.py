"""What fills the label of a photo: the same in a rule and on the command line."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from artui.files import values

KNOWN = "{folder}, {relative}, {stem}, {date}, {exif:…}, {iptc:…} and {xmp:…}"


def fill_label(
    template: str, path: Path, folder: str, today: dt.date, value: values.Value = values.NOTHING
) -> str:  # fmt: skip
    """The label of a photo, by its ``path`` below a ``folder`` and what its metadata says; where that leaves nothing,
    the name of the folder it lies in. Raises ValueError for a template that cannot be filled."""
    inner = path.parent.name or folder
    words = {"folder": inner, "relative": str(path.parent), "stem": path.stem, "date": today.isoformat()}
    fillings = {kind: values.Filling(kind, value) for kind in values.KINDS}
    try:
        return template.format_map({**words, **fillings}).strip() or inner
    except (KeyError, ValueError, IndexError, AttributeError) as fault:
        raise ValueError(f"{template!r} cannot be filled ({fault}); known are {KNOWN}") from None
