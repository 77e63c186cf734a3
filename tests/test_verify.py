"""Whether what is on disk is still what was saved: read again, found where it was moved to, never changed."""

from __future__ import annotations

from pathlib import Path

from artui.core.verify import Presence, verify
from artui.journal.published import SavedResult
from tests.desk import Desk
from tests.proof.evidence import digest_of


def saved(path: Path, content: bytes, *, size: int | None = None) -> SavedResult:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return SavedResult(1, path, digest_of(path) or "", len(content) if size is None else size)


def test_each_result_is_found_as_it_is(tmp_path: Path) -> None:
    whole = saved(tmp_path / "out/whole.png", b"whole")
    changed = saved(tmp_path / "out/changed.png", b"before")
    changed.path.write_bytes(b"behind")
    missing = saved(tmp_path / "out/missing.png", b"missing")
    missing.path.unlink()
    moved = saved(tmp_path / "out/moved.png", b"moved")
    (tmp_path / "out/picked").mkdir()
    moved.path.rename(tmp_path / "out/picked/fine.png")
    unsized = saved(tmp_path / "out/unsized.png", b"unsized", size=-1)
    (tmp_path / "elsewhere").mkdir()
    unsized.path.rename(tmp_path / "elsewhere/unsized.png")
    linked = saved(tmp_path / "out/linked.png", b"linked")
    linked.path.unlink()
    linked.path.symlink_to(whole.path)
    folder = saved(tmp_path / "out/gone/away.png", b"away")
    folder.path.unlink()
    folder.path.parent.rmdir()
    heard: list[tuple[int, int]] = []
    every = [whole, changed, missing, moved, unsized, linked, folder]
    found = verify(every, [tmp_path / "elsewhere"], lambda done, of: heard.append((done, of)))
    assert [(one.finding, Path(one.now).name) for one in found] == [
        (Presence.WHOLE, ""), (Presence.CHANGED, ""), (Presence.MISSING, ""), (Presence.MOVED, "fine.png"),
        (Presence.MOVED, "unsized.png"), (Presence.UNREADABLE, "not a regular file"), (Presence.MISSING, ""),
    ]  # fmt: skip
    assert heard == [(number, 7) for number in range(1, 8)]


def test_what_was_replaced_and_lies_elsewhere_is_moved(tmp_path: Path) -> None:
    one = saved(tmp_path / "a.png", b"the result")
    one.path.rename(tmp_path / "kept.png")
    one.path.write_bytes(b"another")
    (found,) = verify([one], [], lambda *_: None)
    assert (found.finding, found.now) == (Presence.MOVED, str(tmp_path / "kept.png"))


def test_the_command_names_what_is_lost_and_changes_nothing(desk: Desk) -> None:
    assert desk("verify").out == "No result was saved there yet.\n"
    for seed in range(3):
        desk.photo(f"boot {seed}.jpg", seed)
    desk.send()
    assert desk("verify").out == "Results read: 3 whole.\n"
    first, second, _ = sorted(Path(job["outputs"][0]) for job in desk.jobs())
    first.unlink()
    second.write_bytes(second.read_bytes() + b"\0")
    before = sorted(desk.out.iterdir())
    said = desk("verify", "--json")
    assert said.code == 1
    assert said.json["counts"] == {"whole": 1, "moved": 0, "changed": 1, "missing": 1, "unreadable": 0}
    assert {one["path"]: one["finding"] for one in said.json["findings"]} == {
        str(first): "missing", str(second): "changed",
    }  # fmt: skip
    assert "boot" in desk("verify").out
    assert desk("verify", second).out.splitlines()[-1] == "Results read: 1 changed."
    assert desk("verify", desk.inbox).code == 0
    assert desk("verify", desk.folder / "nowhere").code == 2
    moved = desk.out.rename(desk.folder / "archive")
    assert desk("verify", moved).out.splitlines()[-1] == "Results read: 1 moved."
    assert desk("verify", desk.out, moved).out.splitlines()[-1] == "Results read: 1 moved, 2 missing."
    moved.rename(desk.out)
    assert desk("verify", "--since", "2999-01-01").out == "No result was saved there yet.\n"
    assert sorted(desk.out.iterdir()) == before
