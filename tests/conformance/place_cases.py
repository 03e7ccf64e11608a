"""Cases of where pictures lie and how they meet their box, for images and for footage."""

from collections.abc import Iterator
from typing import Any

from PIL import Image, ImageOps

from tests import media
from tests.conformance import material
from tests.conformance.case import GREY, QUARTERS, Case, element, image, one, quarters_in, video

# Keys, then the rectangle in which a picture of 160x120 is seen.
_PLACES: list[tuple[str, dict[str, Any], tuple[int, int, int, int]]] = [
    ("natural size", {"x": 20, "y": 10}, (20, 10, 160, 120)),
    ("no place", {}, (0, 0, 160, 120)),
    ("width", {"x": 20, "y": 10, "width": 80}, (20, 10, 80, 60)),
    ("height", {"x": 20, "y": 10, "height": 60}, (20, 10, 80, 60)),
    ("width and height", {"x": 20, "y": 10, "width": 100, "height": 40}, (20, 10, 100, 40)),
    ("enlarged", {"x": 20, "y": 10, "width": 200}, (20, 10, 200, 150)),
    ("units", {"x": "10%", "y": "10vh", "width": "25vw", "height": "60px"}, (32, 18, 80, 60)),
    ("over the edge", {"x": -40, "y": 100}, (-40, 100, 160, 120)),
    ("custom position", {"x": 20, "y": 10, "position": "custom"}, (20, 10, 160, 120)),
    ("words of a position in the other order", {"width": 80, "position": "right-bottom"}, (240, 120, 80, 60)),
    ("cover", {"resize": "cover"}, (0, -30, 320, 240)),
    ("contain", {"resize": "contain"}, (40, 0, 240, 180)),
    ("fit", {"resize": "fit"}, (40, 0, 240, 180)),
    ("fill", {"resize": "fill"}, (0, 0, 320, 180)),
    ("stretch", {"resize": "stretch"}, (0, 0, 320, 180)),
    ("cover a box", {"resize": "cover", "x": 20, "y": 10, "width": 100, "height": 100}, (20, 10, 100, 100)),
    ("contain in a box", {"resize": "contain", "x": 20, "y": 10, "width": 120, "height": 120}, (20, 24, 120, 90)),
    ("fill a box", {"resize": "fill", "x": 20, "y": 10, "width": 40, "height": 100}, (20, 10, 40, 100)),
    ("contain at a position", {"resize": "contain", "width": 120, "height": 120, "position": "bottom-right"},
     (200, 74, 120, 90)),
    ("crop", {"x": 20, "y": 10, "crop": {"x": 40, "y": 0, "width": 80, "height": 120}}, (20, 10, 80, 120)),
    ("crop in percent", {"x": 20, "y": 10, "crop": {"x": "25%", "y": "25%", "width": "50%", "height": "50%"}},
     (20, 10, 80, 60)),
    ("crop and fill", {"resize": "fill", "crop": {"x": 60, "y": 40, "width": 40, "height": 40}}, (0, 0, 320, 180)),
    ("crop with all that is left", {"x": 20, "y": 10, "crop": {"x": 40, "y": 30, "width": 80}}, (20, 10, 80, 90)),
]  # fmt: skip

_TURNS: list[tuple[str, dict[str, Any], tuple[int, int, int, int], str]] = [
    ("flip-horizontal", {"x": 20, "y": 10, "flip-horizontal": True}, (20, 10, 160, 120), "lime red yellow blue"),
    ("flip-vertical", {"x": 20, "y": 10, "flip-vertical": True}, (20, 10, 160, 120), "blue yellow red lime"),
    ("both flips", {"x": 20, "y": 10, "flip-horizontal": True, "flip-vertical": True}, (20, 10, 160, 120),
     "yellow blue lime red"),
    ("rotate by 90", {"x": 20, "y": 20, "rotate": {"angle": 90}}, (40, 0, 120, 160), "blue red yellow lime"),
    ("rotate by -90", {"x": 20, "y": 20, "rotate": {"angle": -90}}, (40, 0, 120, 160), "lime yellow red blue"),
    ("rotate by 180", {"x": 20, "y": 10, "rotate": {"angle": 180}}, (20, 10, 160, 120), "yellow blue lime red"),
    ("rotate by 360", {"x": 20, "y": 10, "rotate": {"angle": 360}}, (20, 10, 160, 120), QUARTERS),
    ("flip, then rotate", {"x": 20, "y": 20, "flip-horizontal": True, "rotate": {"angle": 90}}, (40, 0, 120, 160),
     "yellow lime blue red"),
]  # fmt: skip


def _crop_is_off_the_middle(name: str) -> bool:
    return name == "crop with all that is left"


def cases() -> Iterator[Case]:
    for name, keys, box in _PLACES:
        for kind, make in (("image", image), ("video", video)):
            points = quarters_in(*box)
            if _crop_is_off_the_middle(name):
                points = [point for point in points if point[3] in ("red", "lime", GREY)]
                points += [(0, 24, 36, "red"), (0, 24, 46, "blue")]
            yield Case(f"{kind}: {name}", one(make(**keys)), points)
    for name, keys, box, colours in _TURNS:
        for kind, make in (("image", image), ("video", video)):
            yield Case(f"{kind}: {name}", one(make(**keys)), quarters_in(*box, colours))
    rows, columns = {"top": 0, "center": 60, "bottom": 120}, {"left": 0, "center": 120, "right": 240}
    for row, y in rows.items():
        for column, x in columns.items():
            document = one(image(width=80, position=f"{row}-{column}"))
            yield Case(f"position {row}-{column}", document, quarters_in(x, y, 80, 60), compared=())
    yield Case("larger than the canvas", one(image(material.quarters(640, 480))), quarters_in(0, 0, 240, 180))
    yield from _kinds()


def _kinds() -> Iterator[Case]:
    """Yield pictures of other kinds, all seen as the same."""
    for mode in ("P", "RGBA"):
        yield Case(f"a picture in {mode}", one(image(material.quarters(mode=mode), x=20, y=10)),
                   quarters_in(20, 10, 160, 120))  # fmt: skip
    yield Case("a grey picture", one(image(material.quarters(mode="L"), x=20, y=10)), [(0, 40, 30, "#4c4c4c")])
    for suffix in (".jpg", ".webp"):
        file = material.quarters(320, 240, suffix=suffix)
        yield Case(f"a picture in {suffix}", one(image(file, x=20, y=10, width=160)), quarters_in(20, 10, 160, 120))
    turned = media.new_file(".jpg")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned to the right
    with Image.open(material.quarters(240, 320)) as upright:
        upright.transpose(Image.Transpose.ROTATE_90).save(turned, exif=exif, quality=95)
    with Image.open(turned) as raw:
        assert ImageOps.exif_transpose(raw).size == (240, 320)
    yield Case("a photograph stands upright", one(image(turned, x=20, y=10, width=120)), quarters_in(20, 10, 120, 160))
    tall = media.new_file(".mp4")
    lying = material.footage(material.quarters())
    media.ffmpeg("-display_rotation", "-90", "-i", lying, "-c", "copy", tall)
    yield Case("footage stands upright", one(element("video", tall, x=20, y=10)),
               quarters_in(20, 10, 120, 160, "blue red yellow lime"))  # fmt: skip
    clear = element("video", material.clear_footage(), x=20, y=10)
    yield Case("footage with alpha", one(clear), [(2, 40, 40, "red"), (2, 130, 40, GREY), (2, 200, 40, GREY)])
