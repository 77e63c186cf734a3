"""What every test shares: a home of its own, and asyncio for the asynchronous ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh ARTUI_HOME, with no word of the developer's own settings."""
    for name in [name for name in os.environ if name.startswith("ARTUI_")]:
        monkeypatch.delenv(name)
    place = tmp_path / "home"
    monkeypatch.setenv("ARTUI_HOME", str(place))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return place
