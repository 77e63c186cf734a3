"""Filestack Workflows: store a photo, run a workflow on it, follow the job; docs/providers/filestack.md says why.

A run is a GET that costs and cannot be repeated or looked up: each goes out once, on an upload of its own. Workflows
and their prices stand in the settings, for no call lists them.
"""

from __future__ import annotations

import asyncio
import json
import re
import string
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from artui.files import Part, Photo, can_tell, plain_type
from artui.providers.base import (
    Call,
    Component,
    Counted,
    ExecutionRef,
    ExecutionStatus,
    Identity,
    Organization,
    Output,
    PaidRequest,
    Permit,
    ProviderDeps,
    ProviderError,
    Puzzling,
    Rejected,
    State,
    Transient,
    Unknown,
    Uploaded,
    Workflow,
    canonical,
)
from artui.providers.http import PAGE, Answer, HttpProvider, HttpRequest, canonical_address, segment
from artui.providers.http.answers import read, unfit
from artui.providers.http.flow import in_thread
from artui.providers.http.looks import poll_each
from artui.providers.services.filestack import results, wire
from artui.providers.services.filestack.app import App
from artui.providers.services.filestack.capabilities import CAPABILITIES, TITLE
from artui.providers.services.filestack.settings import MINUTES, FilestackSettings, WorkflowSettings
from artui.providers.services.filestack.uploads import Uploads
from artui.providers.services.filestack.webhook import Signatures

NOT_CHECKED: Final = (
    "Filestack answers alike whether key and secret are right or wrong, so they were not checked: the first photo will"
    " show it."
)

_BLANK: Final = re.compile(r"[\s\x00-\x1f\x7f]")
_PLAIN_IN_URL: Final = "/:@!$&'()*+;=~"
_UNRESERVED: Final = f"{string.ascii_letters}{string.digits}-._"


