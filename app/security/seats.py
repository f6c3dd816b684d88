"""Seats: how many lines an address or an account holds open at once, counted over all processes.

Whoever sits renews the seat; those of a process that was killed are free a minute later. While Redis is away each
process counts its own.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import gevent
from redis.exceptions import RedisError

from app.security.round_trip import RoundTrip, Script

LEASE_SECONDS = 60
AT_ONCE = 500
log = logging.getLogger(__name__)

# A sorted set for each who is counted: a line, and until when (seconds of Redis's own clock) it counts. What ends
# later than any lease is from before that clock was set back.
TAKE = Script("""
local now, line, lease = tonumber(redis.call('TIME')[1]), ARGV[1], tonumber(ARGV[2])
for number, key in ipairs(KEYS) do
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
    redis.call('ZREMRANGEBYSCORE', key, now + lease + 1, '+inf')
    if redis.call('ZCARD', key) >= tonumber(ARGV[2 + number]) then return 0 end
end
for _, key in ipairs(KEYS) do
    redis.call('ZADD', key, now + lease, line)
    redis.call('EXPIRE', key, lease)
end
return 1
""")
RENEW = Script("""
local now, lease = tonumber(redis.call('TIME')[1]), tonumber(ARGV[1])
for number = 2, #ARGV do redis.call('ZADD', KEYS[1], now + lease, ARGV[number]) end
redis.call('EXPIRE', KEYS[1], lease)
""")
LEAVE = Script("for _, key in ipairs(KEYS) do redis.call('ZREM', key, unpack(ARGV)) end")


class Seats:
    """The seats of one app's lines. Where nothing is capped, nothing is kept."""

    def __init__(self, redis: RoundTrip | None) -> None:
        self._redis = redis
        self._here: dict[str, set[str]] = defaultdict(set)
        self._held: dict[str, list[str]] = {}

    def take(self, line: str, most: Mapping[str, int]) -> bool:
        """Give ``line`` a seat with each of ``most``, a number by who is counted; False, and none, if one is full."""
        names = [f"seats/{who}" for who in most]
        if any(len(self._here.get(name, ())) >= limit for name, limit in zip(names, most.values(), strict=True)):
            return False
        if not names:
            return True
        self._held[line] = names
        for name in names:  # before Redis is waited for: a second line may come meanwhile
            self._here[name].add(line)
        try:
            if self._redis is None or self._redis.run(TAKE, names, [line, LEASE_SECONDS, *most.values()]):
                return True
        except (RedisError, OSError):
            return True
        self._forget(line)
        return False

    def leave(self, line: str) -> None:
        """``line`` is gone: its seats are free. Returns at once."""
        names = self._forget(line)
        if names and self._redis is not None:
            gevent.spawn(self._tell, LEAVE, names, [line])

    def leave_all(self) -> None:
        """This process ends: whoever sat here may sit elsewhere at once."""
        for line in list(self._held):
            self.leave(line)

    def renew(self) -> None:
        """Keep the seats of every line here. Called well within a lease; waits for Redis."""
        if self._redis is None:
            return
        for name, lines in list(self._here.items()):
            sitting = list(lines)
            for start in range(0, len(sitting), AT_ONCE):
                if not self._tell(RENEW, [name], [LEASE_SECONDS, *sitting[start : start + AT_ONCE]]):
                    return

    def _forget(self, line: str) -> list[str]:
        names = self._held.pop(line, [])
        for name in names:
            self._here[name].discard(line)
            if not self._here[name]:
                del self._here[name]
        return names

    def _tell(self, script: Script, names: list[str], values: list[Any]) -> bool:
        try:
            if self._redis is not None:
                self._redis.run(script, names, values)
        except (RedisError, OSError) as error:
            log.warning("Redis does not answer (%s): lines are counted in each process", type(error).__name__)
            return False
        return True
