"""Where acts are counted: in Redis, one count over all processes, or in this process while there is no Redis.

Redis away must not end the chat, and must not give a guesser as many counts as there are processes. So what guesses is
shut meanwhile, and everything else is counted in each process for itself, from nothing.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from limits import RateLimitItem
from limits.strategies import MovingWindowRateLimiter
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from app.extensions import limiter
from app.security.local_windows import LocalWindows

ANSWER_SECONDS = 1.0
AGAIN_SECONDS = 1.0  # nobody else waits for a Redis that did not answer a moment ago

_local = MovingWindowRateLimiter(LocalWindows())
_away_until = 0.0
log = logging.getLogger(__name__)


class CountersAway(Exception):
    """Redis does not answer, and what was asked for may not be done uncounted."""


def storage_options(uri: str) -> dict[str, Any]:
    """What Flask-Limiter needs to know of its storage at ``uri``."""
    if uri.startswith("local:"):
        return {}
    # The library would try three times, seconds apart; one more is for a connection that Redis's restart left behind.
    retry = Retry(NoBackoff(), 1)
    return {"socket_timeout": ANSWER_SECONDS, "socket_connect_timeout": ANSWER_SECONDS, "retry": retry}


def hit(item: RateLimitItem, *key: str, or_shut: bool = False) -> float | None:
    """Count one act; None if it is allowed, else the moment (epoch seconds) from which the next one is.

    Raises CountersAway with ``or_shut`` when it cannot be counted over all processes.
    """
    global _away_until
    if time.monotonic() >= _away_until:
        try:
            return _hit(limiter.limiter, item, key)
        except (RedisError, OSError) as error:
            _away_until = time.monotonic() + AGAIN_SECONDS
            log.warning("Redis does not answer (%s): limits are counted in each process", type(error).__name__)
    if or_shut:
        raise CountersAway
    return _hit(_local, item, key)


def _hit(windows: Any, item: RateLimitItem, key: tuple[str, ...]) -> float | None:
    if windows.hit(item, *key):
        return None
    reset_at: float = windows.get_window_stats(item, *key)[0]
    return reset_at
