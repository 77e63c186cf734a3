"""Layers of an archive: what is laid out and under which names, and what a hostile archive cannot do."""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import tracemalloc
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from artui import files
from artui.files import LayersProblem, layers, publishing, unpack_layers

PNG = b"\x89PNG\r\n\x1a\n"
HEAL = "index=0&blendmode=normal&name=Heal.png"


def packed(entries: Iterable[tuple[str | zipfile.ZipInfo, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return out.getvalue()


def laid(folder: Path, content: bytes, name: str = "boot.zip") -> Path:
    """Save an archive and unpack its layers."""
    folder.mkdir(exist_ok=True)
    archive = folder / name
    archive.write_bytes(content)
    return unpack_layers(archive, hashlib.sha256(content).hexdigest())


def refused(folder: Path, content: bytes) -> str:
    """Why an archive's layers are refused; nothing but the archive is left."""
    with pytest.raises(LayersProblem) as problem:
        laid(folder, content)
    assert [path.name for path in folder.iterdir()] == ["boot.zip"]
    return str(problem.value)


def test_layers_are_numbered_from_the_bottom_and_described(tmp_path: Path) -> None:
    content = packed(
        [
            ("index=10&blendmode=softLight&name=Dodge Burn.png", PNG + b"3"),
            ("sub/folder/index=2&blendmode=linear%20light&name=Eye %41&b=1+1%zz.png", PNG + b"2"),
            (HEAL, PNG + b"1"),
            ("Plain.PNG", b"\xff\xd8\xff a picture of another kind"),
            ("result.json", b'{"jsonVersion": "1"}'),
            ("folder/", b""),
            ("readme.txt", b"hello"),
        ]
    )
    folder = laid(tmp_path, content)
    assert folder == tmp_path / "boot.layers"
    names = ["00 Heal.png", "01 Eye A&b=1+1%zz.png", "02 Dodge Burn.png", "03 Plain.jpg"]
    assert sorted(path.name for path in folder.iterdir()) == [*names, "manifest.json", "result.json"]
    assert [(folder / name).read_bytes()[-1:] for name in names[:3]] == [b"1", b"2", b"3"]
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert [layer["file"] for layer in manifest["layers"]] == names
    assert [layer["index"] for layer in manifest["layers"]] == [0, 2, 10, None]
    assert [layer["blend"] for layer in manifest["layers"]] == ["normal", "linear light", "softLight", ""]
    assert manifest["layers"][0]["entry"] == HEAL
    assert manifest["not_unpacked"] == ["readme.txt"]
    assert manifest["archive_sha256"] == hashlib.sha256(content).hexdigest()


def test_a_second_run_finds_what_the_first_one_made_and_a_taken_name_gives_way(tmp_path: Path) -> None:
    content = packed([(HEAL, PNG)])
    (tmp_path / "boot.layers").mkdir()
    (tmp_path / "boot.layers" / "mine").touch()
    folder = laid(tmp_path, content)
    assert folder.name == "boot-2.layers"
    made = folder.stat().st_ino
    (tmp_path / f".artui-{hashlib.sha256(b'boot.zip').hexdigest()[:12]}.layers").mkdir()  # what a killed run left
    assert laid(tmp_path, content) == folder
    assert folder.stat().st_ino == made
    assert laid(tmp_path, packed([(HEAL, PNG + b"new")])).name == "boot-3.layers"
    assert [path.name for path in (tmp_path / "boot.layers").iterdir()] == ["mine"]


HOSTILE = [
    "../../evil.png", "/etc/evil.png", "a\\..\\..\\evil.png", "C:\\evil.png", "line\nbreak\x1b[2J.png",
    "a" * 300 + ".png",
    "index=1&blendmode=normal&name=../../evil.png", "index=1&blendmode=normal&name=%2e%2e%2fevil%00.png",
    "index=99999999999999999999&blendmode=x&name=Huge.png", "index=1&blendmode=&name=.png", "index=0.png",
    "..png", ".png",    "index=1&blendmode=normal&name=CON.png", "index=1&blendmode=normal&name=‮gpj.png",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_no_entry_decides_where_anything_is_written(tmp_path: Path) -> None:
    content = packed([(name, PNG + name.encode()) for name in (*HOSTILE, *HOSTILE[:2])])
    folder = laid(tmp_path / "out", content)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["boot.layers", "boot.zip"]
    laid_out = [path for path in folder.iterdir() if path.suffix != ".json"]
    assert len(laid_out) == len(HOSTILE) + 2, "two entries of one name are two layers"
    for path in folder.iterdir():
        assert path.is_file()
        assert path.name.isprintable()
        assert len(os.fsencode(path.name)) < 130
        assert not set(path.name) & set('/\\:*?"<>|')


def a_link() -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(HEAL)
    entry.external_attr = 0o120777 << 16
    return entry


def test_a_link_in_an_archive_is_a_file_with_its_text(tmp_path: Path) -> None:
    folder = laid(tmp_path, packed([(a_link(), b"/etc/passwd")]))
    [path] = folder.glob("00*")
    assert path.read_bytes() == b"/etc/passwd"
    assert not path.is_symlink()


def forged(content: bytes, **sizes: int) -> bytes:
    """The archive with another unpacked size in its table of contents."""
    at = content.rfind(b"PK\x01\x02")
    return content[: at + 24] + struct.pack("<I", sizes["unpacked"]) + content[at + 28 :]


def encrypted(content: bytes) -> bytes:
    at = content.rfind(b"PK\x01\x02")
    return content[: at + 8] + b"\x01\0" + content[at + 10 :]


ONE = packed([(HEAL, PNG + bytes(100_000))])
BROKEN = {
    "cut": ONE[:-30],
    "no archive": b"PK\x03\x04 and no more",
    "flipped": ONE.replace(ONE[80:90], bytes(10), 1),
    "said to be smaller": forged(ONE, unpacked=10),
    "said to be larger": forged(ONE, unpacked=200_000),
    "encrypted": encrypted(ONE),
    "packed in an odd way": packed([(HEAL, PNG)], zipfile.ZIP_BZIP2),
    "an empty layer": packed([(HEAL, b"")]),
    "bad JSON": packed([(HEAL, PNG), ("result.json", b"{")]),
    "too many": packed([(f"index={n}&blendmode=normal&name=x.png", PNG) for n in range(501)]),
    "a long table": packed([("x" * 60_000 + f"{n}.png", PNG) for n in range(30)]),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_damaged_or_forged_archive_is_left_as_it_is(tmp_path: Path, how: str) -> None:
    assert "boot.zip" in refused(tmp_path, BROKEN[how])
    assert (tmp_path / "boot.zip").read_bytes() == BROKEN[how]


def bomb(unpacked: int) -> bytes:
    """A gigabyte in a megabyte, made a block at a time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive, archive.open(HEAL, "w") as entry:
        for _ in range(unpacked // 2**20):
            entry.write(bytes(2**20))
    return out.getvalue()


def test_a_bomb_is_refused_before_and_while_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bomb(2**30)
    assert len(content) < 6_000_000
    written = 0
    real = publishing._write_all

    def counted(file: io.FileIO, data: bytes) -> None:
        nonlocal written
        written += len(data)
        real(file, data)

    monkeypatch.setattr(publishing, "_write_all", counted)
    tracemalloc.start()
    assert "far more" in refused(tmp_path, content)
    assert written == 0, "its table of contents gives it away"
    monkeypatch.setattr(layers, "_refuse", lambda entries, spend: None)  # as where that table lies
    assert "far more" in refused(tmp_path, content)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert written <= layers.RATIO * len(content)
    assert most < 20_000_000, "unpacked in small steps"


def test_an_empty_layer_may_pack_well(tmp_path: Path) -> None:
    assert laid(tmp_path, packed([(HEAL, PNG + bytes(30_000_000))])).is_dir()


def test_a_full_disk_leaves_no_half_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = packed([(HEAL, PNG)])

    def full(file: io.FileIO, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(publishing, "_write_all", full)
    with pytest.raises(files.OutputProblem):
        laid(tmp_path, content)
    assert [path.name for path in tmp_path.iterdir()] == ["boot.zip"]


def test_a_file_system_that_cannot_rename_without_replacing_still_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(part: Path, target: Path) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(publishing, "rename_exclusive", unknown)
    assert laid(tmp_path, packed([(HEAL, PNG)])).name == "boot.layers"
    taken, build = tmp_path / "taken", tmp_path / "build"
    taken.mkdir()
    build.mkdir()
    with pytest.raises(FileExistsError):
        publishing.publish_folder(build, taken)
