"""One account at one service: its settings and limits, and the calls the journey makes."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from artui.credentials import Secret, Vault
from artui.files import Part, Photo
from artui.model.capabilities import Capabilities
from artui.model.offers import Balance, Identity, LeftOut, Organization, Workflow
from artui.providers.base.errors import Rejected, Transient
from artui.providers.base.exchanged import (
    Call,
    DevicePrompt,
    ExecutionRef,
    ExecutionStatus,
    Incomplete,
    Look,
    Output,
    PaidRequest,
    PurchaseQuery,
    Puzzles,
    Uploaded,
)

log = logging.getLogger(__name__)

Counted = Callable[[int], None]
"""Told the bytes moved so far of one transfer."""

Permit = Callable[[str], Awaitable[None]]
"""Awaited just before the first byte of a paid request leaves, with the payer that this very request names; raises
:class:`NotPermitted` to send nothing."""


class Settings(BaseModel):
    """What every account may set; a provider adds its own. Field descriptions label the sign-in form."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    settle: float = Field(default=90.0, ge=0, description="Seconds before a lost paid request is looked up")
    first_look: float = Field(
        default=10.0,
        gt=0,
        description="Seconds until the first look at jobs of an unknown workflow; one of them is looked at earlier",
    )
    qa_look: float = Field(
        default=60.0, gt=0, description="Seconds between the first looks at a job that a person checks"
    )


@dataclass(frozen=True, slots=True)
class ProviderDeps:
    """What an account's provider gets from the program: its name, its secrets, and the way to the network.

    ``rate`` says how many bytes a second its photos and results may move now, None where there is no bound.
    """

    account: str
    vault: Vault
    proxy: str | None = None
    ca_file: str | None = None
    rate: Callable[[], float | None] | None = None


SettingsT = TypeVar("SettingsT", bound=Settings)


