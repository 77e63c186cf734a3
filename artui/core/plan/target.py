"""What photos are sent to: who pays, the workflow at its price, and where results go."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from artui import files
from artui.core.plan.collecting import PlanProblem
from artui.files.metadata import Keeping
from artui.journal import Journal, prices
from artui.model.offers import Balance, Identity, LeftOut, Organization, Workflow

if TYPE_CHECKING:
    from artui.model.capabilities import Limits


@dataclass(frozen=True, slots=True)
class Offer:
    """What photos are sent to: the account, who pays, the workflow at its price now, and what its service takes.

    ``balance`` is what its service said is left, None where it was not asked; ``labels`` go with every job.
    """

    account: str
    provider: str
    identity: Identity
    workflow: Workflow
    limits: Limits
    balance: Balance | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Who pays and the workflow, for JSON; the rest is known without asking, or holds for a moment only."""
        definition = json.loads(self.workflow.document())
        return {"provider": self.provider, "identity": asdict(self.identity), "definition": definition}

    @classmethod
    def from_document(
        cls, account: str, kept: Mapping[str, Any], limits: Limits, balance: Balance | None = None
    ) -> Self:
        """An offer of an account by its document."""
        who = kept["identity"]
        identity = Identity(**{**who, "organization": Organization(**who["organization"])})
        workflow = Workflow.from_document(json.dumps(kept["definition"]))
        return cls(account, kept["provider"], identity, workflow, limits, balance)

    def as_expected(self, journal: Journal) -> Self:
        """The offer at the price that is expected: the service's, or more where a person has accepted a charge."""
        flow, payer = self.workflow, self.identity.payer
        price = journal.read(prices.expected, payer, flow.id, flow.version, flow.price)
        return self if price == flow.price else replace(self, workflow=replace(flow, price=price))


def match_workflow(workflows: Sequence[Workflow], wanted: str, *, beginning: bool = False) -> list[Workflow]:
    """The workflows of this id or key in the settings, else of this name, else of one in another case, else, with
    ``beginning``, that begin so.

    More than one where several are called alike; empty where none is.
    """
    folded = wanted.casefold()
    ways: tuple[Callable[[Workflow], bool], ...] = (
        lambda one: wanted in {one.id, one.key} - {""},  # most workflows have no key: empty is none
        lambda one: one.name == wanted,
        lambda one: folded in {one.name.casefold(), one.key.casefold()} - {""},
        lambda one: beginning and (one.id.startswith(wanted) or one.name.casefold().startswith(folded)),
    )
    return next((found for fits in ways if (found := [one for one in workflows if fits(one)])), [])


def unreadable(workflows: Sequence[Workflow], wanted: str, left_out: Sequence[LeftOut]) -> str:
    """Why the workflow of this id or name cannot be ordered: the service's list has it in a form that cannot be read.

    Empty where another one is meant. One of two of a name may be the other.
    """
    if any(one.id == wanted for one in workflows):
        return ""
    named = [one for one in left_out if wanted and wanted.casefold() in (one.id.casefold(), one.name.casefold())]
    if not named:
        return ""
    return f"The workflow {wanted} cannot be ordered: what the service says of it cannot be read ({named[0].why})."


_EXPORTS = {
    "JPG": "image/jpeg", "JPEG": "image/jpeg", "PNG": "image/png", "TIF": "image/tiff", "TIFF": "image/tiff",
    "WEBP": "image/webp", "PSD": "image/vnd.adobe.photoshop",
}  # fmt: skip


def exports(workflow: Workflow) -> str:
    """The media type of a workflow's results, as far as its steps tell; empty where they do not."""
    targets = [one.settings.get("targetFormat") for one in workflow.components if one.type.casefold() == "export"]
    return _EXPORTS.get(str(targets[-1]).upper(), "") if targets else ""


@dataclass(frozen=True, slots=True)
class Target:
    """Where results go: a folder, and a template for what comes below it; and what of their photos' ``metadata`` they
    get."""

    folder: Path
    template: str
    metadata: Keeping = Keeping.NONE

    @classmethod
    def of(cls, output: str, template: str, metadata: str = Keeping.NONE) -> Target:
        """Split an output folder that may hold ``{…}`` into its fixed beginning and a template for the rest."""
        parts = Path(os.path.abspath(os.path.expanduser(output))).parts  # noqa: PTH100, PTH111 — it need not exist
        fixed = next((place for place, part in enumerate(parts) if "{" in part or "}" in part), len(parts))
        return cls(Path(*parts[:fixed]), "/".join((*parts[fixed:], template)), Keeping(metadata))

    def refuse_loop(self, paths: Iterable[Path], *, recursive: bool) -> None:
        """Raise :class:`PlanProblem` where results would lie among the photos of a folder that was given."""
        for path in paths:
            if not os.path.isdir(path):  # noqa: PTH112 — a name that is too long is a path that leads nowhere
                continue
            place = files.inside(self.folder, path)
            if place is not None and (recursive or place == Path()):
                raise among_photos(self.folder, path)


def among_photos(output: Path, sent: Path) -> PlanProblem:
    """What is said where results would lie among the photos that are sent."""
    return PlanProblem(
        f"the output folder {output} lies in the folder {sent}, whose photos are sent: results would be sent again."
        " Choose another output folder."
    )
