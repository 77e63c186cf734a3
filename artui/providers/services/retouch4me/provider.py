"""Retouch4me: a photo and its recipe in one paid request, followed and fetched; docs/providers/retouch4me.md says why.

There is no list to look a lost request up in. It is sent again as it was stored, under the same ``Idempotency-Key``,
which the service promises to carry out once.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final, Literal

from pydantic import Field, field_validator

from artui.config.system import boot_time
from artui.credentials import Secret
from artui.files import Part, Photo, Sending, ascii_name
from artui.providers import base
from artui.providers.base import (
    Blocked,
    Call,
    Cause,
    Counted,
    ExecutionRef,
    ExecutionStatus,
    Identity,
    Organization,
    Output,
    PaidRequest,
    Permit,
    ProviderDeps,
    Rejected,
    State,
    Transient,
    Uploaded,
    Workflow,
    canonical,
)
from artui.providers.http import (
    TEXT,
    Answer,
    FilePart,
    HttpProvider,
    HttpRequest,
    ServiceUrl,
    canonical_address,
    form_body,
    json_body,
    multipart_body,
    segment,
)
from artui.providers.http.answers import read
from artui.providers.http.looks import poll_each
from artui.providers.http.signed_in import pasted_key
from artui.providers.services.retouch4me import wire
from artui.providers.services.retouch4me.capabilities import CAPABILITIES
from artui.providers.services.retouch4me.plugins import MODE, Recipe, refuse_twins, with_presets

TOKEN: Final = "X-Retouch-Token"  # noqa: S105 - the header's name
REFUSED_FOR: Final = 600.0
"""Seconds for which a token that a paid request was refused for is not tried again, unless something speaks for it."""

LAST_SAID: Final = 60.0
"""Seconds for which it counts that a start was the last one of the day."""

_API: Final = "/api/v1"
_VENDOR: Final = "https://retoucher.hz.labs.retouch4.me"
_VENDORS_HOST: Final = re.compile(r"https://([a-z0-9-]+\.)*retouch4\.me")


class Retouch4meSettings(base.Settings):
    """What a Retouch4me account may set."""

    api_url: ServiceUrl = Field(
        default=_VENDOR,
        description="Address of the service (outside Europe https://cf-retoucher.retouch4.me is nearer)",
    )
    webhook_url: ServiceUrl | Literal[""] = Field(
        default="", description="Public address that leads to artui watch --webhook (empty: not called)",
        examples=["https://studio.example/artui"],
    )  # fmt: skip
    balance_url: ServiceUrl = Field(
        default="https://3dlutcreator.com/api/retouch/v1/balance",
        description="Address that tells the credits left where the service does not; it gets the key too",
    )
    workflows: Mapping[str, Recipe] = Field(
        default_factory=dict, description="The workflows of this account: each a title and plugin tasks"
    )

    @field_validator("workflows")
    @classmethod
    def _names_each_recipe_once(cls, recipes: Mapping[str, Recipe]) -> Mapping[str, Recipe]:
        refuse_twins(recipes)
        return recipes


class Retouch4me(HttpProvider[Retouch4meSettings]):
    """One account at Retouch4me."""

    name = "retouch4me"
    capabilities = CAPABILITIES
    Settings = Retouch4meSettings

    def __init__(self, settings: Retouch4meSettings, deps: ProviderDeps) -> None:
        super().__init__(settings, deps)
        self._refused: tuple[Secret, float] | None = None
        self._used_up_since: float | None = None
        self._knows_limits = False
        self._recipes = with_presets(settings.workflows)

    @property
    def endpoint(self) -> str:
        """The address of the account's host: jobs of one are not known at another."""
        return canonical_address(self.settings.api_url)

    # Who we are, and what is left.

    async def identify(self) -> Identity:
        """Check the token as far as the service tells, and say who pays: a token is all that is known of a customer."""
        token = await self._token()
        await self._learn_limits()
        left = await self._remaining(token)
        self.not_checked = "" if left is not None else f"The key was not checked: {self.balance_unknown}"
        return self._customer(token)

    async def who_pays(self) -> Identity:
        """Whoever the token belongs to that is kept now."""
        return self._customer(await self._token())

    def _customer(self, token: Secret) -> Identity:
        """The customer behind a token: the same one at all hosts of the vendor, who has one list of them."""
        mark = hashlib.sha256(token.reveal().encode()).hexdigest()[:16]  # tells tokens apart without showing one
        place = _VENDOR if _VENDORS_HOST.fullmatch(self.endpoint) else self.endpoint
        payer = f"{self.name} {place} {mark}"
        return Identity(payer, self.endpoint, Organization(mark, f"token {mark[:6]}"))

    async def balance(self) -> int | None:
        """Credits left; None where neither address tells, which stops nothing.

        Raises :class:`Blocked` only for a token that a paid request was refused for a short while ago.
        """
        token, left = await self._token(), None
        with suppress(Blocked):
            left = await self._remaining(token)
        if left is not None:
            self._refused = None
        elif self._refused is not None:
            refused, then = self._refused
            if refused == token and boot_time() - then < REFUSED_FOR:
                raise Blocked(f"{self.title}: the key is not accepted: sign in again", cause=Cause.LOGIN)
        return left

    async def _remaining(self, token: Secret) -> int | None:
        """Credits left by the newer address, else by the older one; None where neither tells.

        Raises :class:`Blocked` where the token is refused and neither tells.
        """
        refusals, unknown = [], dict[str, None]()
        self.balance_unknown = ""
        doing, url = "reading the balance", f"{self.settings.api_url}{_API}/balance"
        body = json_body(json.dumps({"modes": [MODE]}))
        newer = HttpRequest("POST", url, doing, secrets={TOKEN: token}, body=body)
        body = form_body({"retouchtoken": token.reveal(), "modes[]": MODE})
        headers = {"Accept": "application/json"}  # the older address wants it
        older = HttpRequest("POST", self.settings.balance_url, doing, headers=headers, body=body)
        # Two generations of the documents name two addresses; which one lives, only asking tells.
        for request in (newer, older):
            try:
                answer = await self._http.send(request, most=TEXT)
            except Transient as failure:
                unknown[str(failure)] = None
                continue
            left = wire.remaining(answer) if wire.code_of(answer) == 200 else None
            if left is not None:
                return left
            what = "a web page comes in its place" if answer.is_web_page else "it is not told"
            unknown[f"{answer.about}: {what} (status {wire.code_of(answer)})"] = None
            if wire.is_of_the_token(answer):
                refusals.append(wire.refusal(answer))
        self.balance_unknown = "; ".join(unknown)
        if refusals:
            raise refusals[0]
        return None

    async def _learn_limits(self) -> None:
        """Take over what the service says of the photos it takes, once, where it says it; never more than is known."""
        if self._knows_limits:
            return
        with suppress(Transient):
            request = HttpRequest("GET", f"{self.settings.api_url}{_API}/info/limits", "reading the limits")
            answer = await self._http.send(request, most=TEXT)
            self._knows_limits = True  # an answer, whatever it says: in production the route is said to be missing
            if wire.code_of(answer) == 200:
                accepts = answer.read_as(wire.FileLimits).within(self.limits.accepts)
                self.limits = replace(self.limits, accepts=accepts)

    async def _token(self) -> Secret:
        return await pasted_key(self.deps, self.capabilities.key_name)

    async def _ask_of_bought(self, request: HttpRequest, send: Callable[[HttpRequest], Awaitable[Answer]]) -> Answer:
        """Ask about what is bought, for which the id is enough: without a token where there is none, or where it is
        refused."""
        with suppress(Blocked):
            answer = await send(replace(request, secrets={TOKEN: await self._token()}))
            if not wire.is_of_the_token(answer):
                return answer
        return await send(request)

    # What there is.

    async def workflows(self) -> list[Workflow]:
        """The recipes of the configuration, and the ready-made ones."""
        return [recipe.workflow(key) for key, recipe in self._recipes.items()]

    async def workflow(self, workflow_id: str) -> Workflow:
        """One recipe; :class:`Rejected` ``not found`` where there is none."""
        recipe = self._recipes.get(workflow_id)
        if recipe is None:
            known = ", ".join(self._recipes)
            raise Rejected(f"{self.title}: there is no workflow {workflow_id!r} (known: {known})", reason="not found")
        return recipe.workflow(workflow_id)

    # The photo goes with the order.

    async def uploaded(self, photo: Photo) -> Uploaded | None:
        """A photo is nowhere before its order, and never gone."""
        return Uploaded(photo.digest)

    async def upload(self, photo: Photo, name: str, counted: Counted, tag: str = "") -> Uploaded:
        """Do nothing: the photo is sent with the order."""
        del name, counted, tag
        return Uploaded(photo.digest)

    # The paid request.

    def draft(self, order: PaidRequest) -> str:
        """The start request: its key, its payload as it was pinned, and which photo goes with it, under which name."""
        if not order.parameters:
            raise Rejected(f"{self.title}: the job has no recipe: submit its photo again", reason="no recipe")
        name = ascii_name(order.photo.path.name, order.photo.media_type)
        file = {"name": name, "type": order.photo.media_type, "digest": order.photo.digest}
        stored: dict[str, Any] = {
            "path": f"{_API}/retoucher/start",
            "key": order.key,
            "payload": order.parameters,
            "file": file,
        }
        if self.settings.webhook_url and order.webhook_part:
            stored["hook"] = f"{self.settings.webhook_url}/{order.webhook_part}/{order.key}"
        return canonical(stored)

    async def submit(self, draft: str, photo: Photo, may_send: Permit, counted: Counted) -> str:
        """Send a draft with its photo. The last of the photo is held back until it proved to be the one checked."""
        # What follows a start whose answer said that it was the last of the day is refused, once. Soon after only: what
        # comes later may be of another day, and is for the service to refuse.
        since, self._used_up_since = self._used_up_since, None
        if since is not None and boot_time() - since < LAST_SAID:
            raise Blocked(f"{self.title}: nothing is left for today, as the last answer says", cause=Cause.QUOTA)
        token = await self._token()
        answer = await self._http.pay(
            self._start(json.loads(draft), photo, token),
            partial(may_send, self._customer(token).payer),
            counted=lambda sent: counted(min(sent, photo.stamp.size)),
        )
        refusal = wire.paid_refusal(answer)
        if refusal is not None:
            if wire.is_of_the_token(answer):
                self._refused = (token, boot_time())
            self._used_up_since = None  # a hold is due, and after it the service is to be asked
            raise refusal
        execution = wire.accepted(answer)
        if execution is None:
            raise answer.in_doubt(wire.code_of(answer), names_job=wire.names_job(answer))
        left = wire.left_today(answer)
        self._used_up_since = boot_time() if left is not None and left <= 0 else None
        self._refused = None
        return execution

    def _start(self, stored: Mapping[str, Any], photo: Photo, token: Secret) -> HttpRequest:
        file = stored["file"]
        part = FilePart("file", file["name"], file["type"], photo.stamp.size, Sending(photo))
        # Both: one page of the documents has the token here, another in the header.
        fields = {"token": token.reveal(), "payload": stored["payload"]}
        fields |= {"hook": stored["hook"]} if "hook" in stored else {}
        return HttpRequest(
            "POST",
            f"{self.settings.api_url}{stored['path']}",
            f"ordering {photo.path.name}",
            # Documented on the page about webhooks alone: believed, but bounded.
            headers={"Idempotency-Key": stored["key"], "Accept": "application/json"},
            secrets={TOKEN: token},
            body=multipart_body(fields, part),
        )

    def keeps_size(self, parameters: str) -> bool:
        """Whether a recipe gives one picture as large as the photo: neither layers nor a crop."""
        try:
            tasks = json.loads(parameters)["tasks"]
            return not any(task.get("Layer") or task["Plugin"] == "Crop" for task in tasks)
        except (ValueError, TypeError, KeyError, AttributeError):
            return False

    # The executions. Whoever knows an id may fetch the result: ids stand in no message.

    async def called(self, call: Call) -> str:
        """The key of the purchase that a call is about, which its address ends in; of its body nothing is known."""
        return call.tail

    async def poll(self, sent: Sequence[ExecutionRef]) -> dict[str, ExecutionStatus]:
        """Look at executions one by one, a few at a time."""
        return await poll_each(sent, self._look, puzzles=self.puzzles)

    async def _look(self, sent: ExecutionRef) -> ExecutionStatus:
        execution = segment(sent.execution)
        address = f"{self.settings.api_url}{_API}/retoucher/status/{execution}"
        request = HttpRequest("GET", address, "looking at an execution")
        answer = await self._ask_of_bought(request, partial(self._http.send, most=TEXT))
        if wire.code_of(answer) == 404:
            return ExecutionStatus(sent.execution, State.GONE, "404", message=answer.sentence)
        if wire.code_of(answer) != 200:
            raise wire.refusal(answer)
        recipe = self._recipes.get(sent.workflow)
        output = Output(
            f"{_API}/retoucher/getFile/{execution}",
            # The service calls an archive binary/octet-stream, by the photo's own name.
            media_type="application/zip" if recipe and recipe.is_layered else "",
            unpack=recipe is not None and recipe.layers == "unpack",
        )
        return read(answer, wire.Look).seen(sent.execution, self._http.now, output)

    async def download(self, output: Output, execution: str, part: Part, counted: Counted) -> None:
        """Fetch a result: a picture or an archive, which only its bytes tell.

        Raises :class:`Rejected` ``not there`` where the service has not stored it yet, or no longer.
        """
        del execution  # the output says where it lies
        request = HttpRequest("GET", f"{self.settings.api_url}{output.locator}", "fetching a result")
        answer = await self._ask_of_bought(request, partial(self._http.fetch, target=part, counted=counted))
        if answer.status == 404:
            raise Rejected(f"{answer.about}: it is not there", reason="not there", status=404)
        if answer.status != 200:
            raise wire.refusal(answer)


PROVIDER = Retouch4me
