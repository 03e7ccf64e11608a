"""Pictures of every kind come as upright sRGB in 8 bits."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from media_services.render.still import open_still
from tests import media


def saved(image, suffix=".png", **options):
    file = media.new_file(suffix)
    image.save(file, **options)
    return file


def pixel(file, place=(0, 0)):
    return open_still(file).getpixel(place)


def matrix_profile(primaries, gamma=2.2, space=b"RGB "):
    """Make an ICC profile of these colorants (XYZ at D50, as columns), or a grey one, with one gamma for all."""
    fixed = lambda value: struct.pack(">i", round(value * 65536))  # noqa: E731
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    xyz = lambda values: b"XYZ " + bytes(4) + b"".join(map(fixed, values))  # noqa: E731
    text = b"made here".ljust(12, b"\0")
    tags = {b"desc": b"desc" + bytes(4) + struct.pack(">I", 10) + text + bytes(78), b"wtpt": xyz((0.9642, 1, 0.8249))}
    if space == b"GRAY":
        tags |= {b"kTRC": curve}
    else:
        tags |= {name + b"TRC": curve for name in (b"r", b"g", b"b")}
        tags |= {name + b"XYZ": xyz(values) for name, values in zip((b"r", b"g", b"b"), primaries, strict=True)}
    table, body, at = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", at + len(body), len(content))
        body += content
    rest = struct.pack(">I", len(tags)) + table + body
    header = struct.pack(">I4sI4s4s4s", 128 + len(rest), b"lcms", 0x02400000, b"mntr", space, b"XYZ ")
    header = header.ljust(36, b"\0") + b"acsp" + bytes(28) + b"".join(map(fixed, (0.9642, 1, 0.8249)))
    return header.ljust(128, b"\0") + rest


DISPLAY_P3 = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))
ADOBE_RGB = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))
SRGB = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7139))


def in_srgb(primaries, colour, gamma=2.2):
    """Return by ICC arithmetic what a colour of a profile is in sRGB."""
    light = np.linalg.inv(np.array(SRGB).T) @ np.array(primaries).T @ (np.array(colour) / 255) ** gamma
    light = light.clip(0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255


class TestColours:
    @pytest.mark.parametrize("primaries", [DISPLAY_P3, ADOBE_RGB])
    @pytest.mark.parametrize("colour", [(180, 90, 60), (60, 140, 90), (255, 255, 255), (255, 0, 0)])
    @pytest.mark.parametrize("suffix", [".png", ".tiff", ".webp"])
    def test_a_wide_gamut_becomes_srgb(self, primaries, colour, suffix):
        options = {"lossless": True} if suffix == ".webp" else {}
        picture = Image.new("RGB", (4, 4), colour)
        file = saved(picture, suffix, icc_profile=matrix_profile(primaries), **options)
        assert np.abs(np.array(pixel(file)) - in_srgb(primaries, colour)).max() <= 2  # 8 bits in, 8 bits out

    def test_alpha_stays_while_colours_change(self):
        file = saved(Image.new("RGBA", (4, 4), (60, 140, 90, 77)), icc_profile=matrix_profile(DISPLAY_P3))
        found = pixel(file)
        assert found[3] == 77
        assert np.abs(np.array(found[:3]) - in_srgb(DISPLAY_P3, (60, 140, 90))).max() <= 2

    def test_the_profile_of_a_palette_counts(self):
        picture = Image.new("RGB", (4, 4), (180, 90, 60)).quantize(4)
        found = pixel(saved(picture, icc_profile=matrix_profile(ADOBE_RGB)))
        assert np.abs(np.array(found) - in_srgb(ADOBE_RGB, (180, 90, 60))).max() <= 2

    @pytest.mark.parametrize("mode", ["L", "LA"])
    def test_a_profile_of_grey_counts(self, mode):
        picture = Image.new(mode, (4, 4), 128 if mode == "L" else (128, 200))
        found = pixel(saved(picture, icc_profile=matrix_profile((), gamma=1.0, space=b"GRAY")))
        assert np.abs(np.array(found[:3]) - 188).max() <= 1  # half of the light, in sRGB
        assert found[3:] == ((200,) if mode == "LA" else ())

    def test_srgb_and_a_broken_profile_change_nothing(self):
        content = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        for profile in (content, b"nonsense", matrix_profile((), space=b"GRAY")):
            assert pixel(saved(Image.new("RGB", (4, 4), (180, 90, 60)), icc_profile=profile)) == (180, 90, 60)


class TestInks:
    @pytest.mark.parametrize("suffix", [".jpg", ".tiff"])
    @pytest.mark.parametrize(
        ("inks", "colour"),
        [
            ((0, 0, 0, 0), (255, 255, 255)),
            ((255, 0, 0, 0), (0, 255, 255)),
            ((0, 255, 255, 0), (255, 0, 0)),
            ((0, 0, 0, 255), (0, 0, 0)),
            ((0, 0, 0, 128), (127, 127, 127)),
        ],
    )
    def test_inks_without_a_profile_are_mixed(self, suffix, inks, colour):
        """Pillow writes the inks of a JPEG inverted, and says so as Adobe does."""
        file = saved(Image.new("CMYK", (16, 16), inks), suffix, **({"quality": 100} if suffix == ".jpg" else {}))
        assert np.abs(np.array(pixel(file)) - colour).max() <= 2

    def test_inks_of_a_jpeg_are_inverted_even_where_adobe_is_not_named(self):
        """As browsers take them."""
        buffer = io.BytesIO()
        Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(buffer, "JPEG", quality=100)
        content = buffer.getvalue()
        at = content.index(b"Adobe") - 4
        plain = content[:at] + content[at + 2 + int.from_bytes(content[at + 2 : at + 4], "big") :]
        assert np.abs(np.array(pixel(media.written(plain, ".jpg"))) - (255, 0, 0)).max() <= 2

    def test_a_profile_says_what_inks_look_like(self):
        """The profile is of a press whose every ink prints mid grey."""
        file = saved(Image.new("CMYK", (16, 16), (255, 0, 0, 0)), ".tiff", icc_profile=ink_profile())
        found = np.array(pixel(file))
        assert np.ptp(found) <= 3
        assert 100 <= found[0] <= 150

    def test_lab_is_read(self):
        lab = Image.merge("LAB", [Image.new("L", (4, 4), value) for value in (138, 209, 198)])
        found = np.array(pixel(saved(lab, ".tiff")))
        assert np.abs(found - (255, 0, 0)).max() <= 6  # L 54, a 81, b 70 is the red of sRGB, nearly


def ink_profile():
    """Make an ICC profile that takes four inks to Lab: white without ink, L = 50 with any."""
    inputs, outputs, points = 4, 3, 2
    ramp = bytes(range(256))
    lab = lambda light: bytes((round(light * 2.55), 128, 128))  # noqa: E731
    table = lab(100) + lab(50) * (points**inputs - 1)
    identity = b"".join(struct.pack(">i", 65536 if row == column else 0) for row in range(3) for column in range(3))
    lut = b"mft1" + bytes(4) + bytes((inputs, outputs, points, 0)) + identity + ramp * inputs + table + ramp * outputs
    lut += bytes(-len(lut) % 4)
    text = b"desc" + bytes(4) + struct.pack(">I", 10) + b"made here".ljust(12, b"\0") + bytes(78)
    text += bytes(-len(text) % 4)
    white = b"XYZ " + bytes(4) + b"".join(struct.pack(">i", round(value * 65536)) for value in (0.9642, 1, 0.8249))
    tags = {b"desc": text, b"wtpt": white, b"A2B0": lut}
    head, body, at = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        head += name + struct.pack(">II", at + len(body), len(content))
        body += content
    rest = struct.pack(">I", len(tags)) + head + body
    header = struct.pack(">I4sI4s4s4s", 128 + len(rest), b"lcms", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    return (header.ljust(36, b"\0") + b"acsp").ljust(68, b"\0") + white[8:] + bytes(48) + rest


class TestDepths:
    def test_16_bits_of_grey_keep_their_light(self):
        values = np.array([[0, 32896, 65535]], np.uint16)
        found = open_still(saved(Image.fromarray(values)))
        assert [found.getpixel((x, 0)) for x in range(3)] == [(0,) * 3, (128,) * 3, (255,) * 3]

    def test_16_bits_of_colour_are_read(self):
        rows = b"\0" + struct.pack(">3H", 65535, 32896, 0)
        header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
        content = b"".join(
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
            for name, data in chunks
        )
        assert pixel(media.written(b"\x89PNG\r\n\x1a\n" + content, ".png")) == (255, 128, 0)

    def test_floating_point_is_light_from_0_to_1(self):
        file = saved(Image.fromarray(np.array([[0, 0.5, 1]], np.float32)), ".tiff")
        assert [open_still(file).getpixel((x, 0))[0] for x in range(3)] == [0, 128, 255]

    @pytest.mark.parametrize(("mode", "colour"), [("1", 1), ("L", 255), ("P", 0)])
    def test_few_colours_become_rgb(self, mode, colour):
        picture = Image.new(mode, (4, 4), colour)
        if mode == "P":
            picture.putpalette([255, 255, 255])
        assert pixel(saved(picture)) == (255, 255, 255)

    def test_grey_with_alpha_becomes_rgba(self):
        assert pixel(saved(Image.new("LA", (4, 4), (50, 100)))) == (50, 50, 50, 100)

    def test_the_transparent_colours_of_a_palette_are_seen_through(self):
        picture = Image.new("P", (4, 4), 1)
        picture.putpalette([255, 0, 0, 0, 255, 0])
        assert pixel(saved(picture, transparency=bytes((255, 90)))) == (0, 255, 0, 90)
        assert pixel(saved(picture, ".gif", transparency=1))[3] == 0

    def test_the_one_transparent_colour_of_a_png_is_seen_through(self):
        assert pixel(saved(Image.new("RGB", (4, 4), (1, 2, 3)), transparency=(1, 2, 3)))[3] == 0


class TestShape:
    @pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff"])
    def test_exif_turns_a_picture_upright(self, suffix):
        picture = Image.new("RGB", (64, 48), "blue")
        picture.paste("red", (0, 0, 32, 48))
        exif = Image.Exif()
        exif[0x0112] = 6
        found = open_still(saved(picture, suffix, exif=exif))
        assert found.size == (48, 64)
        assert np.abs(np.array(found.getpixel((24, 10))) - (255, 0, 0)).max() < 10
        assert np.abs(np.array(found.getpixel((24, 54))) - (0, 0, 255)).max() < 10

    def test_a_jpeg_is_decoded_no_larger_than_it_must_be(self):
        picture = Image.new("RGB", (800, 400), "red")
        exif = Image.Exif()
        exif[0x0112] = 6
        assert open_still(saved(picture, ".jpg"), at_least=(190, 90)).size == (200, 100)
        assert open_still(saved(picture, ".jpg"), at_least=(201, 90)).size == (400, 200)
        assert open_still(saved(picture, ".jpg", exif=exif), at_least=(90, 190)).size == (100, 200)
        assert open_still(saved(picture, ".jpg"), at_least=(2000, 90)).size == (800, 400)
        assert open_still(saved(picture, ".png"), at_least=(8, 4)).size == (800, 400)
