"""``make docs``: what the pages of ``docs/`` have from the program, between ``<!-- made: NAME -->`` and the end."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from artui.cli import help as help_pages
from artui.cli import manual, root, settings_page
from artui.cli.manual import Block

DOCS = Path(__file__).parent.parent / "docs"

MADE: Mapping[str, Callable[[], list[Block]]] = {
    "exit-codes": manual.exit_codes,
    "json": manual.printed,
    "words": manual.words,
    "reasons": manual.reasons,
    "settings": settings_page.settings,
    "environment": manual.environment,
    "words-of-artui": help_pages.words,
    "commands": lambda: manual.commands(root),
}
"""What may stand between the marks."""

_PART = re.compile(r"(<!-- made: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def remade(page: str) -> str:
    """A page with its made parts as they are now."""
    return _PART.sub(lambda part: f"{part[1]}\n{manual.markdown(MADE[part[2]]())}\n{part[3]}", page)


def pages() -> list[Path]:
    """The pages that have such parts."""
    return [page for page in sorted(DOCS.rglob("*.md")) if "<!-- made: " in page.read_text("utf-8")]


if __name__ == "__main__":
    for page in pages():
        page.write_text(remade(page.read_text("utf-8")), "utf-8")
