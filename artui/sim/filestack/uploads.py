"""Filestack's large uploads: parts in any order with their checksums, and putting them together, which takes time."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class Misused(Exception):
    """A call that does not fit what came before; the text is the service's."""


@dataclass(slots=True)
class Upload:
    """One upload on its way. ``chunks`` are its bytes by part and offset, ``tags`` the storage's word for each part."""

    id: str
    uri: str
    region: str
    fields: Mapping[str, Any]
    is_intelligent: bool
    merging: int
    announced: dict[tuple[int, int], dict[str, str]] = field(default_factory=dict)
    chunks: dict[tuple[int, int], bytes] = field(default_factory=dict)
    tags: dict[int, str] = field(default_factory=dict)
    committed: set[int] = field(default_factory=set)

    def whole(self, said: Mapping[str, Any]) -> bytes:
        """All bytes in order, once the caller named every part with its tag."""
        if self.is_intelligent:
            if {number for number, _ in self.chunks} != self.committed:
                raise Misused("invalid params: parts")
        else:
            parts = said.get("parts")
            listed = parts if isinstance(parts, list) else []
            named = {part.get("part_number"): part.get("etag") for part in listed if isinstance(part, dict)}
            if not named or named != self.tags or sorted(named) != [*range(1, len(named) + 1)]:
                raise Misused("invalid params: parts")
        content = b"".join(self.chunks[place] for place in sorted(self.chunks))
        if len(content) != self.fields["size"]:
            raise Misused("invalid params: size")
        return content


class Uploads:
    """The uploads under way."""

    def __init__(self) -> None:
        self._all: dict[str, Upload] = {}

    def start(self, said: Mapping[str, Any], merging: int) -> Upload:
        """Begin an upload."""
        if not said.get("filename") or type(said.get("size")) is not int or not isinstance(said.get("store"), dict):
            raise Misused("Parameters are invalid")
        if str(said["store"].get("location", "")).lower() not in {"s3", "gcs", "azure", "rackspace", "dropbox"}:
            raise Misused("Parameters are invalid")
        name = secrets.token_hex(10)
        upload = Upload(name, f"/artui-sim/{name}", "us-east-1", said, said.get("fii") is True, merging)
        self._all[upload.id] = upload
        return upload

    def find(self, said: Mapping[str, Any]) -> Upload:
        """The upload a call is for."""
        upload = self._all.get(str(said.get("upload_id")))
        if upload is None or (said.get("uri"), said.get("region")) != (upload.uri, upload.region):
            raise Misused("Parameters are invalid")
        return upload

    def announce(self, said: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
        """Make room for a part: where it goes below the storage's address, and the headers it must come with."""
        upload = self.find(said)
        number, size, offset = said.get("part"), said.get("size"), said.get("offset", 0)
        if type(number) is not int or not 1 <= number <= 10_000 or type(size) is not int or type(offset) is not int:
            raise Misused("Parameters are invalid")
        headers = {"Authorization": f"AWS4-HMAC-SHA256 {secrets.token_hex(8)}", "x-amz-date": f"{time.time():.0f}"}
        if said.get("md5"):
            headers["Content-MD5"] = str(said["md5"])
        upload.announced[number, offset] = headers
        return f"{upload.id}/{number}/{offset}", headers

    def put(self, place: tuple[str, int, int], headers: Mapping[str, str], content: bytes) -> str:
        """Take the bytes of a part and return the storage's tag; :class:`Misused` with the storage's code."""
        upload = self._all.get(place[0])
        number, offset = place[1:]
        expected = upload.announced.get((number, offset)) if upload else None
        if upload is None or expected is None:
            raise Misused("NoSuchUpload")
        if any(headers.get(name) != value for name, value in expected.items()):
            raise Misused("SignatureDoesNotMatch")
        digest = hashlib.md5(content, usedforsecurity=False)
        if expected.get("Content-MD5") not in {None, base64.b64encode(digest.digest()).decode()}:
            raise Misused("BadDigest")
        upload.chunks[number, offset] = content
        upload.tags[number] = f'"{digest.hexdigest()}"'
        return upload.tags[number]

    def commit(self, said: Mapping[str, Any]) -> None:
        """Close one part of an intelligent upload."""
        upload = self.find(said)
        if said.get("size") != upload.fields["size"] or not any(
            said.get("part") == number for number, _ in upload.chunks
        ):
            raise Misused("Parameters are invalid")
        upload.committed.add(said["part"])

    def complete(self, said: Mapping[str, Any]) -> bytes | None:
        """Put the parts together; None for as long as that takes."""
        upload = self.find(said)
        content = upload.whole(said)
        if upload.merging:
            upload.merging -= 1
            return None
        del self._all[upload.id]
        return content


def workflows_of(store: Mapping[str, Any]) -> list[str]:
    """The workflows that are to start with an upload: ids, or objects with one, or a single one as text."""
    wanted = store.get("workflows") or []
    listed = [wanted] if isinstance(wanted, str) else wanted
    return [str(one.get("id")) if isinstance(one, dict) else str(one) for one in listed]
