"""Owns what the text of a URL tells: the address of the file itself, and what of it may be shown."""

import re
from urllib.parse import parse_qsl, urlencode, urlsplit

_DRIVE_HOSTS = {"drive.google.com", "docs.google.com"}
_DROPBOX_HOSTS = {"dropbox.com", "www.dropbox.com"}


def address_of(url: str) -> str:
    """Return the address that a source is known by: URLs that lead to the same request have the same one."""
    return direct_url(url).partition("#")[0]


def direct_url(url: str) -> str:
    """Turn a Google Drive or Dropbox share link into the address of the file itself; leave all others as they are."""
    try:
        return _file_of(url) or url
    except ValueError:  # it is no URL, and is refused where it would be opened
        return url


def _file_of(url: str) -> str | None:
    """Return the address of the file that a share link is for; None where it is none, raise ValueError where no URL."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.hostname in _DRIVE_HOSTS:
        return _drive_download(parts.path, query)
    if parts.hostname in _DROPBOX_HOSTS and parts.path.startswith(("/s/", "/scl/fi/")) and "raw" not in query:
        return parts._replace(query=urlencode(query | {"dl": "1"}), fragment="").geturl()
    return None


def _drive_download(path: str, query: dict[str, str]) -> str | None:
    in_path = re.match(r"/file/(?:u/\d+/)?d/([\w-]+)", path)
    named = query.get("id") if path in ("/open", "/uc") else None
    file_id = in_path[1] if in_path else named
    if not file_id:
        return None
    # `confirm` passes the page that warns of files too large for a virus scan.
    wanted = {"id": file_id, "export": "download", "confirm": "t"}
    wanted |= {"resourcekey": query["resourcekey"]} if "resourcekey" in query else {}
    return "https://drive.usercontent.google.com/download?" + urlencode(wanted)


def shown_url(url: str) -> str:
    """Return a URL as it may appear in a message: without the secrets its user name or its query may carry."""
    bare = re.sub(r"//[^/?#]*@", "//", url)
    shown = re.sub(r"\?.*", "?…", bare.partition("#")[0], flags=re.DOTALL)
    shown = re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", shown)
    return shown if len(shown) <= 200 else shown[:199] + "…"
