"""Owns looks: from the keys of a picture element to what is done to its pixels, and how it moves."""

from media_services.movie.document import Pan, Picture
from media_services.movie.settings import Correction
from media_services.timeline import Look, Motion, Turn

_ZOOM = 0.1  # how much one step of `zoom` enlarges


def look_of(element: Picture) -> Look:
    """Return how a picture element looks."""
    turn = element.rotate
    return Look(
        chroma_key=element.chroma_key,
        correction=element.correction if element.correction != Correction() else None,
        flip_horizontal=element.flip_horizontal,
        flip_vertical=element.flip_vertical,
        motion=_motion(element),
        turn=Turn(turn.angle, round(turn.speed * 1000)) if turn.angle % 360 or turn.speed else None,
        opacity=element.opacity,
        fade_in_ms=round(element.fade_in * 1000),
        fade_out_ms=round(element.fade_out * 1000),
    )


def _motion(element: Picture) -> Motion | None:
    """Return how the view moves: a positive zoom grows the picture from its size, a negative one shrinks it to that."""
    if not element.zoom and element.pan is None:
        return None
    larger = 1 + abs(element.zoom) * _ZOOM
    first, last = (1.0, larger) if element.zoom >= 0 else (larger, 1.0)
    return Motion(first, last, _way(element.pan, element.pan_distance), element.pan_crop)


def _way(pan: Pan | None, distance: float) -> tuple[float, float]:
    words = pan.split("-") if pan else []
    across = distance * (("right" in words) - ("left" in words))
    return across, distance * (("bottom" in words) - ("top" in words))
