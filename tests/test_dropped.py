"""Which files a pasted text means."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import pytest

from artui.core.dropped import dropped

NAMES = ["plain.jpg", "with space.jpg", "it's.jpg", 'a "quoted".jpg', "back\\slash.jpg", "ümläut.jpg", "$(rm).jpg"]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    for name in NAMES:
        (tmp_path / name).touch()
    return [tmp_path / name for name in NAMES]


def quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "'\\''") + "'"


def escaped(path: Path) -> str:
    return "".join(letter if letter.isalnum() or letter in "/.-_" else f"\\{letter}" for letter in str(path))


def address(path: Path) -> str:
    return "file://" + quote(os.fsencode(path))


@pytest.mark.parametrize("said", [str, quoted, escaped, address, lambda path: "file://localhost" + quote(str(path))])
@pytest.mark.parametrize("between", ["\n", "\r\n", "\n\n"])
def test_lines_of_paths(files: list[Path], said: object, between: str) -> None:
    assert callable(said)
    assert dropped(between.join(map(said, files)) + between) == files


@pytest.mark.parametrize("said", [quoted, escaped, address])
def test_words_of_one_line_as_terminals_paste_them(files: list[Path], said: object) -> None:
    assert callable(said)
    assert dropped(" ".join(map(said, files)) + " ") == files


def test_a_folder_and_what_stands_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path.parent))
    assert dropped(f"~/{tmp_path.name}\n{tmp_path}/\n") == [tmp_path]


@pytest.mark.parametrize(
    "text",
    ["", " \n", "hello", "boots", "/", "a/b.jpg", "file://elsewhere/tmp", "https://example.com/a.jpg", "'/tmp",
     "~nobody-is-called-so/a", "/tmp\0", "rm -rf /nowhere", "x" * (1 << 21)],
)  # fmt: skip
def test_anything_else_is_left_alone(text: str) -> None:
    assert dropped(text) is None or text == "/"


def test_one_that_is_not_there_makes_it_anything_else(files: list[Path]) -> None:
    assert dropped(f"{files[0]}\n{files[0]}.gone") is None
