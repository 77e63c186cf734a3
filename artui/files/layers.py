"""The layers of an archive, laid beside it: pictures under names made here, and a manifest of what is what.

An archive is what a stranger made. Nothing in it names a path, and nothing in it decides how much is written.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import unquote

from artui.files import whole, zips
from artui.files.names import extension, tame
from artui.files.permissions import AS_USUAL, Permissions
from artui.files.publishing import BadResult, Part, begin_folder, publish_folder
from artui.files.regular import open_regular
from artui.files.zips import FLOOR, MOST_DIRECTORY, MOST_ENTRIES, MOST_UNPACKED, RATIO

_MANIFEST = "manifest.json"
_RESULT = "result.json"
_MOST_JSON = 16 * 1024**2
_NAME_BYTES = 100
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # the ones that are unpacked in bounded steps
_INDEX = re.compile(r"index=(\d{1,6})")
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, BadResult, whole.Broken)


class LayersProblem(Exception):
    """An archive whose layers cannot be laid out; the text says why. The archive itself is left as it is."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """One entry as its name describes it: ``index`` is its place from the bottom, ``blend`` how it is merged."""

    entry: zipfile.ZipInfo
    index: int | None
    blend: str
    name: str


def unpack_layers(
    archive: Path, digest: str, made: Callable[[list[tuple[str, int]]], object] = lambda _: None,
    permissions: Permissions = AS_USUAL,
) -> Path:  # fmt: skip
    """Lay the layers of a saved archive in a folder beside it, durably; return that folder.

    ``digest`` is the archive's: a folder that an earlier run made of the same archive is taken for what it is. ``made``
    hears digest and bytes of each layer before any is to be seen. Raises LayersProblem, OutputProblem, OSError. Blocks:
    for a thread.
    """
    target = archive.with_suffix(".layers")
    mark = hashlib.sha256(archive.name.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    build = archive.with_name(f".artui-{mark}.layers")
    for number in count(2):
        if _is_of(target, digest):
            return target
        if not target.is_symlink() and not target.exists():
            break
        target = archive.with_name(f"{archive.stem}-{number}.layers")
    begin_folder(build)
    try:
        try:
            laid = _fill(build, archive, digest, permissions)
        except _DAMAGE as error:
            raise LayersProblem(f"{archive.name} cannot be unpacked: {error or 'it is damaged'}") from error
        made(laid)  # before they show: a rule that watches there must know them for results
        publish_folder(build, target, permissions)
    finally:
        shutil.rmtree(build, ignore_errors=True)
    return target


def _is_of(folder: Path, digest: str) -> bool:
    """Whether a folder was made of this very archive."""
    try:
        with open_regular(folder / _MANIFEST) as file:
            made_of = json.loads(file.read(_MOST_JSON))
    except (OSError, ValueError):
        return False
    return isinstance(made_of, dict) and made_of.get("archive_sha256") == digest


def _fill(build: Path, archive: Path, digest: str, permissions: Permissions) -> list[tuple[str, int]]:
    laid: list[tuple[str, int]] = []
    with io.BufferedReader(open_regular(archive)) as file:
        size = file.seek(0, io.SEEK_END)
        if zips.directory(file, size).length > MOST_DIRECTORY:
            raise ValueError("its table of contents is too long")
        spend = _allowance(archive, size)
        with zipfile.ZipFile(file) as opened:
            entries = [entry for entry in opened.infolist() if not entry.is_dir()]
            _refuse(entries, spend)
            layers, metadata, others = _sorted_out(entries)
            made = [_lay(opened, layer, place, build, spend, laid, permissions) for place, layer in enumerate(layers)]
            if metadata is not None:
                if metadata.file_size > _MOST_JSON:
                    raise ValueError(f"its {_RESULT} is too long")
                with Part(build / _RESULT, permissions) as part:
                    _pour(opened, metadata, part.write, spend)
                    part.finish()
                if not whole.is_complete(part.path, "application/json"):
                    raise ValueError(f"its {_RESULT} is no JSON")
    unused = [entry.filename for entry in others]
    about = {"archive": archive.name, "archive_sha256": digest, "layers": made, "not_unpacked": unused}
    with Part(build / _MANIFEST, permissions) as manifest:
        manifest.write(json.dumps(about, indent=2).encode())
        manifest.finish()
    return laid


def _allowance(archive: Path, size: int) -> Callable[[int], None]:
    """What keeps count of the bytes unpacked, and raises LayersProblem where they are too many for this archive."""
    left = min(MOST_UNPACKED, max(FLOOR, RATIO * size))

    def spend(amount: int) -> None:
        nonlocal left
        left -= amount
        if left < 0:
            raise LayersProblem(f"{archive.name} would unpack to far more than any layers of {size / 1e6:,.1f} MB have")

    return spend


def _refuse(entries: list[zipfile.ZipInfo], spend: Callable[[int], None]) -> None:
    """Refuse what can be seen before anything is unpacked."""
    if len(entries) > MOST_ENTRIES:
        raise ValueError(f"it has {len(entries):,} entries, more than any set of layers")
    for entry in entries:
        if entry.flag_bits & 1:
            raise ValueError("it is encrypted")
        if entry.compress_type not in _METHODS:
            raise ValueError("it is packed in a way layers are not")
    stated = sum(entry.file_size for entry in entries)
    spend(stated)
    spend(-stated)  # asked only whether it fits: what is truly unpacked is counted again


def _sorted_out(
    entries: list[zipfile.ZipInfo],
) -> tuple[list[_Layer], zipfile.ZipInfo | None, list[zipfile.ZipInfo]]:
    """The layers from the bottom up, the metadata, and what is neither."""
    layers, metadata, others = [], None, []
    for entry in entries:
        layer = _layer(entry)
        if layer is not None:
            layers.append(layer)
        elif metadata is None and _base_name(entry) == _RESULT:
            metadata = entry
        else:
            others.append(entry)
    # What has no index lies on top, in the archive's order.
    layers.sort(key=lambda layer: MOST_ENTRIES**3 if layer.index is None else layer.index)
    return layers, metadata, others


def _layer(entry: zipfile.ZipInfo) -> _Layer | None:
    """Read an entry's name: ``index=2&blendmode=normal&name=Heal.png``, or plainly ``Heal.png``."""
    base = _base_name(entry)
    if not base.lower().endswith(".png"):
        return None
    words = base[:-4].split("&", 2)  # two signs only: a plugin's name may have one
    index = _INDEX.fullmatch(words[0])
    if index is None or len(words) < 3 or not words[1].startswith("blendmode=") or not words[2].startswith("name="):
        return _Layer(entry, None, "", unquote(base[:-4]))
    blend, name = (unquote(word.partition("=")[2]) for word in words[1:])
    return _Layer(entry, int(index[1]), blend, name)


