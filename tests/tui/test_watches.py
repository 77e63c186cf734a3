"""The Watch screen: rules as they are written, where each is written, and an honest word where there is none."""

from __future__ import annotations

import pytest

from artui.config import load, paths
from artui.tui.watches import rules
from tests.tui.desk import at_desk

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("configured")]

RULES = """
[[watch]]
folder = "/srv/in"
output = "/srv/out"
account = "studio"
workflow = "Ghost Mannequin"
existing = "ignore"
caps = { day = 500 }

# The second one.
[[watch]]
folder = 7
caps = "many"
account = "nobody"
"""


def write_rules(text: str = RULES) -> None:
    with paths().config_file.open("a") as config:
        config.write(text)


async def test_without_a_rule_it_says_what_one_is_and_offers_no_key() -> None:
    async with at_desk() as desk:
        await desk.press("4")
        await desk.sees("[4 Watch]", "No folder is watched", "[[watch]]")
        assert "where it is written" not in "\n".join(desk.lines())


async def test_rules_are_shown_with_all_they_say() -> None:
    write_rules()
    async with at_desk(size=(100, 24)) as desk:
        await desk.press("4")
        await desk.sees("1 /srv/in -> /srv/out", "account studio, workflow Ghost Mannequin, caps 500 a day")
        await desk.sees("2 7 -> -", "account nobody (not set up)", "caps many")
        assert "\n".join(desk.lines()).count("not watched") == 2


@pytest.mark.parametrize("key", ["e", "enter"])
async def test_a_rule_names_the_file_and_the_line_it_is_written_on(key: str) -> None:
    write_rules()
    async with at_desk() as desk:
        await desk.press("4", "down", key)
        line = paths().config_file.read_text().splitlines().index("folder = 7")
        await desk.sees(f"line {line}", "[[watch]]", 'account = "nobody"')
        assert "/srv/in" not in "\n".join(desk.lines()[8:])
        await desk.press("escape")
        await desk.sees("[4 Watch]")


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (140, 40)])
async def test_every_rule_takes_two_lines_at_every_width(size: tuple[int, int]) -> None:
    write_rules('[[watch]]\nfolder = "/a/' + "very/" * 30 + 'long"\noutput = "/b/' + "ä\\u202e" * 40 + '"\n')
    write_rules('[[watch]]\nfolder = "/second"\n')
    async with at_desk(size=size) as desk:
        await desk.press("4")
        await desk.sees("/second")
        numbered = [place for place, line in enumerate(desk.lines()) if line.lstrip().startswith(("1 /a", "2 /second"))]
        assert numbered[1] - numbered[0] == 2
        assert all("not watched" in desk.lines()[place] for place in numbered)


def test_a_rule_takes_what_it_does_not_say_from_its_account() -> None:
    paths().config_file.write_text(
        '[accounts.studio]\nprovider = "autoretouch"\nworkflow = "w-1"\noutput = "/out"\n[[watch]]\nfolder = "/in"\n'
    )
    (rule,) = rules(load())
    assert (rule.account, rule.workflow, rule.output, rule.caps) == ("studio", "w-1", "/out", "-")
