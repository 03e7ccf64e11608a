"""Owns the compilation of pictures into one FFmpeg filtergraph: stretches of piled layers, joined."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from media_services.movie.settings import TransitionStyle
from media_services.opening import OWN_INPUT
from media_services.placing import Box
from media_services.render.builder import ACCURATE, TAGGED_BT709, TO_BT709, Builder, Graph
from media_services.render.moving import Picture, Streams
from media_services.render.plates import Plates
from media_services.render.stretches import Pile, Shown, Stretch, covers, in_stretch, stretches_of
from media_services.timeline import Layer, Timeline

MakePlates = Callable[[Sequence[Layer], bool, int], Plates | None]  # of still layers; whether opaque; frames


def compile_graph(
    timeline: Timeline, make_plates: MakePlates, make_picture: Picture, *, subtitles: Sequence[str] = ()
) -> Graph:
    """Compile the pictures of a timeline as [picture]; `make_plates` and `make_picture` make what stands still.

    `subtitles` are filters that draw over everything.
    """
    builder = Builder(timeline.fps)
    stretches = stretches_of(timeline)
    uses = Counter(id(shown.layer) for stretch in stretches for pile in stretch.piles() for shown in pile)
    streams = Streams(builder, timeline.frames, uses, make_picture)
    compiler = _Compiler(timeline, builder, streams, make_plates)
    labels = [compiler.stretch(stretch) for stretch in stretches]
    picture = labels[0]
    if len(labels) > 1:
        joined = [f"concat=n={len(labels)}", f"settb={builder.time_base}", "setpts=N"]
        picture = builder.chain("".join(labels), joined)
    last = [*subtitles]
    if timeline.draft:
        width, height = timeline.film_size
        last.append(f"scale={width}:{height}:flags=bilinear")
    builder.chain(picture, [*last, "format=yuv420p", "setsar=1", TAGGED_BT709], "[picture]")
    return builder.graph()


class _Compiler:
    """Compiles one stretch after another."""

    def __init__(self, timeline: Timeline, builder: Builder, streams: Streams, make_plates: MakePlates) -> None:
        self._timeline, self._builder = timeline, builder
        self._streams, self._make_plates = streams, make_plates

    def stretch(self, stretch: Stretch) -> str:
        """Add a stretch and return its label: a stream of its frames from time 0."""
        if stretch.crossing is None:
            return self._pile(stretch.pile, stretch.frames)
        seconds = float(stretch.frames / self._builder.fps)
        style = stretch.crossing.style
        in_rgb = style in (TransitionStyle.FADE_BLACK, TransitionStyle.FADE_WHITE)  # whose black is 0 in YUV, too
        pixels = ["scale=in_color_matrix=bt709:in_range=tv", "format=gbrp"] if in_rgb else ["format=yuv420p"]
        going, coming = (
            self._builder.chain(
                self._pile(pile, stretch.frames), [*pixels, "setsar=1", f"settb={self._builder.time_base}"]
            )
            for pile in (stretch.crossing.going, stretch.crossing.coming)
        )
        crossed = self._builder.chain(
            going + coming,
            [
                f"xfade=transition={style}:duration={seconds:.6f}:offset=0",
                *([f"scale={TO_BT709}"] if in_rgb else []),
                "format=yuv420p",  # else FFmpeg may choose 4:4:4, by what else is in the graph
            ],
        )
        return self._over(crossed, stretch.pile, stretch.frames)

    def _pile(self, pile: Pile, frames: int) -> str:
        """Pile layers up and return the label of the result.

        The lowest stream is the base where it covers the canvas all the time.
        """
        lowest = pile[0] if pile else None
        is_base = lowest and not lowest.layer.is_still and covers(lowest.layer, self._timeline)
        if lowest and is_base and lowest.frames == frames:
            return self._over(self._streams.take(lowest), pile[1:], frames)
        still = pile[: next(_first_moving(pile), len(pile))]
        plates = self._make_plates([in_stretch(shown) for shown in still], True, frames)
        assert plates is not None
        return self._over(self._plates(plates, frames), pile[len(still) :], frames)

    def _over(self, base: str, pile: Pile, frames: int) -> str:
        """Lay layers over a base: runs of still ones as plates, the others one by one."""
        for is_still, run in groupby(pile, key=lambda shown: shown.layer.is_still):
            layers = list(run)
            if not is_still:
                for shown in layers:
                    stream, box = self._streams.take(shown), self._streams.box(shown.layer)
                    base = self._overlay(base, stream, box, shown.first_frame, shown.end_frame, frames)
            elif plates := self._make_plates([in_stretch(shown) for shown in layers], False, frames):
                stream = self._plates(plates, None)
                base = self._overlay(base, stream, plates.box, plates.first_frame, plates.end_frame, frames)
        return base

    def _plates(self, plates: Plates, opaque_frames: int | None) -> str:
        """Add a stream of plates; between two of them the earlier one stays."""
        number = self._builder.input(*OWN_INPUT, "-f", "nut", file=plates.file)
        steps = [f"scale={ACCURATE}:{TO_BT709}", f"format={'yuva420p' if opaque_frames is None else 'yuv420p'}"]
        if opaque_frames is not None:
            steps += [f"fps={self._builder.rate}:start_time=0", "tpad=stop=-1:stop_mode=clone"]
            steps += [f"trim=end_frame={opaque_frames}"]
        return self._builder.chain(f"[{number}:v:0]", steps)

    def _overlay(self, base: str, over: str, box: Box, first: int, end: int, frames: int) -> str:
        enabled = "" if first == 0 and end >= frames else f":enable='between(n,{first},{end - 1})'"
        return self._builder.chain(
            f"{base}{over}", [f"overlay={box.x}:{box.y}:format=yuv420:eof_action=repeat{enabled}"]
        )


def _first_moving(pile: Sequence[Shown]) -> Iterator[int]:
    return (number for number, shown in enumerate(pile) if not shown.layer.is_still)
