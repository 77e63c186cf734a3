"""What stands before the camera in the sample photos: things with a shape, a material and light on them.

Everything is drawn with Pillow alone, at half the size of the canvas, and its light worked out on a still smaller
copy: a thing takes some hundredths of a second.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

SIZE = (1200, 900)
"""The canvas that all places here are told in."""

FLOOR = 770
"""The row that things stand on."""

_HALF = (SIZE[0] // 2, SIZE[1] // 2)
_SMALL = 3  # light is soft: it is worked out on a copy that is smaller still by so much
Colour = tuple[int, int, int]
_Points = Sequence[tuple[float, float]]


def shade(colour: Colour, factor: float) -> Colour:
    """The colour in more light or less."""
    red, green, blue = (max(0, min(255, round(channel * factor))) for channel in colour)
    return red, green, blue


class Subject:
    """A thing that is put together from parts, the lower ones first: its colours, and a mask of where it is."""

    def __init__(self) -> None:
        self.colours = Image.new("RGB", _HALF)
        self.mask = Image.new("L", _HALF)

    def add(self, part: Image.Image, surface: Image.Image | Colour) -> None:
        """Lay a part (a mask) of some surface over what is there."""
        self.colours.paste(surface, mask=part)
        self.mask.paste(255, mask=part)

    def touch(self, part: Image.Image, colour: Colour, strength: float, blur: float = 0.0) -> None:
        """Lay light, shadow or a seam over the thing itself."""
        box = part.getbbox()
        if box is None:
            return
        if blur:
            box = _widened(box, 3 * blur / 2)
            small = part.crop(box).reduce(_SMALL).filter(ImageFilter.GaussianBlur(blur / 2 / _SMALL))
            part = small.resize((box[2] - box[0], box[3] - box[1]), Image.Resampling.BILINEAR)
        else:
            part = part.crop(box)
        seen = ImageChops.multiply(part, self.mask.crop(box))
        self.colours.paste(colour, box, seen.point([round(level * strength) for level in range(256)]))


def _widened(box: tuple[int, int, int, int], margin: float) -> tuple[int, int, int, int]:
    """A box with a margin, so that it can be made smaller evenly."""
    left, top = (int(start - margin) // _SMALL * _SMALL for start in box[:2])
    right, bottom = (-int(-end - margin) // _SMALL * _SMALL + _SMALL for end in box[2:])
    return left, top, right, bottom


def area(points: _Points, *, smooth: bool = True) -> Image.Image:
    """The mask of an area within a curve through these points."""
    return _drawn(lambda pen: pen.polygon(_curve(points) if smooth else list(points), fill=255))


def stroke(points: _Points, width: int) -> Image.Image:
    """The mask of a line through these points."""
    return _drawn(lambda pen: pen.line(_curve(points, closed=False), fill=255, width=width, joint="curve"))


def ellipse(box: tuple[int, int, int, int]) -> Image.Image:
    """The mask of an ellipse."""
    return _drawn(lambda pen: pen.ellipse(box, fill=255))


def _drawn(draw: Callable[[ImageDraw.ImageDraw], object]) -> Image.Image:
    mask = Image.new("L", SIZE)
    draw(ImageDraw.Draw(mask))
    return mask.reduce(2)


def _curve(points: _Points, *, closed: bool = True, steps: int = 10) -> list[tuple[float, float]]:
    """Points of a Catmull-Rom spline."""
    around = [points[-1], *points, points[0], points[1]] if closed else [points[0], *points, points[-1]]
    made = []
    for before, start, end, after in zip(around, around[1:], around[2:], around[3:], strict=False):
        for step in range(steps):
            t = step / steps
            x, y = (
                0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
                       + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
                for p0, p1, p2, p3 in zip(before, start, end, after, strict=True)
            )  # fmt: skip
            made.append((x, y))
    return made if closed else [*made, points[-1]]


def rounded(mask: Image.Image, colour: Colour, depth: float, gloss: float = 0.25) -> Image.Image:
    """The surface of a part that bulges towards the camera, lit by a large lamp from the upper left."""
    box = _widened(mask.getbbox() or (0, 0, 1, 1), depth)
    height = mask.crop(box).reduce(_SMALL).filter(ImageFilter.GaussianBlur(depth / 2 / _SMALL))
    reach = max(1, round(depth / 4 / _SMALL))
    towards, away = (ImageChops.offset(height, at, at) for at in (reach, -reach))
    light = ImageChops.subtract(away, towards, 1.6, 128)
    red, green, blue = (round(channel + (255 - channel) * gloss) for channel in shade(colour, 1.3))
    lit = ImageOps.colorize(light, shade(colour, 0.22), (red, green, blue), colour, 20, 235, 122)
    surface = Image.new("RGB", _HALF, colour)
    surface.paste(lit.resize((box[2] - box[0], box[3] - box[1]), Image.Resampling.BICUBIC), box)
    return surface


def turned(left: int, right: int, profile: Sequence[float], colour: Colour) -> Image.Image:
    """The surface of a round body such as a bottle: how bright it is from its left edge to its right one."""
    strip = Image.new("RGB", (len(profile), 1))
    strip.putdata([shade(colour, level) for level in profile])
    surface = Image.new("RGB", _HALF, shade(colour, profile[-1]))
    surface.paste(strip.resize(((right - left) // 2, _HALF[1]), Image.Resampling.BICUBIC), (left // 2, 0))
    return surface


@functools.cache
def _weave() -> Image.Image:
    """A texture around grey, as cloth and leather have one."""
    return Image.effect_noise(_HALF, 40).filter(ImageFilter.BoxBlur(0.6))


def textured(surface: Image.Image, amount: float) -> Image.Image:
    """A surface with a texture on it."""
    levels = [round(128 + (level - 128) * amount) for level in range(256)]
    return ImageChops.overlay(surface, Image.merge("RGB", [_weave().point(levels)] * 3))


# ------------------------------------------------------------------------------------------------------- the things


def boot(colour: Colour) -> Subject:
    """An ankle boot with an elastic panel, seen from its side."""
    made = Subject()
    upper = area([
        (452, 190), (540, 176), (632, 190), (640, 290), (652, 400), (690, 474), (768, 530), (850, 574), (904, 630),
        (916, 700), (900, 722), (660, 724), (440, 724), (424, 640), (440, 520), (450, 380), (446, 270),
    ])  # fmt: skip
    inside = ellipse((450, 168, 634, 222))
    sole = area([
        (424, 712), (660, 716), (912, 704), (930, 722), (926, 746), (880, 758), (700, 752), (620, 736), (560, 738),
        (552, 768), (430, 768), (420, 740),
    ])  # fmt: skip
    made.add(sole, textured(rounded(sole, (58, 46, 40), 16, 0.1), 0.5))
    made.add(upper, textured(rounded(upper, colour, 64, 0.2), 0.35))
    made.add(inside, rounded(inside, shade(colour, 0.3), 20, 0.0))
    panel = area([(504, 226), (600, 226), (588, 330), (560, 430), (536, 430), (512, 330)])
    made.add(panel, textured(rounded(panel, shade(colour, 0.45), 20, 0.05), 1.0))
    for at in range(514, 596, 9):
        made.touch(stroke([(at, 232), (552 + (at - 552) * 0.35, 424)], 2), (0, 0, 0), 0.35)
    for seam in ([(446, 610), (520, 560), (600, 560), (664, 610), (690, 716)], [(660, 440), (640, 500), (664, 610)]):
        made.touch(stroke(seam, 4), shade(colour, 0.3), 0.7)
        made.touch(stroke([(x + 5, y - 4) for x, y in seam], 2), shade(colour, 1.7), 0.5)
    made.touch(stroke([(700, 520), (790, 566), (856, 606)], 26), shade(colour, 2.2), 0.6, 16)
    made.touch(stroke([(474, 260), (476, 420), (464, 560)], 18), shade(colour, 2.0), 0.5, 14)
    made.touch(stroke([(690, 600), (730, 566), (760, 560)], 5), shade(colour, 0.35), 0.5, 5)
    made.touch(stroke([(676, 566), (716, 536), (742, 534)], 5), shade(colour, 0.35), 0.5, 5)
    return made


def shirt(colour: Colour) -> Subject:
    """A shirt on a tailor's dummy."""
    made = Subject()
    dummy = area([(556, 60), (600, 52), (644, 60), (648, 130), (690, 176), (600, 240), (510, 176), (552, 130)])
    made.add(dummy, rounded(dummy, (186, 156, 116), 34, 0.2))
    back = ellipse((520, 128, 680, 226))
    made.add(back, rounded(back, shade(colour, 0.42), 24, 0.0))
    made.add(dummy_front := area([(548, 80), (652, 80), (648, 150), (634, 196), (566, 196), (552, 150)]),
             rounded(dummy_front, (186, 156, 116), 34, 0.2))  # fmt: skip
    body = area([
        (530, 148), (556, 208), (600, 236), (644, 208), (670, 148), (770, 186), (826, 240), (930, 430), (944, 470),
        (846, 520), (798, 440), (790, 560), (800, 740), (792, 790), (600, 800), (408, 790), (400, 740), (410, 560),
        (402, 440), (354, 520), (256, 470), (270, 430), (374, 240), (430, 186),
    ])  # fmt: skip
    made.add(body, textured(rounded(body, colour, 56, 0.15), 0.6))
    for line in ([(404, 440), (412, 360), (440, 280)], [(796, 440), (788, 360), (760, 280)]):
        made.touch(stroke(line, 10), shade(colour, 0.25), 0.8, 7)
    for line in ([(440, 760), (470, 600), (452, 480)], [(548, 780), (530, 640), (556, 480)],
                 [(690, 780), (672, 620), (700, 470)], [(760, 740), (738, 600), (764, 470)]):  # fmt: skip
        made.touch(stroke(line, 16), shade(colour, 0.3), 0.55, 16)
        made.touch(stroke([(x + 26, y) for x, y in line], 14), shade(colour, 1.8), 0.4, 16)
    collar = stroke([(528, 150), (554, 210), (600, 240), (646, 210), (672, 150)], 18)
    made.add(collar, rounded(collar, shade(colour, 1.08), 8, 0.2))
    made.touch(stroke([(520, 158), (548, 222), (600, 254), (652, 222), (680, 158)], 3), shade(colour, 0.35), 0.6)
    made.touch(stroke([(410, 768), (600, 780), (790, 768)], 3), shade(colour, 0.4), 0.6)
    for cuff in ([(262, 448), (350, 498)], [(938, 448), (850, 498)]):
        made.touch(stroke(cuff, 3), shade(colour, 0.4), 0.6)
    return made


