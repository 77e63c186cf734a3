"""AutoRetouch: upload, order, follow and fetch executions of saved workflows; docs/providers/autoretouch.md says why.

Create and retry cost credits and have no idempotency key. What was sent is found again by a label that holds the
purchase's key, in the list of the workflow's executions.
"""

from __future__ import annotations

import json
import logging
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Literal
from urllib.parse import parse_qsl

from pydantic import Field

from artui.credentials import AccessTokens, Secret
from artui.files import Part, Photo, Sending, readable_name
from artui.providers import base
from artui.providers.base import (
    Blocked,
    Call,
    Counted,
    DevicePrompt,
    ExecutionRef,
    ExecutionStatus,
    Identity,
    Incomplete,
    LeftOut,
    Look,
    Organization,
    Output,
    PaidRequest,
    Permit,
    ProviderDeps,
    PurchaseQuery,
    Puzzling,
    Rejected,
    State,
    Transient,
    Uploaded,
    Workflow,
    canonical,
)
from artui.providers.base.misfits import value
from artui.providers.base.wire import bare, number, tell
from artui.providers.http import (
    OBJECT,
    PAGE,
    TEXT,
    Answer,
    Body,
    FilePart,
    HttpProvider,
    HttpRequest,
    ServiceUrl,
    canonical_address,
    json_body,
    multipart_body,
    segment,
)
from artui.providers.http.device import LoginHost
from artui.providers.http.looks import poll_each
from artui.providers.http.signed_in import SignedIn, signed
from artui.providers.services.autoretouch import wire
from artui.providers.services.autoretouch.capabilities import CAPABILITIES
from artui.providers.services.autoretouch.lists import ENTRIES, Read, Reading, look_for, search, whole
from artui.providers.services.autoretouch.places import Places

log = logging.getLogger(__name__)

NEEDED_FOR: Final = 120.0
"""Seconds an access token must still be good for when an upload or a paid request begins."""

_ENDED: Final = (State.DONE, State.FAILED, State.GONE)
_EXECUTIONS: Final = "/v1/workflow/execution"
_NEW_ID: Final = re.compile(r"[A-Za-z0-9_-]{16,200}")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class AutoRetouchSettings(base.Settings):
    """What an AutoRetouch account may set."""

    organization: str = Field(
        default="", description="Organization that pays (empty: the only one there is)",
        examples=["5e0c4c2a-7f3b-4a39-9c41-0d7a3a3f9b11"],
    )  # fmt: skip
    webhooks: tuple[str, ...] = Field(
        default=(), description="Addresses the service calls when a job moves on",
        examples=[["https://example.com/hook"]],
    )  # fmt: skip
    webhook_url: ServiceUrl | Literal[""] = Field(
        default="", description="Public address that leads to artui watch --webhook (empty: not called)",
        examples=["https://studio.example/artui"],
    )  # fmt: skip
    api_url: ServiceUrl = Field(default="https://api.autoretouch.com", description="Address of the service")
    auth_url: ServiceUrl = Field(default="https://auth.autoretouch.com", description="Address of the login host")
    client_id: str = Field(default="V8EkfbxtBi93cAySTVWAecEum4d6pt4J", description="Client id at the login host")
    audience: str = Field(default="https://api.autoretouch.com", description="Audience at the login host")


