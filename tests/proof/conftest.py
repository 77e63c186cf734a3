"""What the proof shares: a zygote, from which the processes of a sweep are forked, and wards for what befalls them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.proof.ward import Wards, ward_at
from tests.proof.zygote import Zygote


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """Where the processes of one file come from."""
    if not hasattr(os, "pidfd_open"):
        pytest.skip("needs pidfd_open, which Linux has")
    with Zygote() as opened:
        yield opened


@pytest.fixture
def ward(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, zygote: Zygote) -> Wards:
    """Opens a ward at a service, each time in a folder of its own."""
    number = count()
    return lambda service: ward_at(service, monkeypatch, tmp_path / f"ward{next(number)}", zygote)
