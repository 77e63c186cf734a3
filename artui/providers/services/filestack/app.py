"""Asking in the name of one Filestack app: every request signed, and what a refusal means."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from artui.config.system import boot_time
from artui.credentials import Secret
from artui.providers.base import Blocked, Cause, Counted, ProviderDeps, ProviderError, Rejected
from artui.providers.base.misfits import value
from artui.providers.http import OBJECT, Answer, Client, HttpRequest, json_body
from artui.providers.http.answers import read
from artui.providers.http.signed_in import pasted_key
from artui.providers.services.filestack import wire
from artui.providers.services.filestack.capabilities import CAPABILITIES, TITLE
from artui.providers.services.filestack.policy import Signed, Signer
from artui.providers.services.filestack.settings import FilestackSettings

STORE: Final = {"location": "S3"}

REFUSED_FOR: Final = 600.0
"""Seconds for which a secret that something was refused for is not tried again, where nothing speaks for it."""

_SECURITY: Final = re.compile(r"[/&?]\{security\}")
_PROBES: Final = ("workflow_status=job_id:00000000-0000-4000-8000-000000000000", "artuiasksfornothing0")
"""What nobody has, to see whether key and secret open the way there: a job, and a file."""


class App:
    """One app: its key, its secret, and the way to its service."""

    def __init__(self, settings: FilestackSettings, deps: ProviderDeps, http: Client) -> None:
        self.settings = settings
        self.http = http
        self.signer = Signer()
        self._deps = deps
        self._tells: bool | None = None
        self._refused: tuple[Secret, float] | None = None
        self._is_proven = False

    async def secret(self) -> Secret:
        """The app secret as it is kept now."""
        return await pasted_key(self._deps, CAPABILITIES.key_name)

    @property
    def latest(self) -> float:
        """The service's clock or ours, whichever is ahead: what is good for an hour from then has ended by neither."""
        return max(self.http.now, time.time())

    async def signed(self) -> Signed:
        """A policy for ordinary requests."""
        return self.signer.signed(await self.secret(), self.latest)

    async def post(self, url: str, doing: str, fields: Mapping[str, object]) -> Answer:
        """One call with key and security in its JSON body."""
        security = await self.signed()
        common = {"apikey": self.settings.api_key, "store": STORE, **security.fields()}
        return await self.ask(HttpRequest("POST", url, doing, body=json_body(json.dumps({**common, **fields}))))

    async def sealed(self, request: HttpRequest, *, is_bought: bool = False) -> HttpRequest:
        """The request with our security where its address has a place for it.

        What ``is_bought`` is asked for without one where there is none any more: it may lie open.
        """
        try:
            signed = await self.signed()
        except Blocked:
            if not is_bought:
                raise
            return replace(request, url=_SECURITY.sub("", request.url))
        return _with(request, signed)

    async def ask(
        self, request: HttpRequest, *, most: int = OBJECT, counted: Counted | None = None, is_bought: bool = False
    ) -> Answer:
        """Send a request that may be sent again; raises whatever is no JSON object without an error in it."""
        sealed = await self.sealed(request, is_bought=is_bought)
        answer = await self.http.send(sealed, most=most, counted=counted, any_status=True)
        if answer.status in wire.NOT_TAKEN and not is_bought:
            raise wire.rejected(answer)
        answer.raise_unless_final()
        found = answer.json_object()
        is_fine = found is not None and not wire.is_error(found)
        if answer.status == 202 or (answer.status < 300 and is_fine):  # 202 (not merged yet) need have no JSON
            self._is_proven = True  # the service took key and secret: a 403 is about the call then
            return answer
        if answer.status < 300 and answer.is_web_page:
            raise answer.unreadable()
        if answer.status < 300 and found is None and not wire.plain_words(answer):  # half a document
            raise answer.unreadable(f"it is {value(answer.text)}")
        raise await self.refused(answer)

    async def refused(self, answer: Answer) -> Rejected | Blocked:
        """What a refusal means; 403 stops the account, unless key and secret themselves are known to be accepted."""
        if answer.status != 403:
            return wire.refusal(answer)
        try:
            is_accepted = await self.check() or self._is_proven
        except ProviderError:
            is_accepted = False
        self._is_proven = False  # until something is accepted again: a secret may end at any time
        if is_accepted:
            return wire.rejected(answer)
        # Where an app answers a wrong signature alike, `check` would let it go on.
        self._refused = (await self.secret(), boot_time())
        return wire.refusal(answer)

    async def check(self) -> bool:
        """Raise where the service refuses key and secret; returns whether it would, were they wrong.

        No call is documented for it. What nobody has is asked for, which leaves nothing behind; where a signature that
        cannot be right is answered differently, ours is right.
        """
        signed = await self.signed()
        answers = [await self._probe(_PROBES[0], signed)]
        if _is_refusal(answers[0]):
            answers.append(await self._probe(_PROBES[1], signed))
        if all(map(_is_refusal, answers)):
            raise wire.refusal(answers[0])
        if self._tells is None:
            wrong = replace(signed, signature=Secret("0" * 64))
            self._tells = _is_refusal(await self._probe(_PROBES[len(answers) - 1], wrong))
        if not self._tells and self._refused is not None:
            secret, then = self._refused
            if secret == await self.secret() and boot_time() - then < REFUSED_FOR:
                raise Blocked(
                    f"{TITLE}: {CAPABILITIES.key_name} and api_key were refused: sign in again",
                    cause=Cause.LOGIN,
                )
        return self._tells

    async def _probe(self, task: str, signed: Signed) -> Answer:
        url = f"{self.settings.cdn_url}/{self.settings.api_key}/{{security}}/{task}"
        answer = await self.http.send(_with(HttpRequest("GET", url, "checking key and secret"), signed))
        if answer.status == 200 and answer.is_web_page:  # somebody else's, on the way
            raise answer.unreadable()
        return answer

    async def start(self, name: str, media_type: str, size: int, doing: str) -> wire.Start:
        """Announce a large upload."""
        fields = {"filename": name, "mimetype": media_type, "size": size}
        return read(await self.post(f"{self.settings.upload_url}/multipart/start", doing, fields), wire.Start)

    async def metadata(self, handle: str, doing: str) -> wire.Metadata | None:
        """What the service knows of a stored file; None where it does not have it."""
        # Not asked for, no digest comes.
        url = f"{self.settings.cdn_url}/{handle}/metadata?size=true&sha256=true&{{security}}"
        try:
            return read(await self.ask(HttpRequest("GET", url, doing)), wire.Metadata)
        except Rejected as refusal:
            if refusal.status == 404:
                return None
            raise


def _with(request: HttpRequest, signed: Signed) -> HttpRequest:
    security = signed.in_path if "/{security}" in request.url else signed.in_query
    return replace(request, hidden={"security": security})


def _is_refusal(answer: Answer) -> bool:
    """Whether an answer refuses who asks, not what is asked for."""
    return answer.status in (401, 403) or wire.words(answer) == wire.NO_APP
