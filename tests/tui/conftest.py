"""What every test of the console shares: a journal with jobs in many states, and a console that looks on."""

from __future__ import annotations

import pytest

from artui.config import load, paths

CONFIG = """
[accounts.studio]
provider = "autoretouch"
[accounts.studio.caps]
day = 3000
"""


@pytest.fixture
def configured() -> None:
    """An account, so that the console opens on its jobs."""
    where = paths()
    where.create()
    where.config_file.write_text(CONFIG)
    load(where)
