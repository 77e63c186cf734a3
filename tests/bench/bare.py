"""A bare loop of eight workers, as anybody would write it: upload, order, look each two seconds, fetch; no journal.

``python bare.py requests|httpx URL FOLDER OUT``: stands alone, for an interpreter that has the one library.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

WORKERS, EVERY = 8, 2.0


def main(library: str, url: str, folder: str, out: str) -> None:
    """Send every photo of a folder, each worker one after another to its result."""
    client: Any
    if library == "requests":
        import requests  # type: ignore[import-untyped,unused-ignore]
        from requests.adapters import HTTPAdapter  # type: ignore[import-untyped,unused-ignore]

        client = requests.Session()
        client.mount("https://", HTTPAdapter(pool_maxsize=WORKERS))
    else:
        import httpx

        client = httpx.Client(timeout=300)

    def one(photo: Path) -> None:
        with photo.open("rb") as content:
            reference = client.post(f"{url}/upload", files={"file": (photo.name, content, "image/jpeg")}).text
        body = {"imageContentHash": reference, "imageName": photo.name}
        execution = client.post(f"{url}/v1/workflow/execution/create", json=body).text
        while True:
            time.sleep(EVERY)
            said = client.get(f"{url}/v1/workflow/execution/{execution}").json()
            if said["status"] != "ACTIVE":
                break
        (Path(out) / photo.name).write_bytes(client.get(url + "/v1" + said["resultPath"]).content)

    Path(out).mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(WORKERS) as workers:
        list(workers.map(one, sorted(Path(folder).glob("*.jpg"))))


if __name__ == "__main__":
    main(*sys.argv[1:])
