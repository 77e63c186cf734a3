"""No provider is left out: each module in the providers' folder runs the shared suite in a test file of its own."""

from __future__ import annotations

from importlib import import_module

import pytest

from artui import providers
from tests.providers.suite import ProviderSuite


@pytest.mark.parametrize("name", providers.names())
def test_every_provider_runs_the_suite(name: str) -> None:
    tests = import_module(f"tests.providers.test_{name}")
    suites = [one for one in vars(tests).values() if isinstance(one, type) and issubclass(one, ProviderSuite)]
    assert any(one.__module__ == tests.__name__ for one in suites)
    assert providers.load(name).name == name


def test_an_unknown_provider_is_no_provider() -> None:
    assert "autoretouch" in providers.names()
    for stranger in ("base", "http", "said", "no-such"):
        with pytest.raises(KeyError):
            providers.load(stranger)


@pytest.mark.parametrize("name", providers.names())
def test_what_a_service_runs_again_is_known_without_loading_it(name: str) -> None:
    assert providers.can_run_again(name) is providers.load(name).limits.can_retry


@pytest.mark.parametrize("name", providers.names())
def test_how_a_lost_paid_call_is_settled_is_known_without_loading_its_service(name: str) -> None:
    limits = providers.load(name).limits
    by_itself = "replay" if limits.idempotent_submit else "search" if limits.can_find else "person"
    assert providers.settles_by(name) == by_itself
