"""Owns opening a picture for drawing: upright, 8 bits a channel, its colours those of sRGB."""

import io
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps

from media_services.opening import open_picture
from media_services.probe import TURNED

_SRGB = ImageCms.createProfile("sRGB")


def open_still(file: Path, at_least: tuple[int, int] | None = None) -> Image.Image:
    """Return the picture of a file as RGBA where it can be seen through, else as RGB.

    With `at_least`, a width and height, a JPEG may come smaller than it is, though not smaller than that: it is then
    decoded faster and in less memory.
    """
    with open_picture(file) as image:
        if at_least is not None:
            turned = image.getexif().get(ExifTags.Base.Orientation) in TURNED
            image.draft("", at_least[::-1] if turned else at_least)
        upright = ImageOps.exif_transpose(image)
    return as_srgb(upright)


def as_srgb(image: Image.Image) -> Image.Image:
    """Return an image as sRGB in 8 bits, RGBA where it can be seen through, else RGB.

    Without a profile, or with one that does not fit, the numbers are taken for sRGB; inks then mix without losses.
    """
    profile = _profile(image)
    plain = _in_8_bits(image)
    if plain.mode == "LAB":
        return _converted(plain, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")), "RGB")
    space = profile.profile.xcolor_space.strip() if profile else ""
    if profile and space == "CMYK" and plain.mode == "CMYK":
        return _converted(plain, profile, "RGB")
    if profile and space == "GRAY" and plain.mode in ("L", "LA") and "transparency" not in plain.info:
        colours = _converted(plain.getchannel("L"), profile, "RGB")
        if plain.mode == "LA":
            colours.putalpha(plain.getchannel("A"))
        return colours
    result = plain.convert("RGBA" if plain.has_transparency_data else "RGB")
    return _converted(result, profile, result.mode) if profile and space == "RGB" else result


def _profile(image: Image.Image) -> ImageCms.ImageCmsProfile | None:
    """Return an image's ICC profile, if it has one that can be read and says more than sRGB."""
    content = image.info.get("icc_profile")
    if not content:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(content))
        is_srgb = "srgb" in ImageCms.getProfileDescription(profile).lower()
    except (OSError, ImageCms.PyCMSError, UnicodeError):
        return None
    return None if is_srgb else profile


def _converted(image: Image.Image, profile: ImageCms.ImageCmsProfile, mode: str) -> Image.Image:
    """Return an image's colours in sRGB; alpha stays. A profile that cannot be applied is left out of account."""
    try:
        transform = ImageCms.buildTransform(
            profile,
            _SRGB,
            image.mode,
            mode,
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        return ImageCms.applyTransform(image, transform) or image
    except (ImageCms.PyCMSError, ValueError):
        return image if image.mode == mode else image.convert(mode)


def _in_8_bits(image: Image.Image) -> Image.Image:
    """Return an image of more than 8 bits as grey in 8; Pillow itself would cut all that is brighter than 255.

    Whole numbers count to 65535, and broken ones to 1 unless they go beyond.
    """
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.nan_to_num(np.asarray(image, np.float32))
    if image.mode.startswith("I"):
        values /= 257
    elif values.max() <= 1:
        values *= 255
    grey = Image.fromarray(np.rint(values.clip(0, 255)).astype(np.uint8))
    grey.info = {name: value for name, value in image.info.items() if name == "icc_profile"}
    return grey
