"""What would be sent, before anything is: files collected and checked, names reserved, prices and twins found.

A plan is only a forecast. The engine checks each photo again when its turn comes.
"""

from artui.core.plan.collecting import (
    HASHING,
    OF_ARCHIVES,
    PlanProblem,
    RefusedFile,
    SourceFile,
    at_address,
    check,
    collect,
    folders_named,
    hashed,
    inspected,
    named_after,
    promises_photo,
)
from artui.core.plan.lists import read_list
from artui.core.plan.offers import NotOneWorkflow, choose, fetch_offer
from artui.core.plan.planner import Plan, Planned, Planner, Verdict, delivers, new_job, new_jobs, run_of
from artui.core.plan.redo import RedoOrder, redo_orders
from artui.core.plan.remarks import Remark, Worth
from artui.core.plan.target import Offer, Target, match_workflow

__all__ = [
    "HASHING",
    "OF_ARCHIVES",
    "NotOneWorkflow",
    "Offer",
    "Plan",
    "PlanProblem",
    "Planned",
    "Planner",
    "RedoOrder",
    "RefusedFile",
    "Remark",
    "SourceFile",
    "Target",
    "Verdict",
    "Worth",
    "at_address",
    "check",
    "choose",
    "collect",
    "delivers",
    "fetch_offer",
    "folders_named",
    "hashed",
    "inspected",
    "match_workflow",
    "named_after",
    "new_job",
    "new_jobs",
    "promises_photo",
    "read_list",
    "redo_orders",
    "run_of",
]
