"""How often anybody may do anything: one table of moving windows for pages and socket events alike."""

from __future__ import annotations

import ipaddress
import math
from functools import cache

from flask import current_app
from limits import RateLimitItem, parse, parse_many

from app.security.counters import Counters

# Which setting limits what. The key is what is counted: an address, an account.
POLICIES = {
    "login": "ratelimit_login",
    "applications": "ratelimit_applications",
    "address_checks": "ratelimit_address_checks",
    "messages": "ratelimit_messages",
    "registration": "ratelimit_registration",
    "handshakes": "ratelimit_handshakes",
    "joins": "ratelimit_joins",
    "history": "ratelimit_history",
    "moderation": "ratelimit_moderation",
    "channel_passwords": "ratelimit_channel_passwords",
    "reveals": "ratelimit_reveals",
    "passwords": "ratelimit_passwords",
    "exports": "ratelimit_exports",
    "letters": "ratelimit_letters",
    "pages": "ratelimit_pages",
}
# What guesses, or tells secrets: shut while it cannot be counted over all processes.
SHUT_UNCOUNTED = {
    "login",
    "applications",
    "registration",
    "channel_passwords",
    "reveals",
    "passwords",
    "exports",
}
WORTH_RECORDING = parse("1 per minute")


class RateLimited(Exception):
    """Too often. ``retry_after`` is in whole seconds, at least 1."""

    def __init__(self, policy: str, retry_after: int) -> None:
        super().__init__(policy)
        self.policy = policy
        self.retry_after = retry_after


def address_key(address: str | None) -> str:
    """The address to count by: an IPv6 customer owns a whole /64 and could take a new address for every try."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, 64), strict=False).network_address)
    return str(parsed)


def spend(policy: str, key: str) -> None:
    """Count one act of ``key``. Raises RateLimited when that is one too many; a refused act is not counted.

    Raises CountersAway while Redis is away, for what may not be done uncounted.
    """
    windows = {item.key_for(key, policy): item for item in _parsed(rate_of(policy))}
    if wait := counters().hit(windows, or_shut=policy in SHUT_UNCOUNTED):
        raise RateLimited(policy, max(1, math.ceil(wait)))


def worth_recording(policy: str, key: str) -> bool:
    """Whether this refusal goes into the audit log: one a minute for each key, or a flood would flood the log."""
    return not counters().hit({WORTH_RECORDING.key_for("recorded", policy, key): WORTH_RECORDING})


def counters() -> Counters:
    """Where this app counts."""
    found: Counters = current_app.extensions["counters"]
    return found


def rate_of(policy: str) -> str:
    """What the setting says: "10 per 5 minutes"."""
    rate: str = getattr(current_app.config["STREAMZY"], POLICIES[policy])
    return rate


@cache
def _parsed(rate: str) -> list[RateLimitItem]:
    return parse_many(rate)
