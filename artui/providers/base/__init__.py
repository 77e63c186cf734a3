"""What a provider is: the calls the journey makes, what they give back, and how they fail.

The journey (``artui.steps``) knows providers only through this file. A provider sorts every failure into one of the
classes below and never retries anything itself: the engine alone decides what a failure means.
"""

from artui.model.capabilities import Limits
from artui.model.offers import Balance, Component, Identity, LeftOut, Organization, Workflow
from artui.providers.base.errors import (
    Blocked,
    Cause,
    Insecure,
    NoRoom,
    NotPermitted,
    ProviderError,
    Puzzling,
    Rejected,
    Transient,
    Unknown,
)
from artui.providers.base.exchanged import (
    Absent,
    Call,
    DevicePrompt,
    ExecutionRef,
    ExecutionStatus,
    Found,
    Incomplete,
    Look,
    Output,
    PaidRequest,
    PurchaseQuery,
    Puzzles,
    State,
    Uploaded,
    canonical,
)
from artui.providers.base.heard import hear, last_heard, listening
from artui.providers.base.misfits import excerpt
from artui.providers.base.provider import Counted, Permit, Provider, ProviderDeps, Settings

__all__ = [
    "Absent",
    "Balance",
    "Blocked",
    "Call",
    "Cause",
    "Component",
    "Counted",
    "DevicePrompt",
    "ExecutionRef",
    "ExecutionStatus",
    "Found",
    "Identity",
    "Incomplete",
    "Insecure",
    "LeftOut",
    "Limits",
    "Look",
    "NoRoom",
    "NotPermitted",
    "Organization",
    "Output",
    "PaidRequest",
    "Permit",
    "Provider",
    "ProviderDeps",
    "ProviderError",
    "PurchaseQuery",
    "Puzzles",
    "Puzzling",
    "Rejected",
    "Settings",
    "State",
    "Transient",
    "Unknown",
    "Uploaded",
    "Workflow",
    "canonical",
    "excerpt",
    "hear",
    "last_heard",
    "listening",
]
