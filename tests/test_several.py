"""One photo through several workflows: ordered and priced together, uploaded once, paid once for each."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.desk import Desk

BOTH = ("-w", "Export only", "-w", "Ghost Mannequin")


def results(desk: Desk) -> list[str]:
    return sorted(str(path.relative_to(desk.out)) for path in desk.out.rglob("*") if path.is_file())


def uploads(desk: Desk) -> int:
    return sum(
        request["method"] == "POST" and request["path"].endswith("/upload") for request in desk.simulator.history
    )


def test_each_photo_goes_once_through_each_workflow(desk: Desk) -> None:
    desk.photo("a.jpg", 1)
    desk.photo("b.jpg", 2)
    asked = ("submit", desk.inbox, *BOTH, "-o", desk.out)
    plan = desk(*asked, "--dry-run", "--json").json
    prices = [one["price"] for one in plan["workflows"]]
    assert [one["name"] for one in plan["workflows"]] == ["Export only", "Ghost Mannequin"]
    assert (plan["workflow"], plan["price"], plan["most"]) == (None, None, 2 * sum(prices))
    assert [Path(one["output"]).name for one in plan["files"]] == [
        "a-Export only", "a-Ghost Mannequin", "b-Export only", "b-Ghost Mannequin",
    ]  # fmt: skip
    before, charged = uploads(desk), len(desk.simulator.ledger)
    said = desk(*asked, "--yes", "--wait")
    assert said.code == 0, said
    assert f"Together 4 to send: at most {2 * sum(prices):,}" in said.err
    assert results(desk) == [
        "a-Export only.png", "a-Ghost Mannequin.png", "b-Export only.png", "b-Ghost Mannequin.png"
    ]  # fmt: skip
    assert uploads(desk) - before == 2, "one upload for a photo, however many workflows"
    assert len(desk.simulator.ledger) - charged == 4
    assert len({desk("job", str(job["id"]), "--json").json["batch"] for job in desk.jobs()}) == 1
    again = desk(*asked, "--yes", "--wait", "--json")
    assert len(desk.simulator.ledger) - charged == 4, "the same order again pays nothing"
    assert [one["verdict"] for one in again.lines[0]["known"]] == ["known"] * 4


def test_a_photo_with_several_results_is_not_taken_for_one_of_them(desk: Desk) -> None:
    photo = desk.photo("a.jpg", 1)
    assert desk("submit", photo, *BOTH, "-o", desk.out, "--yes", "--wait").code == 0
    for command in (("reject", photo, "-r", "mask or edges"), ("keep", photo), ("redo", photo, "--dry-run")):
        said = desk(*command)
        assert said.code == 2
        assert "Export only" in said.err
        assert "Ghost Mannequin" in said.err
    assert desk("redo", photo, "-w", "Export only", "--dry-run").code == 0
    assert desk("redo", "1", "--dry-run").code == 0
    assert desk("keep", desk.out / "a-Export only.png").code == 0


def test_a_sample_is_of_photos_through_each_workflow(desk: Desk) -> None:
    for seed in range(4):
        desk.photo(f"{seed}.jpg", 20 + seed)
    said = desk("submit", desk.inbox, *BOTH, "-o", desk.out, "--sample", "3", "--yes", "--wait")
    assert said.code == 7, said
    assert "A sample of 3 is sent; 1 wait, unsent, for `artui approve`." in said.err
    assert sorted((Path(job["source"]).name, job["reason"]) for job in desk.jobs() if job["status"] == "held") == [
        ("3.jpg", "sample"), ("3.jpg", "sample"),
    ]  # fmt: skip


def test_one_workflow_more_pays_for_that_alone(desk: Desk) -> None:
    photo = desk.photo("a.jpg", 3)
    assert desk.send().code == 0
    plan = desk("submit", photo, *BOTH, "-o", desk.out, "--dry-run", "--json").json
    assert [(one["verdict"], one["workflow"]) for one in plan["files"]] == [
        ("known", plan["workflows"][0]["id"]), ("send", plan["workflows"][1]["id"]),
    ]  # fmt: skip
    assert plan["most"] == plan["workflows"][1]["price"]


def test_the_question_has_the_sum_and_each_part(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = desk.photo("a.jpg", 4)
    asked: list[str] = []
    monkeypatch.setattr("artui.cli.sending.can_ask", lambda: True)
    monkeypatch.setattr("artui.cli.sending.agrees", asked.append)
    assert desk("submit", photo, *BOTH, "-o", desk.out).code == 2
    first, second = (desk.workflow(name)["price"] for name in ("Export only", "Ghost Mannequin"))
    [question] = asked
    assert question.startswith("Send 1 photo to Export only")
    assert f"At most {first + second:,}" in question
    assert question.endswith(f": Export only {first:,}, Ghost Mannequin {second:,}.")


def test_workflows_of_one_name_are_told_apart(desk: Desk) -> None:
    photo = desk.photo("a.jpg", 5)
    ids = [one["id"] for one in desk("workflows", "--json").json if one["name"] == "Background Removal"]
    assert len(ids) == 2
    asked = ("submit", photo, "-w", ids[0], "-w", ids[1], "--dry-run", "--json")
    plan = desk(*asked, "-o", desk.out / "{workflow}").json
    assert [os.path.relpath(one["output"], desk.out) for one in plan["files"]] == [
        f"Background Removal {number[:8]}/a" for number in ids
    ]
    plan = desk(*asked, "-o", desk.out, "--template", "{stem}").json
    assert [Path(one["output"]).name for one in plan["files"]] == ["a", "a-2"]


def test_caps_are_judged_over_the_sum(desk: Desk) -> None:
    for seed in (6, 7):
        desk.photo(f"{seed}.jpg", seed)
    first, second = (desk.workflow(name)["price"] for name in ("Export only", "Ghost Mannequin"))
    plan = desk(
        "submit", desk.inbox, *BOTH, "-o", desk.out, "--cap", str(2 * first + second), "--dry-run", "--json"
    ).json
    assert (plan["fits"], len(plan["files"])) == (3, 4)
    balance = desk("submit", desk.inbox, *BOTH, "-o", desk.out, "--dry-run").out
    assert f"after it {plan['balance'] - 2 * (first + second):,}" in balance


def test_a_photo_is_bought_again_for_several_workflows(desk: Desk) -> None:
    photo = desk.photo("a.jpg", 8)
    assert desk("submit", photo, *BOTH, "-o", desk.out, "--yes", "--wait").code == 0
    plan = desk("redo", photo, *BOTH, "--dry-run", "--json").json
    assert [Path(one["output"]).name for one in plan["files"]] == ["a-Export only-2", "a-Ghost Mannequin-2"]
    plan = desk("redo", "2", "--dry-run", "--json").json
    assert [Path(one["output"]).name for one in plan["files"]] == ["a-Ghost Mannequin-2"]


# -------------------------------------------------------------------------------------------------------------- lists


def order(desk: Desk, text: str) -> Path:
    made = desk.inbox / "order.csv"
    made.write_text(text)
    return made


def test_a_list_says_workflow_batch_and_output_of_each_photo(desk: Desk) -> None:
    for seed, name in enumerate(("a.jpg", "b.jpg"), 10):
        desk.photo(name, seed)
    rows = order(
        desk,
        "file,sku,workflow,batch,output\na.jpg,A1,Export only,aw26,shoes/{sku}\na.jpg,A1,ghost mannequin,aw26,\n"
        f"b.jpg,B1,,,{desk.folder}/else\n",
    )
    asked = ("submit", "--files-from", rows, "-w", "Export only", "-o", desk.out, "--batch", "rest")
    plan = desk(*asked, "--dry-run", "--json").json
    assert [(one["batch"], one["output"]) for one in plan["files"]] == [
        ("aw26", f"{desk.out}/shoes/A1/a-Export only"), ("aw26", f"{desk.out}/a-Ghost Mannequin"),
        ("rest", f"{desk.folder}/else/b-Export only"),
    ]  # fmt: skip
    said = desk(*asked, "--yes", "--wait", "--json")
    assert said.code == 0, said
    assert [one["name"] for one in said.lines[0]["batches"]] == ["aw26", "rest"]
    assert results(desk) == ["a-Ghost Mannequin.png", "shoes/A1/a-Export only.png"]
    assert (desk.folder / "else" / "b-Export only.png").is_file()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "file,workflow\na.jpg,Export only\nb.jpg,Exprt\na.jpg,nonsense\n",
            "line 4: There is no workflow 'nonsense'",
        ),
        (
            "file,sku,workflow\na.jpg,1,Export only\na.jpg,2,Export only\n",
            "line 3: {}/a.jpg stands in the list before",
        ),
        (
            "file,sku,workflow\na.jpg,1,Export only\na.jpg,2,export only\n",
            "line 3: {}/a.jpg stands in the list before, for the same workflow",
        ),
        ("file,output\na.jpg,../x\n", "line 2: {}/a.jpg goes to '../x', which leads out of the output folder"),
        ("file,output\na.jpg,{{stam}}\n", "line 2: the output template '{{stam}}/{{stem}}' has an unknown {{stam}}"),
    ],
)  # fmt: skip
def test_a_list_is_refused_by_line_before_anything_is_sent(desk: Desk, text: str, said: str) -> None:
    for seed, name in enumerate(("a.jpg", "b.jpg"), 12):
        desk.photo(name, seed)
    asked = desk(
        "submit", "--files-from", order(desk, text.replace("{{", "{").replace("}}", "}")), "-w", "Export only", "-o",
        desk.out, "--yes",
    )  # fmt: skip
    assert (asked.code, desk.jobs()) == (2, [])
    assert said.format(desk.inbox) in asked.err


def test_a_cap_is_not_for_several_batches(desk: Desk) -> None:
    desk.photo("a.jpg", 14)
    asked = ("submit", "--files-from", order(desk, "file,batch\na.jpg,x\n"), "-w", "Export only", "-o", desk.out)
    assert "--cap is about one batch" in desk(*asked, "--cap", "9", "--yes").err
    assert desk.jobs() == []
