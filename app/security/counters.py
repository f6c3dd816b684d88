"""Where acts are counted: in Redis, one count over all processes, or in this process while there is no Redis.

Redis away must not end the chat, and must not give a guesser as many counts as there are processes. So what guesses is
shut meanwhile, and everything else is counted in each process for itself, from nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from limits import RateLimitItem
from redis.exceptions import RedisError

from app.security.round_trip import RoundTrip, Script
from app.security.windows import LocalWindows

AGAIN_SECONDS = 1.0  # nobody else waits for a Redis that did not answer a moment ago
log = logging.getLogger(__name__)

# A list for each window, newest first, in milliseconds of Redis's own clock: those of the workers may differ. If it
# was set back, what lies ahead of it is worth nothing, or everybody would wait until it has caught up.
HIT = Script("""
local time = redis.call('TIME')
local now, wait = time[1] * 1000 + math.floor(time[2] / 1000), 0
for number, key in ipairs(KEYS) do
    local most, span = tonumber(ARGV[2 * number - 1]), tonumber(ARGV[2 * number])
    local newest = tonumber(redis.call('LINDEX', key, 0) or 0)
    if newest > now + 1000 then redis.call('DEL', key) end
    local oldest = tonumber(redis.call('LINDEX', key, most - 1) or 0)
    wait = math.max(wait, oldest + span - now)
end
if wait > 0 then return wait end
for number, key in ipairs(KEYS) do
    redis.call('LPUSH', key, now)
    redis.call('LTRIM', key, 0, ARGV[2 * number - 1] - 1)
    redis.call('PEXPIRE', key, ARGV[2 * number])
end
return 0
""")


class CountersAway(Exception):
    """Redis does not answer, and what was asked for may not be done uncounted."""


class Counters:
    """The windows of one app."""

    def __init__(self, redis: RoundTrip | None) -> None:
        self._redis, self._local = redis, LocalWindows()
        self._away_until = 0.0

    def hit(self, windows: Mapping[str, RateLimitItem], *, or_shut: bool = False) -> float:
        """Count one act in each of ``windows``, by key; or in none, and return the seconds until there is room.

        Raises CountersAway with ``or_shut`` when it cannot be counted over all processes.
        """
        if self._redis is None:
            return self._local.hit(windows)
        if time.monotonic() >= self._away_until:
            sizes = [size for item in windows.values() for size in (item.amount, item.get_expiry() * 1000)]
            try:
                return float(self._redis.run(HIT, list(windows), sizes)) / 1000
            except (RedisError, OSError) as error:
                self._away_until = time.monotonic() + AGAIN_SECONDS
                log.warning("Redis does not answer (%s): limits are counted in each process", type(error).__name__)
        if or_shut:
            raise CountersAway
        return self._local.hit(windows)
