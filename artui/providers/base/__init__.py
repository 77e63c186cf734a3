"""What a provider is: the calls the journey makes, what they give back, and how they fail.

The journey (``artui.steps``) knows providers only through this file. A provider sorts every failure into one of the
classes below and never retries anything itself: the engine alone decides what a failure means.
"""

from artui.providers.base.errors import (
    Blocked,
    Cause,
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
    Component,
    DevicePrompt,
    Found,
    Identity,
    Incomplete,
    LeftOut,
    Look,
    Order,
    Organization,
    Output,
    Progress,
    Puzzles,
    Sent,
    Sought,
    State,
    Uploaded,
    Workflow,
    canonical,
)
from artui.providers.base.heard import hear, last_heard, listening
from artui.providers.base.misfits import excerpt
from artui.providers.base.provider import Counted, Limits, Permit, Provider, Settings, Surroundings

__all__ = [
    "Absent",
    "Blocked",
    "Cause",
    "Component",
    "Counted",
    "DevicePrompt",
    "Found",
    "Identity",
    "Incomplete",
    "LeftOut",
    "Limits",
    "Look",
    "NoRoom",
    "NotPermitted",
    "Order",
    "Organization",
    "Output",
    "Permit",
    "Progress",
    "Provider",
    "ProviderError",
    "Puzzles",
    "Puzzling",
    "Rejected",
    "Sent",
    "Settings",
    "Sought",
    "State",
    "Surroundings",
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