_GLASS = (0.35, 0.8, 1.35, 1.9, 1.1, 0.85, 0.72, 0.66, 0.62, 0.66, 0.8, 0.62, 0.38, 0.3)
_CLAY = (0.55, 0.85, 1.08, 1.14, 1.12, 1.06, 1.0, 0.93, 0.85, 0.76, 0.66, 0.55, 0.46, 0.5)


def bottle(colour: Colour) -> Subject:
    """A glass bottle with a pump cap and a label."""
    made = Subject()
    body = area([
        (560, 300), (552, 330), (500, 360), (482, 420), (482, 730), (492, 764), (530, 774), (670, 774), (708, 764),
        (718, 730), (718, 420), (700, 360), (648, 330), (640, 300),
    ])  # fmt: skip
    made.add(body, turned(478, 722, _GLASS, colour))
    made.touch(area([(484, 700), (716, 700), (712, 770), (488, 770)], smooth=False), shade(colour, 0.3), 0.7, 24)
    cap = area([(548, 170), (652, 170), (656, 306), (544, 306)], smooth=False)
    top = ellipse((548, 158, 652, 182))
    made.add(cap, turned(542, 658, _CLAY, (42, 42, 46)))
    made.add(top, (92, 92, 98))
    made.touch(stroke([(544, 300), (600, 306), (656, 300)], 4), (0, 0, 0), 0.6)
    label = area([(482, 470), (718, 470), (718, 660), (482, 660)], smooth=False)
    made.add(label, textured(turned(478, 722, _CLAY, (214, 196, 160)), 0.4))
    for at, width in ((520, 120), (560, 84), (578, 84), (618, 60)):
        made.touch(stroke([(598 - width / 2, at), (598 + width / 2, at)], 12 if at == 520 else 5), (60, 48, 36), 0.85)
    made.touch(stroke([(520, 384), (520, 460)], 12), (255, 255, 255), 0.75, 6)
    made.touch(stroke([(520, 672), (520, 740)], 12), (255, 255, 255), 0.7, 6)
    made.touch(stroke([(694, 392), (694, 462)], 6), (255, 255, 255), 0.35, 6)
    return made


