"""Photos with holes under a rule: not bought, put aside with a reason, and bought once when they are complete."""

from __future__ import annotations

import pytest

from artui.files import decoding
from artui.model.states import Status
from artui.watch.folder import What
from tests.damaged import holey_photo, whole_photo
from tests.studio import Studio
from tests.watch_post import watching

each_machine = pytest.mark.parametrize("decodes", [False, True], ids=["plain", "strict extra"])


@pytest.fixture
def reason(decodes: bool, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a hole is called where nothing can decode, and where a decoder is installed."""
    if decodes:
        pytest.importorskip("simplejpeg")
        return "damaged"
    monkeypatch.setattr(decoding, "can_decode", lambda _: False)
    return "suspect"


@each_machine
async def test_a_photo_with_a_hole_is_not_bought_and_once_complete_is_bought_once(studio: Studio, reason: str) -> None:
    async with watching(studio, after="move") as post:
        holey = holey_photo(studio.inbox / "boot.jpg")
        aside = studio.inbox / "failed" / "boot.jpg"
        await post.until(aside.exists)
        why = aside.with_name("boot.jpg.reason.txt")
        await post.until(why.exists)
        assert ("artui submit --suspect" in why.read_text()) is (reason == "suspect")
        assert "Charged: nothing." in why.read_text()
        assert not studio.simulator.ledger
        holey.write_bytes(whole_photo())
        await post.until(lambda: any(job.status is Status.DONE for job in studio.jobs()))
        await post.until(lambda: (studio.inbox / "done" / "boot.jpg").exists())
    assert len(studio.simulator.ledger) == 1
    assert {job.reason for job in studio.jobs() if job.status is Status.FAILED} == {reason}
    studio.check()


@each_machine
async def test_a_photo_that_is_left_in_the_folder_is_taken_when_it_is_complete(studio: Studio, reason: str) -> None:
    async with watching(studio) as post:
        holey = holey_photo(studio.inbox / "boot.jpg")
        await post.until(lambda: [job.reason for job in studio.jobs()] == [reason])
        holey.write_bytes(whole_photo())
        await post.until(lambda: any(job.status is Status.DONE for job in studio.jobs()))
    assert len(studio.simulator.ledger) == 1
    studio.check()


async def test_a_strict_rule_decodes_before_it_takes(studio: Studio) -> None:
    pytest.importorskip("simplejpeg")
    async with watching(studio, strict=True) as post:
        data, other = whole_photo(), whole_photo(2)
        half = studio.inbox / "joined.jpg"
        half.write_bytes(data[: len(data) // 2] + other[len(other) // 2 :])
        (studio.inbox / "boot.jpg").write_bytes(data)
        await post.until(lambda: post.told(What.REFUSED))
        await post.all_done(1)
        [refused] = post.told(What.REFUSED)
        assert "joined.jpg is damaged: it cannot be decoded" in refused.message
    assert len(studio.simulator.ledger) == 1
    studio.check()
