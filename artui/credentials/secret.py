"""A secret value: masked wherever it might be shown, and known to the one function that cleans text of secrets."""

from __future__ import annotations

from typing import NoReturn, Self, SupportsIndex
from urllib.parse import quote
from weakref import WeakValueDictionary

MASK = "[secret]"

_LEAST = 8  # shorter values are common words, and cleaning a text of them would only garble it


class Secret:
    """A value that shows itself only to `reveal`. It cannot be pickled, and compares in constant time."""

    __slots__ = ("__weakref__", "_value")

    def __init__(self, value: str) -> None:
        self._value = value
        _known[id(self)] = self

    def reveal(self) -> str:
        """The value itself, for the one place that sends or stores it."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        from hmac import compare_digest

        return compare_digest(_bytes(self._value), _bytes(other._value))

    def __hash__(self) -> int:
        return hash(self._value)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a secret does not leave its process: hand over the place it is kept in")


def scrub(text: str) -> str:
    """Replace every living secret of this process by ``[secret]``, also where it is quoted as in a URL."""
    values = {secret.reveal() for ref in _known.valuerefs() if (secret := ref()) is not None}
    forms = {form for value in values if len(value) >= _LEAST for form in (value, quote(_bytes(value), safe=""))}
    for form in sorted(forms, key=len, reverse=True):  # a secret inside a longer one would leave the rest of that
        text = text.replace(form, MASK)
    return text


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


# By identity: equal secrets share a hash, and one must not take the other along when it goes.
_known: WeakValueDictionary[int, Secret] = WeakValueDictionary()
