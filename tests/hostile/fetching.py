"""What the tests of hostile servers share: fetching that must fail, and what may be reached in it."""

import pytest

from media_services.addresses import HostList, Reach
from media_services.errors import ErrorCode, MediaError
from media_services.fetch import Fetcher

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def opened(*entries, deny=(), **more):
    return Reach(HostList.parse(entries), HostList.parse(deny), **more)


LOCAL = opened("127.0.0.0/8")


def failure(fetcher: Fetcher, url: str, code: ErrorCode = ErrorCode.DOWNLOAD_FAILED, **options) -> MediaError:
    """Return the error of a fetch that must fail and leave nothing behind."""
    with pytest.raises(MediaError) as caught:
        fetcher.fetch(url, **options)
    assert caught.value.code == code, caught.value.message
    assert len(caught.value.message) < 800
    assert not fetcher.folder.exists() or list(fetcher.folder.iterdir()) == []
    return caught.value