def _base_name(entry: zipfile.ZipInfo) -> str:
    return entry.filename.replace("\\", "/").rpartition("/")[2]


def _lay(
    archive: zipfile.ZipFile, layer: _Layer, place: int, build: Path, spend: Callable[[int], None],
    laid: list[tuple[str, int]], permissions: Permissions,
) -> dict[str, object]:  # fmt: skip
    """Write one layer, its ending by its content; returns what the manifest says of it, and adds its digest and bytes
    to ``laid``."""
    stem = f"{place:02} {tame(layer.name, _NAME_BYTES) or 'layer'}"
    with Part(build / f"{stem}.part", permissions) as part:
        _pour(archive, layer.entry, part.write, spend)
        written = part.finish()
    name = stem + extension(written.media_type or "")
    part.path.rename(build / name)
    laid.append((written.digest, written.size))
    entry = layer.entry.filename
    return {"file": name, "index": layer.index, "name": layer.name, "blend": layer.blend, "entry": entry}


def _pour(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, write: Callable[[bytes], None], spend: Callable[[int], None]
) -> None:
    left = entry.file_size
    with archive.open(entry) as packed:
        while block := packed.read(whole.BLOCK):
            spend(len(block))
            left -= len(block)
            write(block)
    if left:
        raise ValueError("an entry has not the length it states")
