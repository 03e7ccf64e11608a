"""Random documents near the format, over tiny media of every kind; the same seed gives the same document."""

import random
from typing import Any

from PIL import Image, ImageDraw

from media_services.movie.document import Pan, Resize
from media_services.movie.settings import SubtitleStyle, TransitionStyle
from tests import media

_COLOURS = ["#203040", "red", "rgba(10, 200, 30, 0.5)", "#fff", "transparent", "#00b14080"]
_TEXTS = [
    "Hello, world",
    "مرحبا بالعالم",
    "שלום",
    "{\\fs200}",
    "a\nb\n\nc",
    "👍🏽",
    "",
    "x" * 300,
    "今日は、いい天気。",
]
_FAMILIES = ["DejaVu Sans", "Montserrat", "Anton", "Nowhere Sans"]
_CAPTIONS = (
    "1\n00:00:00,000 --> 00:00:00,400\nHello <b>big</b> {\\an8}world\n\n2\n00:00:00,300 --> 00:00:01,000\nagain\n"
)
_PLACES = ["top-left", "center-center", "bottom-right", "custom", "right", "top"]


def moving_picture(suffix: str) -> Any:
    """Return a small animation with transparency."""
    frames = []
    for number in range(4):
        frame = Image.new("RGBA", (40, 30))
        ImageDraw.Draw(frame).ellipse((number * 6, 4, number * 6 + 18, 24), fill=(255, 160, 0, 255))
        frames.append(frame)
    file = media.new_file(suffix)
    frames[0].save(file, save_all=True, append_images=frames[1:], duration=70, loop=0, disposal=2)
    return file


class Documents:
    """Makes documents by chance."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.images = [media.picture(), media.picture(width=301, height=99, color="lime", suffix=".jpg")]
        self.images += [moving_picture(".gif"), moving_picture(".webp"), moving_picture(".png")]
        clip = media.video(duration_s=0.8, fps="25")
        self.videos = [clip, media.video(size="98x50", duration_s=0.6, fps="30000/1001", sound=False)]
        alpha = ["-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-an", "-vf", "format=yuva420p,colorchannelmixer=aa=0.5"]
        self.videos += [media.converted(clip, ".webm", *alpha), media.converted(clip, ".mkv", "-c", "copy")]
        tone = media.tone(duration_s=0.7)
        self.sounds = [tone, media.converted(tone, ".mp3", "-ar", "22050"), media.converted(tone, ".flac", "-ac", "6")]

    def maybe(self, share: float = 0.3) -> bool:
        return self.chance.random() < share

    def number(self, *usual: float) -> Any:
        """Return a usual number mostly, else one at the edges of what may be."""
        return self.chance.choice(usual) if self.maybe(0.9) else self.chance.choice([0, -1, -2, 1e9, 1e-9, "7", None])

    def document(self) -> dict[str, Any]:
        """Return a document of a film of a few seconds at most."""
        film: dict[str, Any] = {
            "width": self.chance.choice([96, 121, 160]),
            "height": self.chance.choice([54, 90, 97]),
            "fps": self.chance.choice([5, 10, 12.5, 23.976, 29.97]),
            "scenes": [self.scene() for _ in range(self.chance.choice([0, 1, 1, 2, 3, 4]))],
            "elements": [self.element() for _ in range(self.chance.choice([0, 0, 1, 2]))],
        }
        if self.maybe(0.2):
            film["format"] = self.chance.choice(["webm", "gif"])
        if self.maybe(0.15):
            film["draft"] = True
        return film

    def scene(self) -> dict[str, Any]:
        scene: dict[str, Any] = {
            "duration": self.chance.choice([-1, 0.2, 0.5, 0.713]),
            "elements": [self.element() for _ in range(self.chance.choice([0, 1, 2, 3, 5]))],
        }
        if self.maybe():
            scene["background-color"] = self.chance.choice(_COLOURS)
        if self.maybe(0.4):
            style = self.chance.choice(list(TransitionStyle)).value
            scene["transition"] = {"style": style, "duration": self.number(0.1, 0.3, 5)}
        return scene

    def element(self) -> dict[str, Any]:
        kind = self.chance.choice(["image", "image", "video", "audio", "text", "subtitles"])
        element: dict[str, Any] = {"type": kind}
        keys = {"start": (0.1, 0.4), "duration": (0.2, 0.5, -1, -2), "extra-time": (0.1,), "z-index": (-3, 5),
                "fade-in": (0.1, 1), "fade-out": (0.1, 1)}  # fmt: skip
        element |= {key: self.number(*usual) for key, usual in keys.items() if self.maybe(0.2)}
        if kind in ("image", "video", "audio"):
            files = {"image": self.images, "video": self.videos, "audio": self.sounds}[kind]
            element["src"] = str(self.chance.choice(files))
        if kind in ("video", "audio"):
            keys = {"seek": (0.1, 0.3), "volume": (0.5, 2), "loop": (-1, 2), "muted": (0, 1)}
            element |= {key: self.number(*usual) for key, usual in keys.items() if self.maybe(0.2)}
        if kind in ("image", "video", "text"):
            element |= self.place() | self.look()
        if kind == "text":
            element |= {"text": self.chance.choice(_TEXTS), "settings": self.typography()}
        if kind == "subtitles":
            style = self.chance.choice(list(SubtitleStyle)).value
            element |= {"captions": _CAPTIONS, "settings": {"style": style, "font-size": self.number(12, 30)}}
        return element

    def place(self) -> dict[str, Any]:
        lengths = {"x": (-20, 11, "10%"), "y": (7, "5vh"), "width": (33, "50%", 500), "height": (21, 64)}
        place = {key: self.number(*usual) for key, usual in lengths.items() if self.maybe()}  # type: ignore[arg-type]
        if self.maybe():
            place["position"] = self.chance.choice(_PLACES)
        if self.maybe():
            place["resize"] = self.chance.choice(list(Resize)).value
        if self.maybe(0.15):
            place["crop"] = {"x": self.number(3, 20), "width": self.number(5, 30)}
        return place

    def look(self) -> dict[str, Any]:
        made = {
            "rotate": lambda: {"angle": self.number(30, 90, -200), "speed": self.number(0, 0.3)},
            "flip-horizontal": lambda: True,
            "flip-vertical": lambda: True,
            "opacity": lambda: self.number(0.5, 0.01),
            "zoom": lambda: self.number(1, -4, 10),
            "pan": lambda: self.chance.choice(list(Pan)).value,
            "pan-distance": lambda: self.number(0.1, 0.5),
            "pan-crop": lambda: self.maybe(0.5),
            "correction": lambda: {"brightness": self.number(0.2, -1), "saturation": self.number(0, 3)},
            "chroma-key": lambda: {"color": self.chance.choice(_COLOURS), "tolerance": self.number(25, 100)},
        }
        return {key: make() for key, make in made.items() if self.maybe(0.15)}

    def typography(self) -> dict[str, Any]:
        made = {
            "font-family": lambda: self.chance.choice(_FAMILIES),
            "font-size": lambda: self.number(10, 200),
            "font-weight": lambda: self.chance.choice([400, 700, "bold", "900"]),
            "text-align": lambda: self.chance.choice(["left", "right", "justify"]),
            "outline-width": lambda: self.number(1, 8),
            "shadow-offset": lambda: self.number(2),
            "background-color": lambda: self.chance.choice(_COLOURS),
            "padding": lambda: self.number(4, 60),
            "letter-spacing": lambda: self.number(3, -2),
        }
        return {key: make() for key, make in made.items() if self.maybe()}
