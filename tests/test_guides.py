"""The pages for the first day: every line of their command blocks does what the page says, at the stand-in."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from artui.cli import root
from artui.sim.photos import noise_jpeg
from tests.desk import Desk
from tests.make_docs import DOCS

README = DOCS.parent / "README.md"
ORDER = """file,sku,name,workflow
boots/10482 boot cognac.jpg,10482,10482_front,
boots/20931 bottle pine.jpg,20931,20931_front,Ghost Mannequin
"""
AMBIGUOUS = "Background Removal"
"""Two workflows of the stand-in are called so."""


def commands(page: Path) -> Iterator[list[str]]:
    """The words of each artui command of a page's blocks of ``sh``, without where its output goes."""
    for block in re.findall(r"^```sh\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        for line in re.sub(r"\\\n", "", block).splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["artui"]:
                end = min((words.index(one) for one in ("<", ">", "|", "&&") if one in words), default=len(words))
                yield ["Export only" if word == AMBIGUOUS else word for word in words[1:end]]


@pytest.mark.parametrize("page", ["agency", "scripts"])
def test_a_page_can_be_followed_line_by_line(page: str, desk: Desk) -> None:
    desk.monkeypatch.chdir(desk.folder)
    for number, name in enumerate(("boots/10482 boot cognac", "boots/20931 bottle pine", "AW26/4711/a", "AW26/4712/b")):
        path = Path(f"{name}.jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        noise_jpeg(path, 20_000, number)
    Path("order.csv").write_text(ORDER)
    Path("rejected.txt").write_text("3\tlabel torn\n")
    said = []
    for words in commands(DOCS / f"{page}.md"):
        if words[0] != "login":  # its key comes from stdin
            said.append(desk(*words))
            assert said[-1].code == 0, (words, said[-1].err)
    if page == "agency":
        assert any(path.stem.startswith("10482_front") for path in Path("out/10482").rglob("*.*"))
        assert any("label torn" in one.out for one in said)
        assert said[-2].out.startswith("sku,")
    else:
        followed = next(one.lines for one in said if '"type": "end"' in one.out)
        assert (followed[0]["type"], followed[-1]["exit"]) == ("queued", 0)


@pytest.mark.parametrize(
    "page",
    [README, *(DOCS / f"{one}.md" for one in ("photographer", "studio-server", "operating", "macos", "notices"))],
)
def test_every_command_on_a_page_is_one_that_artui_takes(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DOCS.parent / "docs")
    monkeypatch.setattr("click.types.File.convert", lambda *_: None)
    found = list(commands(page))
    assert found
    for words in found:
        with root.make_context("artui", list(words)) as context:
            name, command, rest = root.resolve_command(context, [*context._protected_args, *context.args])
            assert command is not None, words
            command.make_context(name, rest, parent=context).close()


def test_every_page_leads_to_pages_that_are_there() -> None:
    for page in (README, *DOCS.rglob("*.md")):
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), (page.name, target)
