"""A server and a desk for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contract.autoretouch import AutoRetouch
from tests.contract.desk import Desk
from tests.contract.filestack import Filestack
from tests.contract.retouch4me import Retouch4me

IN_THE_SUITE = {
    "test_samples", "test_switches", "test_documents", "test_tables",
    "test_a_copy_put_back_buys_nothing_again[autoretouch-by_cp]",
    "test_a_lost_journal_buys_nothing_again[filestack]",
    "test_the_original_does_not_buy_again_what_its_copy_bought",
    "test_a_payer_that_only_the_lost_journal_knew_is_asked_about",
}  # fmt: skip
"""Files and tests that run each time; the others, programs in dozens, take ``--long``."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Programs in dozens take their time where others are at work: their own patience ends them, not the clock."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(autouse=True)
def sparing(request: pytest.FixtureRequest, *, long: bool) -> None:
    if not long and IN_THE_SUITE.isdisjoint({request.module.__name__.rpartition(".")[2], request.node.name}):
        pytest.skip("runs with --long")


@pytest.fixture
def desks(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Makes desks, and ends the engines of all of them."""
    made: list[Desk] = []

    def make(place: Path | None = None, **given: object) -> Desk:
        place = place or tmp_path / f"desk{len(made)}"
        place.mkdir(parents=True, exist_ok=True)
        made.append(Desk(place, **given))  # type: ignore[arg-type]
        return made[-1]

    make.keep = made.append  # type: ignore[attr-defined]
    yield make
    for desk in made:
        desk.stop()


@pytest.fixture
def autoretouch() -> Iterator[AutoRetouch]:
    with AutoRetouch() as serving:
        yield serving


@pytest.fixture
def retouch4me() -> Iterator[Retouch4me]:
    with Retouch4me() as serving:
        yield serving


@pytest.fixture
def filestack() -> Iterator[Filestack]:
    with Filestack() as serving:
        yield serving


@pytest.fixture
def studio(desks: Callable[..., Desk], autoretouch: AutoRetouch) -> Desk:
    """A desk with an account at AutoRetouch."""
    desk = desks(tokens={"studio": "seed-token-A"})
    desk.configure(autoretouch.config())
    return desk


@pytest.fixture
def faces(desks: Callable[..., Desk], retouch4me: Retouch4me) -> Desk:
    """A desk with an account at Retouch4me."""
    desk = desks(tokens={"faces": "r4-token-A"})
    desk.configure(retouch4me.config())
    return desk


@pytest.fixture
def shop(desks: Callable[..., Desk], filestack: Filestack) -> Desk:
    """A desk with an account at Filestack."""
    desk = desks(tokens={"shop": "app-secret-A"})
    desk.configure(filestack.config())
    return desk
