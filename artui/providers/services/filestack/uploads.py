"""How a photo gets to Filestack: whole, in parts, or fetched by the service from an address."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import closing
from typing import Final
from urllib.parse import urlencode, urlsplit

from artui.files import Photo, Sending
from artui.providers.base import Counted, Rejected, Transient, Uploaded
from artui.providers.http import TEXT, Answer, HttpRequest, file_body, json_body
from artui.providers.http.addresses import is_private_way
from artui.providers.http.answers import read, unfit
from artui.providers.http.flow import in_thread
from artui.providers.services.filestack import wire
from artui.providers.services.filestack.app import STORE, App
from artui.providers.services.filestack.capabilities import TITLE

PART: Final = 8 * 1024 * 1024
"""Bytes of one part of a large upload; the service's storage takes none below 5 MiB but the last."""

TAG: Final = "artui_job"
"""What the tag of an upload is called, where the service takes tags: in `complete` alone."""

AGAIN: Final = 1.0
"""Seconds between two questions whether a stored file is ready."""

MERGED_WITHIN: Final = 120
READY_WITHIN: Final = 60
"""How often it is asked whether a large upload is put together, and whether it has reached its storage."""

_UNSAFE: Final = re.compile(r"[\\{}|%`\"'~\[\]#^<>/\x00-\x1f]")
_HANDLE: Final = re.compile(r"[A-Za-z0-9_-]{5,100}")
_DOMAIN: Final = re.compile(r"[a-z0-9.-]+\.[a-z-]+")


