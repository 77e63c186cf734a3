"""The vendor's own client against the stand-in with its defaults, where it is installed (``pip install autoretouch``);
Filestack's is in ``tests/providers/test_filestack.py``."""

from __future__ import annotations

import hashlib
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from artui.sim.photos import noise_jpeg
from artui.sim.server import Simulator
from tests.providers.suite import stand_in


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with stand_in() as simulator:
        yield simulator


@pytest.fixture
def client(simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Signed in by a code, which a person confirms the moment it is shown."""
    monkeypatch.setenv("HOME", str(tmp_path))
    vendor = pytest.importorskip("autoretouch.api_client.client", reason="the vendor's client is not installed here")
    told = simulator.announcement()["autoretouch"]
    hosts = vendor.ApiConfig(
        BASE_API_URL=told["api_url"],
        BASE_API_URL_CURRENT=f"{told['api_url']}/v1",
        CLIENT_ID=vendor.DEFAULT_API_CONFIG.CLIENT_ID,
        SCOPE=vendor.DEFAULT_API_CONFIG.SCOPE,
        AUDIENCE=vendor.DEFAULT_API_CONFIG.AUDIENCE,
        AUTH_DOMAIN=told["auth_url"],
    )

    def confirm(url: str) -> None:
        threading.Thread(target=lambda: urllib.request.urlopen(f"{url}&confirm=1").close()).start()

    monkeypatch.setattr("webbrowser.open", confirm)
    keep = str(tmp_path / "credentials.json")
    made = vendor.AutoRetouchAPIClient(told["organization"], None, hosts, keep, None)
    return made.login()


@pytest.mark.filterwarnings("ignore")
def test_the_vendors_client_works_with_the_stand_in(simulator: Simulator, client: Any, tmp_path: Path) -> None:
    photo = tmp_path / "shirt 7.jpg"
    noise_jpeg(photo, 60_000, 3)
    digest = hashlib.sha256(photo.read_bytes()).hexdigest()
    assert client.get_api_status() == 200
    assert client.get_organization().id in [one.id for one in client.get_organizations()]
    flow = client.get_workflow(client.get_workflows()[0].id)
    assert int(client.get_balance()) == 5000
    assert client.upload_image(str(photo)) == digest
    by_file = client.create_workflow_execution_for_image_file(flow.id, str(photo), labels={"a": "b"})
    by_hash = client.create_workflow_execution_for_image_reference(flow.id, digest, photo.name, labels={"a": "c"})
    assert client.get_workflow_executions(flow.id).total == len(simulator.ledger) == 2
    deadline = time.monotonic() + 30
    while (seen := client.get_workflow_execution_details(by_hash)).status != "COMPLETED":
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)
    assert client.download_result(seen.resultPath) == client.download_result_blocking(by_file)
    assert client.download_image(digest, photo.name) == photo.read_bytes()
    assert client.auth.refresh_credentials()
    assert client.auth.revoke_refresh_token() == 200
