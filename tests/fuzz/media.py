"""Damages small media files in seeded places: each is then understood, or refused with a documented error.

make fuzz                                          ten minutes of reading, rendering and probing
python -m tests.fuzz.media --seconds 60 --seed 7   only probing
"""

import argparse
import functools
import os
import random
import time
from collections import Counter

from media_services.media import MediaKind
from tests import media

SEEDS = 150  # that the suite tries
_SRT = (
    "1\n00:00:00,000 --> 00:00:01,000\nHello <b>big</b> {\\an8}world\n\n2\n00:00:01,000 --> 00:00:02,000\nagain &amp;\n"
)
_ASS = (
    "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname\nStyle: Default,DejaVu Sans\n\n"
    "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    "Dialogue: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,{\\k20}a{\\k30\\i1}b{\\p1}m 0 0{\\p0}\n"
)

Damaged = tuple[str, bytes, MediaKind | None]  # a suffix, the content, and what it is probed as


@functools.cache
def seeds() -> list[Damaged]:
    """Return the whole files, small ones of every kind."""
    from tests.hostile.files import font

    short = media.video(duration_s=0.4)
    webm = media.converted(short, ".webm", "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus")
    moving = media.new_file(".webp")
    frames = [media.Image.new("RGB", (8, 8), colour) for colour in ("red", "green")]
    frames[0].save(moving, save_all=True, append_images=frames[1:], duration=100)
    found = [short, webm, moving, media.animated_gif(), media.oriented_jpeg(6)]
    found += [media.tone(duration_s=0.4, suffix=suffix) for suffix in (".mp3", ".wav", ".flac", ".ogg")]
    found += [media.picture(suffix=suffix) for suffix in (".png", ".webp", ".tiff", ".bmp", ".avif")]
    files: list[Damaged] = [(file.suffix, file.read_bytes(), None) for file in found]
    files += [(".ttf", font(), MediaKind.FONT)]
    return [*files, (".srt", _SRT.encode(), MediaKind.CAPTIONS), (".ass", _ASS.encode(), MediaKind.CAPTIONS)]


def damaged(seed: int) -> Damaged:
    """Return one of the files, cut off, or with some of its bytes changed, dropped or doubled."""
    chance = random.Random(seed)
    suffix, content, kind = seeds()[seed % len(seeds())]
    changed = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 8, 50])):
        at = chance.randrange(min(len(changed), chance.choice([64, 1024, len(changed)])))
        match chance.randrange(5):
            case 0:
                changed[at] ^= 1 << chance.randrange(8)
            case 1:
                changed[at] = chance.choice([0, 1, 0x7F, 0x80, 0xFF])
            case 2:
                changed[at : at + 4] = chance.choice([b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", bytes(4)])
            case 3:
                del changed[at : at + chance.choice([1, 4, 100])]
            case 4:
                changed[at:at] = changed[at : at + chance.choice([1, 8, 300])]
        if not changed:
            break
    end = chance.randrange(len(changed) + 1) if chance.random() < 0.2 else len(changed)
    return suffix, bytes(changed[:end]), kind


def main() -> None:
    """Probe damaged files for so long; say what they came to, and leave the first that goes wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "videocraft.settings")
    import django

    django.setup()
    from media_services.errors import MediaError
    from media_services.probe import probe

    counts: Counter[str] = Counter()
    seed = options.seed or int(time.time())
    file = media.new_file("")
    ends_at = time.monotonic() + options.seconds
    while time.monotonic() < ends_at:
        _, content, kind = damaged(seed)
        file.write_bytes(content)
        began = time.monotonic()
        try:
            probe(file, kind=kind)
            counts["understood"] += 1
        except MediaError as problem:
            counts[problem.code] += 1
        except BaseException:
            print(f"seed {seed}", flush=True)
            raise
        assert time.monotonic() - began < 5, f"seed {seed} takes {time.monotonic() - began:.1f} s"
        seed += 1
    print(", ".join(f"{what} {count}" for what, count in counts.most_common()))


if __name__ == "__main__":
    main()
