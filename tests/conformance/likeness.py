"""How alike two pictures are: SSIM of their luma, and how far apart their colours are."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

WINDOW_PX = 7
_LUMA = np.array([0.2126, 0.7152, 0.0722])
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def ssim(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Return the structural similarity of two RGB pictures: the mean over windows of 7x7, as in Wang et al. 2004."""
    a, b = (picture.astype(float) @ _LUMA for picture in (one, other))
    mean_a, mean_b = _means(a), _means(b)
    variance_a, variance_b = _means(a * a) - mean_a**2, _means(b * b) - mean_b**2
    covariance = _means(a * b) - mean_a * mean_b
    light = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    structure = (2 * covariance + _C2) / (variance_a + variance_b + _C2)
    return float((light * structure).mean())


def colour_distance(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Return how far apart the colours of two pictures are on average, in levels; single pixels do not count."""
    return float(np.abs(_blocks(one) - _blocks(other)).mean())


def _means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    rows = sliding_window_view(values, WINDOW_PX, axis=0).mean(axis=-1)
    return sliding_window_view(rows, WINDOW_PX, axis=1).mean(axis=-1)


def _blocks(picture: NDArray[np.uint8], side: int = 4) -> NDArray[np.float64]:
    height, width = (length // side * side for length in picture.shape[:2])
    cut = picture[:height, :width].astype(float)
    return cut.reshape(height // side, side, width // side, side, 3).mean(axis=(1, 3))
