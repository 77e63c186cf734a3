"""AutoRetouch: upload, order, follow and fetch executions of saved workflows; docs/providers/autoretouch.md says why.

Create and retry cost credits and have no idempotency key. What was sent is found again by a label that holds the
purchase's key, in the list of the workflow's executions.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Final, Generic, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from artui.credentials import AccessTokens, CredentialProblem, Secret, SignedOut
from artui.files import Accepts, Part, Photo, Sending, ascii_name
from artui.providers import base
from artui.providers.base import (
    Absent,
    Blocked,
    Cause,
    Component,
    Counted,
    DevicePrompt,
    Found,
    Identity,
    Incomplete,
    Limits,
    Look,
    Order,
    Organization,
    Output,
    Permit,
    Progress,
    Provider,
    Rejected,
    Sent,
    Sought,
    State,
    Surroundings,
    Transient,
    Unknown,
    Uploaded,
    Workflow,
)
from artui.providers.http import (
    OBJECT,
    PAGE,
    TEXT,
    Answer,
    Body,
    Client,
    FilePart,
    Request,
    ServiceUrl,
    json_body,
    multipart_body,
)
from artui.providers.http.device import LoginHost

LABEL: Final = "artui_job"
"""The label that holds a purchase's key."""

ENTRIES: Final = 50
"""Entries asked for per page, the service's own default."""

OVERLAP: Final = 5
"""Entries of a page read again with the next one, so that what is added or taken away meanwhile hides nothing."""

MOST_PAGES: Final = 400
AT_ONCE: Final = 4
"""Details asked for at the same time."""

NEEDED_FOR: Final = 120.0
"""Seconds an access token must still be good for when an upload or a paid request begins."""

_STATES: Final = {
    "CREATED": State.RUNNING,
    "ACTIVE": State.RUNNING,
    "IN_QA": State.IN_QA,
    "PAYMENT_REQUIRED": State.UNPAID,
    "COMPLETED": State.DONE,
    "FAILED": State.FAILED,
}
_SELECTED: Final = "https://autoretouch.com/selectedOrganization"
_EXECUTIONS: Final = "/v1/workflow/execution"
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
_ORDERED_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{7,199}")

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:~|-]{0,199}$")]
Entry = TypeVar("Entry")


# --------------------------------------------------------------------------------------------- as the service says it


class _Said(BaseModel):
    """Something the service says: more keys may come, and most of the known ones may be missing."""

    model_config = ConfigDict(alias_generator=to_camel)


class _Page(_Said, Generic[Entry]):
    entries: list[Entry]
    total: int = Field(ge=0)


class _Member(_Said):
    id: str = ""
    roles: list[str] = []


class _Organization(_Said):
    id: Id
    name: str = ""
    members: list[_Member] = []


class _Component(_Said):
    type: str = ""
    label: str = ""
    settings: dict[str, Any] | None = None


class _Author(_Said):
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None


class _Workflow(_Said):
    id: Id
    version: Id
    name: str = ""
    date: str | None = None
    author: _Author | None = None
    workflow_components: list[_Component] = []
    execution_price: int | None = None

    def known(self) -> Workflow:
        """The workflow in the program's words."""
        author = self.author or _Author()
        names = " ".join(name for name in (author.first_name, author.last_name) if name)
        return Workflow(
            id=self.id,
            version=self.version,
            name=self.name,
            price=self.execution_price,
            components=tuple(Component(c.type, c.label, c.settings or {}) for c in self.workflow_components),
            changed_at=self.date or "",
            author=names or author.email or "",
        )


