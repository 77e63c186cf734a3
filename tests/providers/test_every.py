"""No provider is left out: each module in the providers' folder runs the shared suite in a test file of its own."""

from __future__ import annotations

from importlib import import_module

import pytest

from artui import providers
from artui.providers.base import Provider
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
    limits = providers.load(name).limits
    assert providers.can_run_again(name) is limits.can_retry
    by_asking = providers.Clears.BY_SENDING if limits.idempotent_submit else providers.Clears.BY_ASKING
    assert providers.takes_ratings(name) is (providers.load(name).rate is not Provider.rate)
    assert providers.clears_doubt(name) is (providers.Clears.BY_LOOKING if limits.can_find else by_asking)
