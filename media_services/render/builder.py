"""Owns the writing of a filtergraph: its inputs, its chains, and the labels between them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

TO_BT709 = "out_color_matrix=bt709:out_range=tv"  # options of `scale`: the colours of every film
TAGGED_BT709 = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"
ACCURATE = "flags=accurate_rnd+full_chroma_int+full_chroma_inp"  # and of what is scaled once


@dataclass(frozen=True)
class Graph:
    """FFmpeg's input options and its filtergraph, whose output is [picture] or [sound]."""

    inputs: tuple[str, ...]
    filters: str


@dataclass
class Builder:
    """Collects inputs and filter chains while a graph is compiled."""

    fps: Fraction
    inputs: list[str] = field(default_factory=list)
    chains: list[str] = field(default_factory=list)
    count: int = 0
    labels: int = 0

    @property
    def rate(self) -> str:
        """The film's frames per second, as a fraction in FFmpeg's words."""
        return f"{self.fps.numerator}/{self.fps.denominator}"

    @property
    def time_base(self) -> str:
        """The length of a frame in seconds."""
        return f"{self.fps.denominator}/{self.fps.numerator}"

    def input(self, *options: str, file: Path) -> int:
        """Add an input and return its number."""
        self.inputs += [*options, "-i", str(file)]
        self.count += 1
        return self.count - 1

    def label(self) -> str:
        """Return a label that is not used yet."""
        self.labels += 1
        return f"[l{self.labels}]"

    def chain(self, source: str, filters: Iterable[str], label: str = "") -> str:
        """Add a chain of filters from some labels to one, and return that."""
        label = label or self.label()
        self.chains.append(f"{source}{','.join(filters) or 'null'}{label}")
        return label

    def graph(self) -> Graph:
        return Graph(tuple(self.inputs), ";".join(self.chains))
