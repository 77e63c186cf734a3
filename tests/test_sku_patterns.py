"""The SKU in a photo's name: taken by a pattern that ends on any name, for commands, accounts and rules."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from artui.config import ConfigError
from artui.config.sku_patterns import compiled, sku_of
from tests.desk import Desk

PATTERN = "(?P<sku>[A-Z0-9]+)_.*"


@pytest.mark.parametrize(
    ("pattern", "name", "sku"),
    [
        (PATTERN, "AB12_front.jpg", "AB12"), (PATTERN, "ab12_front.jpg", ""), (PATTERN, "AB_\n\udcff.jpg", "AB"),
        (r"(?P<sku>\w+?)(?:-\d+)?\.(jpg|tif)", "boot-2.tif", "boot"), (r"x(?P<sku>\d*).*", "x.jpg", ""),
        (r"(?P<sku>[A-Z]++\d{2,6})-(\d+)_(\w+)_(.+)", "AB1234-1_a_b.jpg", "AB1234"),
    ],
)  # fmt: skip
def test_it_is_what_the_group_takes_of_the_whole_name(pattern: str, name: str, sku: str) -> None:
    assert sku_of(pattern, name) == sku


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(?P<sku>[A-Z", "is no regular expression"), (r"([A-Z]+)_.*", "has no group called sku"),
        (r"(?P<SKU>[A-Z]+)_.*", "has no group called sku"), *((one, "could take for ever") for one in (
            r"(?P<sku>(a+)+)b", r"(?P<sku>(a|aa)+)b", r"(?P<sku>((((a*)*)*)*)*)b", r"(?P<sku>(?>(a+)+b))",
            r"(?P<sku>.*.*.*.*)x", "(?P<sku>" + "a?" * 30 + "a" * 30 + ")", r"(?P<sku>(a|b|ab){10,200})c",
            r"(?=(?P<sku>(a+)+))b",
        )),
    ],
)  # fmt: skip
def test_a_bad_pattern_is_refused(pattern: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        compiled(pattern)


def test_the_worst_that_is_taken_ends() -> None:
    began = time.process_time()
    for name in ("a" * 255, "a" * 254 + "!"):
        sku_of(r"(?P<sku>[a-z]*[a-y]*[a-x]*)[!?]x?", name)
    assert time.process_time() - began < 5


def test_a_dry_run_shows_which_sku_each_name_has(desk: Desk) -> None:
    for seed, name in enumerate(("AB12_1.jpg", "AB12_2.jpg", "loose.jpg")):
        desk.photo(name, seed)
    asked = ("submit", desk.inbox, "-w", "Export only", "-o", desk.out / "{sku}", "--sku-pattern", PATTERN)
    said = desk(*asked, "--dry-run").out
    assert "SKU by name: 2 of 3 names fit, 1 different\n  AB12_1.jpg: AB12\n  AB12_2.jpg: AB12\n" in said
    assert "loose.jpg: does not fit the pattern" in said
    plan = desk(*asked, "--label", "sku={folder} {stem}", "--label", "season=aw26", "--dry-run", "--json").json
    assert [(Path(one["output"]).parent.name, one["labels"]) for one in plan["files"]] == [
        ("AB12", {"sku": "AB12", "season": "aw26"}), ("AB12", {"sku": "AB12", "season": "aw26"}),
        ("in loose", {"sku": "in loose", "season": "aw26"}),
    ]  # fmt: skip
    assert plan["sku_unmatched"] == [str(desk.inbox / "loose.jpg")]
    assert "has no group" in desk(*asked[:-1], "[A-Z]+", "--dry-run").err
    assert "cannot be filled" in desk(*asked[:-2], "--label", "sku={nonsense}", "--dry-run").err


def test_an_account_says_it_for_all_and_names_know_account_and_digest(desk: Desk) -> None:
    desk.configure(more=f"sku_pattern = '{PATTERN}'")
    desk.photo("AB12_1.jpg", 3)
    asked = ("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--template", "{account} {sku} {hash8}")
    plan = desk(*asked, "--dry-run", "--json").json
    _, sku, digest = Path(plan["files"][0]["output"]).name.split()
    assert (sku, len(digest)) == ("AB12", 8)
    plan = desk(*asked, "--label", "sku=X", "--dry-run", "--json").json
    assert plan["files"][0]["labels"] == {"sku": "X"}
    assert "unknown {rule}" in desk(*asked[:-1], "{rule}", "--dry-run").err
    with pytest.raises(ConfigError, match=r"line \d+: accounts.studio.sku_pattern has no group called sku"):
        desk.configure(more="sku_pattern = '(a+)+'")