class _Execution(_Said):
    id: Id
    status: str
    workflow: str = ""
    workflow_version: str = ""
    created_at: str = ""
    finished_at: str | None = None
    input_content_hash: str | None = None
    result_content_hash: str | None = None
    result_content_type: str | None = None
    result_file_name: str | None = None
    result_path: str | None = None
    labels: dict[str, Any] | None = None
    charged_credits: int | None = None

    @property
    def key(self) -> str | None:
        """Our purchase's key, where its label came back."""
        key = (self.labels or {}).get(LABEL)
        return key if isinstance(key, str) else None

    @property
    def created(self) -> datetime | None:
        """When the service made it; None where it does not say so readably."""
        return _moment(self.created_at)

    def progress(self) -> Progress:
        """One look at it. Only a completed execution has outputs, and without any it is not completed."""
        state, word, outputs = _STATES.get(self.status, State.RUNNING), self.status, self._outputs()
        if state is State.DONE and not outputs:
            state, word = State.RUNNING, f"{word}, without a result"
        return Progress(
            execution=self.id,
            state=state,
            word=word,
            charged=self.charged_credits,
            outputs=outputs,
            key=self.key,
            created_at=self.created_at,
            finished_at=self.finished_at or "",
            reference=self.input_content_hash or "",
            workflow=self.workflow,
            version=self.workflow_version,
        )

    def _outputs(self) -> tuple[Output, ...]:
        digest, name, path = self.result_content_hash or "", self.result_file_name or "", self.result_path or ""
        if _STATES.get(self.status) is not State.DONE or not (path or (digest and name)):
            return ()
        return (
            Output(
                locator=json.dumps({"hash": digest, "name": name, "path": path}),
                media_type=self.result_content_type or "",
                digest=digest.lower() if _SHA256.fullmatch(digest) else None,
            ),
        )


