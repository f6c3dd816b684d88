"""Who acts: built by doors from a request, a socket or a command, and handed to the verbs."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

LONGEST_AGENT = 256


def one_line(text: str, longest: int) -> str:
    """``text`` without what would forge a second log line: controls, escapes, line and paragraph separators."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", "\N{REPLACEMENT CHARACTER}", text)[
        :longest
    ]


def coarse(address: str | None) -> str:
    """The network an address is in, for people to recognise: /24 of IPv4, /48 of IPv6. '' when it is none."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    if parsed.version == 6 and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return str(ipaddress.ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))


@dataclass(frozen=True)
class Actor:
    """Somebody acting. ``account_id`` is None for visitors and for the command line."""

    name: str
    account_id: int | None = None
    session_id: int | None = None
    ip: str = ""
    user_agent: str = ""

    @classmethod
    def on(
        cls, name: str, *, ip: str, user_agent: str, account_id: int | None = None, session_id: int | None = None
    ) -> Actor:
        """An actor who came over the network: what they sent about themselves is made harmless first."""
        return cls(one_line(name, 64), account_id, session_id, one_line(ip, 64), one_line(user_agent, LONGEST_AGENT))

    @classmethod
    def command(cls, name: str) -> Actor:
        """Whoever typed a command on the server."""
        return cls(name=f"flask {name}")
