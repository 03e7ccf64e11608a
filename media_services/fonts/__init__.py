"""Owns the fonts that text is drawn with: none of the host's, so that a document draws the same on every host."""

from media_services.fonts.choice import Fonts, Typeface, environment
from media_services.fonts.face import Face, read_faces

__all__ = ["Face", "Fonts", "Typeface", "environment", "read_faces"]
