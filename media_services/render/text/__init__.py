"""Owns pictures of text elements: laid out by HarfBuzz in the fonts that are here, drawn by FreeType."""

from media_services.render.text.picture import draw, warnings_of

__all__ = ["draw", "warnings_of"]
