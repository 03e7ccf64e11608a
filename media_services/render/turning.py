"""Owns how much room a picture needs that is turned about its middle; pure."""

import math

from media_services.placing import Box, Size
from media_services.timeline import Turn


def turned_box(box: Box, turn: Turn | None) -> Box:
    """Return the rectangle, with even sides, that holds a turned one about the same middle, however far it turns."""
    if turn is None:
        return box
    width, height = turned_size((box.width, box.height), turn)
    x, y = box.x + (box.width - width) / 2, box.y + (box.height - height) / 2
    return Box(round(x / 2) * 2, round(y / 2) * 2, width, height)


def turned_size(size: Size, turn: Turn) -> Size:
    """Return the even sides of what holds a rectangle of a size as it turns."""
    width, height = size
    if turn.during_ms:
        whole = math.ceil(math.hypot(width, height) / 2) * 2
        return whole, whole
    sine, cosine = abs(math.sin(math.radians(turn.angle))), abs(math.cos(math.radians(turn.angle)))
    across, down = width * cosine + height * sine, width * sine + height * cosine
    return math.ceil(round(across, 6) / 2) * 2, math.ceil(round(down, 6) / 2) * 2
