"""An output that is its own input, by whatever way it is named: no result is ever bought again."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.autoretouch import AutoRetouch
from tests.contract.desk import Desk
from tests.contract.pictures import photos


def link(desk: Desk) -> Path:
    (desk.place / "link").symlink_to(desk.inbox)
    return desk.place / "link" / "{date}"


def mount(desk: Desk) -> Path:
    (desk.place / "mount").mkdir()
    done = subprocess.run(["mount", "--bind", desk.inbox, desk.place / "mount"], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("nothing can be mounted here")
    return desk.place / "mount" / "deep"


def dots(desk: Desk) -> Path:
    return desk.inbox / ".." / desk.inbox.name


@pytest.mark.parametrize("way", [link, mount, dots], ids=lambda way: way.__name__)
def test_an_output_in_its_own_folder_is_refused(
    studio: Desk, autoretouch: AutoRetouch, way: Callable[[Desk], Path]
) -> None:
    photos(studio.inbox, 1)
    output = way(studio)
    try:
        studio.configure(
            f'{autoretouch.config()}\n[[watch]]\nname = "shoot"\nfolder = "{studio.inbox}"\noutput = "{output}"\n'
            'account = "studio"\nexisting = "process"\nafter = "keep"\nquiet = 0.1\nrecursive = true\n'
        )
        assert studio.artui("watch", "--once", patience=15).code == 2
        studio.configure(autoretouch.config())
        for _ in range(2):
            studio.artui("submit", studio.inbox, "-r", "-o", output, "--yes", "--wait", patience=15)
        assert len(autoretouch.ledger) <= 1
    finally:
        if way is mount:
            subprocess.run(["umount", studio.place / "mount"], check=True)


def test_rules_that_lead_in_a_ring_are_refused(studio: Desk, autoretouch: AutoRetouch) -> None:
    photos(studio.inbox, 1)
    other = studio.place / "other"
    other.mkdir()
    (studio.place / "to-other").symlink_to(other)
    (studio.place / "to-in").symlink_to(studio.inbox)
    rules = "".join(
        f'\n[[watch]]\nname = "{name}"\nfolder = "{folder}"\noutput = "{output}"\naccount = "studio"\n'
        'existing = "process"\nafter = "keep"\nquiet = 0.1\n'
        for name, folder, output in (
            ("one", studio.inbox, studio.place / "to-other"), ("two", other, studio.place / "to-in"),
        )
    )  # fmt: skip
    studio.configure(autoretouch.config() + rules)
    assert studio.artui("watch", "--once", patience=15).code == 2
    assert not autoretouch.ledger
