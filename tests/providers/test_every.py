"""No provider is left out: each folder of the services runs the shared suite in a test file of its own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib import import_module

import pytest

from artui import providers
from artui.model.capabilities import Clears, SignInMethod
from artui.providers.base import Provider
from tests.providers.suite import ProviderSuite


@pytest.mark.parametrize("name", providers.names())
def test_every_provider_runs_the_suite(name: str) -> None:
    tests = import_module(f"tests.providers.test_{name}")
    suites = [one for one in vars(tests).values() if isinstance(one, type) and issubclass(one, ProviderSuite)]
    assert any(one.__module__ == tests.__name__ for one in suites)
    assert providers.load(name).name == name
    assert providers.load(name).capabilities is providers.capabilities(name)


@pytest.mark.parametrize("name", providers.names())
def test_a_provider_can_do_what_its_capabilities_say_and_no_more(name: str) -> None:
    kind, can = providers.load(name), providers.capabilities(name)
    said = {
        "find": can.limits.can_find, "listed": can.limits.can_find, "retry": can.limits.can_retry,
        "fetch_address": can.limits.takes_addresses, "login": can.sign_in is SignInMethod.CODE,
    }  # fmt: skip
    assert {word: getattr(kind, word) is not getattr(Provider, word) for word in said} == said
    assert not can.limits.replay_within or can.limits.idempotent_submit


def test_an_unknown_provider_is_no_provider() -> None:
    assert providers.DEFAULT in providers.names()
    for stranger in ("base", "http", "services", "no-such", "../base", ""):
        with pytest.raises(KeyError):
            providers.load(stranger)


def test_of_a_service_that_is_not_there_nothing_can_be_asked() -> None:
    gone = providers.capabilities("gone")
    assert (gone.title, gone.limits.clears_doubt, gone.limits.can_retry) == ("gone", Clears.BY_ASKING, False)


def test_what_a_service_can_do_is_known_without_loading_what_asks_it() -> None:
    program = (
        "import sys\nfrom artui import providers\n"
        "assert all(providers.capabilities(name).title for name in providers.names())\n"
        "heavy = {'httpx', 'aiohttp', 'pydantic', 'asyncio', 'logging', 'artui.files', 'artui.providers.base'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_how_a_service_clears_a_doubt() -> None:
    how = {name: providers.capabilities(name).limits.clears_doubt for name in providers.names()}
    assert how == {
        "autoretouch": Clears.BY_LOOKING, "filestack": Clears.BY_ASKING, "retouch4me": Clears.BY_SENDING,
    }  # fmt: skip
    both = replace(providers.capabilities("retouch4me").limits, can_find=True)
    assert both.clears_doubt is Clears.BY_SENDING, "as the engine does it"


@pytest.mark.parametrize("name", providers.names())
def test_who_wants_ratings_can_be_told_them(name: str) -> None:
    assert providers.capabilities(name).takes_ratings is (providers.load(name).rate is not Provider.rate)
