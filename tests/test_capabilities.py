"""What the faces make of a service's capabilities: each says what is true of the service at hand, by no name."""

from __future__ import annotations

from pathlib import Path

import pytest

from artui import providers
from artui.cli.exits import CommandError
from artui.cli.ordering import given_labels
from artui.cli.recovering import unlisted
from artui.cli.watch import _heard
from artui.config import AccountConfig, load, paths
from artui.tui.accounts import WELCOME
from artui.tui.submit.ordering import limits_of

STUDIO, SHOP = AccountConfig("studio", "autoretouch", "studio"), AccountConfig("shop", "filestack", "shop")


def test_a_label_that_the_service_reads_itself_is_refused_there_alone() -> None:
    with pytest.raises(CommandError, match=r"names that begin with artui_ or autoretouch_ are taken"):
        given_labels(["autoretouch_batch_id=1"], STUDIO)
    assert given_labels(["autoretouch_batch_id=1", "sku=7"], SHOP) == {"autoretouch_batch_id": "1", "sku": "7"}
    with pytest.raises(CommandError, match=r"names that begin with artui_ are taken"):
        given_labels(["artui_key=1"], SHOP)


def test_services_without_a_list_are_named() -> None:
    assert unlisted() == " (Filestack, Retouch4me)"


def test_where_a_webhook_is_set_up_by_hand_its_end_is_told(home: Path) -> None:
    where = paths()
    where.create()
    where.config_file.write_text(
        '[accounts.shop]\nprovider = "filestack"\napi_key = "k"\n[accounts.studio]\nprovider = "autoretouch"\n'
    )
    _, _, *told = _heard(load(), "127.0.0.1:8787", "part")
    assert told == ["shop: at Filestack's portal the webhook's address must end in /part."]


def test_without_an_account_the_default_service_is_meant() -> None:
    default = providers.capabilities(providers.DEFAULT)
    assert limits_of(None) is default.limits
    assert limits_of(SHOP) is providers.capabilities("filestack").limits
    assert f"sign in to {default.title} with a code" in WELCOME
