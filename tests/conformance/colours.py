"""What the format does to colours, in NumPy: correction in the units of FFmpeg's `eq`, and the chroma key."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image

from media_services.movie.settings import ChromaKey, Correction

_TO_YCBCR = np.array(
    [[0.2126, 0.7152, 0.0722], [-0.2126 / 1.8556, -0.7152 / 1.8556, 0.5], [0.5, -0.7152 / 1.5748, -0.0722 / 1.5748]]
)
_SCALE, _ZERO = np.array([219.0, 224.0, 224.0]), np.array([16.0, 128.0, 128.0])
_NEAR = 0.04  # of the largest distance: how much farther than the key's reach a colour is wholly there


def ycbcr(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return colours from 0 to 255 as BT.709 in 8 bits, limited range, unrounded."""
    return np.asarray(rgb / 255 @ _TO_YCBCR.T * _SCALE + _ZERO)


def rgb(coded: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return colours of BT.709 as red, green and blue from 0 to 255."""
    return np.asarray(((coded - _ZERO) / _SCALE @ np.linalg.inv(_TO_YCBCR).T * 255).clip(0, 255))


def corrected(image: Image.Image, correction: Correction) -> Image.Image:
    """Return a picture with its contrast, brightness and gamma changed about its middle grey, and its saturation."""
    pixels = np.array(image.convert("RGBA"))
    coded = ycbcr(pixels[:, :, :3].astype(float)) / 255
    light = correction.contrast * (coded[:, :, 0] - 0.5) + 0.5 + correction.brightness
    coded[:, :, 0] = light.clip(0, 1) ** (1 / correction.gamma)
    coded[:, :, 1:] = (correction.saturation * (coded[:, :, 1:] - 0.5) + 0.5).clip(0, 1)
    pixels[:, :, :3] = np.rint(rgb(coded * 255))
    return Image.fromarray(pixels)


def keyed(image: Image.Image, key: ChromaKey) -> Image.Image:
    """Return a picture without what is near to a colour, by its hue and that of its neighbours."""
    pixels = np.array(image.convert("RGBA"))
    screen = ycbcr(np.array([[[int(key.color[at : at + 2], 16) for at in (1, 3, 5)]]], float))
    away = np.linalg.norm((ycbcr(pixels[:, :, :3].astype(float)) - screen)[:, :, 1:], axis=2) / (255 * np.sqrt(2))
    rimmed = np.pad(away, 1, mode="edge")
    away = sliding_window_view(rimmed, (3, 3)).mean(axis=(2, 3))
    there = ((away - key.tolerance / 100 * 0.65) / _NEAR).clip(0, 1)
    pixels[:, :, 3] = np.rint(pixels[:, :, 3] * there)
    return Image.fromarray(pixels)
