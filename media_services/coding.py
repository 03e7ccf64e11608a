"""Owns bodies that come compressed though nobody asked for that: unpacked piece by piece, never all at once."""

import zlib
from collections.abc import Iterator

_PIECE_BYTES = 64 * 1024
_GZIP = zlib.MAX_WBITS + 16
_GZIP_NAMES = {"gzip", "x-gzip"}
_OTHERS = {"br", "zstd", "deflate", "compress", "x-compress", "dcb", "dcz"}


class CannotUnpack(Exception):
    """A body is not packed as its server says, or in a way that is not understood here."""


def is_packed(content_encoding: str) -> bool:
    """Say whether a body must be unpacked; raise CannotUnpack where nobody here can.

    What names no way of packing (`identity`, `utf-8`, `aws-chunked`: some storages send on what they were given)
    means a body that is as it should be.
    """
    names = [name for each in content_encoding.lower().split(",") if (name := each.strip()) in _GZIP_NAMES | _OTHERS]
    if len(names) > 1 or not _GZIP_NAMES.issuperset(names):
        raise CannotUnpack(f"the server packed it ({', '.join(names)[:50]}) though it was asked not to")
    return bool(names)


class Unpacking:
    """Unpacks a body in gzip's format; what comes of a piece, however much, is given in small pieces."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP)

    @property
    def is_complete(self) -> bool:
        return self._stream.eof

    def pieces(self, packed: bytes) -> Iterator[bytes]:
        """Yield what is in a piece of the packed body; raise CannotUnpack."""
        try:
            yield from self._pieces(packed)
        except zlib.error as error:
            raise CannotUnpack("the server says that it is packed with gzip, and it is not") from error

    def _pieces(self, packed: bytes) -> Iterator[bytes]:
        left, is_full = packed, False
        while left or is_full:
            if self._stream.eof:  # a file of gzip's may have several members
                self._stream = zlib.decompressobj(_GZIP)
            piece = self._stream.decompress(left, _PIECE_BYTES)
            if piece:
                yield piece
            is_full = len(piece) == _PIECE_BYTES and not self._stream.eof
            left = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
