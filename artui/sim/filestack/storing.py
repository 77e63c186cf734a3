"""Filestack's File API: files sent whole, changed, removed; and its upload host, for large ones in parts."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from artui.sim.filestack.darkroom import Darkroom, File
from artui.sim.filestack.host import Host, json_of
from artui.sim.filestack.security import Credentials, Forbidden, check
from artui.sim.filestack.uploads import Upload, Uploads, workflows_of

UPLOAD, STORAGE = "/filestack/upload", "/filestack/s3"


class FileApi(Host):
    """Files sent in one request, and what can be done to them."""

    async def store(self, request: Request) -> Response:
        """Store one file, sent raw, as a form, or named by an address."""
        query = request.query_params
        if query.get("key") != self.room.key:
            return PlainTextResponse("Invalid Application")
        self.allowed(Credentials.among(query), {"pick", "store"})
        if request.path_params["provider"].lower() not in {"s3", "gcs", "azure", "rackspace", "dropbox"}:
            raise HTTPException(404, "unknown storage")
        content, name, kind = await self.sent(request)
        file = await self.room.keep(content, query.get("filename", name), query.get("mimetype", kind))
        return JSONResponse(self.room.described(file))

    async def overwrite(self, request: Request) -> Response:
        """Give a file other bytes."""
        file = self._allowed_file(request, "write")
        content, _, _ = await self.sent(request)
        fresh = await self.room.keep(content, file.name, file.media_type)
        del self.room.files[fresh.handle]
        file.digest, file.size = fresh.digest, fresh.size
        return JSONResponse(self.room.described(file))

    async def delete(self, request: Request) -> Response:
        """Remove a file for good."""
        if request.query_params.get("key") != self.room.key:
            return PlainTextResponse("Invalid Application")
        file = self._allowed_file(request, "remove")
        del self.room.files[file.handle]
        return PlainTextResponse("success")

    async def metadata(self, request: Request) -> Response:
        """What is known of a file."""
        file = self._allowed_file(request, "stat")
        return await self.known_of(request, file.handle)

    async def file(self, request: Request) -> Response:
        """A file's bytes, for which the other host is meant."""
        return await self.bytes_of(self._allowed_file(request, "read"))

    def _allowed_file(self, request: Request, call: str) -> File:
        handle = request.path_params["handle"]
        self.allowed(Credentials.among(request.query_params), {call}, handle)
        return self.find(handle)


class LargeUploads(Host):
    """Files sent in parts: announced here, put into the storage, put together here."""

    def __init__(self, room: Darkroom, secret: str) -> None:
        super().__init__(room, secret)
        self._uploads = Uploads()

    async def start(self, request: Request) -> Response:
        """Begin a large upload."""
        said = await self._upload_call(request, {"pick", "store"})
        upload = self._uploads.start(said, self.room.options.merging)
        kind = {"upload_type": "intelligent_ingestion"} if upload.is_intelligent else {}
        # Without a scheme, as the service gives it: its clients put theirs before it.
        host = f"{request.headers['host']}{UPLOAD}"
        place = {"uri": upload.uri, "region": upload.region, "upload_id": upload.id}
        return JSONResponse(place | {"location_url": host} | kind)

    async def part(self, request: Request) -> Response:
        """Say where the bytes of a part go."""
        said = await self._upload_call(request, None)
        place, headers = self._uploads.announce(said)
        url = f"{request.url.scheme}://{request.headers['host']}{STORAGE}/{place}"
        return JSONResponse({"url": url, "headers": headers, "location_url": f"{request.headers['host']}{UPLOAD}"})

    async def commit(self, request: Request) -> Response:
        """Close a part of an intelligent upload."""
        self._uploads.commit(await self._upload_call(request, None))
        return Response(status_code=200)

    async def complete(self, request: Request) -> Response:
        """Put the parts together, which is not done the first time it is asked for."""
        said = await self._upload_call(request, {"pick", "store"})
        upload: Upload = self._uploads.find(said)
        content = self._uploads.complete(said)
        if content is None:
            return Response(status_code=202)
        file = await self.room.keep(content, str(said.get("filename")), str(said.get("mimetype")))
        file.looks = self.room.options.intransit
        store = said.get("store")
        described = self.room.described(file)
        answer = {key: described[key] for key in ("url", "filename", "size", "key", "container")}
        answer |= {"handle": file.handle, "mimetype": file.media_type}
        answer |= {"status": "InTransit" if file.looks else "Stored"}
        answer |= {"upload_tags": said["upload_tags"]} if said.get("upload_tags") else {}
        wanted = {**upload.fields["store"], **(store if isinstance(store, dict) else {})}
        return JSONResponse(answer | self.begin(workflows_of(wanted), file))

    async def put(self, request: Request) -> Response:
        """Take the bytes of a part."""
        place = (request.path_params["upload"], request.path_params["part"], request.path_params["offset"])
        tag = self._uploads.put(place, request.headers, await request.body())
        return Response(headers={"ETag": tag})

    async def _upload_call(self, request: Request, calls: set[str] | None) -> dict[str, Any]:
        """What a call of the upload host says; the policy is needed where there are ``calls`` it must allow."""
        said = await json_of(request)
        if not said.get("apikey"):
            raise HTTPException(400, "Parameters are invalid")
        if said["apikey"] != self.room.key:
            raise Forbidden("Invalid Application")
        given = Credentials.among(said)
        if calls is not None and (given or request.url.path.endswith("/start")):
            try:
                check(given, self.secret, calls)
            except Forbidden:
                raise Forbidden("Invalid App policy") from None
        return said
