"""Owns the making of the speech recogniser that the tests and the demo use; nothing that ships imports it."""
