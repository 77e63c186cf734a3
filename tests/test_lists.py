"""Lists of photos: read as spreadsheets and other programs write them, refused by line, sent with what they say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from artui.core.plan import PlanProblem, SourceFile, read_list
from tests.desk import Desk


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    for name in ("a.jpg", "b.jpg", "ä c.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a.jpg")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def names(found: list[SourceFile]) -> list[str]:
    return [one.path.name for one in found]


@pytest.mark.parametrize(
    "content",
    [b"a.jpg\nb.jpg\n", b"a.jpg\r\nb.jpg", b"\na.jpg\n\nb.jpg\n\n", b"\xef\xbb\xbfa.jpg\nb.jpg\n",
     "a.jpg\r\nb.jpg\r\n".encode("utf-16"), b"./a.jpg\nsub/../b.jpg"],
)  # fmt: skip
def test_names_a_line_however_they_end(shop: Path, content: bytes) -> None:
    assert names(read_list(content, shop)) == ["a.jpg", "b.jpg"]


def test_names_that_end_in_nul_hold_anything_else(shop: Path) -> None:
    odd = b"two\nlines \xff.jpg"
    (shop / os.fsdecode(odd)).touch()
    found = read_list(b"a.jpg\0" + odd + b"\0", shop, nul=True)
    assert [os.fsencode(one.path.name) for one in found] == [b"a.jpg", odd]
    assert all(one.is_named and one.top == shop for one in found)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_says_what_each_photo_is_called_and_labelled_with(shop: Path, delimiter: str, encoding: str) -> None:
    rows = [
        ["File", "sku", "label:season", "name"], ["a.jpg", "A-1", "summer", "boot front"], ['"ä c.jpg"', "", "", ""],
        ["b.jpg", '"B;,\t2"', ""],
    ]  # fmt: skip
    text = "\r\n".join(delimiter.join(row) for row in rows)
    found = read_list(text.encode(encoding), shop)
    assert [(one.path.name, one.name, dict(one.labels)) for one in found] == [
        ("a.jpg", "boot front", {"sku": "A-1", "season": "summer"}), ("ä c.jpg", "", {}),
        ("b.jpg", "", {"sku": r"B;,\t2"}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the list names no photo"),
        (b"file,sku\n", "the list names no photo"),
        (b"a.jpg\nc.jpg\n", "line 2: {}/c.jpg is not there"),
        (b"a.jpg\nsub\n", "line 2: {}/sub is a folder: a list names files"),
        (b"a.jpg\npipe\n", "line 2: {}/pipe is a link or device, no file"),
        (b"link\n", "line 1: {}/link is a link or device, no file"),
        (b"file;sku\na.jpg;1\nb.jpg;2\n./a.jpg;3\n", "line 4: {}/a.jpg stands in the list before"),
        (
            b"file,flow\na.jpg,x\n",
            "line 1: the column 'flow' means nothing here; there are file, name, sku, workflow, batch, output, label:…",
        ),
        (b"file,sku,SKU\na.jpg,x,y\n", "line 1: the column sku stands there twice"),
        (b"file,sku\n,x\n", "line 2 names no file"),
        (b"file,sku\na.jpg,x,y\n", "line 2 has 3 fields where the first line has 2"),
        (
            b'file,sku\n"a.jpg,x\nb.jpg,y\n',
            "line 2: unexpected end of data; is a quotation mark not closed, or not doubled?",
        ),
        ("file,sku\na.jpg,Größe\n".encode("latin-1"), "line 2 is no UTF-8: save the list as UTF-8"),
        (b"\n".join(b"%d.jpg" % n for n in range(9)), "line 5: {}/4.jpg is not there\nand 4 more"),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_named_by_its_line(shop: Path, content: bytes, said: str) -> None:
    with pytest.raises(PlanProblem) as refused:
        read_list(content, shop)
    assert str(refused.value).endswith(said.format(shop))


def test_a_list_without_end_is_none(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("artui.core.plan.lists.MOST_BYTES", 10)
    with pytest.raises(PlanProblem, match="is it one"):
        read_list(b"a.jpg\n" * 2, shop)


def test_a_list_is_sent_as_it_says(desk: Desk) -> None:
    for seed, name in enumerate(("one.jpg", "two.jpg", "not meant.jpg")):
        desk.photo(name, seed)
    order = desk.inbox / "order.csv"
    order.write_text("file;sku;name;label:season\none.jpg;A/1;front;summer\ntwo.jpg;;;\n")
    asked = (
        "submit", "--files-from", order, "-w", "Export only", "-o", desk.out / "{sku}", "--template",
        "{stem} {label:season}", "--label", "season=winter",
    )  # fmt: skip
    plan = desk(*asked, "--dry-run", "--json").json
    assert sorted(os.path.relpath(one["output"], desk.out) for one in plan["files"]) == [
        "A-1/front summer", "unknown/two winter",
    ]  # fmt: skip
    assert desk(*asked, "--yes", "--wait").code == 0
    jobs = {Path(job["source"]).name: desk("job", str(job["id"]), "--json").json for job in desk.jobs()}
    assert {name: {key: job["labels"].get(key) for key in ("sku", "season")} for name, job in jobs.items()} == {
        "one.jpg": {"sku": "A/1", "season": "summer"}, "two.jpg": {"sku": None, "season": "winter"},
    }  # fmt: skip
    charged = len(desk.simulator.ledger)
    assert desk(*asked, "--yes", "--wait").code in (0, 2)
    assert len(desk.simulator.ledger) == charged, "the same list again pays nothing"


def test_a_list_with_a_fault_sends_nothing(desk: Desk) -> None:
    desk.photo("one.jpg", 1)
    order = desk.folder / "order.txt"
    order.write_text("one.jpg\nmissing.jpg\n")
    said = desk("submit", "--files-from", order, "--base", desk.inbox, "-w", "Export only", "-o", desk.out, "--yes")
    assert (said.code, desk.jobs()) == (2, [])
    assert f"order.txt: line 2: {desk.inbox}/missing.jpg is not there. Nothing was sent." in said.err
    order.write_text("file,label:autoretouch_batch_id\none.jpg,1\n")
    said = desk("submit", "--files-from", order, "--base", desk.inbox, "-w", "Export only", "-o", desk.out, "--yes")
    assert (said.code, desk.jobs()) == (2, [])
    assert "names that begin with artui_ or autoretouch_ are taken" in said.err
