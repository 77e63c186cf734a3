"""An archive of photos that a service takes as one order: what its table of contents says of it, before it is sent."""

from __future__ import annotations

from typing import BinaryIO, Final

from artui.files import zips
from artui.files.walks import Broken
from artui.files.zips import FLOOR, MOST_DIRECTORY, MOST_ENTRIES, RATIO, ZipEntry

BAD: Final = "bad-archive"
"""Why an archive that would be taken is not sent."""


def photos(file: BinaryIO, size: int, most_bytes: int | None) -> list[ZipEntry]:
    """The entries of an archive of `size` bytes, each of which may be a photo of at most `most_bytes`, by what the
    table of contents states: nothing is unpacked.

    Raises Broken: `bad-archive` for what is none of photos alone, packed plainly and side by side.
    """
    table = zips.directory(file, size)
    if not table.entries:
        raise Broken(BAD, "nothing is in it")
    if table.entries > MOST_ENTRIES or table.length > MOST_DIRECTORY:
        raise Broken(BAD, f"{table.entries:,} entries are in it, and artui sends at most {MOST_ENTRIES} at once")
    found: dict[str, ZipEntry] = {}
    for entry in zips.entries(file, table):
        name = entry.name
        if not name.isprintable() or name in ("", ".", "..") or any(sign in name for sign in "/\\:"):
            side_by_side = "photos must lie in it side by side, without folders (`zip -j`)"
            raise Broken(BAD, f"{name!r} in it is a path: {side_by_side}")
        if entry.is_encrypted:
            raise Broken(BAD, f"{name} in it is encrypted")
        if not entry.can_be_read:
            raise Broken(BAD, f"{name} in it is packed in a way artui does not unpack")
        if most_bytes is not None and entry.size > most_bytes:
            taken = f"the service takes {most_bytes / 1e6:,.1f} MB at most"
            raise Broken(BAD, f"{name} in it has {entry.size / 1e6:,.1f} MB; {taken}")
        # Where they are unpacked one might take the other's place.
        if found.setdefault(name.casefold(), entry) is not entry:
            raise Broken(BAD, f"two photos in it are called {name}")
    if sum(entry.size for entry in found.values()) > max(FLOOR, RATIO * size):
        raise Broken(BAD, f"it would unpack to far more than photos of {size / 1e6:,.1f} MB have")
    return list(found.values())