class Filestack(HttpProvider[FilestackSettings]):
    """One app at Filestack."""

    name = "filestack"
    capabilities = CAPABILITIES
    Settings = FilestackSettings

    def __init__(self, settings: FilestackSettings, deps: ProviderDeps) -> None:
        super().__init__(settings, deps)
        self._app = App(settings, deps, self._http)
        self._uploads = Uploads(self._app)
        self._signatures = Signatures(deps)
        self._workflows = {one.id: (key, one) for key, one in settings.workflows.items()}
        # Started in this life of the engine: an answer that names one again is a cached one.
        self._jobs: set[str] = set()
        self._gave: dict[str, str] = {}

    @property
    def endpoint(self) -> str:
        """The address that runs workflows."""
        return canonical_address(self.settings.cdn_url)

    # Who we are, and what there is.

    async def identify(self) -> Identity:
        """Check key and secret as far as the service tells, and say which app pays."""
        self.not_checked = "" if await self._app.check() else NOT_CHECKED
        return await self.who_pays()

    async def who_pays(self) -> Identity:
        """The app whose key is in the settings; its secret only opens it."""
        key = self.settings.api_key
        return Identity(self._app_pays(key), self.endpoint, Organization(key, f"app {key}"))

    def _app_pays(self, key: str) -> str:
        return f"{self.name} {self.endpoint} {key}"

    async def workflows(self) -> list[Workflow]:
        """The workflows that the settings name; :class:`Rejected` ``no workflows`` where they name none."""
        if not self._workflows:
            said_where = (
                "add [accounts.NAME.workflows.KEY] to config.toml, as the example shows that `artui config init` writes"
            )
            raise Rejected(f"{self.title}: no workflow is set up yet: {said_where}", reason="no workflows")
        return [known_as(key, one) for key, one in self._workflows.values()]

    async def workflow(self, workflow_id: str) -> Workflow:
        """One of them; :class:`Rejected` ``not found`` where the settings do not name it."""
        found = self._workflows.get(workflow_id.lower())
        if found is None:
            raise Rejected(f"{self.title}: the account's settings name no workflow {workflow_id}", reason="not found")
        return known_as(*found)

    def _named(self, workflow_id: str) -> WorkflowSettings | None:
        _, known = self._workflows.get(workflow_id.lower(), ("", None))
        return known

    async def balance(self) -> int | None:
        """None, for the service tells no balance; but only where it does not refuse key and secret."""
        await self._app.check()
        return None

    def deadline(self, workflow: str) -> float:
        """Seconds a job of this workflow may take."""
        known = self._named(workflow)
        return 60 * (known.minutes if known else MINUTES)

    # The photo.

    async def upload(self, photo: Photo, name: str, counted: Counted, tag: str = "") -> Uploaded:
        """Store the photo, anew each time: whole, or in parts where it is large."""
        return await self._uploads.upload(photo, name, counted, tag)

    async def fetch_address(self, address: str) -> Uploaded:
        """Leave what lies at a URL or at ``src://ALIAS/PATH`` to the run, or have it stored as a file first. A file of
        the service's own is known by its handle, as its jobs name it."""
        if self._is_ours(address) and (handle := results.handle_of(None, address)):
            return Uploaded(handle)
        return await self._uploads.fetch_address(address)

    @property
    def removes_uploads(self) -> bool:
        """Whether the account wants that."""
        return self.settings.delete_uploads

    async def remove_upload(self, reference: str) -> None:
        """Delete a stored file."""
        await self._uploads.remove(reference)

    # The paid request.

    def draft(self, order: PaidRequest) -> str:
        """The run's path without its security, which is signed when it is sent."""
        workflow = self._named(order.workflow)
        kind = order.photo.media_type  # none is known of what lies at an address
        if workflow and workflow.accepts and kind and kind not in workflow.accepts:
            what = f"{workflow.title or workflow.id} does not take {kind}, by its settings"
            raise Rejected(f"{order.photo.path.name}: {what}", reason="unsupported")
        run = f"run_workflow=id:{segment(order.workflow)}"
        path = f"/{self.settings.api_key}/{{security}}/{run}/{_source(order.uploaded.reference)}"
        stored = {"path": path, "workflow": order.workflow, "handle": order.uploaded.reference, "key": order.key}
        return canonical(stored)

    async def submit(self, draft: str, photo: Photo, may_send: Permit, counted: Counted) -> str:
        """Run a workflow, asked once."""
        del counted  # the photo lies at the service already
        stored = json.loads(draft)
        needed_for = self.deadline(stored["workflow"])
        # For as long as the job may take: whether the engine checks the policy again meanwhile is not documented.
        security = self._app.signer.fresh(await self._app.secret(), self._app.latest, needed_for)
        url = f"{self.settings.cdn_url}{stored['path']}"
        request = HttpRequest("GET", url, f"ordering {photo.path.name}", hidden={"security": security.in_path})
        began = time.monotonic()
        _, key, *_ = stored["path"].split("/")  # of the very request: the settings may name another app by now
        answer = await self._http.pay(request, partial(may_send, self._app_pays(key)))
        await self._raise_refusal(answer)
        try:
            job: wire.Job | None = read(answer, wire.Job)
        except Transient:
            job = None
        # When it was sent, by the service's clock as its answer has set it.
        since = self._http.now - (time.monotonic() - began)
        if not (200 <= answer.status < 300 and job is not None):
            raise answer.in_doubt()
        # The CDN keeps answers for 30 days, by their address without its security: an earlier run's may come back.
        if job.jobid in self._jobs or not job.is_new(stored["workflow"], stored["handle"], since, self._is_ours):
            raise Unknown(f"{answer.about}: the answer names job {job.jobid}, which another run has started")
        self._jobs.add(job.jobid)
        return job.jobid

    async def _raise_refusal(self, answer: Answer) -> None:
        """Raise what a run was refused for, where surely nothing was started."""
        # The service's own limit says so; any other 429 may follow a run that was made.
        if answer.status == 429 and "filestack-reset" in answer.headers:
            wait = answer.asked_to_wait
            raise Transient(f"{answer.about}: too many requests", retry_after=wait, reached=False)
        if wire.refuses(answer) and answer.status == 404:
            # Without its status, for it means the workflow: a lost upload would be sent again, without end.
            raise Rejected(f"{wire.rejected(answer)}: check the workflow's id", reason="not found")
        if wire.refuses(answer):
            raise await self._app.refused(answer)

    # The jobs.

    async def called(self, call: Call) -> str:
        """The job that a signed call is about, in the envelope of an event or bare."""
        if not await self._signatures.fits(call):
            return ""
        said = call.json_object()
        job = said.get("text", said)
        named = (job.get("jobid") or job.get("job")) if isinstance(job, dict) else None
        return named if isinstance(named, str) else ""

    async def poll(self, sent: Sequence[ExecutionRef]) -> dict[str, ExecutionStatus]:
        """Look at jobs, one by one."""
        return await poll_each(sent, self._look, puzzles=self.puzzles)

    async def _look(self, sent: ExecutionRef) -> ExecutionStatus:
        try:
            answer = await self._status(sent.execution)
        except Rejected as refusal:
            if refusal.status in (400, 404, 410, 422):  # for an unknown or expired job no status is documented
                return ExecutionStatus(sent.execution, State.GONE, str(refusal.status), message=str(refusal))
            if refusal.status < 300:  # an error in a 200: of the question, perhaps, not of the job
                raise Puzzling(str(refusal)) from None
            raise
        job = read(answer, wire.Job)
        if job.jobid.casefold() != sent.execution.casefold():
            raise unfit(answer, "jobid", job.jobid)
        if not job.status:
            raise unfit(answer, "status", (answer.json_object() or {}).get("status"))
        workflow = self._named(sent.workflow)
        tasks, all_results = (workflow.tasks, workflow.all_results) if workflow else ((), False)
        wanted = results.Wanted(tasks, all_results, self._is_ours)
        price = workflow.price if workflow else None
        # No answer tells a charge; without a price one photo counts.
        progress = job.progress(1 if price is None else price, self._http.now, wanted)
        stated = await asyncio.gather(*(self._with_digest(output) for output in progress.outputs))
        return replace(progress, outputs=tuple(stated))

    async def _status(self, execution: str) -> Answer:
        url = f"{self.settings.cdn_url}/{self.settings.api_key}/{{security}}/workflow_status=job_id:"
        request = HttpRequest("GET", url + segment(execution), f"looking at {execution}")
        return await self._app.ask(request, most=PAGE, is_bought=True)

    def _is_ours(self, text: str) -> bool:
        """Whether a text is the address of a file at the service."""
        return results.is_vendors(text) or self._is_set(text)

    def _is_set(self, text: str) -> bool:
        """Whether a text is an address below one of the settings."""
        set_here = (self.settings.cdn_url, self.settings.api_url, self.settings.upload_url)
        return any(text.startswith(f"{one}/") and len(text) > len(one) + 1 for one in set_here) and not _BLANK.search(
            text
        )

    async def _with_digest(self, output: Output) -> Output:
        """A stored file with the digest the service has of it, where it tells."""
        handle = json.loads(output.locator).get("handle")
        try:
            known = await self._app.metadata(handle, "reading what a result is") if handle else None
        except ProviderError:
            return output
        if known is None:
            return output
        digest = known.sha256.lower() if re.fullmatch(r"[0-9a-fA-F]{64}", known.sha256) else None
        return replace(output, digest=digest, size=output.size or known.size or None)

    async def download(self, output: Output, execution: str, part: Part, counted: Counted) -> None:
        """Fetch a file, or write what the status answer says of a task.

        Raises :class:`Rejected` ``not there`` where it has gone.
        """
        place = json.loads(output.locator)
        doing = f"fetching a result of {execution}"
        # Asked for anew: a status is not in the journal, and expires as the files do.
        if "json" in place:
            content = results.json_of((await self._status(execution)).json_object() or {}, place["json"])
            if content is not None:
                await in_thread(part.write, content)
                counted(len(content))
                return
        await self._fetch(list(self._addresses(place)), output, part, counted, doing)

    async def _fetch(self, addresses: Sequence[str], output: Output, part: Part, counted: Counted, doing: str) -> None:
        """Fetch a file from the first address that gives it. The form that gave the last one of its kind is asked
        first, so that where all files are signed, or none, one request fetches each."""
        # Which form a file lies open in, or must be signed in, differs by app and kind of file, and is not documented.
        kind = "/".join(sorted(json.loads(output.locator)))
        ordered = sorted(addresses, key=lambda url: _form(url) != self._gave.get(kind))
        refused: Answer | None = None
        for url in ordered:
            is_last = url == ordered[-1]
            request = await self._app.sealed(HttpRequest("GET", url, doing), is_bought=True)
            target = part if is_last else _Wary(part, output.media_type)
            try:
                answer = await self._http.fetch(request, target, named_by=self.settings.cdn_url, counted=counted)
            except Transient:
                if is_last or part.size:
                    raise
                continue
            if answer.status == 200:
                self._gave[kind] = _form(url)
                return
            if answer.status != 404:  # a refusal says more than a "not found" of another form
                refused = answer
        if refused is None or "wf" in json.loads(output.locator):
            raise Rejected(f"{self.title}: {doing}: it is not there", reason="not there", status=404)
        raise await self._app.refused(refused) if self._is_ours(addresses[-1]) else wire.rejected(refused)

    def _addresses(self, place: Mapping[str, Any]) -> Iterator[str]:
        """Where a file may lie: as it is told, then signed. Our security goes nowhere but to the address in the
        settings, and nobody else is asked for what the service itself has."""
        cdn, key = self.settings.cdn_url, self.settings.api_key
        told = str(place.get("url", "")).replace("{", "%7B")  # braces hold the place of secrets in our addresses
        if results.is_vendors(told):
            told = re.sub("^http:", "https:", told)  # never in clear
        is_known = "handle" in place or "wf" in place
        # Where nothing else is told, what is no public address over https is refused as one when it is asked for.
        if self._is_set(told) or (told and not is_known) or (told.startswith("https://") and results.is_vendors(told)):
            yield told
        if "handle" in place:
            yield f"{cdn}/{{security}}/{segment(place['handle'])}"
        elif "wf" in place:
            yield f"{cdn}/{key}/{{security}}/wf://{place['wf']}"
            yield f"{cdn}/{key}/wf://{place['wf']}?{{security}}"
        elif told.startswith(f"{cdn}/") and "security=" not in told:
            yield f"{cdn}/{key}/{{security}}/{told.removeprefix(f'{cdn}/').removeprefix(f'{key}/')}"
            yield f"{told}{'&' if '?' in told else '?'}{{security}}"


