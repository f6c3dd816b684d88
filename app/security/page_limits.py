"""How often an address may ask for pages and send forms: Flask-Limiter, on the counters that sockets spend as well."""

from __future__ import annotations

import math
from typing import Any, NoReturn

from flask import g, request
from flask_limiter import ApplicationLimit, Limiter, RequestLimit, RouteLimit
from limits import RateLimitItemPerSecond
from limits.storage import MovingWindowSupport, Storage

from app.security.rate_limits import SHUT_UNCOUNTED, RateLimited, address_key, counters, rate_of

UNLIMITED = {"static", "operations.healthz", "operations.readyz", "operations.metrics"}


class SharedCounters(MovingWindowSupport, Storage):
    """The app's own counters as a storage of Flask-Limiter: one window over all processes, whatever door is used."""

    STORAGE_SCHEME = ["counters"]

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """What the library may wrap: nothing, for CountersAway has a page of its own."""
        return ()

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count one act; False if that is one too many. Raises CountersAway for what is then shut."""
        shut = key.split("/")[2] in SHUT_UNCOUNTED or request.blueprint == "admin"
        g.rate_limit_wait = counters().hit({key: RateLimitItemPerSecond(limit, expiry)}, or_shut=shut)
        return not g.rate_limit_wait

    def check(self) -> bool:
        """Always: the counters have an answer of their own to a Redis that is away."""
        return True

    def _not_here(self, *_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError("acts are counted in moving windows, and nobody looks without counting")

    get_moving_window = incr = get = get_expiry = reset = clear = _not_here


def _refuse(limit: RequestLimit) -> NoReturn:
    _, policy = limit.request_args
    raise RateLimited(policy, max(1, math.ceil(g.rate_limit_wait)))


# Every page together: far above what a household does, far below what hurts. Probes and static files are cheap, and a
# busy page has many of them.
ALL_PAGES = ApplicationLimit(lambda: rate_of("pages"), scope="pages", exempt_when=lambda: request.endpoint in UNLIMITED)
limiter = Limiter(
    lambda: address_key(request.remote_addr),
    storage_uri="counters://",
    strategy="moving-window",
    application_limits=[ALL_PAGES],
    request_identifier=lambda: request.endpoint or "no page",  # looking for pages that are not there counts as well
    on_breach=_refuse,
)


def limited(policy: str) -> RouteLimit:
    """Decorate a view: its POSTs are counted by address under ``policy``, with those of the policy's other views."""
    return limiter.shared_limit(lambda: rate_of(policy), scope=policy, methods=["POST"])
