"""Filestack's processing host: which call it is follows from the tasks of the address."""

from __future__ import annotations

import time

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from artui.sim import imaging
from artui.sim.filestack.address import Address
from artui.sim.filestack.host import Host, json_of, too_many
from artui.sim.filestack.security import Credentials
from artui.sim.filestack.uploads import workflows_of


class Processing(Host):
    """Runs, looks at jobs, files by handle, and imports."""

    async def run(self, request: Request) -> Response:
        """Start a job on a handle, a URL or an alias: a new one each time."""
        asked = _asked(request)
        self._check(asked, _in_task(asked), {"runWorkflow", "convert"})
        workflow = asked.tasks["run_workflow"].get("id", "")
        if workflow not in self.room.workflows:
            raise HTTPException(404, "no such workflow")
        file = await self.source(asked)
        job = self.room.run(workflow, asked.source, file.digest, file.name)
        if self.room.options.answer == "null error":
            return JSONResponse({"error": None})
        if self.room.options.answer == "turned away":
            return too_many(time.time() + 1)
        return JSONResponse(await self.room.document(job, started=True))

    async def status(self, request: Request) -> Response:
        """A job as it stands now."""
        asked = _asked(request)
        self._check(asked, _in_task(asked), set(), needs_key=True)
        job = self.room.jobs.get(asked.tasks["workflow_status"].get("job_id", ""))
        if job is None:
            raise HTTPException(self.room.options.unknown_job, "no such job")
        return JSONResponse(await self.room.document(job))

    async def download(self, request: Request) -> Response:
        """A stored file by its handle, or a temporary one by its job."""
        asked = _asked(request)
        given = _in_task(asked) or Credentials.among(request.query_params)
        self._check(asked, given, {"read"})
        if asked.source.startswith("wf://"):
            digest = self.room.temporary(asked.source.removeprefix("wf://"))
            if digest is None:
                raise HTTPException(404, "the job or its result is gone")
            content = await self.room.content(digest)
            return Response(content, media_type=imaging.content_type(content))
        return await self.bytes_of(self.find(asked.source))

    async def metadata(self, request: Request) -> Response:
        """What is known of a file, at this host."""
        asked = _asked(request)
        handle = asked.source.removesuffix("/metadata")
        given = _in_task(asked) or Credentials.among(request.query_params)
        self._check(Address(asked.key, asked.tasks, handle), given, {"stat"})
        return await self.known_of(request, handle)

    async def describe(self, request: Request) -> Response:
        """What a picture shows, as JSON."""
        asked = _asked(request)
        self._check(asked, _in_task(asked), {"convert"})
        self.find(asked.source)
        tags = {"tags": {"auto": {"product": 91}, "user": None}}
        return JSONResponse({"sfw": True} if "sfw" in asked.tasks else {"text": ""} if "ocr" in asked.tasks else tags)

    async def restore(self, request: Request) -> Response:
        """Store a copy of a file, and start workflows on it."""
        asked = _asked(request)
        # The Python SDK signs no call of this kind; a policy that is there must be right.
        if given := _in_task(asked):
            self._check(asked, given, {"store"})
        file, wanted = self.find(asked.source), asked.tasks["store"]
        copy = await self.room.keep(
            await self.room.content(file.digest), wanted.get("filename", file.name), file.media_type
        )
        listed = wanted.get("workflows", "").strip("[]").split(",")
        started = self.begin([one for one in listed if one], copy)
        return JSONResponse(self.room.described(copy) | {"handle": copy.handle} | started)

    async def process(self, request: Request) -> Response:
        """Import what lies at an address and store it."""
        said = await json_of(request)
        tasks = {task.get("name"): task.get("params") or {} for task in said.get("tasks") or []}
        asked = Address(str(said.get("apikey", "")), {}, "")
        self._check(asked, Credentials.among(tasks.get("security", {})), {"pick", "store"}, needs_key=True)
        sources = said.get("sources")
        if not isinstance(sources, list) or not sources or "store" not in tasks:
            raise HTTPException(400, "invalid params")
        asked.source = str(sources[0])
        file = await self.source(asked)
        copy = await self.room.keep(await self.room.content(file.digest), file.name, file.media_type)
        return JSONResponse(
            self.room.described(copy) | {"handle": copy.handle} | self.begin(workflows_of(tasks["store"]), copy)
        )

    def _check(self, asked: Address, given: Credentials, calls: set[str], *, needs_key: bool = False) -> None:
        """Whether a call of the processing host may be made."""
        if asked.key != self.room.key and (asked.key or needs_key or asked.source.startswith(("http", "src:"))):
            raise HTTPException(401, "the API key is missing or unknown")
        handle = asked.source if asked.source in self.room.files else None
        self.allowed(given, calls, handle)


def _asked(request: Request) -> Address:
    asked: Address = request.state.asked
    return asked


def _in_task(asked: Address) -> Credentials:
    return Credentials.among(asked.tasks.get("security", {}))
