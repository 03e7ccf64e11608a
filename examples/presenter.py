"""A drawn presenter before a green screen, who speaks: her mouth opens as the sound is loud."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from drawing import Floats, curve, oval
from moving import encode
from PIL import Image, ImageDraw

GREEN = "#00b140"
FPS = 25
SIZE_PX = (600, 720)
_FINER = 2
_SKIN, _SKIN_SHADE, _HAIR, _HAIR_LIGHT = "#f2b594", "#dd9878", "#4b2a35", "#6d3d48"
_JACKET, _JACKET_SHADE, _SHIRT, _LIPS = "#3b4a8c", "#2a3670", "#fff6ec", "#b8434f"


@dataclass(frozen=True)
class Pose:
    """How she stands at a moment: the mouth from 0 to 1, eyes shut or not, the lean and the hand's lift."""

    mouth: float
    blinks: bool
    lean: float
    lift: float


def presenter(speech: Path, path: Path) -> None:
    """Save the presenter speaking a sound, with it."""
    drawn_px = (SIZE_PX[0] * _FINER, SIZE_PX[1] * _FINER)
    frames = (draw(pose) for pose in poses(loudness(speech)))
    encode(path, frames, drawn_px=drawn_px, size_px=SIZE_PX, fps=FPS, crf=18, sound=speech)


