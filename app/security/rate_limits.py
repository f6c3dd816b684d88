"""How often anybody may do anything: one table of sliding windows for pages and socket events alike."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from flask import Flask, current_app, request
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
UNLIMITED = {"static", "operations.healthz", "operations.readyz", "operations.metrics"}


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


def spend(policy: str, key: str, *, or_shut: bool = False) -> None:
    """Count one act of ``key``. Raises RateLimited when that is one too many; a refused act is not counted.

    Raises CountersAway while Redis is away, for what may not be done uncounted, and ``or_shut``.
    """
    windows = {item.key_for(policy, key): item for item in _items(policy)}
    if wait := _counters().hit(windows, or_shut=or_shut or policy in SHUT_UNCOUNTED):
        raise RateLimited(policy, max(1, math.ceil(wait)))


def worth_recording(policy: str, key: str) -> bool:
    """Whether this refusal goes into the audit log: one a minute for each key, or a flood would flood the log."""
    return not _counters().hit({WORTH_RECORDING.key_for("recorded", policy, key): WORTH_RECORDING})


def limited(policy: str) -> Callable[[Any], Any]:
    """Decorate a view: its POSTs are counted by address under ``policy``."""

    def decorate(view: Any) -> Any:
        @wraps(view)
        def counted(*args: Any, **kwargs: Any) -> Any:
            if request.method == "POST":
                spend(policy, address_key(request.remote_addr))
            return view(*args, **kwargs)

        return counted

    return decorate


def limit_pages(app: Flask) -> None:
    """Count every request of a page by address: far above what a household does, far below what hurts."""

    @app.before_request
    def count() -> None:
        # Probes and static files are cheap, and a busy page has many of them.
        if request.endpoint not in UNLIMITED:
            spend("pages", address_key(request.remote_addr), or_shut=request.blueprint == "admin")


def _counters() -> Counters:
    counters: Counters = current_app.extensions["counters"]
    return counters


def _items(policy: str) -> list[RateLimitItem]:
    return _parsed(getattr(current_app.config["STREAMZY"], POLICIES[policy]))


@cache
def _parsed(rate: str) -> list[RateLimitItem]:
    return parse_many(rate)
