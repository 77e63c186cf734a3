"""What Filestack's hosts share: who may call, which file is meant, and how a file is given out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from artui.sim.fetching import fetch
from artui.sim.filestack.address import Address
from artui.sim.filestack.darkroom import Darkroom, File, Job
from artui.sim.filestack.security import Credentials, Forbidden, check

ALIAS = "studio"
"""The storage alias there is: every path in it leads to a picture."""


class Host:
    """One host of the service. The app is secured: every call needs a policy, signed with ``secret``."""

    def __init__(self, room: Darkroom, secret: str) -> None:
        self.room = room
        self.secret = secret

    def allowed(self, given: Credentials, calls: set[str], handle: str | None = None) -> None:
        """Raise :class:`Forbidden` unless the policy allows these calls; the words repeat it, as the real ones do."""
        try:
            check(given, self.secret, calls, handle)
        except Forbidden as reason:
            shown = f'(signature: "{given.signature}"; policy "{given.policy}")'
            raise Forbidden(f"application [{self.room.key}] policy error: {reason}: {shown}") from None

    def find(self, handle: str) -> File:
        """A stored file, which may have been removed."""
        if handle not in self.room.files:
            raise HTTPException(404, "no such file")
        return self.room.files[handle]

    async def source(self, asked: Address) -> File:
        """What an address leads to: one of our files, or what lies at a URL or in the storage."""
        if asked.source.startswith(f"src://{ALIAS}/"):
            name = asked.source.rpartition("/")[2]
            return await self.room.keep(await self.room.in_thread(self.room.aliased, name), name, "image/jpeg")
        if asked.source.startswith("src://"):
            raise HTTPException(404, "no such alias")
        if asked.source.startswith(("http://", "https://")):
            try:
                content = await self.room.in_thread(fetch, asked.source)
            except (OSError, ValueError) as error:
                raise HTTPException(422, "the source cannot be fetched") from error
            name = unquote(asked.source.partition("?")[0].rpartition("/")[2])
            return await self.room.keep(content, name, "image/jpeg")
        return self.find(asked.source)

    async def sent(self, request: Request) -> tuple[bytes, str, str]:
        """The bytes of a request's file, its name and its type."""
        kind = request.headers.get("content-type", "")
        if kind.startswith("multipart/form-data"):
            async with request.form() as form:
                part = form.get("fileUpload")
                if not isinstance(part, UploadFile):
                    raise HTTPException(400, "fileUpload is missing")
                return await part.read(), part.filename or "", part.content_type or ""
        content = await request.body()
        if kind.startswith("application/x-www-form-urlencoded"):
            source = content.decode("latin-1").partition("url=")[2].partition("&")[0]
            file = await self.source(Address(self.room.key, {}, unquote(source)))
            return await self.room.content(file.digest), file.name, file.media_type
        return content, "", kind

    async def bytes_of(self, file: File) -> Response:
        """A file's content, under its name."""
        content = await self.room.content(file.digest)
        name = file.name.encode("ascii", "replace").decode().replace('"', "'")
        headers = {"Content-Disposition": f'inline; filename="{name}"', "X-File-Name": name}
        return Response(content, media_type=file.media_type, headers=headers)

    async def known_of(self, request: Request, handle: str) -> Response:
        """What is known of a file, as far as the query asks for it."""
        file = self.find(handle)
        if file.looks:
            file.looks -= 1
            raise HTTPException(404, "the file is on its way")
        known = {
            "filename": file.name,
            "mimetype": file.media_type,
            "sha256": file.digest,
            "size": file.size,
            "uploaded": file.stored * 1000,
            "writeable": True,
        }
        wanted = {name for name, value in request.query_params.items() if value == "true"} or known.keys() - {"sha256"}
        return JSONResponse({name: known[name] for name in known if name in wanted})

    def begin(self, workflows: Sequence[str], file: File) -> dict[str, Any]:
        """Start workflows on a file that was just stored."""
        if unknown := [one for one in workflows if one not in self.room.workflows]:
            raise HTTPException(400, f"no such workflow: {', '.join(unknown)}")
        jobs: dict[str, Job] = {one: self.room.add(one, file.handle, file.digest, file.name) for one in workflows}
        return {"workflows": {one: {"jobid": job.id} for one, job in jobs.items()}} if jobs else {}


_LIMIT = 100  # requests in a minute, as the headers of a refusal say


def too_many(free_at: float) -> Response:
    """The answer to one request too many, with the service's own headers and no ``Retry-After``."""
    headers = {"Limit": _LIMIT, "Remaining": 0, "Reset": int(free_at) + 1}
    named = {f"Filestack-{name}": str(value) for name, value in headers.items()}
    return JSONResponse({"error": "too many requests"}, 429, named)


async def json_of(request: Request) -> dict[str, Any]:
    """The JSON object that a request carries."""
    try:
        said = json.loads(await request.body())
    except ValueError as error:
        raise HTTPException(400, "Parameters are invalid") from error
    if not isinstance(said, dict):
        raise HTTPException(400, "Parameters are invalid")
    return said