def _moment(text: str) -> datetime | None:
    """A time of the service; None where it is not one with a zone, for nothing can be compared with it then."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


# ------------------------------------------------------------------------------------------------------- the provider


class AutoRetouchSettings(base.Settings):
    """What an AutoRetouch account may set."""

    organization: str = Field(default="", description="Organization that pays (empty: the only one there is)")
    webhooks: tuple[str, ...] = Field(default=(), description="Addresses the service calls when a job moves on")
    api_url: ServiceUrl = Field(default="https://api.autoretouch.com", description="Address of the service")
    auth_url: ServiceUrl = Field(default="https://auth.autoretouch.com", description="Address of the login host")
    client_id: str = Field(default="V8EkfbxtBi93cAySTVWAecEum4d6pt4J", description="Client id at the login host")
    audience: str = Field(default="https://api.autoretouch.com", description="Audience at the login host")


class AutoRetouch(Provider[AutoRetouchSettings]):
    """One account at AutoRetouch."""

    name = "autoretouch"
    title = "AutoRetouch"
    Settings = AutoRetouchSettings
    limits: ClassVar[Limits] = Limits(
        accepts=Accepts(
            frozenset({"image/jpeg", "image/png", "image/tiff", "image/webp"}), max_side=10_000, scaled_above=4_096
        ),
        in_flight=1_000,
    )

    def __init__(self, settings: AutoRetouchSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._http = Client(self.title, proxy=surroundings.proxy, ca_file=surroundings.ca_file)
        self._host = LoginHost(self._http, settings.auth_url, settings.client_id, settings.audience)
        self._tokens = AccessTokens(surroundings.vault, surroundings.account, self._host.refresh)
        self._organization = settings.organization
        self._was_unauthorized = False

    async def close(self) -> None:
        """Close every connection, once a renewal of the sign-in under way is over."""
        await self._tokens.settle()
        await self._http.close()

    @property
    def endpoint(self) -> str:
        """The API's address."""
        return self.settings.api_url

    @property
    def service_time(self) -> float | None:
        """The service's clock now, in epoch seconds; None before its first answer."""
        return self._http.service_time

    # Who we are.

    async def identify(self) -> Identity:
        """Check that the sign-in works, and say which organization pays.

        Raises :class:`Rejected` ``organization`` where the settings must name it.
        """
        claims = _claims(await self._token())
        organizations = await self._all("/v1/organization", "reading the organizations", _Organization, {})
        chosen = self._choose(organizations, claims)
        self._organization = chosen.id
        roles = {role for member in chosen.members if member.id == claims.get("sub") for role in member.roles}
        payer = f"{self.name} {self.endpoint} {chosen.id}"
        return Identity(payer, self.endpoint, Organization(chosen.id, chosen.name, ", ".join(sorted(roles))))

    def _choose(self, organizations: Sequence[_Organization], claims: Mapping[str, Any]) -> _Organization:
        named = self.settings.organization
        if not named and len(organizations) == 1:
            return organizations[0]
        for organization in organizations:
            if organization.id == (named or claims.get(_SELECTED)):
                return organization
        choices = "; ".join(f"{one.name} ({one.id})" for one in organizations) or "none"
        what = f"{named} is none of this sign-in's" if named else "it is not clear which organization pays"
        raise Rejected(f"{self.title}: {what}: set organization to one of: {choices}", reason="organization")

    async def _payer(self) -> str:
        """The organization's id, found out where the settings do not name it."""
        if not self._organization:
            await self.identify()
        return self._organization

    async def organizations(self) -> list[Organization]:
        """All organizations the signed-in person belongs to."""
        found = await self._all("/v1/organization", "reading the organizations", _Organization, {})
        return [Organization(entry.id, entry.name) for entry in found]

    async def login(self, prompt: Callable[[DevicePrompt], None]) -> Secret:
        """Sign in with a code confirmed in a browser; returns the refresh token to keep."""
        return await self._host.login(prompt)

    async def revoke(self, secret: Secret) -> None:
        """Tell the login host that this refresh token is no longer to be accepted."""
        await self._host.revoke(secret)

    # What there is.

    async def workflows(self) -> list[Workflow]:
        """All saved workflows, every page; their components without settings."""
        query = {"organization": await self._payer()}
        found = await self._all("/v1/workflow", "reading the workflows", _Workflow, query)
        return [entry.known() for entry in found]

    async def workflow(self, workflow_id: str) -> Workflow:
        """One workflow with all settings; :class:`Rejected` ``not found`` where there is none."""
        answer = await self._ask("GET", f"/v1/workflow/{_segment(workflow_id)}", "reading a workflow")
        return answer.read_as(_Workflow).known()

    async def balance(self) -> int | None:
        """Credits left; one is about a cent."""
        answer = await self._ask("GET", "/v1/organization/balance", "reading the balance", most=TEXT)
        if not re.fullmatch(r"-?\d{1,18}", answer.text.strip()):
            raise answer.unreadable()
        return int(answer.text)

    # The photo.

    async def uploaded(self, photo: Photo) -> Uploaded | None:
        """The photo's reference, where the service has this very content already."""
        try:
            await self._ask("HEAD", "/upload", f"looking for {photo.path.name}", {"contentHash": photo.digest})
        except Rejected as refusal:
            if refusal.status == 404:
                return None
            raise
        return Uploaded(photo.digest)

    async def upload(self, photo: Photo, name: str, counted: Counted) -> Uploaded:
        """Send the photo. The reference is whatever the service answers."""
        size = photo.stamp.size

        def body() -> Body:
            return multipart_body(
                {"filesize": str(size)}, FilePart("file", name, photo.media_type, size, Sending(photo))
            )

        answer = await self._ask(
            "POST",
            "/upload",
            f"uploading {photo.path.name}",
            body=body,
            most=TEXT,
            needed_for=NEEDED_FOR,
            counted=lambda sent: counted(min(sent, size)),
        )
        reference = answer.text.strip()
        if answer.is_web_page or not reference.isprintable() or not 0 < len(reference) <= 500:
            raise answer.unreadable()
        return Uploaded(reference)

    # The paid requests.

    def draft(self, order: Order) -> str:
        """The create request: path, query and body, the same text each time."""
        if not self._organization:
            raise Rejected(f"{self.title}: it is not known yet who pays: look at the account first", reason="organization")
        image = {
            "name": ascii_name(order.photo.path.name, order.photo.media_type),
            "contentHash": order.uploaded.reference,
            "contentType": order.photo.media_type,
        }
        body: dict[str, Any] = {"image": image, "labels": {**order.labels, LABEL: order.key}}
        if self.settings.webhooks:
            body["webhooks"] = list(self.settings.webhooks)
        query = {"workflow": order.workflow, "version": order.version, "organization": self._organization}
        return _canonical({"path": f"{_EXECUTIONS}/create", "query": query, "body": body})

    async def submit(self, draft: str, photo: Photo, permit: Permit, counted: Counted) -> str:
        """Send a draft, once."""
        del counted  # the photo lies at the service already
        stored = json.loads(draft)
        doing = f"ordering {photo.path.name}"
        answer = await self._pay(stored["path"], doing, stored["query"], permit, json_body(_canonical(stored["body"])))
        execution = answer.text.strip().strip('"')
        if answer.status != 201 or not _ORDERED_ID.fullmatch(execution):
            raise Unknown(f"{answer.about}: nobody can tell from the answer (status {answer.status}) what became of it")
        return execution

    async def retry(self, execution: str, permit: Permit, counted: Counted) -> str:
        """Have a failed or unpaid execution run again, asked once; mostly under its old id."""
        del counted
        answer = await self._pay(f"{_EXECUTIONS}/{_segment(execution)}/retry", f"retrying {execution}", {}, permit, None)
        if not 200 <= answer.status < 300 or answer.is_web_page:
            raise Unknown(f"{answer.about}: nobody can tell from the answer (status {answer.status}) what became of it")
        said = answer.text.strip().strip('"')
        return said if _ORDERED_ID.fullmatch(said) and said != execution else execution

    async def _pay(
        self, path: str, doing: str, query: Mapping[str, str], permit: Permit, body: Body | None
    ) -> Answer:
        """Send a paid request and return what is no documented refusal."""
        try:
            token = await self._token(NEEDED_FOR)
            query = query or {"organization": await self._payer()}
        except Transient as failure:
            raise Transient(str(failure), retry_after=failure.retry_after, reached=False) from None
        headers = {} if body else {"Content-Type": "application/json"}
        request = Request("POST", f"{self.endpoint}{path}", doing, query, headers, _bearer(token), body)
        answer = await self._http.pay(request, permit)
        if not _is_refusal(answer):
            self._was_unauthorized = False
            return answer
        if answer.status == 401:
            await self._renew_after_refusal(token, answer)
            raise answer.refusal("token expired")
        raise answer.refusal()

    async def _renew_after_refusal(self, token: Secret, answer: Answer) -> None:
        """Get another token after a paid request was refused for its token; twice in a row it is not the token."""
        if self._was_unauthorized:
            raise Blocked(f"{answer.about}: the sign-in is not accepted: sign in again", cause=Cause.LOGIN)
        self._was_unauthorized = True
        try:
            await self._tokens.rejected(token)
        except (SignedOut, CredentialProblem) as problem:
            raise Blocked(str(problem), cause=Cause.LOGIN) from None
        except (Transient, TimeoutError):
            pass  # the next request asks for a token again

    # The executions.

    async def poll(self, sent: Sequence[Sent]) -> dict[str, Progress]:
        """Look at executions: by the list where many of one workflow are due, one by one else."""
        seen: dict[str, Progress] = {}
        due: dict[str, set[str]] = {}
        for one in sent:
            due.setdefault(one.workflow, set()).add(one.execution)
        for workflow, executions in due.items():
            seen |= await self._listed(workflow, executions)
        slots = asyncio.Semaphore(AT_ONCE)
        left = [self._look(one.execution, slots) for one in sent if one.execution not in seen]
        failures = []
        for look in await asyncio.gather(*left, return_exceptions=True):
            if isinstance(look, Progress):
                seen[look.execution] = look
            else:
                failures.append(look)
        for failure in failures:
            if not seen or not isinstance(failure, Transient | Rejected):
                raise failure
        return seen

    async def _listed(self, workflow: str, due: set[str]) -> dict[str, Progress]:
        """The executions due that the newest pages of the list show, as long as a page saves requests."""
        seen: dict[str, Progress] = {}
        query = {"workflow": workflow, "organization": await self._payer()}
        offset = 0
        while len(due - seen.keys()) >= 3:
            answer = await self._page(_EXECUTIONS, "looking at the executions", query, offset)
            try:
                page = answer.read_as(_Page[_Execution])
            except Transient:
                break  # one entry that nobody understands must not hide the others
            found = [entry.progress() for entry in page.entries if entry.id in due]
            seen |= {progress.execution: progress for progress in found}
            offset += len(page.entries)
            if len(found) < 2 or offset >= page.total:
                break
        return seen

    async def _look(self, execution: str, slots: asyncio.Semaphore) -> Progress:
        async with slots:
            try:
                answer = await self._ask("GET", f"{_EXECUTIONS}/{_segment(execution)}", f"looking at {execution}")
            except Rejected as refusal:
                if refusal.status == 404:
                    return Progress(execution, State.GONE, "404", message=str(refusal))
                raise
        progress = answer.read_as(_Execution).progress()
        if progress.execution != execution:
            raise answer.unreadable()
        return progress

    async def download(self, output: Output, execution: str, part: Part, counted: Counted) -> None:
        """Fetch a result by hash and name; where the service does not know that address, by the path it stated.

        Raises :class:`Rejected` ``not there`` where neither leads anywhere.
        """
        query = {"organization": await self._payer()}
        doing = f"fetching the result of {execution}"
        for route in _routes(output.locator):
            request = Request("GET", f"{self.endpoint}{route}", doing, query)
            fetch = partial(self._http.fetch, write=part.write, is_proven=bool(output.digest), counted=counted)
            answer = await self._signed_in(request, fetch)
            if answer.status == 200:
                return
            if answer.status not in (400, 404):
                raise answer.refusal()
        raise Rejected(f"{self.title}: {doing}: it is not there", reason="not there", status=404)

    async def find(self, sought: Sequence[Sought]) -> dict[str, Look]:
        """Look for lost purchases by their label, in one reading of each workflow's list."""
        looks: dict[str, Look] = {}
        for workflow in {one.workflow: None for one in sought}:
            group = [one for one in sought if one.workflow == workflow]
            try:
                listed = await self._read_list(workflow, [one.mark for one in group])
            except (Transient, Rejected) as failure:
                looks |= {one.key: Incomplete(str(failure)) for one in group}
            else:
                looks |= {one.key: _conclude(one, listed) for one in group}
        return looks

    async def _read_list(self, workflow: str, marks: Sequence[str]) -> list[_Execution]:
        """All executions of a workflow as far back as an hour before the earliest mark, newest first.

        Raises :class:`Transient` where it cannot be told that none is missing.
        """
        doing = "looking for lost orders"
        query = {"workflow": workflow, "organization": await self._payer()}
        far_enough = _an_hour_before(marks)
        seen: dict[str, _Execution] = {}
        offset, total = 0, None
        for _ in range(MOST_PAGES):
            page = (await self._page(_EXECUTIONS, doing, query, offset)).read_as(_Page[_Execution])
            fresh = [entry for entry in page.entries if entry.id not in seen]
            if total not in (None, page.total) or (offset and len(fresh) == len(page.entries)):
                raise Transient(f"{self.title}: {doing}: the list changed while it was read")
            total = page.total
            seen |= {entry.id: entry for entry in fresh}
            if len(seen) >= total or _is_past(page.entries, seen.values(), far_enough):
                return list(seen.values())
            if not fresh:
                break
            offset += max(len(page.entries) - OVERLAP, 1)
        raise Transient(f"{self.title}: {doing}: the list cannot be read to its end")

    # How it is asked.

    async def _ask(
        self,
        method: str,
        path: str,
        doing: str,
        query: Mapping[str, str] | None = None,
        most: int = OBJECT,
    ) -> Answer:
        """An ordinary request in the name of the organization; raises what a refusal is."""
        params = {**(query or {}), "organization": await self._payer()}
        return await self._final(Request(method, f"{self.endpoint}{path}", doing, params), partial(self._http.send, most=most))

    async def _page(self, path: str, doing: str, query: Mapping[str, str], offset: int) -> Answer:
        params = {**query, "limit": str(ENTRIES), "offset": str(offset)}
        return await self._final(Request("GET", f"{self.endpoint}{path}", doing, params), partial(self._http.send, most=PAGE))

    async def _all(self, path: str, doing: str, entry: type[Entry], query: Mapping[str, str]) -> list[Entry]:
        """The entries of all pages, each once."""
        ...

    async def _final(self, request: Request, send: Callable[[Request], Awaitable[Answer]]) -> Answer:
        answer = await self._signed_in(request, send)
        if answer.status >= 400:
            raise answer.refusal()
        return answer

    async def _signed_in(
        self, request: Request, send: Callable[[Request], Awaitable[Answer]], needed_for: float = 0
    ) -> Answer:
        """Send a request with an access token, and once more with a new one where it is refused."""
        token = await self._token(needed_for)
        answer = await send(replace(request, secrets=_bearer(token)))
        if answer.status == 401:
            token = await self._token(refused=token)
            answer = await send(replace(request, secrets=_bearer(token)))
        if answer.status == 401:
            raise Blocked(f"{answer.about}: the sign-in is not accepted: sign in again", cause=Cause.LOGIN)
        return answer

    async def _token(self, needed_for: float = 0, *, refused: Secret | None = None) -> Secret:
        try:
            if refused is not None:
                return await self._tokens.rejected(refused)
            return await self._tokens.get(needed_for)
        except (SignedOut, CredentialProblem) as problem:
            raise Blocked(str(problem), cause=Cause.LOGIN) from None
        except TimeoutError as busy:
            raise Transient(str(busy)) from None


PROVIDER = AutoRetouch