class AutoRetouch(HttpProvider[AutoRetouchSettings]):
    """One account at AutoRetouch."""

    name = "autoretouch"
    capabilities = CAPABILITIES
    Settings = AutoRetouchSettings

    def __init__(self, settings: AutoRetouchSettings, deps: ProviderDeps) -> None:
        super().__init__(settings, deps)
        self.on_short = tell
        self._host = LoginHost(self._http, settings.auth_url, settings.client_id, settings.audience)
        self._tokens = AccessTokens(deps.vault, deps.account, self._host.refresh)
        self._signed_in = SignedIn(self._tokens)
        self._organization = settings.organization
        self._places: defaultdict[str, Places] = defaultdict(Places)  # by workflow: each has a list of its own

    async def close(self) -> None:
        """Close every connection, once a renewal of the sign-in under way is over."""
        await self._tokens.settle()  # first: a rotated refresh token that nobody stores is lost
        await super().close()

    @property
    def endpoint(self) -> str:
        """The API's address."""
        return canonical_address(self.settings.api_url)

    # Who we are.

    async def identify(self) -> Identity:
        """Check that the sign-in works, and say which organization pays.

        Raises :class:`Rejected` ``organization`` where the settings must name it.
        """
        claims = wire.claims((await self._signed_in.token()).reveal())
        organizations, named = await self._organizations(), self.settings.organization
        # The claim is unchecked, but only one of those listed is taken.
        wanted = organizations[0].id if not named and len(organizations) == 1 else named or claims.get(wire.SELECTED)
        chosen = next((one for one in organizations if one.id == wanted), None)
        if chosen is None:
            choices = "; ".join(f"{one.name} ({one.id})" for one in organizations) or "none"
            what = f"{named} is none of this sign-in's" if named else "it is not clear which organization pays"
            raise Rejected(f"{self.title}: {what}: set organization to one of: {choices}", reason="organization")
        self._organization = chosen.id
        return self._paid_by(Organization(chosen.id, chosen.name, chosen.roles_of(claims.get("sub"))))

    async def who_pays(self) -> Identity:
        """The organization in the settings, else the one of the sign-in that is kept now."""
        if not self.settings.organization and (not self._organization or await self._signed_in.is_another()):
            return await self.identify()
        return self._paid_by(Organization(self._organization, ""))

    def _paid_by(self, organization: Organization) -> Identity:
        return Identity(self._payer_of(organization.id), self.endpoint, organization)

    def _payer_of(self, organization: str) -> str:
        return f"{self.name} {self.endpoint} {organization}"

    async def _asked_for(self) -> str:
        """The organization's id, found out where the settings do not name it."""
        if not self._organization:
            await self.identify()
        return self._organization

    async def organizations(self) -> list[Organization]:
        """All organizations the signed-in person belongs to; ``signed_in_as`` is what their members tell of them."""
        found = await self._organizations()
        person = wire.claims((await self._signed_in.token()).reveal()).get("sub")
        self.signed_in_as = next(filter(None, (one.named(person) for one in found)), "")
        return [Organization(entry.id, entry.name) for entry in found]

    async def _organizations(self) -> list[wire.Organization]:
        doing = "reading the organizations"
        read = self._list("/v1/organization", doing, wire.Page[wire.Organization], {})
        found, _ = await whole(read, "organizations", self._short(doing))
        return found

    async def login(self, prompt: Callable[[DevicePrompt], None]) -> Secret:
        """Sign in with a code confirmed in a browser; returns the refresh token to keep."""
        return await self._host.login(prompt)

    async def revoke(self, secret: Secret) -> None:
        """Tell the login host that this refresh token is no longer to be accepted."""
        await self._host.revoke(secret)

    # What there is.

    async def workflows(self) -> list[Workflow]:
        """All saved workflows, every page; their components without settings."""
        query = {"organization": await self._asked_for()}
        doing = "reading the workflows"
        read = self._list("/v1/workflow", doing, wire.Page[wire.Workflow], query)
        found, unread = await whole(read, "workflows", self._short(doing))
        self.left_out = [LeftOut(entry.id, entry.name, entry.why) for entry in unread]
        return [entry.known() for entry in found]

    async def workflow(self, workflow_id: str) -> Workflow:
        """One workflow with all settings; :class:`Rejected` ``not found`` where there is none."""
        answer = await self._ask("GET", f"/v1/workflow/{segment(workflow_id)}", f"reading the workflow {workflow_id}")
        return answer.read_as(wire.Workflow).known()

    async def balance(self) -> int | None:
        """Credits left; one is about a cent. None where the service refuses to tell, or says what is no balance."""
        organization = await self._asked_for()
        request = HttpRequest(
            "GET",
            f"{self.settings.api_url}/v1/organization/balance",
            "reading the balance",
            {"organization": organization},
        )
        # A role that may run workflows may still be refused the balance (403): no error, only not known.
        answer = await self._signed_in.ask_about(request, partial(self._http.send, most=TEXT, any_status=True))
        if answer.is_not_now:
            answer.raise_unless_final()
        left, self.balance_unknown = wire.balance_in(answer)
        return left

    # The photo.

    async def uploaded(self, photo: Photo) -> Uploaded | None:
        """The photo's reference, where the service says that it has this very content already."""
        request = HttpRequest(
            "HEAD",
            f"{self.settings.api_url}/upload",
            f"looking for {photo.path.name}",
            {"contentHash": photo.digest, "organization": await self._asked_for()},
        )
        try:
            answer = await self._signed_in.ask_about(request, partial(self._http.send, any_status=True))
        except Blocked:
            return None  # whoever refuses this question may take the photo; a sign-in that is over shows there
        # Proxies answer HEAD with 403 or 405: whatever is not 200 means "upload it".
        return Uploaded(photo.digest) if answer.status == 200 else None

    async def upload(self, photo: Photo, name: str, counted: Counted, tag: str = "") -> Uploaded:
        """Send the photo. The reference is whatever the service answers."""
        del tag  # labels go with the order
        size = photo.stamp.size
        file = FilePart("file", name, photo.media_type, size, Sending(photo))
        request = HttpRequest(
            "POST",
            f"{self.settings.api_url}/upload",
            f"uploading {photo.path.name}",
            {"organization": await self._asked_for()},
            body=multipart_body({"filesize": str(size)}, file),
        )
        send = partial(self._http.send, most=TEXT, counted=lambda sent: counted(min(sent, size)))
        answer = await self._signed_in.ask(request, send, NEEDED_FOR)
        reference = bare(answer.text)
        # Opaque: one page of the documents calls the hash Base64, all examples are hex.
        if answer.is_web_page or not reference.isprintable() or not 0 < len(reference) <= 500:
            raise answer.unreadable(f"the photo's hash is {value(answer.text)}")
        return Uploaded(reference)

    # The paid requests.

    def draft(self, order: PaidRequest) -> str:
        """The create request: path, query and body, the same text each time."""
        if not self._organization:
            raise Rejected(
                f"{self.title}: it is not known yet who pays: look at the account first", reason="organization"
            )
        image = {
            "name": readable_name(order.photo.path.name, order.photo.media_type),
            "contentHash": order.uploaded.reference,
            "contentType": order.photo.media_type,
        }
        body: dict[str, Any] = {"image": image, "labels": {**order.labels, wire.LABEL: order.key}}
        webhooks = list(self.settings.webhooks)
        if self.settings.webhook_url and order.webhook_part:
            webhooks.append(f"{self.settings.webhook_url}/{order.webhook_part}")
        if webhooks:
            body["webhooks"] = webhooks
        # The version is pinned: another one may have another price.
        query = {"workflow": order.workflow, "version": order.version, "organization": self._organization}
        return canonical({"path": f"{_EXECUTIONS}/create", "query": query, "body": body})

    def batch_labels(self, batch: str, name: str, created_at: float) -> Mapping[str, str]:
        """The three labels that make executions one order in the web app."""
        return {
            "autoretouch_batch_id": batch,
            "autoretouch_batch_name": name,
            "autoretouch_batch_createdAt": wire.written(created_at),
        }

    async def submit(self, draft: str, photo: Photo, may_send: Permit, counted: Counted) -> str:
        """Send a draft, once."""
        del counted  # the photo lies at the service already
        stored = json.loads(draft)
        doing = f"ordering {photo.path.name}"
        answer = await self._pay(stored["path"], doing, stored["query"], may_send, json_body(canonical(stored["body"])))
        execution = bare(answer.text)
        # 201 and the bare id are documented; 200 or quotes say the same. Anything else may have been carried out.
        if answer.status not in (200, 201) or not _NEW_ID.fullmatch(execution):
            raise answer.in_doubt()
        self._places[stored["query"]["workflow"]].add(execution)  # new executions are listed first
        return execution

    async def retry(self, execution: str, may_send: Permit, counted: Counted) -> str:
        """Have a failed or unpaid execution run again, asked once; mostly under its old id."""
        del counted
        answer = await self._pay(
            f"{_EXECUTIONS}/{segment(execution)}/retry", f"retrying {execution}", {}, may_send, None
        )
        if not 200 <= answer.status < 300 or answer.is_web_page:
            raise answer.in_doubt()
        named = bare(answer.text)
        # The answer to a retry is not documented: another id in it is followed.
        return named if _UUID.fullmatch(named) else execution

    async def rate(self, execution: str, *, good: bool) -> None:
        """Send a thumb, up or down; the service takes no reason."""
        body = json_body(canonical({"thumbsUp": good, "expectedImages": []}))
        url = f"{self.settings.api_url}{_EXECUTIONS}/{segment(execution)}/feedback"
        query = {"organization": await self._asked_for()}
        await self._signed_in.ask(HttpRequest("POST", url, f"rating {execution}", query, body=body), self._http.send)

    async def _pay(
        self, path: str, doing: str, query: Mapping[str, str], may_send: Permit, body: Body | None
    ) -> Answer:
        """Send a paid request once; raise its refusal in the service's own form, return every other answer."""
        try:
            token = await self._signed_in.token(NEEDED_FOR)
            query = query or {"organization": await self._asked_for()}
        except Transient as failure:
            # A sign-in that cannot be renewed now has sent nothing.
            raise Transient(str(failure), retry_after=failure.retry_after, reached=False) from None
        headers = {} if body else {"Content-Type": "application/json"}  # as the official client sends its empty retries
        request = HttpRequest("POST", f"{self.settings.api_url}{path}", doing, query, headers, body=body)
        payer = self._payer_of(query["organization"])
        answer = await self._http.pay(signed(request, token), partial(may_send, payer))
        if not _is_refusal(answer):
            self._signed_in.accepted()
            return answer
        if answer.status == 401:
            await self._signed_in.renew_after(token, answer)
            raise answer.refusal("token expired")
        raise answer.refusal()

    # The executions.

    async def called(self, call: Call) -> str:
        """The execution that a call is about. The names of events differ from those of states, and are not read."""
        content = call.json_object().get("content")
        execution = content.get("id") if isinstance(content, dict) else None
        return execution if isinstance(execution, str) and _NEW_ID.fullmatch(execution) else ""

    async def poll(self, sent: Sequence[ExecutionRef]) -> dict[str, ExecutionStatus]:
        """Look at executions: by the list where many of one workflow are due, one by one else."""
        seen: dict[str, ExecutionStatus] = {}
        failures: list[Transient | Rejected] = []
        due: dict[str, set[str]] = {}
        for one in sent:
            due.setdefault(one.workflow, set()).add(one.execution)
        for workflow, executions in due.items():
            try:
                read = await self._executions(workflow, "looking at the executions", is_bought=True)
                await look_for(executions, read, self._places[workflow], seen)
            except Puzzling:
                continue  # each is asked for by itself
            except (Transient, Rejected) as failure:
                failures.append(failure)
            except Blocked:
                raise
            except Exception:
                log.exception("artui itself failed on a list of executions; each is asked for by itself")
        left = [one for one in sent if one.execution not in seen]
        seen = await poll_each(left, lambda one: self._look(one.execution), seen, failures, puzzles=self.puzzles)
        for one in sent:
            if one.execution in seen and seen[one.execution].state in _ENDED:
                self._places[one.workflow].forget(one.execution)
        return seen

    async def _look(self, execution: str) -> ExecutionStatus:
        try:
            path = f"{_EXECUTIONS}/{segment(execution)}"
            answer = await self._ask("GET", path, f"looking at {execution}", is_bought=True)
        except Rejected as refusal:
            if refusal.status == 404:
                # Unknown, or not this organization's: both are 404.
                return ExecutionStatus(execution, State.GONE, "404", message=str(refusal))
            raise
        progress = answer.read_as(wire.Execution).progress()
        if progress.execution != execution:
            raise answer.unreadable(f"`id` {value(progress.execution)}")
        return progress

    async def download(self, output: Output, execution: str, part: Part, counted: Counted) -> None:
        """Fetch a result by hash and name; where the service does not know that address, by the path it stated, in
        every form that may have.

        Raises :class:`Rejected` ``not there`` where none leads anywhere.
        """
        organization = await self._asked_for()
        doing = f"fetching the result of {execution}"
        for route in wire.routes(output.locator, self.settings.api_url):
            address, _, query = route.partition("?")
            if address.startswith(f"{self.settings.api_url}/"):
                params = {**dict(parse_qsl(query, keep_blank_values=True)), "organization": organization}
                request = HttpRequest("GET", address, doing, params)
                fetch = partial(self._http.fetch, target=part, counted=counted)
                # Every known client fetches results with the access token.
                answer = await self._signed_in.ask_about(request, fetch, is_bought=True)
            else:
                request = HttpRequest("GET", route, doing)
                answer = await self._http.fetch(request, part, named_by=self.settings.api_url, counted=counted)
            if answer.status == 200:
                return
            # A path in another form than the service's own is refused or not found: the next form may be right.
            if answer.status not in (400, 404, 410):
                raise answer.refusal()
        raise Rejected(f"{self.title}: {doing}: it is not there", reason="not there", status=404)

    async def find(self, sought: Sequence[PurchaseQuery]) -> dict[str, Look]:
        """Look for lost purchases by their label, in one reading of each workflow's list."""
        doing = "looking for lost purchases"
        looks: dict[str, Look] = {}
        for workflow in {one.workflow: None for one in sought}:
            group = [one for one in sought if one.workflow == workflow]
            try:
                read = await self._executions(workflow, doing)
            except (Transient, Rejected) as failure:
                looks |= {one.key: Incomplete(str(failure)) for one in group}
            else:
                looks |= await search(group, read, f"{self.title}: {doing}")
        return looks

    async def count_in_batch(self, batch: str) -> int | None:
        """How many executions the service counts in a batch of ours; None where it shows no such batch."""
        answer = await self._ask("GET", "/v1/batch", "counting a batch", {"batchId": batch}, most=PAGE)
        return wire.counted(answer.read_as(wire.Page[wire.Batch]), batch)

    async def listed(self, workflow: str) -> AsyncIterator[Sequence[ExecutionStatus]]:
        """The executions of a workflow in pages, the newest first, to the end of the list."""
        doing = "reading the executions"
        reading = Reading(await self._executions(workflow, doing), f"{self.title}: {doing}")
        async for page in reading.pages():
            yield [entry.progress() for entry in page if isinstance(entry, wire.Execution)]

    # How it is asked.

    async def _ask(
        self, method: str, path: str, doing: str, query: Mapping[str, str] | None = None, most: int = OBJECT, *,
        is_bought: bool = False,
    ) -> Answer:  # fmt: skip
        params = {**(query or {}), "organization": await self._asked_for()}
        request = HttpRequest(method, f"{self.settings.api_url}{path}", doing, params)
        return await self._signed_in.ask(request, partial(self._http.send, most=most), is_bought=is_bought)

    async def _executions(self, workflow: str, doing: str, *, is_bought: bool = False) -> Read[wire.Execution]:
        query = {"workflow": workflow, "organization": await self._asked_for()}
        read = self._list(_EXECUTIONS, doing, wire.Page[wire.Execution], query, is_bought=is_bought)

        async def told(offset: int) -> wire.Page[wire.Execution]:
            page = await read(offset)
            # Before anything is concluded from the page: a copy at work is told first.
            self.on_listed([entry.progress() for entry in page.readable])
            return page

        return told

    def _short(self, doing: str) -> Callable[[str], object]:
        return lambda what: self.on_short(f"{self.title}: {doing}: {what}.")

    def _list(
        self, path: str, doing: str, shape: type[wire.Page[wire.Entry]], query: Mapping[str, str], *,
        is_bought: bool = False,
    ) -> Read[wire.Entry]:  # fmt: skip
        async def read(offset: int) -> wire.Page[wire.Entry]:
            params = {**query, "limit": str(ENTRIES), "offset": str(offset)}
            request = HttpRequest("GET", f"{self.settings.api_url}{path}", doing, params)
            answer = await self._signed_in.ask(request, partial(self._http.send, most=PAGE), is_bought=is_bought)
            return answer.read_as(shape)

        return read


# -------------------------------------------------------------------------------------------------- small conclusions


def _is_refusal(answer: Answer) -> bool:
    """Whether a paid request was refused in the service's own form, so that surely nothing was carried out."""
    refusal = answer.json_object()
    is_own = refusal is not None and number(refusal.get("status")) == answer.status
    if answer.status in (401, 403):
        return is_own or not answer.body.strip()  # 401 and 403 may come without a body; a page of a proxy has one
    # The documented refusals; 409 and 429 stand in no list, and may mean anything.
    return is_own and answer.status in (400, 404, 422)


PROVIDER = AutoRetouch