class Provider(ABC, Generic[SettingsT]):
    """One account at one service. Every method may raise :class:`Transient`, :class:`Rejected` or :class:`Blocked`;
    only :meth:`submit` and :meth:`retry` may raise :class:`Unknown`."""

    name: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    Settings: ClassVar[type[Settings]]

    def __init__(self, settings: SettingsT, deps: ProviderDeps) -> None:
        self.settings = settings
        self.deps = deps
        self.limits = self.capabilities.limits
        """What is known without asking, until the service says that it takes less."""
        self.on_listed: Callable[[Sequence[ExecutionStatus]], object] = lambda _: None
        """Told of every page of executions that is read, for whatever purpose."""
        self.on_short: Callable[[str], object] = log.warning
        """Told in a sentence of every list that is shorter here than at the service."""
        self.not_checked = ""
        """What the last :meth:`identify` could not check, in a sentence for a person; empty where nothing."""
        self.signed_in_as = ""
        """Whose sign-in it is, as people know them, by the last :meth:`organizations`; empty where it named nobody."""
        self.puzzles = Puzzles()
        """What looks did not show."""
        self.left_out: list[LeftOut] = []
        """What the last :meth:`workflows` left out."""
        self.balance_unknown = ""
        """Why the last :meth:`balance` was None, in half a sentence with the service as its subject; empty where it was
        told, or where this service counts nothing."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def title(self) -> str:
        """What people call the service."""
        return self.capabilities.title

    @abstractmethod
    async def close(self) -> None:
        """Close every connection."""

    @property
    @abstractmethod
    def endpoint(self) -> str:
        """The address that tells this service (or stand-in) from another, in one spelling: for comparing."""

    @property
    @abstractmethod
    def service_time(self) -> float | None:
        """The service's clock now, as epoch seconds, from its last ``Date``; None before the first answer."""

    @abstractmethod
    async def identify(self) -> Identity:
        """Check that the account can work, and say who pays."""

    @abstractmethod
    async def who_pays(self) -> Identity:
        """Who would pay now, by the settings and by the key as it is kept now.

        The service is asked only where the settings leave it open and the sign-in is another one than before.
        """

    @abstractmethod
    async def workflows(self) -> list[Workflow]:
        """All workflows that can be read, every page; ``left_out`` has the others."""

    @abstractmethod
    async def workflow(self, workflow_id: str) -> Workflow:
        """One workflow with all settings; :class:`Rejected` ``not found`` where there is none."""

    @abstractmethod
    async def balance(self) -> int | None:
        """Credits left; None where the service does not tell, which stops nothing: ``balance_unknown`` says why."""

    async def told_balance(self) -> Balance:
        """The credits left, or why they are not known: no failure to read them is an error, but for a sign-in or a
        quota that is over (:class:`Blocked`)."""
        at = time.time()
        try:
            # `at` is from before: what is bought while the answer travels is not in it.
            return Balance(await self.balance(), self.balance_unknown, at)
        except (Transient, Rejected) as failure:
            return Balance(None, str(failure), at)

    async def uploaded(self, photo: Photo) -> Uploaded | None:
        """The reference of a photo that already lies at the service; None where it does not or cannot be asked."""
        del photo
        return None

    @abstractmethod
    async def upload(self, photo: Photo, name: str, counted: Counted, tag: str = "") -> Uploaded:
        """Bring the photo to the service under the plain ``name``, and with a ``tag`` of the job where such are taken.
        Costs nothing.

        Raises :class:`artui.files.Changed` or ``Gone`` where the file on disk is no longer the one in ``photo``.
        """

    @property
    def removes_uploads(self) -> bool:
        """Whether what :meth:`upload` stored is to be removed once it has served."""
        return False

    async def remove_upload(self, reference: str) -> None:
        """Remove what :meth:`upload` stored; what is gone already is removed. Costs nothing."""
        raise Rejected(f"{self.title} cannot remove {reference}", reason="unsupported")

    async def fetch_address(self, address: str) -> Uploaded:
        """Have the service fetch a photo from a URL or ``src://ALIAS/PATH`` itself, as an upload of its own."""
        raise Rejected(f"{self.title} takes files only, not {address}", reason="unsupported")

    def deadline(self, workflow: str) -> float | None:
        """Seconds after which an execution of this workflow counts as overdue; None leaves it to its usual time."""
        del workflow
        return None

    def keeps_size(self, parameters: str) -> bool:
        """Whether a result should have as many pixels as its photo, by its recipe; False where it need not."""
        del parameters
        return False

    @abstractmethod
    def draft(self, order: PaidRequest) -> str:
        """The exact paid request as text, to be stored before it is sent. No secrets in it."""

    def batch_labels(self, batch: str, name: str, created_at: float) -> Mapping[str, str]:
        """The labels by which the service shows jobs as one batch, made at ``created_at`` in epoch seconds. None by
        default."""
        del batch, name, created_at
        return {}

    @abstractmethod
    async def submit(self, draft: str, photo: Photo, may_send: Permit, counted: Counted) -> str:
        """Send exactly one paid request and return the execution's id.

        Raises :class:`Transient` with ``reached=False`` where no byte was written, :class:`Rejected` or
        :class:`Blocked` for a documented refusal, :class:`NotPermitted`, and :class:`Unknown` for everything else.
        """

    @abstractmethod
    async def poll(self, sent: Sequence[ExecutionRef]) -> dict[str, ExecutionStatus]:
        """Look at executions; those the service could not be asked about now are left out."""

    @abstractmethod
    async def download(self, output: Output, execution: str, part: Part, counted: Counted) -> None:
        """Write one result into ``part``, whole, or raise. Does not finish the part."""

    async def called(self, call: Call) -> str:
        """What a webhook's call is about: an execution, or the key of a purchase; empty where that is not told, or not
        by this service. Nothing else in it is believed."""
        del call
        return ""

    async def find(self, sought: Sequence[PurchaseQuery]) -> dict[str, Look]:
        """Look for purchases whose fate is unknown, all in one reading of the service's list."""
        return {purchase.key: Incomplete(f"{self.title} cannot be searched") for purchase in sought}

    async def count_in_batch(self, batch: str) -> int | None:
        """How many executions the service counts in a batch, by the id in :meth:`batch_labels`; None where it does not
        tell."""
        del batch
        return None

    def listed(self, workflow: str) -> AsyncIterator[Sequence[ExecutionStatus]]:
        """The executions of a workflow in pages, the newest first, to the end of the list, where there is one.

        Raises :class:`Transient` where it cannot be told that none is missing.
        """
        raise Rejected(f"{self.title} has no list of executions of {workflow}", reason="unsupported")

    async def retry(self, execution: str, may_send: Permit, counted: Counted) -> str:
        """Ask the service to run an execution again: one paid request; returns the id to follow."""
        del may_send, counted
        raise Rejected(f"{self.title} cannot run execution {execution} again", reason="unsupported")

    async def rate(self, execution: str, *, good: bool) -> None:
        """Tell the service whether a result is liked. Costs nothing."""
        del good
        raise Rejected(f"{self.title} takes no ratings: none was sent for execution {execution}", reason="unsupported")

    # Signing in: a provider offers the ways it knows.

    async def organizations(self) -> list[Organization]:
        """All organizations the signed-in person may let pay."""
        return []

    async def login(self, prompt: Callable[[DevicePrompt], None]) -> Secret:
        """Sign in with a code confirmed elsewhere; returns the secret to keep. Cancel to give up."""
        del prompt
        raise Rejected(f"{self.title} has no sign-in by code: paste a key", reason="unsupported")

    async def revoke(self, secret: Secret) -> None:
        """Tell the service that ``secret`` is no longer to be accepted."""
        del secret