def mug(colour: Colour) -> Subject:
    """A stoneware mug with a handle and a glazed rim."""
    made = Subject()
    handle = stroke([(744, 430), (850, 440), (880, 540), (836, 640), (736, 666)], 40)
    made.add(handle, rounded(handle, colour, 22, 0.3))
    body = area([
        (424, 351), (426, 430), (430, 560), (440, 680), (450, 730), (470, 760), (510, 776), (690, 776), (730, 760),
        (750, 730), (760, 680), (770, 560), (774, 430), (776, 351),
    ], smooth=False)  # fmt: skip
    made.add(body, textured(turned(422, 778, _CLAY, colour), 0.6))
    made.touch(area([(440, 690), (760, 690), (740, 800), (460, 800)], smooth=False), shade(colour, 0.3), 0.6, 26)
    rim, inside = ellipse((422, 304, 778, 398)), ellipse((438, 314, 762, 388))
    made.add(rim, turned(422, 778, _CLAY[::-1], shade(colour, 1.2)))
    made.add(inside, turned(438, 762, _CLAY[::-1], shade(colour, 0.5)))
    made.touch(ellipse((470, 344, 730, 410)), shade(colour, 0.15), 0.6, 18)
    made.touch(stroke([(506, 430), (510, 560), (520, 670)], 26), (255, 255, 255), 0.45, 18)
    made.touch(stroke([(424, 400), (600, 450), (776, 400)], 3), shade(colour, 0.5), 0.35)
    return made


