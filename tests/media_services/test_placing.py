"""Where a picture goes on a canvas of 1280x720."""

import pytest

from media_services.movie.document import Image
from media_services.placing import Box, place


def placed(natural, fills_canvas=False, even=False, **keys):
    element = Image.model_validate({"type": "image", "src": "https://e/a.png", **keys})
    return place(element, natural=natural, canvas=(1280, 720), fills_canvas=fills_canvas, even=even)


def box(natural, **keys):
    found = placed(natural, **keys).box
    return found.x, found.y, found.width, found.height


@pytest.mark.parametrize(
    ("natural", "keys", "expected"),
    [
        ((300, 200), {}, (0, 0, 300, 200)),
        ((2560, 1440), {}, (0, 0, 1280, 720)),
        ((1000, 1440), {}, (0, 0, 500, 720)),
        ((300, 200), {"x": 10, "y": -20}, (10, -20, 300, 200)),
        ((300, 200), {"width": 600}, (0, 0, 600, 400)),
        ((300, 200), {"height": 100}, (0, 0, 150, 100)),
        ((300, 200), {"width": 50, "height": 60}, (0, 0, 50, 60)),
        ((300, 200), {"width": "50%", "height": "10vw"}, (0, 0, 640, 128)),
        ((300, 200), {"position": "center"}, (490, 260, 300, 200)),
        ((300, 200), {"position": "bottom-right", "x": 5}, (980, 520, 300, 200)),
        ((300, 200), {"position": "top-center"}, (490, 0, 300, 200)),
        ((300, 200), {"resize": "cover"}, (0, 0, 1280, 720)),
        ((300, 200), {"resize": "fill"}, (0, 0, 1280, 720)),
        ((300, 200), {"resize": "contain"}, (100, 0, 1080, 720)),
        ((200, 300), {"resize": "fit", "width": 400, "height": 300, "position": "bottom-right"}, (980, 420, 200, 300)),
        ((300, 200), {"resize": "cover", "width": 400, "height": 400, "x": 7}, (7, 0, 400, 400)),
    ],
)
def test_the_box_of_a_picture(natural, keys, expected):
    if "position" in keys:
        keys = {**keys, "position": {"center": "center-center"}.get(keys["position"], keys["position"])}
    assert box(natural, **keys) == expected


def test_cover_cuts_the_middle_out():
    found = placed((300, 200), resize="cover", width=400, height=400)
    assert (found.scaled, found.offset) == ((600, 400), (100, 0))


def test_a_background_without_a_place_covers_the_canvas():
    assert box((640, 480), fills_canvas=True) == (0, 0, 1280, 720)


def test_moving_pictures_go_on_even_pixels_only():
    found = placed((301, 201), even=True, x=11, y=7, width=333)
    assert all(number % 2 == 0 for number in (found.box.x, found.box.y, found.box.width, found.box.height))


def test_what_two_boxes_share():
    assert Box(-10, 5, 30, 30).within(Box(0, 0, 100, 20)) == Box(0, 5, 20, 15)
    assert Box(200, 0, 10, 10).within(Box(0, 0, 100, 20)).width == 0
