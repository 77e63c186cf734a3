"""Sample jobs for tests: everything a job needs, with what the test is about given by name."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

from artui.core import decisions
from artui.model.job import NewJob

_numbers = count(1)


def new_job(**given: Any) -> NewJob:
    """A job as submit would add it; each call gives another result name."""
    number = next(_numbers)
    plain: dict[str, Any] = {
        "account": "studio",
        "provider": "autoretouch",
        "endpoint": "http://127.0.0.1",
        "organization": "org",
        "payer": "autoretouch|http://127.0.0.1|org",
        "workflow": "wf",
        "workflow_name": "Background Removal",
        "version": "v1",
        "quoted": 10,
        "source": Path(f"/photos/{number}.jpg"),
        "size": 1000,
        "mtime_ns": 1,
        "inode": number,
        "device": 1,
        "folder": Path("/out"),
        "stem": f"{number}",
        "stem_key": f"/out/{number}",
        "run": "/photos|wf",
    }
    return NewJob(**{**plain, **given})


def decision(command: str) -> decisions.Decide:
    """What the engine decides about a job by this command."""
    found: decisions.Decide = getattr(decisions, command.replace(" ", "_"))
    return found
