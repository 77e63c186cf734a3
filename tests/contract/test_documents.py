"""What the documents show of each route, read by a client of their own at two servers that know nothing of each other:
those of this folder, and the stand-in. Both can be wrong only apart."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.contract import reader
from tests.contract.autoretouch import ORGANIZATION, AutoRetouch
from tests.contract.desk import PROGRAM
from tests.contract.filestack import WORKFLOW, Filestack
from tests.contract.pictures import jpeg
from tests.contract.reader import Place
from tests.contract.retouch4me import Retouch4me
from tests.contract.serving import Answer, Request, Service

CLIENT = {"client_id": "V8EkfbxtBi93cAySTVWAecEum4d6pt4J"}
ADDRESS = "https://www.google.com/images/branding/googlelogo/2x/googlelogo_color_272x92dp.png"
Check = Callable[[Place], None]


@pytest.fixture(scope="module")
def here() -> Iterator[Mapping[str, Place]]:
    """The servers of this folder."""
    with AutoRetouch() as first, Retouch4me() as second, Filestack() as third:
        first.consents = ("403 authorization_pending",)
        third.elsewhere = {ADDRESS: jpeg(1), "src://test_alias/test.png": jpeg(2)}
        yield {
            "autoretouch": Place({"api": first.url, "auth": first.url}, "seed-token-A",
                                 {"organization": ORGANIZATION, **CLIENT}),
            "retouch4me": Place({"api": second.url, "balance": f"{second.url}/api/retouch/v1/balance"}, "r4-token-A"),
            "filestack": Place({"api": f"{third.url}/api", "cdn": third.url}, "app-secret-A", {
                "key": "AppKeyA00000000000000z", "workflow": WORKFLOW, "alias": "src://test_alias/test.png",
                "address": ADDRESS,
            }),
        }  # fmt: skip


class Shelf(Service):
    """A host with one photo."""

    def answer(self, request: Request) -> Answer:
        return Answer(200, jpeg(1), "image/jpeg")


@pytest.fixture(scope="module")
def stand_in() -> Iterator[Mapping[str, Place]]:
    """The stand-in, as ``artui sim`` serves it."""
    with (
        Shelf() as shelf,
        subprocess.Popen([*PROGRAM, "sim", "--port", "0", "--speed", "200"], stdout=subprocess.PIPE) as serving,
    ):
        try:
            assert serving.stdout
            told: dict[str, Any] = json.loads(serving.stdout.readline())
            first, second, third = (told[name] for name in ("autoretouch", "retouch4me", "filestack"))
            yield {
                "autoretouch": Place({"api": first["api_url"], "auth": first["auth_url"]}, first["refresh_token"],
                                     {"organization": first["organization"], **CLIENT}),
                "retouch4me": Place({"api": second["api_url"], "balance": second["balance_url"]}, second["token"]),
                "filestack": Place({"api": third["api_url"], "cdn": third["cdn_url"]}, third["secret"], {
                    "key": third["api_key"], "workflow": third["workflows"]["Cut out"],
                    "alias": "src://studio/test.png", "address": f"{shelf.url}/photo.jpg",
                }),
            }  # fmt: skip
        finally:
            serving.terminate()


def each(checks: list[Check]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("check", checks, ids=lambda check: check.__name__)


@pytest.mark.parametrize("server", ["here", "stand_in"])
@each(reader.AUTORETOUCH)
def test_autoretouch(request: pytest.FixtureRequest, server: str, check: Check) -> None:
    check(request.getfixturevalue(server)["autoretouch"])


@pytest.mark.parametrize("server", ["here", "stand_in"])
@each(reader.RETOUCH4ME)
def test_retouch4me(request: pytest.FixtureRequest, server: str, check: Check) -> None:
    check(request.getfixturevalue(server)["retouch4me"])


@pytest.mark.parametrize("server", ["here", "stand_in"])
@each(reader.FILESTACK)
def test_filestack(request: pytest.FixtureRequest, server: str, check: Check) -> None:
    check(request.getfixturevalue(server)["filestack"])


def test_the_samples_are_served_as_they_stand(here: Mapping[str, Place]) -> None:
    at = here["autoretouch"]
    listed = reader._api(at, "GET", "/v1/workflow")
    assert listed.body.decode() == reader.sample("autoretouch-workflows.json")
    one = reader._api(at, "GET", "/v1/workflow/a0f0b604-85c0-45fd-85cf-4428bb3941ba")
    assert one.body.decode() == reader.sample("autoretouch-workflow.json")
    job = json.loads(reader.sample("filestack-status.json"))["jobid"]
    at = here["filestack"]
    looked = reader.call(
        "GET", f"{at.urls['cdn']}/{at.more['key']}/{reader.security(at)[0]}/workflow_status=job_id:{job}"
    )
    assert looked.body.decode() == reader.sample("filestack-status.json")


def test_nothing_here_knows_the_program() -> None:
    for file in Path(__file__).parent.glob("*.py"):
        words = [line.split() for line in file.read_text("utf-8").splitlines()]
        named = [line[1] for line in words if line[:1] in (["import"], ["from"]) and len(line) > 1]
        assert not [name for name in named if name.partition(".")[0] == "artui"], file