def loudness(speech: Path) -> Floats:
    """Return how loud a sound is in each frame, from 0 to 1."""
    with av.open(str(speech)) as container:
        rate = container.streams.audio[0].rate
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=rate)
        parts = [part.to_ndarray()[0] for sound in container.decode(audio=0) for part in resampler.resample(sound)]
    samples = np.concatenate(parts)
    step = rate // FPS
    frames = samples[: len(samples) // step * step].reshape(-1, step)
    levels = np.sqrt((frames**2).mean(axis=1))
    return np.asarray(np.clip(levels / np.quantile(levels, 0.95), 0, 1), float)


def poses(levels: Floats) -> Iterator[Pose]:
    """Yield a pose for each frame; she ends as she began, so that one clip can follow another."""
    smooth = np.convolve(levels, [0.25, 0.5, 0.25], "same")
    for number, mouth in enumerate(smooth):
        through = number / max(len(smooth) - 1, 1)
        sway = np.sin(2 * np.pi * 2 * through)
        lift = np.clip(np.sin(np.pi * through) * 1.4, 0, 1) * (0.8 + 0.2 * np.sin(2 * np.pi * 5 * through))
        yield Pose(float(mouth), number % 58 in (20, 21, 22), float(4 * sway), float(lift))


def draw(pose: Pose) -> bytes:
    """Return a frame, twice as large as it will be."""
    image = Image.new("RGB", (SIZE_PX[0] * _FINER, SIZE_PX[1] * _FINER), GREEN)
    figure = Figure(ImageDraw.Draw(image), pose)
    figure.hair_behind()
    figure.body()
    figure.face()
    figure.arm()
    return image.tobytes()


class Figure:
    """The parts of the presenter, in pixels of the finished clip."""

    def __init__(self, pen: ImageDraw.ImageDraw, pose: Pose) -> None:
        self._pen, self._pose = pen, pose

    def fill(self, outline: list[tuple[float, float]], colour: str, *, moves: float = 1.0) -> None:
        """Fill a polygon; what leans with the head moves more than what leans with the body."""
        shift = self._pose.lean * moves
        self._pen.polygon([((x + shift) * _FINER, y * _FINER) for x, y in outline], colour)

    def hair_behind(self) -> None:
        self.fill(oval(300, 235, 132, 150), _HAIR, moves=1.4)
        self.fill([(170, 240), (430, 240), (442, 395), (395, 420), (205, 420), (158, 395)], _HAIR, moves=1.3)

    def body(self) -> None:
        shoulders = [*curve((90, 720), (90, 470), (235, 440)), *curve((365, 440), (510, 470), (510, 720))]
        self.fill(shoulders, _JACKET, moves=0.6)
        self.fill([(235, 440), (300, 600), (365, 440), (340, 425), (260, 425)], _SHIRT, moves=0.6)
        self.fill([(255, 360), (345, 360), (350, 440), (300, 490), (250, 440)], _SKIN_SHADE, moves=0.9)
        self.fill([(232, 436), (200, 470), (238, 520), (222, 540), (300, 720), (300, 610)], _JACKET_SHADE, moves=0.6)
        self.fill([(368, 436), (400, 470), (362, 520), (378, 540), (300, 720), (300, 610)], _JACKET_SHADE, moves=0.6)
        self.fill(oval(300, 660, 6, 6), "#e7c27a", moves=0.6)

    def face(self) -> None:
        self.fill(oval(196, 270, 17, 25), _SKIN_SHADE, moves=1.4)
        self.fill(oval(404, 270, 17, 25), _SKIN_SHADE, moves=1.4)
        jaw = [*curve((200, 240), (200, 385), (300, 392)), *curve((300, 392), (400, 385), (400, 240))]
        self.fill([*jaw, (400, 200), (370, 130), (300, 110), (230, 130), (200, 200)], _SKIN, moves=1.4)
        for x in (238, 362):
            self.fill(oval(x, 308, 22, 13), "#f0a088", moves=1.5)
        self._eyes()
        self.fill([*curve((296, 262), (280, 312), (302, 310)), (308, 304)], _SKIN_SHADE, moves=1.6)
        self._mouth()
        crown = [*curve((180, 270), (168, 90), (310, 86)), *curve((310, 86), (432, 90), (420, 270))]
        parting = [*curve((408, 250), (405, 185), (352, 160)), *curve((352, 160), (270, 215), (206, 205))]
        fringe = [*crown, *parting, (194, 260)]
        self.fill(fringe, _HAIR, moves=1.4)
        self.fill(
            [*curve((215, 180), (235, 112), (310, 104)), *curve((310, 104), (250, 130), (232, 182))],
            _HAIR_LIGHT,
            moves=1.4,
        )

    def _eyes(self) -> None:
        for x in (250, 350):
            self.fill(
                [*curve((x - 27, 226), (x, 208), (x + 27, 226)), *curve((x + 27, 231), (x, 216), (x - 27, 231))],
                _HAIR,
                moves=1.5,
            )
            if self._pose.blinks:
                self.fill(
                    [*curve((x - 19, 262), (x, 275), (x + 19, 262)), *curve((x + 19, 258), (x, 270), (x - 19, 258))],
                    _HAIR,
                    moves=1.5,
                )
                continue
            self.fill(oval(x, 260, 20, 16), "#ffffff", moves=1.5)
            self.fill(oval(x, 260, 12, 14), "#4a6a9c", moves=1.6)
            self.fill(oval(x, 260, 6.5, 8), "#1c1626", moves=1.6)
            self.fill(oval(x + 4, 254, 3.2, 3.6), "#ffffff", moves=1.6)
            lid = [*curve((x - 23, 256), (x, 234), (x + 23, 256)), *curve((x + 20, 253), (x, 246), (x - 20, 253))]
            self.fill(lid, _HAIR, moves=1.5)

    def _mouth(self) -> None:
        openness = self._pose.mouth
        half, corner, upper, lower = 36 - 8 * openness, 335.0, 346 - 14 * openness, 358 + 24 * openness
        left, right = (300 - half, corner), (300 + half, corner)
        self.fill([*curve(left, (300, upper), right), *curve(right, (300, lower), left)], _LIPS, moves=1.5)
        if openness > 0.12:
            left, right = (308 - half, corner + 3), (292 + half, corner + 3)
            inner = [*curve(left, (300, upper + 7), right), *curve(right, (300, lower - 9), left)]
            self.fill(inner, "#5a1524", moves=1.5)
            teeth = [*curve(left, (300, upper + 7), right), *curve(right, (300, upper + 15), left)]
            self.fill(teeth, "#ffffff", moves=1.5)

    def arm(self) -> None:
        lift = self._pose.lift
        elbow, wrist = (120.0, 690.0), (96 - 10 * lift, 830 - 285 * lift)
        self._limb((150, 545), elbow, 62, _JACKET_SHADE)
        self._limb(elbow, wrist, 54, _JACKET)
        self._limb((wrist[0] + 1, wrist[1] + 8), (wrist[0], wrist[1] - 8), 44, _SHIRT)
        palm = (wrist[0] - 2, wrist[1] - 34)
        self.fill(oval(*palm, 27, 32), _SKIN, moves=0.6)
        for dx, dy, tip_x, tip_y in (
            (-18, -14, -32, -58),
            (-6, -22, -11, -74),
            (7, -22, 10, -72),
            (19, -14, 28, -56),
            (22, 6, 50, -18),
        ):
            self._limb((palm[0] + dx, palm[1] + dy), (palm[0] + tip_x, palm[1] + tip_y), 14, _SKIN)

    def _limb(self, start: tuple[float, float], end: tuple[float, float], thick: float, colour: str) -> None:
        shift = self._pose.lean * 0.6
        places = [((x + shift) * _FINER, y * _FINER) for x, y in (start, end)]
        self._pen.line(places, colour, round(thick * _FINER))
        for x, y in places:
            reach = thick * _FINER / 2
            self._pen.ellipse((x - reach, y - reach, x + reach, y + reach), colour)
