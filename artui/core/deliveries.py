"""How far what is run with a job's results has come, in a sentence, and what to do about it."""

from __future__ import annotations

import datetime as dt

from artui.core.health_phrases import moment
from artui.journal.deliveries import DeliveryRow
from artui.model.states import Delivery


def standing(row: DeliveryRow, zone: dt.tzinfo) -> str:
    """The sentence, not printable yet; times in the operator's ``zone``."""
    said = f" ({row.output})" if row.output else ""
    match row.state:
        case Delivery.DONE:
            return f"done {moment(row.changed_at, zone)}{said}"
        case Delivery.FAILED:
            return f"failed after {row.attempts:,} tries{said}: `artui deliver {row.job}` tries again"
        case Delivery.RUNNING:
            return f"runs since {moment(row.changed_at, zone)}"
        case Delivery.PENDING if row.due is not None:
            return f"begins {moment(row.due, zone)}{said}"
    return row.output or "waits until a person keeps the result"
