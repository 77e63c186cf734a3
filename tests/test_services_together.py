"""All services side by side: one journal, one table, each account with its own budget."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from artui.cli.exits import Exit
from artui.config import paths
from tests.desk import Desk

ACCOUNTS = """
[accounts.portraits]
provider = "retouch4me"
api_url = "{retouch4me[api_url]}"
balance_url = "{retouch4me[balance_url]}"
settle = 0.2
first_look = 0.1
[accounts.portraits.workflows.natural]
title = "Natural"
[[accounts.portraits.workflows.natural.tasks]]
plugin = "Heal"
alpha1 = 0.7

[accounts.shop]
provider = "filestack"
api_key = "{filestack[api_key]}"
cdn_url = "{filestack[cdn_url]}"
api_url = "{filestack[api_url]}"
upload_url = "{filestack[upload_url]}"
settle = 0.2
first_look = 0.1
[accounts.shop.workflows.preview]
id = "{filestack[workflows][Preview]}"
title = "Preview"
"""

SENT_TO = {"studio": "Export only", "portraits": "Natural", "shop": "Preview"}


@pytest.fixture
def three(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk with an account at each service."""
    given = desk.simulator.announcement()
    with paths().config_file.open("a") as config:
        config.write(ACCOUNTS.format(**given))
    monkeypatch.setenv("ARTUI_PORTRAITS_TOKEN", given["retouch4me"]["token"])
    monkeypatch.setenv("ARTUI_SHOP_TOKEN", given["filestack"]["secret"])
    return desk


def test_one_session_sends_to_every_service(three: Desk, *, long: bool) -> None:
    each = 20 if long else 4
    for number, (account, workflow) in enumerate(SENT_TO.items()):
        for index in range(each):
            three.photo(f"{account}/IMG_{index}.jpg", seed=100 * number + index)
        sent = three(
            "submit", three.inbox / account, "-a", account, "-w", workflow, "-o", three.out / account, "--yes"
        )  # fmt: skip
        assert sent.code == Exit.OK, sent.err
    assert three("wait").code == Exit.OK

    found = three.jobs()
    assert Counter(job["account"] for job in found) == dict.fromkeys(SENT_TO, each)
    assert {job["status"] for job in found} == {"done"}
    assert Counter(charge["provider"] for charge in three.simulator.ledger) == {
        "autoretouch": each, "retouch4me": each, "filestack": each,
    }  # fmt: skip
    for account in SENT_TO:
        assert len(list((three.out / account).iterdir())) == each
    money = three("status", "--json").json["money"]
    assert {name: (sums["jobs"], sums["sent"], sums["to_come"]) for name, sums in money.items()} == dict.fromkeys(
        SENT_TO, (each, 0, 0)
    )
    assert money["portraits"]["charged"] == money["shop"]["charged"] == each


def test_photos_that_the_service_fetches_itself_are_bought_once(three: Desk) -> None:
    command = ["submit", "-a", "shop", "-w", "Preview", "-o", str(three.out), "--alias", "studio/autumn/shirt.jpg"]
    assert three(*command, "--yes", "--wait").code == Exit.OK
    (job,) = [job for job in three.jobs() if job["account"] == "shop"]
    assert (job["status"], Path(job["source"]).name) == ("done", "shirt.jpg")
    assert [path.stem for path in three.out.iterdir()] == ["shirt"]
    before = len(three.simulator.ledger)
    again = three(*command, "--yes", "--wait")
    assert again.code == Exit.OK
    assert len(three.simulator.ledger) == before, "the same address was paid for twice"
    assert three("redo", str(job["id"]), "--yes", "--wait").code == Exit.OK
    assert len(three.simulator.ledger) == before + 1

    files_only = three("submit", "-a", "studio", "-w", "Export only", "--url", "https://example.com/a.jpg", "--yes")
    assert (files_only.code, "takes files only" in files_only.err) == (Exit.USAGE, True)
    nameless = three("submit", "-a", "shop", "-w", "Preview", "--url", "https://example.com/", "--yes")
    assert (nameless.code, "names no photo" in nameless.err) == (Exit.USAGE, True)
