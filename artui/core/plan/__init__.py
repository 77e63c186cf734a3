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
from artui.core.plan.labels import fill_label
from artui.core.plan.lists import read_list, refuse_lines
from artui.core.plan.offers import NotOneWorkflow, UnknownWorkflows, choose, fetch_offer, fetch_offers, fetch_order
from artui.core.plan.offers import documents as offer_documents
from artui.core.plan.offers import of_documents as offers_of_documents
from artui.core.plan.order import Order, OrderPlanner, check_order
from artui.core.plan.planner import (
    Plan,
    Planned,
    Planner,
    Verdict,
    delivers,
    has_picture_of,
    new_job,
    new_jobs,
    run_of,
)
from artui.core.plan.redo import (
    OrderedMeanwhile,
    RedoOrder,
    SameAgain,
    plan_redo,
    redo_orders,
    refuse_ordered,
    same_again,
)
from artui.core.plan.remarks import Remark, Worth
from artui.core.plan.target import Offer, Target, exports, match_workflow

__all__ = [
    "HASHING",
    "OF_ARCHIVES",
    "NotOneWorkflow",
    "Offer",
    "Order",
    "OrderPlanner",
    "OrderedMeanwhile",
    "Plan",
    "PlanProblem",
    "Planned",
    "Planner",
    "RedoOrder",
    "RefusedFile",
    "Remark",
    "SameAgain",
    "SourceFile",
    "Target",
    "UnknownWorkflows",
    "Verdict",
    "Worth",
    "at_address",
    "check",
    "check_order",
    "choose",
    "collect",
    "delivers",
    "exports",
    "fetch_offer",
    "fetch_offers",
    "fetch_order",
    "fill_label",
    "folders_named",
    "has_picture_of",
    "hashed",
    "inspected",
    "match_workflow",
    "named_after",
    "new_job",
    "new_jobs",
    "offer_documents",
    "offers_of_documents",
    "plan_redo",
    "promises_photo",
    "read_list",
    "redo_orders",
    "refuse_lines",
    "refuse_ordered",
    "run_of",
    "same_again",
]