class Uploads:
    """Brings photos to one app's storage."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def upload(self, photo: Photo, name: str, counted: Counted, tag: str = "") -> Uploaded:
        """Store the photo, anew each time: whole, or in parts where it is large."""
        plain = _UNSAFE.sub("-", name)  # what the official SDK replaces, for the metadata of S3
        if photo.stamp.size > self._app.settings.multipart_above * 1_000_000:
            return await self._upload_parts(photo, plain, counted, tag)
        doing = f"uploading {photo.path.name}"
        # Untyped data is stored as text/plain.
        query = urlencode({"key": self._app.settings.api_key, "filename": plain, "mimetype": photo.media_type})
        body = file_body(photo.media_type, photo.stamp.size, Sending(photo))
        url = f"{self._app.settings.api_url}/store/S3?{query}&{{security}}"
        answer = await self._app.ask(HttpRequest("POST", url, doing, body=body), counted=counted)
        return self._uploaded(answer, photo.stamp.size)

    async def _upload_parts(self, photo: Photo, name: str, counted: Counted, tag: str) -> Uploaded:
        """Send a photo part by part. The last leaves only when the file proved to be the one that was checked."""
        doing = f"uploading {photo.path.name}"
        size = photo.stamp.size
        start = await self._app.start(name, photo.media_type, size, doing)
        place = {"uri": start.uri, "region": start.region, "upload_id": start.upload_id}
        calls = f"{self._upload_host(start)}/multipart"
        etags: list[dict[str, object]] = []
        sent = 0
        with closing(iter(Sending(photo, PART))) as blocks:
            while (block := await in_thread(next, blocks, None)) is not None:
                etag = await self._send_part(calls, doing, place, len(etags) + 1, block, sent, counted)
                etags.append({"part_number": len(etags) + 1, "etag": etag})
                sent += len(block)
        whole = {**place, "filename": name, "mimetype": photo.media_type, "size": size, "parts": etags}
        whole |= {"upload_tags": {TAG: tag}} if tag else {}
        for _ in range(MERGED_WITHIN):
            answer = await self._app.post(f"{calls}/complete", doing, whole)
            if answer.status != 202:  # 202: the parts are not put together yet, ask again
                return await self._once_ready(answer, doing, size)
            await asyncio.sleep(AGAIN)
        raise Transient(f"{TITLE}: {doing}: the service does not put the parts together")

    def _upload_host(self, start: wire.Start) -> str:
        """Where the parts are announced; they carry the policy, so only to the upload host and its neighbours."""
        ours, named = urlsplit(self._app.settings.upload_url), start.location_url.rstrip("/")
        there = urlsplit(named if "://" in named else f"{ours.scheme}://{named}")
        domain = (ours.hostname or "").partition(".")[2]
        is_neighbour = bool(_DOMAIN.fullmatch(domain)) and (there.hostname or "").endswith(f".{domain}")
        is_ours = there.netloc == ours.netloc or is_neighbour
        if there.scheme != ours.scheme or "@" in there.netloc or not is_ours or not is_private_way(there.geturl()):
            raise Transient(f"{TITLE}: the service sends large uploads to a host that is not its own")
        return there.geturl()

    async def _send_part(
        self, calls: str, doing: str, place: Mapping[str, object], number: int, block: bytes, before: int,
        counted: Counted,
    ) -> str:  # fmt: skip
        """Announce one part, then put its bytes where the service says; returns the storage's tag for them. ``before``
        is how many bytes the parts before it have."""
        # The call wants MD5, in Base64.
        checksum = base64.b64encode(hashlib.md5(block, usedforsecurity=False).digest()).decode()
        fields = {**place, "part": number, "size": len(block), "md5": checksum}
        there = read(await self._app.post(f"{calls}/upload", doing, fields), wire.PartPlace)
        if not is_private_way(there.url):
            raise Transient(f"{TITLE}: {doing}: the service wants a part sent in clear")
        body = file_body("", len(block), [block])
        # Exactly these headers: the storage's signature may cover them.
        put = HttpRequest("PUT", there.url, doing, headers=there.headers, body=body)
        answer = await self._app.http.send(put, counted=lambda sent: counted(before + sent))
        etag = answer.headers.get("etag", "")  # with its quotes, as `complete` wants it
        if answer.status != 200 or not etag:
            raise Transient(f"{TITLE}: {doing}: the storage did not take part {number} (status {answer.status})")
        return etag

    async def _once_ready(self, answer: Answer, doing: str, size: int) -> Uploaded:
        """The reference of a large upload, once it has reached its storage."""
        uploaded = self._uploaded(answer, size)
        # Whether a run takes a file that is still on its way is not documented.
        if read(answer, wire.Stored).status.casefold() != "intransit":
            return uploaded
        for _ in range(READY_WITHIN):
            if await self._app.metadata(uploaded.reference, doing) is not None:
                return uploaded
            await asyncio.sleep(AGAIN)
        raise Transient(f"{TITLE}: {doing}: the file does not arrive in its storage")

    async def fetch_address(self, address: str) -> Uploaded:
        """Leave what lies at a URL, or at ``src://ALIAS/PATH`` of the app's own storage, to the run; or have it stored
        as a file first, where that is set."""
        doing = f"importing {address.partition('?')[0]}"
        if not re.fullmatch(r"(https?|src)://[^\x00-\x20\x7f][^\x00-\x1f\x7f]*", address):
            raise Rejected(f"{TITLE}: {doing}: it must be a URL or src://ALIAS/PATH", reason="unsupported")
        if not self._app.settings.import_addresses:
            return Uploaded(address)
        security = (await self._app.signed()).fields()
        tasks = [{"name": "store", "params": STORE}, {"name": "security", "params": security}]
        body = json_body(json.dumps({"apikey": self._app.settings.api_key, "sources": [address], "tasks": tasks}))
        url = f"{self._app.settings.cdn_url}/process"
        return self._uploaded(await self._app.ask(HttpRequest("POST", url, doing, body=body)))

    async def remove(self, handle: str) -> None:
        """Delete a file by a policy for this file and nothing else. One that is gone already counts as deleted.

        Raises :class:`Rejected` where it may not be, or where this is no file of the service's.
        """
        if not _HANDLE.fullmatch(handle):
            raise Rejected(f"{TITLE}: {handle.partition('?')[0]} is not a stored file", reason="unsupported")
        signed = self._app.signer.to_remove(await self._app.secret(), self._app.latest, handle)
        query = urlencode({"key": self._app.settings.api_key})
        url = f"{self._app.settings.api_url}/file/{handle}?{query}&{{security}}"
        request = HttpRequest("DELETE", url, "deleting an upload", hidden={"security": signed.in_query})
        answer = await self._app.http.send(request, most=TEXT, any_status=True)
        if answer.status == 404:
            return
        answer.raise_unless_final()
        is_wrong = wire.is_error(answer.json_object() or {}) or wire.words(answer) == wire.NO_APP or answer.is_web_page
        if answer.status >= 300 or is_wrong:
            raise wire.rejected(answer)

    def _uploaded(self, answer: Answer, size: int | None = None) -> Uploaded:
        """What was stored; ``size``: how many bytes that were, where it is known."""
        stored = read(answer, wire.Stored)
        if not stored.reference:
            raise unfit(answer, "handle", None)
        if None not in (size, stored.size) and size != stored.size:
            raise unfit(answer, "size", stored.size)
        return Uploaded(stored.reference)
