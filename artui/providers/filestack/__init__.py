"""Filestack Workflows: store a photo, run a workflow on it, follow the job; docs/providers/filestack.md says why.

A run is a GET that costs and cannot be repeated or looked up: each goes out once, on an upload of its own. Workflows
and their prices stand in the settings, for no call lists them.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from artui.files import Accepts, Part, Photo
from artui.providers.base import (
    Component,
    Counted,
    Identity,
    Limits,
    Order,
    Organization,
    Output,
    Permit,
    Progress,
    ProviderError,
    Rejected,
    Sent,
    State,
    Surroundings,
    Transient,
    Unknown,
    Uploaded,
    Workflow,
    canonical,
)
from artui.providers.filestack.app import KEY_NAME, TITLE, App
from artui.providers.filestack.settings import MINUTES, FilestackSettings, WorkflowSettings
from artui.providers.filestack.uploads import Uploads
from artui.providers.http import PAGE, Answer, HttpProvider, Request, canonical_address, segment
from artui.providers.http.client import in_thread
from artui.providers.http.looks import look_at_each
from artui.providers.http.messages import asked_to_wait
from artui.providers.said import filestack as said


class Filestack(HttpProvider[FilestackSettings]):
    """One app at Filestack."""

    name = "filestack"
    title = TITLE
    key_name = KEY_NAME
    Settings = FilestackSettings
    limits = Limits(
        accepts=Accepts(frozenset({"image/jpeg", "image/png", "image/tiff", "image/webp", "image/gif"})),
        in_flight=20,
        least_gap=2.0,
        keeps_results=172_800,
        fresh_upload=True,
        takes_addresses=True,
        can_find=False,
        can_retry=False,
    )

    def __init__(self, settings: FilestackSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._app = App(settings, surroundings, self._http)
        self._uploads = Uploads(self._app)
        self._workflows = {
            one.id: one.model_copy(update={"title": one.title or key}) for key, one in settings.workflows.items()
        }
        self._jobs: set[str] = set()

    @property
    def endpoint(self) -> str:
        """The address that runs workflows."""
        return canonical_address(self.settings.cdn_url)

    # Who we are, and what there is.

    async def identify(self) -> Identity:
        """Check key and secret, and say which app pays."""
        await self.balance()
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
            said_where = "add [accounts.NAME.workflows.KEY] to config.toml, as config.example.toml shows"
            raise Rejected(f"{self.title}: no workflow is set up yet: {said_where}", reason="no workflows")
        return [_known(one) for one in self._workflows.values()]

    async def workflow(self, workflow_id: str) -> Workflow:
        """One of them; :class:`Rejected` ``not found`` where the settings do not name it."""
        known = self._named(workflow_id)
        if known is None:
            raise Rejected(f"{self.title}: the account's settings name no workflow {workflow_id}", reason="not found")
        return _known(known)

    def _named(self, workflow_id: str) -> WorkflowSettings | None:
        return self._workflows.get(workflow_id.lower())

    async def balance(self) -> int | None:
        """None, for the service tells no balance; but only where it accepts key and secret."""
        await self._app.check()
        return None

    def deadline(self, workflow: str) -> float:
        """Seconds a job of this workflow may take."""
        known = self._named(workflow)
        return 60 * (known.minutes if known else MINUTES)

    # The photo.

    async def upload(self, photo: Photo, name: str, counted: Counted) -> Uploaded:
        """Store the photo, anew each time: whole, or in parts where it is large."""
        return await self._uploads.upload(photo, name, counted)

    async def fetch_address(self, address: str) -> Uploaded:
        """Have the service store what lies at a URL, or at ``src://ALIAS/PATH`` of the app's own storage."""
        return await self._uploads.fetch_address(address)

    # The paid request.

    def draft(self, order: Order) -> str:
        """The run's path without its security, which is signed when it is sent."""
        workflow = self._named(order.workflow)
        if workflow and workflow.accepts and order.photo.media_type not in workflow.accepts:
            what = f"{workflow.title} does not take {order.photo.media_type}, by its settings"
            raise Rejected(f"{order.photo.path.name}: {what}", reason="unsupported")
        run = f"run_workflow=id:{segment(order.workflow)}"
        path = f"/{self.settings.api_key}/{{security}}/{run}/{segment(order.uploaded.reference)}"
        stored = {"path": path, "workflow": order.workflow, "handle": order.uploaded.reference, "key": order.key}
        return canonical(stored)

    async def submit(self, draft: str, photo: Photo, permit: Permit, counted: Counted) -> str:
        """Run a workflow, asked once."""
        del counted  # the photo lies at the service already
        stored = json.loads(draft)
        needed_for = self.deadline(stored["workflow"])
        security = self._app.signer.fresh(await self._app.secret(), self._http.now, needed_for)
        url = f"{self.settings.cdn_url}{stored['path']}"
        request = Request("GET", url, f"ordering {photo.path.name}", hidden={"security": security.in_path})
        began = time.monotonic()
        _, key, *_ = stored["path"].split("/")
        answer = await self._http.pay(request, partial(permit, self._app_pays(key)))
        await self._raise_refusal(answer)
        job = _job_of(answer)
        since = self._http.now - (time.monotonic() - began)
        if not (200 <= answer.status < 300 and job is not None):
            raise answer.in_doubt()
        if job.jobid in self._jobs or not job.is_new(stored["workflow"], stored["handle"], since):
            raise Unknown(f"{answer.about}: the answer names job {job.jobid}, which another run has started")
        self._jobs.add(job.jobid)
        return job.jobid

    async def _raise_refusal(self, answer: Answer) -> None:
        """Raise what a run was refused for, where surely nothing was started."""
        if answer.status == 429 and "filestack-reset" in answer.headers:
            wait = asked_to_wait(answer.headers)
            raise Transient(f"{answer.about}: too many requests", retry_after=wait, reached=False)
        if said.refuses(answer) and answer.status == 404:
            # Without its status, for it means the workflow: a lost upload would be sent again, without end.
            raise Rejected(f"{said.rejected(answer)}: check the workflow's id", reason="not found")
        if said.refuses(answer):
            raise await self._app.refused(answer)

    # The jobs.

    async def poll(self, sent: Sequence[Sent]) -> dict[str, Progress]:
        """Look at jobs, one by one."""
        return await look_at_each(sent, self._look, puzzles=self.puzzles)

    async def _look(self, sent: Sent) -> Progress:
        try:
            answer = await self._status(sent.execution)
        except Rejected as refusal:
            if refusal.status in (400, 404, 410, 422):
                return Progress(sent.execution, State.GONE, str(refusal.status), message=str(refusal))
            raise
        job = answer.read_as(said.Job)
        if job.jobid != sent.execution or not job.status:
            raise answer.unreadable()
        workflow = self._named(sent.workflow)
        tasks, all_results = (workflow.tasks, workflow.all_results) if workflow else ((), False)
        wanted = said.Wanted(tasks, all_results, self._is_ours)
        price = workflow.price if workflow else None
        progress = job.progress(1 if price is None else price, self._http.now, wanted)
        stated = await asyncio.gather(*(self._with_digest(output) for output in progress.outputs))
        return replace(progress, outputs=tuple(stated))

    async def _status(self, execution: str) -> Answer:
        url = f"{self.settings.cdn_url}/{self.settings.api_key}/{{security}}/workflow_status=job_id:"
        request = Request("GET", url + segment(execution), f"looking at {execution}")
        return await self._app.ask(request, most=PAGE, is_bought=True)

    def _is_ours(self, text: str) -> bool:
        """Whether a text is the address of a file at the service."""
        ours = f"{self.settings.cdn_url}/"
        return said.is_vendors(text) or (text.startswith(ours) and said.is_address(text))

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
        if "json" in place:
            content = said.json_of((await self._status(execution)).json_object() or {}, place["json"])
            if content is not None:
                await in_thread(part.write, content)
                counted(len(content))
                return
        for url in self._addresses(place):
            request = await self._app.sealed(Request("GET", url, doing), is_bought=True)
            answer = await self._http.fetch(request, part, named_by=self.settings.cdn_url, counted=counted)
            if answer.status == 200:
                return
            if answer.status != 404 and "wf" not in place:
                raise await self._app.refused(answer)
        raise Rejected(f"{self.title}: {doing}: it is not there", reason="not there", status=404)

    def _addresses(self, place: Mapping[str, Any]) -> Iterator[str]:
        """Where a file may lie. Our security goes nowhere but to the address in the settings."""
        cdn = self.settings.cdn_url
        if "handle" in place:
            yield f"{cdn}/{{security}}/{segment(place['handle'])}"
        elif "wf" in place:
            yield f"{cdn}/{self.settings.api_key}/{{security}}/wf://{place['wf']}"
            yield f"{cdn}/{self.settings.api_key}/wf://{place['wf']}?{{security}}"
        elif str(place.get("url", "")).startswith("https://"):
            yield place["url"].replace("{", "%7B")


# -------------------------------------------------------------------------------------------------- small conclusions


def _known(one: WorkflowSettings) -> Workflow:
    return Workflow(one.id, "", one.title, one.price, tuple(Component("task", task) for task in one.tasks))


def _job_of(answer: Answer) -> said.Job | None:
    try:
        return answer.read_as(said.Job)
    except Transient:
        return None


PROVIDER = Filestack
