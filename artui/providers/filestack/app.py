"""Asking in the name of one Filestack app: every request signed, and what a refusal means."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from artui.credentials import Secret
from artui.providers.base import Blocked, Counted, ProviderError, Rejected, Surroundings
from artui.providers.filestack.settings import FilestackSettings
from artui.providers.http import OBJECT, Answer, Client, Request, json_body
from artui.providers.http.signed_in import pasted_key
from artui.providers.said import filestack as said
from artui.providers.said.filestack_policy import Signed, Signer

TITLE: Final = "Filestack"
KEY_NAME: Final = "app secret"
STORE: Final = {"location": "S3"}
_SECURITY: Final = re.compile(r"[/&?]\{security\}")


class App:
    """One app: its key, its secret, and the way to its service."""

    def __init__(self, settings: FilestackSettings, surroundings: Surroundings, http: Client) -> None:
        self.settings = settings
        self.http = http
        self.signer = Signer()
        self._surroundings = surroundings

    async def secret(self) -> Secret:
        """The app secret as it is kept now."""
        return await pasted_key(self._surroundings, KEY_NAME)

    @property
    def latest(self) -> float:
        """The service's clock or ours, whichever is ahead: what is good for an hour from then has ended by neither."""
        return max(self.http.now, time.time())

    async def signed(self) -> Signed:
        """A policy for ordinary requests."""
        return self.signer.signed(await self.secret(), self.latest)

    async def post(self, url: str, doing: str, fields: Mapping[str, object], *, is_check: bool = False) -> Answer:
        """One call with key and security in its JSON body."""
        security = await self.signed()
        common = {"apikey": self.settings.api_key, "store": STORE, **security.fields()}
        request = Request("POST", url, doing, body=json_body(json.dumps({**common, **fields})))
        return await self.ask(request, is_check=is_check)

    async def sealed(self, request: Request, *, is_bought: bool = False) -> Request:
        """The request with our security where its address has a place for it.

        What ``is_bought`` is asked for without one where there is none any more: it may lie open.
        """
        try:
            signed = await self.signed()
        except Blocked:
            if not is_bought:
                raise
            return replace(request, url=_SECURITY.sub("", request.url))
        return replace(
            request, hidden={"security": signed.in_path if "/{security}" in request.url else signed.in_query}
        )

    async def ask(
        self, request: Request, *, most: int = OBJECT, counted: Counted | None = None, is_check: bool = False,
        is_bought: bool = False,
    ) -> Answer:  # fmt: skip
        """Send a request that may be sent again; raises whatever is no JSON object without an error in it."""
        answer = await self.http.send(await self.sealed(request, is_bought=is_bought), most=most, counted=counted)
        found = answer.json_object()
        is_fine = found is not None and not said.is_error(found)
        if answer.status == 202 or (answer.status < 300 and is_fine):
            return answer
        if answer.status < 300 and answer.is_web_page:
            raise answer.unreadable()
        raise await self.refused(answer, is_check=is_check)

    async def refused(self, answer: Answer, *, is_check: bool = False) -> Rejected | Blocked:
        """What a refusal means; 403 only stops the account where key and secret themselves are not accepted."""
        if answer.status == 403 and not is_check and await self._is_accepted():
            return said.rejected(answer)
        return said.refusal(answer)

    async def _is_accepted(self) -> bool:
        try:
            await self.check()
        except ProviderError:
            return False
        return True

    async def check(self) -> None:
        """Raise unless the service accepts key and secret.

        It announces an upload that never comes, the one call that is known to refuse wrong ones.
        """
        await self.start("artui.txt", "text/plain", 1, "checking key and secret")

    async def start(self, name: str, media_type: str, size: int, doing: str) -> said.Start:
        """Announce a large upload."""
        fields = {"filename": name, "mimetype": media_type, "size": size}
        answer = await self.post(f"{self.settings.upload_url}/multipart/start", doing, fields, is_check=True)
        return answer.read_as(said.Start)

    async def metadata(self, handle: str, doing: str) -> said.Metadata | None:
        """What the service knows of a stored file; None where it does not have it."""
        url = f"{self.settings.cdn_url}/{handle}/metadata?size=true&sha256=true&{{security}}"
        try:
            return (await self.ask(Request("GET", url, doing))).read_as(said.Metadata)
        except Rejected as refusal:
            if refusal.status == 404:
                return None
            raise
