"""The command line against servers that answer as the documents' samples do."""

from __future__ import annotations

import pytest

from tests.contract.autoretouch import AutoRetouch
from tests.contract.desk import Desk
from tests.contract.filestack import Filestack
from tests.contract.pictures import photos
from tests.contract.retouch4me import Retouch4me


def test_autoretouch(studio: Desk, autoretouch: AutoRetouch) -> None:
    listed = studio.artui("workflows", "--json")
    assert [each["price"] for each in listed.json()] == [10]
    three = photos(studio.inbox, 1, 2, 3)
    ran = studio.artui("submit", studio.inbox, "-o", studio.out, "--yes", "--wait")
    assert ran.code == 0, ran
    studio.check(three)
    assert autoretouch.most() == 1
    assert len(autoretouch.ledger) == 3


def test_retouch4me(faces: Desk, retouch4me: Retouch4me) -> None:
    three = photos(faces.inbox, 1, 2, 3)
    ran = faces.artui("submit", faces.inbox, "-o", faces.out, "--yes", "--wait")
    assert ran.code == 0, ran
    faces.check(three)
    assert retouch4me.most() == 1
    assert len(retouch4me.ledger) == 3


def test_filestack(shop: Desk, filestack: Filestack) -> None:
    three = photos(shop.inbox, 1, 2, 3)
    ran = shop.artui("submit", shop.inbox, "-o", shop.out, "--yes", "--wait")
    assert ran.code == 0, ran
    shop.check(three)
    assert filestack.most() == 1
    assert len(filestack.ledger) == 3


@pytest.mark.parametrize("form", ['"{}"', "{}\r\n"])
def test_an_id_in_quotes_or_with_a_line_end_is_the_id(studio: Desk, autoretouch: AutoRetouch, form: str) -> None:
    autoretouch.id_form = form
    one = photos(studio.inbox, 1)
    assert studio.artui("submit", *one, "-o", studio.out, "--yes", "--wait").code == 0
    studio.check(one)
    assert autoretouch.most() == 1
