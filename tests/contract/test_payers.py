"""Who pays: another spelling of an address, organization, token or key in front of jobs that are held."""

from __future__ import annotations

import pytest

from tests.contract.autoretouch import ORGANIZATION, OTHER_ORGANIZATION, AutoRetouch
from tests.contract.desk import Desk
from tests.contract.filestack import Filestack
from tests.contract.pictures import photos
from tests.contract.retouch4me import Retouch4me


def hold(studio: Desk, service: AutoRetouch, kind: str) -> list[object]:
    """Three photos of which at least two are held."""
    three: list[object] = list(photos(studio.inbox, 1, 2, 3))
    more = "[accounts.studio.caps]\nday = 10\n" if kind == "cap" else ""
    studio.configure(service.config(more=more))
    if kind == "login":
        service.always = "refused:401"
    if kind == "doubt":
        service.always, service.list_fails = "lost", True
    if kind == "paused":
        studio.artui("pause")
    waiting = [] if kind in ("paused", "doubt") else ["--wait"]
    sample = ["--sample", "1"] if kind == "sample" else []
    studio.artui("submit", *three, "-o", studio.out, "--yes", "--batch", "b", *sample, *waiting)
    if kind == "doubt":
        studio.until(lambda: len(service.ledger) == 3)
    studio.stop()
    service.always, service.list_fails = "ok", False
    return three


def others(studio: Desk) -> None:
    """Everything a person may type who does not say yes to a price."""
    held = [job["id"] for job in studio.jobs() if job["status"] not in ("done", "skipped")]
    for command in (["retry", *held], ["resume"], ["approve", "b"], ["wait"]):
        studio.artui(*command, patience=20)


@pytest.mark.parametrize("kind", ["cap", "login", "sample", "doubt", "paused"])
@pytest.mark.parametrize("change", ["organization", "host"])
def test_another_payer_pays_nothing_for_what_is_held(
    studio: Desk, autoretouch: AutoRetouch, kind: str, change: str, long: bool
) -> None:
    if not long and (kind, change) not in (("cap", "organization"), ("doubt", "organization"), ("login", "host")):
        pytest.skip("runs with --long")
    hold(studio, autoretouch, kind)
    with AutoRetouch() as elsewhere:
        if change == "host":
            studio.configure(elsewhere.config())
        else:
            studio.configure(autoretouch.config(organization=OTHER_ORGANIZATION))
        before = len(autoretouch.ledger)
        others(studio)
        assert not elsewhere.ledger
        assert len(autoretouch.ledger) == before
        studio.stop()
        studio.configure(autoretouch.config())
        studio.artui("wait")
        studio.artui("approve", "b", "--yes")
        studio.artui("wait")
        assert autoretouch.most() == 1
        assert {charge.payer for charge in autoretouch.ledger} == {ORGANIZATION}
        studio.check([studio.inbox / f"photo-{n}.jpg" for n in (1, 2, 3)])


def spelled(config: str, port: int) -> list[str]:
    was = f"http://127.0.0.1:{port}"
    return [config.replace(was, f"http://{other}") for other in (
        f"localhost:{port}", f"LOCALHOST:{port}", f"localhost.:{port}", f"127.0.0.1:{port}/", f"127.0.0.2:{port}",
    )]  # fmt: skip


def test_an_address_in_another_spelling_is_the_same_payer(studio: Desk, autoretouch: AutoRetouch, long: bool) -> None:
    three = photos(studio.inbox, 1, 2, 3)
    assert studio.artui("submit", *three, "-o", studio.out, "--yes", "--wait").code == 0
    for config in spelled(autoretouch.config(), autoretouch.port)[: None if long else 3]:
        studio.stop()
        studio.configure(config)
        ran = studio.artui("submit", *three, "-o", studio.out, "--yes", "--wait", patience=20)
        assert autoretouch.most() == 1, ran


@pytest.mark.parametrize("way", ["environment", "login", "same"])
def test_a_renewed_token_buys_nothing_again_unasked(faces: Desk, retouch4me: Retouch4me, way: str) -> None:
    three = photos(faces.inbox, 1, 2, 3)
    assert faces.artui("submit", *three, "-o", faces.out, "--yes", "--wait").code == 0
    faces.stop()
    if way == "environment":
        faces.tokens = {"faces": "r4-token-B"}
    else:
        faces.tokens = {}
        said = ["--same-customer"] if way == "same" else []
        assert faces.artui("login", "faces", "--with-token", "--store", "file", *said, stdin="r4-token-B\n").code == 0
    ran = faces.artui("submit", *three, "-o", faces.out, "--yes", "--wait")
    assert retouch4me.most() == 1, ran
    assert ran.code == (0 if way == "same" else 7), ran
    held = [job["id"] for job in faces.jobs() if job["status"] == "held"]
    assert faces.artui("retry", *held).code == 2
    faces.artui("resume")
    faces.artui("wait")
    assert retouch4me.most() == 1


@pytest.mark.parametrize("kind", ["cap", "paused", "login", "doubt"])
def test_what_waited_under_the_old_token_is_not_bought_under_both(
    faces: Desk, retouch4me: Retouch4me, kind: str, long: bool
) -> None:
    if not long and kind not in ("cap", "doubt"):
        pytest.skip("runs with --long")
    faces.configure(retouch4me.config(more="[accounts.faces.caps]\nday = 1\n" if kind == "cap" else ""))
    three = photos(faces.inbox, 1, 2, 3)
    if kind == "paused":
        faces.artui("pause")
    retouch4me.always = {"login": "refused:460", "doubt": "lost"}.get(kind, "ok")
    waiting = ["--wait"] if kind in ("cap", "login") else []
    faces.artui("submit", *three, "-o", faces.out, "--yes", *waiting)
    if kind == "doubt":
        faces.until(lambda: len(retouch4me.ledger) == 3)
    faces.stop()
    retouch4me.always = "ok"
    faces.configure(retouch4me.config())
    faces.tokens = {"faces": "r4-token-B"}
    faces.artui("resume")
    faces.artui("submit", *three, "-o", faces.out, "--yes", "--wait")
    assert retouch4me.most() == 1
    faces.tokens = {}
    login = faces.artui("login", "faces", "--with-token", "--store", "file", "--same-customer", stdin="r4-token-B\n")
    assert login.code == 0, login
    faces.artui("resume")
    faces.artui("wait")
    assert retouch4me.most() == 1


def test_another_app_pays_nothing_for_what_is_held(shop: Desk, filestack: Filestack) -> None:
    filestack.always = "lost"
    two = photos(shop.inbox, 1, 2)
    assert shop.artui("submit", *two, "-o", shop.out, "--yes", "--wait").code == 7
    assert len(filestack.ledger) == 2
    shop.stop()
    filestack.always = "ok"
    shop.configure(filestack.config(key="AppKeyB00000000000000z"))
    shop.tokens = {"shop": "app-secret-B"}
    others(shop)
    held = [job["id"] for job in shop.jobs()]
    for job in held:
        shop.artui("resolve", job, "--again", "--yes")
    shop.artui("wait", patience=15)
    assert filestack.most() == 1
    assert {charge.payer for charge in filestack.ledger} == {"AppKeyA00000000000000z"}