def _form(url: str) -> str:
    """Where an address of a file has our security: in its path, in its query, or nowhere."""
    return "path" if "/{security}/" in url else "query" if "{security}" in url else "none"


class _Wary:
    """A part that takes no words of the service in a picture's place, where the file may still come from elsewhere."""

    def __init__(self, part: Part, media_type: str) -> None:
        self._part = part
        self._may_be_words = bool(media_type) and not can_tell(plain_type(media_type))

    @property
    def is_ended(self) -> bool:
        """Whether the answer said where it ends."""
        return self._part.is_ended

    @is_ended.setter
    def is_ended(self, value: bool) -> None:
        self._part.is_ended = value

    @property
    def host(self) -> str:
        """Who gives the file, where that is not the service itself."""
        return self._part.host

    @host.setter
    def host(self, value: str) -> None:
        self._part.host = value

    def keep(self, data: bytes) -> bool:
        """Take some bytes; raises :class:`Transient` where the file begins as words do."""
        if (
            not (self._part.size or self._may_be_words)
            and data[:64].isascii()
            and data[:64].decode().strip().isprintable()
        ):
            raise Transient(f"{TITLE}: words came in place of a file")
        return self._part.keep(data)

    def flush(self) -> None:
        """Write what is there."""
        self._part.flush()


# -------------------------------------------------------------------------------------------------- small conclusions


def known_as(key: str, one: WorkflowSettings) -> Workflow:
    """A workflow of the settings as it is told of elsewhere."""
    components = tuple(Component("task", task) for task in one.tasks)
    return Workflow(one.id, "", one.title or key, one.price, components, key=key)


def _source(reference: str) -> str:
    """What a run is for, as its address takes it: a handle, or an address as the service documents it. A URL with signs
    that would mean something to the service's own address is one part of it."""
    if reference.startswith("src://"):
        return quote(re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", reference), safe=_PLAIN_IN_URL + "%")
    is_plain = "://" in reference and not set(reference) - set(_UNRESERVED + _PLAIN_IN_URL)
    return reference if is_plain else segment(reference)


PROVIDER = Filestack