def bag(colour: Colour) -> Subject:
    """A leather handbag with a flap, a clasp and one handle."""
    made = Subject()
    handle = stroke([(450, 400), (466, 240), (560, 170), (640, 170), (734, 240), (750, 400)], 26)
    made.add(handle, rounded(handle, shade(colour, 0.85), 14, 0.3))
    body = area([
        (396, 392), (380, 480), (352, 680), (356, 750), (400, 774), (600, 778), (800, 774), (844, 750), (848, 680),
        (820, 480), (804, 392), (700, 374), (600, 370), (500, 374),
    ])  # fmt: skip
    made.add(body, textured(rounded(body, colour, 60, 0.3), 0.5))
    flap = area([
        (392, 388), (500, 370), (600, 366), (700, 370), (808, 388), (818, 480), (790, 560), (690, 604), (600, 612),
        (510, 604), (410, 560), (382, 480),
    ])  # fmt: skip
    made.touch(area([(386, 480), (420, 590), (600, 644), (780, 590), (814, 480)]), shade(colour, 0.2), 0.7, 14)
    made.add(flap, textured(rounded(flap, shade(colour, 1.06), 40, 0.35), 0.5))
    made.touch(stroke([(396, 484), (420, 550), (516, 590), (600, 598), (684, 590), (780, 550), (804, 484)], 3),
               shade(colour, 1.8), 0.6)  # fmt: skip
    for at in (450, 750):
        ring = ellipse((at - 22, 378, at + 22, 424))
        made.add(ring, rounded(ring, (196, 160, 88), 10, 0.6))
        made.touch(ellipse((at - 10, 390, at + 10, 412)), shade(colour, 0.4), 0.9)
    clasp = area([(572, 560), (628, 560), (628, 640), (572, 640)], smooth=False)
    made.add(clasp, rounded(clasp, (198, 164, 92), 12, 0.7))
    made.touch(stroke([(590, 574), (590, 626)], 6), (255, 252, 236), 0.8, 4)
    made.touch(stroke([(440, 430), (600, 404), (740, 424)], 24), (255, 250, 240), 0.4, 20)
    return made


