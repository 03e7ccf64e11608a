"""Cases of scenes and of the whole film: colours, lengths, backgrounds, and when elements are seen."""

from collections.abc import Iterator

from tests.conformance import checks, material
from tests.conformance.case import GREY, Case, Document, Point, element, image, one, quarters_in, scene, video


def cases() -> Iterator[Case]:
    yield from _scenes()
    yield from _lengths()
    yield from _element_times()
    yield from _footage()
    yield from _backgrounds()


def _counting(**keys: object) -> Document:
    return element("video", material.counting(20), resize="fill", **keys)


def _scenes() -> Iterator[Case]:
    colours = ("#ff0000", "lime", "#00f", "rgba(255, 255, 0, 1)", "#404040ff")
    document = {"scenes": [scene(seconds=0.2, color=colour) for colour in colours]}
    points: list[Point] = [(2 * number, 150, 90, colour) for number, colour in enumerate(("red", "lime", "blue"))]
    yield Case(
        "background-color", document, [*points, (7, 150, 90, "yellow"), (9, 150, 90, "#404040")], compared=(1, 9)
    )
    black = {"scenes": [{"duration": 0.5, "elements": [image(x=20, y=10)]}]}
    yield Case("a scene is black by itself", black, quarters_in(20, 10, 160, 120, outside="black"))
    faint = {"scenes": [scene(color="#ff000080")], "elements": [video(resize="fill")]}
    yield Case("a background half seen through", faint, quarters_in(0, 0, 320, 180, "red #807f00 #80007f #ff7f00"))
    ignored = {"id": "x", "comment": "y", "cache": False}
    said = {"scenes": [{**scene(image(x=20, y=10, **ignored)), **ignored}], **ignored, "client-data": {"z": [1]}}
    yield Case("what is only echoed changes nothing", said, quarters_in(20, 10, 160, 120))


def _lengths() -> Iterator[Case]:
    still, sound = image(x=20, y=10), element("audio", material.sound(440, seconds=0.4))
    lengths = [
        ("of its video", [video(), still], 10),
        ("of its sound", [sound, still], 4),
        ("of what starts late", [video(start=0.5), still], 15),
        ("with extra-time", [video(extra_time=0.5)], 15),
        ("of loops", [video(loop=2)], 30),
        ("of a stated duration", [image(duration=0.7), sound], 7),
        ("less a seek", [_counting(seek=1.5)], 5),
        ("of a still picture", [still], 50),
        ("not of what fills it", [video(duration=-2), sound], 4),
        ("not of an endless loop", [video(loop=-1), image(duration=1.5)], 15),
    ]
    for name, elements, frames in lengths:
        yield Case(
            f"the length {name}", {"scenes": [{"elements": elements}]}, checks=[checks.lasts(frames)], compared=(0,)
        )
    yield Case("a project without scenes", {"elements": [image(x=20, y=10, duration=0.6)]}, checks=[checks.lasts(6)])
    empty = {"scenes": [{}], "elements": [element("audio", material.sound(440, seconds=0.4))]}
    yield Case("an empty scene has the project's length", empty, checks=[checks.lasts(4)], compared=())


def _element_times() -> Iterator[Case]:
    late = one(image(x=20, y=10, start=0.2, duration=0.3), seconds=1)
    shown: list[Point] = [(n, 40, 30, "red" if 2 <= n < 5 else GREY) for n in range(10)]
    yield Case("start and duration", late, shown, compared=(1, 2, 4, 5))
    longer = one(image(x=20, y=10, start=0.2, duration=0.1, extra_time=0.2), seconds=1)
    yield Case("extra-time", longer, shown, compared=(1, 2, 4, 5))
    filling = one(image(x=20, y=10, start=0.2, duration=-2), seconds=1)
    yield Case("a duration of -2 fills", filling, [(1, 40, 30, GREY), (2, 40, 30, "red"), (9, 40, 30, "red")])
    cut = {"scenes": [scene(image(x=20, y=10, duration=9)), scene()]}
    yield Case("a scene cuts what is longer", cut, [(4, 40, 30, "red"), (5, 40, 30, GREY)], [checks.lasts(10)])


