"""A channel's stream: which addresses can be shown beside the chat, and the player that each of them has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, quote, urlencode, urlsplit

LONGEST = 300
YOUTUBE, TWITCH, VIMEO, PEERTUBE, OWNCAST = "YouTube", "Twitch", "Vimeo", "PeerTube", "Owncast"
HOSTS = {
    "youtube.com": YOUTUBE,
    "m.youtube.com": YOUTUBE,
    "youtu.be": YOUTUBE,
    "twitch.tv": TWITCH,
    "m.twitch.tv": TWITCH,
    "vimeo.com": VIMEO,
    "player.vimeo.com": VIMEO,
}


@dataclass(frozen=True)
class Player:
    """Somebody else's page that plays a stream: who they are, its address, and the origin that may be framed for it.

    Nothing of what was typed is in ``origin``; of the path of ``source`` only what the host's own ids look like.
    """

    by: str
    source: str
    origin: str


def player_of(typed: str, allowed: tuple[str, ...], page_host: str) -> Player | None:
    """The player for an address that was typed; None where there is none, or the operator does not allow its host.

    ``allowed`` is STREAM_HOSTS; ``page_host`` is the name of the page's own host, which Twitch wants to be told.
    """
    parts = _split(typed)
    if parts is None:
        return None
    name = (parts.hostname or "").removeprefix("www.")
    place = name if parts.port is None else f"{name}:{parts.port}"
    if (by := HOSTS.get(place)) and by.lower() in allowed:
        source = {YOUTUBE: _youtube, TWITCH: lambda url: _twitch(url, page_host), VIMEO: _vimeo}[by](parts)
    elif f"peertube:{place}" in allowed:
        by, source = PEERTUBE, _peertube(parts, place)
    elif f"owncast:{place}" in allowed:
        by, source = OWNCAST, f"https://{place}/embed/video"
    else:
        return None
    if source is None:
        return None
    return Player(by, source, "https://" + urlsplit(source).netloc)


def _split(typed: str) -> SplitResult | None:
    """The parts of a web address; people leave out its beginning."""
    try:
        parts = urlsplit(typed if "//" in typed else f"https://{typed}")
        port = parts.port
    except ValueError:
        return None
    clean = parts.scheme in ("http", "https") and "@" not in parts.netloc and port != 0
    return parts if clean and parts.netloc.isascii() else None


def _youtube(url: SplitResult) -> str | None:
    embed = "https://www.youtube-nocookie.com/embed/"
    if channel := re.fullmatch(r"/channel/(UC[\w-]{22})(/live)?/?", url.path, re.ASCII):
        return f"{embed}live_stream?{urlencode({'channel': channel[1]})}"
    found = re.fullmatch(r"/(?:(?:live|embed|shorts)/)?([\w-]{11})/?", url.path, re.ASCII)
    video = parse_qs(url.query).get("v", [""])[0] if url.path == "/watch" else found[1] if found else ""
    return embed + video if re.fullmatch(r"[\w-]{11}", video, re.ASCII) else None


def _twitch(url: SplitResult, page_host: str) -> str | None:
    parent = {"parent": page_host, "autoplay": "false"}
    if video := re.fullmatch(r"/videos/(\d{1,12})/?", url.path, re.ASCII):
        return "https://player.twitch.tv/?" + urlencode({"video": video[1], **parent})
    channel = re.fullmatch(r"/(\w{2,25})/?", url.path, re.ASCII)
    return "https://player.twitch.tv/?" + urlencode({"channel": channel[1], **parent}) if channel else None


def _vimeo(url: SplitResult) -> str | None:
    if event := re.fullmatch(r"/event/(\d{1,12})(?:/embed)?/?", url.path, re.ASCII):
        return f"https://vimeo.com/event/{event[1]}/embed"
    found = re.fullmatch(r"/(?:video/)?(\d{1,12})(?:/([0-9a-f]{6,20}))?/?", url.path, re.ASCII)
    if not found:
        return None
    unlisted = {"h": found[2]} if found[2] else {}
    return f"https://player.vimeo.com/video/{found[1]}?" + urlencode({**unlisted, "dnt": "1"})


def _peertube(url: SplitResult, place: str) -> str | None:
    found = re.fullmatch(r"/(?:w|videos/(?:watch|embed))/([A-Za-z0-9-]{8,36})/?", url.path, re.ASCII)
    return f"https://{place}/videos/embed/{quote(found[1])}" if found else None