def portrait(colour: Colour) -> Subject:
    """A head and shoulders in soft light, and a skin that a retoucher finds something on."""
    made = Subject()
    hair = area([
        (600, 120), (720, 150), (776, 260), (780, 420), (768, 560), (700, 610), (500, 610), (432, 560), (420, 420),
        (424, 260), (480, 150),
    ])  # fmt: skip
    dark = shade(colour, 0.24)
    made.add(hair, textured(rounded(hair, dark, 50, 0.15), 1.4))
    neck = area([(536, 520), (664, 520), (668, 640), (740, 720), (600, 790), (460, 720), (532, 640)])
    made.add(neck, rounded(neck, shade(colour, 0.86), 50, 0.1))
    made.touch(ellipse((520, 540, 680, 680)), shade(colour, 0.35), 0.6, 30)
    torso = area([
        (470, 690), (540, 740), (600, 756), (660, 740), (730, 690), (860, 740), (930, 840), (980, 1100), (220, 1100),
        (270, 840), (340, 740),
    ])  # fmt: skip
    made.add(torso, textured(rounded(torso, (62, 76, 98), 60, 0.1), 0.9))
    face = area([
        (600, 190), (690, 214), (732, 300), (732, 400), (706, 500), (650, 574), (600, 592), (550, 574), (494, 500),
        (468, 400), (468, 300), (510, 214),
    ])  # fmt: skip
    made.add(face, rounded(face, colour, 80, 0.15))
    fringe = area([(470, 330), (476, 230), (560, 160), (690, 176), (734, 270), (734, 330), (700, 250), (600, 226)])
    made.add(fringe, textured(rounded(fringe, dark, 30, 0.15), 1.4))
    rose = (176, 84, 78)
    made.touch(ellipse((490, 440, 560, 500)), rose, 0.3, 24)
    made.touch(ellipse((640, 440, 710, 500)), rose, 0.3, 24)
    for left in (514, 632):
        made.touch(ellipse((left - 8, 350, left + 64, 396)), shade(colour, 0.4), 0.5, 14)
        made.touch(ellipse((left, 362, left + 54, 388)), (240, 234, 226), 0.9)
        made.touch(ellipse((left + 15, 360, left + 41, 388)), (58, 44, 36), 1.0)
        made.touch(ellipse((left + 22, 365, left + 29, 372)), (255, 255, 255), 0.9)
        made.touch(stroke([(left - 4, 372), (left + 26, 358), (left + 58, 370)], 6), dark, 0.9)
        made.touch(stroke([(left - 8, 336), (left + 26, 322), (left + 62, 332)], 9), dark, 0.75, 3)
    made.touch(stroke([(612, 380), (620, 440), (616, 460)], 12), shade(colour, 0.5), 0.4, 10)
    made.touch(stroke([(580, 470), (600, 478), (622, 468)], 7), shade(colour, 0.4), 0.6, 6)
    made.touch(stroke([(592, 300), (594, 450)], 14), (255, 250, 240), 0.35, 16)
    made.touch(area([(552, 520), (588, 508), (600, 513), (612, 508), (648, 520), (600, 544)]), (168, 72, 74), 0.85, 3)
    made.touch(stroke([(552, 521), (600, 525), (648, 521)], 4), (96, 36, 40), 0.7)
    for x, y, wide in ((540, 470, 9), (668, 452, 7), (560, 290, 8), (652, 494, 10), (520, 420, 6), (626, 280, 7)):
        made.touch(ellipse((x, y, x + wide, y + wide)), (150, 66, 58), 0.55, 3)
    return made


Motif = Callable[[Colour], Subject]
