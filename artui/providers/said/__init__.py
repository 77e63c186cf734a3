"""What each service says, as its JSON has it, and what it means in the program's words; nothing here asks anybody."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel


class Said(BaseModel):
    """Something a service says in JSON, its keys in camelCase. Null is the same as nothing."""

    model_config = ConfigDict(alias_generator=to_camel)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, said: object) -> object:
        if isinstance(said, dict):
            return {key: value for key, value in said.items() if value is not None}
        return said


def moment(text: str) -> datetime | None:
    """A time of a service; None where it has no zone or is none, for nothing can be compared with it then."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
