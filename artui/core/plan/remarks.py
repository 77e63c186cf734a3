"""What is worth telling of photos before they are paid for: counted, grouped, and said. Never in the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artui.files import Accepts, Photo
from artui.files.metadata import Keeping
from artui.files.traits import Told, Trait

if TYPE_CHECKING:
    from artui.providers.base import Workflow

_GONE_BY: dict[Keeping, frozenset[Trait]] = {
    Keeping.NONE: frozenset({Trait.COPYRIGHT, Trait.CAPTION, Trait.BARCODE}),
    Keeping.RIGHTS: frozenset({Trait.CAPTION, Trait.BARCODE}),
    Keeping.ALL: frozenset(),
}
_CARRIED = _GONE_BY[Keeping.NONE]

_SAID: dict[Trait, str] = {
    Trait.FRAMES: "{has} several pages or frames: only the first is retouched",
    Trait.SCALED: "will be scaled down by the service",
    Trait.LAYERS: "{has} layers, which are not kept",
    Trait.ALPHA: "{has} an alpha channel: the workflow exports JPEG, which has none",
    Trait.CMYK: "{is} CMYK: the result may be RGB",
    Trait.DEEP: "{has} more than 8 bits a channel: the result may have only 8",
    Trait.PROFILE: "{has} the colour profile {detail}, not sRGB: the result's colours may be others",
    Trait.TURNED: "{is} turned by the EXIF orientation alone: the result may be turned otherwise",
    Trait.MOTION: "{has} a video behind the picture, which is not kept",
    Trait.GAIN_MAP: "{has} an HDR gain map, which is not kept",
    Trait.DEPTH_MAP: "{has} a depth map, which is not kept",
    Trait.AUDIO: "{has} a sound behind the picture, which is not kept",
    Trait.COPYRIGHT: '{carries} a copyright, which results lose: metadata = "keep-rights" keeps it',
    Trait.CAPTION: '{carries} a caption, which results lose: metadata = "keep" keeps it',
    Trait.BARCODE: '{carries} a barcode, which results lose: metadata = "keep" keeps it',
    Trait.NO_PROFILE: "{has} no colour profile: taken for sRGB",
}
"""In this order, what matters most first."""

_VERBS = {"has": "have", "is": "are", "carries": "carry"}


@dataclass(frozen=True, slots=True)
class Remark:
    """So many photos of which the same is worth telling."""

    trait: Trait
    detail: str
    count: int

    @property
    def said(self) -> str:
        """What is worth telling of them, without how many they are."""
        verbs = {one: one if self.count == 1 else several for one, several in _VERBS.items()}
        return _SAID[self.trait].format(detail=self.detail, **verbs)

    def __str__(self) -> str:
        return f"{self.count:,} {self.said}"


@dataclass(frozen=True, slots=True)
class Worth:
    """Where photos are to be sent, as far as it decides what is worth telling of them."""

    accepts: Accepts
    exports_jpeg: bool
    keeping: Keeping

    @classmethod
    def of(cls, accepts: Accepts, workflow: Workflow, keeping: Keeping) -> Worth:
        """What decides it for this workflow and this wish for metadata."""
        targets = (one.settings.get("targetFormat") for one in workflow.components if one.type.casefold() == "export")
        return cls(accepts, any(str(target).upper() in ("JPG", "JPEG") for target in targets), keeping)

    def told(self, photo: Photo) -> list[Told]:
        """What is worth telling of one photo."""
        silent = _CARRIED - _GONE_BY[self.keeping] | (frozenset() if self.exports_jpeg else {Trait.ALPHA})
        told = [one for one in photo.traits if one.trait not in silent]
        return [*told, Told(Trait.SCALED)] if self.accepts.scales_down(photo.width, photo.height) else told

    def remarks(self, photos: Iterable[Photo]) -> Sequence[Remark]:
        """What is worth telling of several, what matters most first."""
        counts = Counter(told for photo in photos for told in self.told(photo))
        order = list(_SAID)
        found = [Remark(told.trait, told.detail, number) for told, number in counts.items()]
        return sorted(found, key=lambda one: (order.index(one.trait), -one.count, one.detail))
