"""What has changed of a workflow since it was used last: told of its price, its name and its steps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from artui.cli.exits import CommandError
from artui.cli.workflow import choose
from artui.config import paths
from artui.core.workflow_changes import Aspect, WorkflowChange, is_changed, since_last_use
from artui.engine.anchor import open_journal
from artui.journal import accounts
from artui.journal.offers import LastUse
from artui.providers.base import Component, Workflow
from tests.desk import Desk

STEPS = (Component("input", "In", {}), Component("shadow", "Shadow", {"angle": 30}), Component("export", "Out", {}))
FLOW = Workflow("wf", "v2", "Ghost", 12, STEPS)


def changes(before: Workflow, now: Workflow = FLOW) -> list[WorkflowChange]:
    where = paths()
    where.create()
    with open_journal(where) as journal:
        for one in (before, now):
            journal.write(accounts.keep_workflows, "studio", {one.id: one.document()})
        last = LastUse(1.0, before.version, before.name, before.price)
        found = journal.read(since_last_use, "studio", now, last)
    assert found.knows_steps
    assert is_changed(now, last)
    return list(found.changes)


def test_name_and_price_are_told() -> None:
    assert changes(replace(FLOW, version="v1", name="Ghosts", price=10)) == [
        WorkflowChange(Aspect.NAME, "Ghosts", "Ghost"),
        WorkflowChange(Aspect.PRICE, 10, 12),
    ]


def test_steps_and_their_settings_are_told() -> None:
    before = (STEPS[0], Component("crop", "Crop", {"side": 1}), Component("shadow", "Shadow", {"angle": 45}), STEPS[2])
    assert changes(replace(FLOW, version="v1", components=before)) == [
        WorkflowChange(Aspect.STEP, "Crop", None, "Crop"),
        WorkflowChange(Aspect.SETTING, 45, 30, "Shadow", "angle"),
    ]


def test_a_list_without_settings_tells_of_steps_alone() -> None:
    bare = tuple(replace(step, settings={}) for step in STEPS[1:])
    assert changes(replace(FLOW, version="v1", components=bare)) == [WorkflowChange(Aspect.STEP, None, "In", "In")]


def test_a_workflow_is_changed_where_its_version_or_price_is_another() -> None:
    used = LastUse(1.0, FLOW.version, FLOW.name, FLOW.price)
    assert not is_changed(FLOW, None)
    assert not is_changed(FLOW, used)
    assert not is_changed(replace(FLOW, price=None), used)
    assert is_changed(FLOW, used._replace(quoted=11))


def test_the_command_tells_what_has_changed_since_the_last_photo(desk: Desk) -> None:
    assert "never been used" in desk("workflows", "Export only", "--changes").out
    desk.photo()
    assert desk.send().code == 0
    assert desk("workflows", "--changes").out == "No workflow has changed since it was used here last.\n"
    flow = desk.workflow("Export only")
    desk.simulator.switch({"price": {flow["id"]: flow["price"] + 3}})
    [told] = desk("workflows", "--changes", "--json").json
    desk.simulator.switch({"price": {flow["id"]: flow["price"]}})
    assert (told["id"], told["used_version"]) == (flow["id"], flow["version"])
    assert told["knows_steps"]
    assert told["changes"] == [
        {"what": "price", "before": flow["price"], "after": flow["price"] + 3, "step": "", "setting": ""}
    ]
    said = desk("workflows", "Export only", "--changes").out
    assert "saved anew at the service, with the same steps" in said


def test_a_workflow_that_is_not_there_is_answered_with_those_that_are() -> None:
    kept_here = [Workflow("one", "v", "One", None, key="one"), Workflow("two", "v", "Two", None, key="two")]
    with pytest.raises(CommandError, match=r"there are: 'One', 'Two'\. More .* `artui config init`"):
        choose(kept_here, "zzz")
    with pytest.raises(CommandError, match=r"there are: 'Ghost'\.$"):
        choose([FLOW], "zzz")