def _footage() -> Iterator[Case]:
    yield Case("footage from its beginning", one(_counting(), seconds=1), checks=[checks.counts(range(10))])
    yield Case("seek", one(_counting(seek=0.7), seconds=1), checks=[checks.counts(range(7, 17))])
    yield Case("footage starts late", one(_counting(start=0.3), seconds=1), checks=[checks.counts(range(7), first=3)])
    loop = one(_counting(seek=1.7, loop=2), seconds=0.9)
    yield Case("loop plays again from the seek", loop, checks=[checks.counts([17, 18, 19] * 3)], compared=(0, 4, 8))
    yield Case("loop of the whole", one(element("video", material.counting(4), resize="fill", loop=-1), seconds=1),
               checks=[checks.counts([0, 1, 2, 3, 0, 1, 2, 3, 0, 1])], compared=(1, 5, 9))  # fmt: skip
    once = one(element("video", material.counting(4), resize="fill", loop=1), seconds=1)
    yield Case("a loop ends", once, [(8, 150, 90, GREY)], [checks.counts([0, 1, 2, 3] * 2)], compared=(1, 5, 9))
    held = one(element("video", material.counting(4), resize="fill", extra_time=0.3), seconds=1)
    yield Case("the last picture stays for the extra time", held, [(7, 150, 90, GREY)],
               [checks.counts([0, 1, 2, 3, 3, 3, 3])], compared=(3, 6, 9))  # fmt: skip
    ended = one(element("video", material.counting(4), resize="fill"), seconds=1)
    yield Case("footage ends", ended, [(5, 150, 90, GREY)], [checks.counts(range(4))])
    slow = one(element("video", material.counting(10, fps="5"), resize="fill"), seconds=1)
    yield Case("slower footage", slow, checks=[checks.counts([0, 0, 1, 1, 2, 2, 3, 3])], compared=(0, 5))
    fast = one(element("video", material.counting(40, fps="40"), resize="fill"), seconds=1)
    yield Case("faster footage", fast, checks=[checks.counts([0, 4, 8, 12, 16, 20, 24, 28], off=2)], compared=())
    gif = image(material.blinking_gif(), x=20, y=10)
    blinks: list[Point] = [(n, 50, 40, ("red", "lime", "blue")[n // 2 % 3]) for n in range(10)]
    yield Case("an animated picture plays on", one(gif, seconds=1), blinks, compared=())
    stays = [(n, 50, 40, ("red", "lime", "blue", "blue", "blue")[n // 2]) for n in range(10)]
    yield Case("an animated picture plays once", one({**gif, "loop": 0}, seconds=1), stays, compared=())


def _backgrounds() -> Iterator[Case]:
    short = element("video", material.counting(7))
    scenes = [scene(seconds=0.5, color="transparent"), scene(image(width=40), seconds=1, color="transparent")]
    yield Case("a background loops through all scenes", {"scenes": scenes, "elements": [short]},
               checks=[checks.counts([n % 7 for n in range(15)])], compared=(4, 9, 14))  # fmt: skip
    stated = element("video", material.counting(20), duration=0.4, seek=0.5)
    yield Case("a background's duration is one pass", {"scenes": scenes, "elements": [stated]},
               checks=[checks.counts([5 + n % 4 for n in range(15)])], compared=(4, 9, 14))  # fmt: skip
    late = element("video", material.counting(20), start=0.5)
    yield Case("a background may start late", {"scenes": scenes, "elements": [late]}, [(4, 150, 90, "black")],
               [checks.counts(range(10), first=5)], compared=(4, 9))  # fmt: skip
    unsized = {"resolution": None, "elements": [short]}
    yield Case("a project's first video gives the size", unsized, checks=[checks.size(160, 90)], compared=())
    for name, keys, size in (
        ("odd sides", {"width": 161, "height": 91}, (162, 92)),
        ("width and height win", {"resolution": "hd", "width": 160, "height": 90}, (160, 90)),
        ("a preset", {"resolution": "sd"}, (640, 360)),
    ):
        document = {**one(image(resize="cover"), seconds=0.2), **keys}
        yield Case(f"the size: {name}", document, checks=[checks.size(*size)], compared=(0,))
    places = [(0, 30, 30, "red"), (0, 130, 30, "lime"), (0, 30, 70, "blue"), (0, 130, 70, "yellow")]
    draft = one(image(resize="fill"), draft=True)
    yield Case("a draft has half the sides", draft, places, [checks.size(160, 90), checks.lasts(5)], compared=())
    for format_, codec in (("mp4", "h264"), ("webm", "vp9"), ("gif", "gif")):
        document = one(image(resize="cover", zoom=5), seconds=1, format=format_)
        yield Case(f"format {format_}", document, checks=[checks.codec(codec), checks.lasts(10)], compared=(0, 4, 9))
