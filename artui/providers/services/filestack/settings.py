"""What a Filestack account must and may set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from artui.model.offers import MOST_EXPENSIVE
from artui.providers import base
from artui.providers.http import ServiceUrl

MINUTES: Final = 30.0
"""How long a job may take where its workflow's settings do not say."""

_UUID: Final = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


class WorkflowSettings(BaseModel):
    """One workflow, as the account's settings describe it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, StringConstraints(pattern=_UUID, to_lower=True)] = Field(
        description="Its id in the portal", examples=["11111111-2222-4333-8444-555555555555"]
    )
    title: str = Field(default="", description="What it is called here", examples=["Cut out"])
    price: int | None = Field(
        default=None,
        ge=0,
        le=MOST_EXPENSIVE,
        description="What one execution costs, in a unit of your own",
        examples=[4],
    )
    tasks: tuple[str, ...] = Field(default=(), description="Tasks that must leave a result", examples=[["store"]])
    accepts: frozenset[str] = Field(
        default=frozenset(), description="Media types it works on (empty: any picture)", examples=[["image/jpeg"]]
    )
    minutes: float = Field(default=MINUTES, gt=0, le=2880, description="Minutes after which a job is overdue")
    all_results: bool = Field(default=False, description="Keep temporary files even beside stored ones")


class FilestackSettings(base.Settings):
    """What a Filestack account must and may set."""

    api_key: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,100}$")] = Field(
        description="API key of your app, from the developer portal", examples=["AbCdEfGhIjKlMnOpQrStUz"]
    )
    workflows: Mapping[str, WorkflowSettings] = Field(default_factory=dict, description="Workflows, one table each")
    import_addresses: bool = Field(
        default=False, description="Store what --url and --alias name as a file first, so that each execution has one"
    )
    delete_uploads: bool = Field(
        default=False, description="Delete photos stored here by artui once their results are saved"
    )
    multipart_above: float = Field(default=100.0, gt=0, description="Megabytes above which a photo is sent in parts")
    cdn_url: ServiceUrl = Field(default="https://cdn.filestackcontent.com", description="Address for runs and files")
    api_url: ServiceUrl = Field(default="https://www.filestackapi.com/api", description="Address for single uploads")
    upload_url: ServiceUrl = Field(default="https://upload.filestackapi.com", description="Address for large uploads")

    @field_validator("workflows")
    @classmethod
    def _each_once(cls, workflows: Mapping[str, WorkflowSettings]) -> Mapping[str, WorkflowSettings]:
        keys: dict[str, str] = {}
        for key, workflow in workflows.items():
            if (other := keys.setdefault(workflow.id, key)) != key:
                raise ValueError(f"{other} and {key} have the same id: take one of them out")
        return workflows
