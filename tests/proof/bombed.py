"""A process that meets bombs: ``python -m tests.proof.bombed answers URL PATH...`` or ``files FOLDER NAME...``.

It prints, as JSON, the megabytes by which it has grown after each one, and fails where a bomb was not refused.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from pathlib import Path

from artui import files
from artui.providers.base import ProviderError
from artui.providers.http import PAGE, Client, HttpRequest

TAKEN = files.Accepts(frozenset({"image/png"}), max_side=10_000)


def peak() -> float:
    """The most memory this process ever had, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def refuses_answer(url: str) -> bool:
    client = Client("Studio", read=20)
    refused = 0
    try:
        for ask in (
            lambda: client.send(HttpRequest("GET", url, "asking"), most=PAGE),
            lambda: client.pay(HttpRequest("GET", url, "paying"), _permit),
        ):
            try:
                answer = await ask()
                answer.json_object()
                answer.read_as(dict[str, list[dict[str, str]]])
            except ProviderError:
                refused += 1
    finally:
        await client.close()
    return refused == 2


async def _permit() -> None:
    return None


def refuses_file(path: Path) -> bool:
    try:
        if path.suffix == ".png":
            files.inspect(path, TAKEN)
        elif path.suffix == ".zip":
            files.unpack_layers(path, "0")
        else:
            return not files.is_complete(path, "application/json")
    except (files.PhotoProblem, files.LayersProblem):
        return True
    return False


async def main(what: str, where: str, *bombs: str) -> None:
    grown = {}
    if what == "answers":
        await refuses_answer("http://127.0.0.1:1/")  # whatever is loaded for the first time
    before = peak()
    for bomb in bombs:
        refused = await refuses_answer(where + bomb) if what == "answers" else refuses_file(Path(where, bomb))
        assert refused, bomb
        grown[bomb] = peak() - before
    sys.stdout.write(json.dumps(grown))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
