"""What every test of the console shares: a journal with jobs in many states, and a console that looks on."""

from __future__ import annotations

import pytest

from artui.config import load, paths
from artui.engine.anchor import open_journal
from artui.journal import accounts

CONFIG = """
[accounts.studio]
provider = "autoretouch"
[accounts.studio.caps]
day = 3000
"""


@pytest.fixture
def configured() -> None:
    """An account that was at work before, so that the console opens on its jobs."""
    where = paths()
    where.create()
    where.config_file.write_text(CONFIG)
    load(where)
    with open_journal(where) as journal:
        journal.write(accounts.set_balance, "studio", None, 0.0)
