"""A service that is added by what ``docs/providers/adding.md`` says, from the files that stand there."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import tests.providers
from artui import providers, sim
from artui.cli.signing import _account
from artui.config import known, load, paths
from artui.credentials import Vault
from artui.model.capabilities import Capabilities, Clears, Limits
from artui.providers import services
from artui.sim import server
from tests.providers.suite import Bench, ProviderSuite

PAGE = (Path(__file__).parents[2] / "docs" / "providers" / "adding.md").read_text("utf-8")
FILE = re.compile(r"^`([\w/]+\.py)`\n\n```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
[TOML] = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
PLACES: dict[str, ModuleType] = {
    "artui/providers/services": services, "artui/sim": sim, "tests/providers": tests.providers,
}  # fmt: skip
ALWAYS = {"test_a_photo_goes_all_the_way_and_is_paid_once", "test_the_stored_draft_is_what_is_sent"}
"""What runs each time; the rest of the suite takes ``--long``."""


@pytest.fixture(scope="module", autouse=True)
def added(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The page's files, each in a folder that stands beside the one it belongs to."""
    top, before = tmp_path_factory.mktemp("added"), set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        for place, module in PLACES.items():
            patch.setattr(module, "__path__", [*module.__path__, str(top / place)])
        for name, text in FILE.findall(PAGE):
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).write_text(text)
        patch.setattr(known, "SERVICES", (*known.SERVICES, str(top / "artui/providers/services")))
        patch.setattr(server, "PLAIN", (*server.PLAIN, import_module("artui.sim.example").Example))
        TestExample.bench_type = import_module("tests.providers.test_example").ExampleBench
        yield
    for name in set(sys.modules) - before:
        if "example" in name.split(".") or name.endswith("test_example"):
            del sys.modules[name]
    for module in PLACES.values():
        vars(module).pop("example", None)
    providers.capabilities.cache_clear()


class TestExample(ProviderSuite):
    bench_type: type[Bench]

    @pytest.fixture(autouse=True)
    def _in_time(self, request: pytest.FixtureRequest, long: bool) -> None:
        if not long and request.node.originalname not in ALWAYS:
            pytest.skip("takes a minute: --long")


def test_the_page_has_each_file() -> None:
    assert [name for name, _ in FILE.findall(PAGE)] == [
        "artui/providers/services/example/__init__.py", "artui/providers/services/example/capabilities.py",
        "artui/providers/services/example/wire.py", "artui/providers/services/example/provider.py",
        "artui/sim/example/__init__.py", "tests/providers/test_example.py",
    ]  # fmt: skip


def test_the_page_says_what_each_capability_changes() -> None:
    told = {name for line in PAGE.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line)}
    assert {field.name for kind in (Capabilities, Limits) for field in fields(kind)} <= told


def test_an_added_service_is_known_everywhere_by_its_folder_alone() -> None:
    where = paths()
    where.create()
    where.config_file.write_text(TOML)
    config = load()
    account = config.accounts["example"]
    assert (account.provider, account.workflow) == ("example", tomllib.loads(TOML)["accounts"]["example"]["workflow"])
    assert providers.names() == ["autoretouch", "example", "filestack", "retouch4me"]
    assert providers.capabilities("example").limits.clears_doubt is Clears.BY_SENDING
    assert providers.load("example").capabilities is providers.capabilities("example")
    assert _account(config, "second", "example").provider == "example"
    provider: Any = providers.open_provider(config, account, Vault(where, {}))
    assert (provider.title, provider.limits.in_flight) == ("Example", 4)
