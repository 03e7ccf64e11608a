"""Owns the fonts that text is drawn with: none of the host's, so that a document draws the same on every host."""

from media_services.fonts.choice import Fonts, Typeface, clusters, environment, fingerprint
from media_services.fonts.face import BOLD, REGULAR, Face, is_woff, read_faces

__all__ = [
    "BOLD",
    "REGULAR",
    "Face",
    "Fonts",
    "Typeface",
    "clusters",
    "environment",
    "fingerprint",
    "is_woff",
    "read_faces",
]
