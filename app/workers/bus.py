"""The bus: what one process says, all others of the instance hear within milliseconds, through Redis.

It is quick and promises nothing: what is said while Redis is away is lost. Whoever uses it needs another way to learn
what was missed, and is told when the line is there again.
"""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import Event
from prometheus_client import Counter, Gauge
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

ANSWER_SECONDS = 1.0  # Redis answers in less than a thousandth of that, or is not there
QUIET_SECONDS = 3.0  # then we ask whether the line still holds
AGAIN_SECONDS = 0.5
MOST_WAITING = 10_000  # things to say; more than that only a stopped Redis leaves behind

ERRORS = Counter("streamzy_redis_errors", "Times that Redis refused or did not answer")
ALIVE = Gauge("streamzy_bus_alive", "1 while this process hears the others through Redis")
log = logging.getLogger(__name__)


class Bus:
    """``pack`` makes bytes of things said; ``hear`` gets such bytes; ``connected`` is called once it listens."""

    def __init__(
        self,
        url: str,
        topic: str,
        pack: Callable[[list[Any]], bytes],
        hear: Callable[[bytes], None],
        connected: Callable[[], None],
    ) -> None:
        # The library would try three times, seconds apart. One more is for a line that Redis's restart left behind.
        patience: dict[str, Any] = {"socket_timeout": ANSWER_SECONDS, "socket_connect_timeout": ANSWER_SECONDS}
        self._redis = Redis.from_url(url, **patience, retry=Retry(NoBackoff(), 1))
        self._topic, self._pack, self._hear, self._connected = topic, pack, hear, connected
        self._waiting: list[Any] = []
        self._filled = Event()
        self._owner = 0
        self.alive = False

    def start(self) -> None:
        """Listen, and say what waits to be said, from greenlets of this process."""
        if self._owner != os.getpid():
            self._owner = os.getpid()
            gevent.spawn(self._listen)
            gevent.spawn(self._speak)

    def say(self, what: Any) -> None:
        """Tell the others ``what``. Returns at once; things said in one moment travel together."""
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(what)
            self._filled.set()

    def tell(self, what: Any) -> int:
        """Tell the others ``what`` now; returns how many hear it. Raises RedisError or OSError."""
        heard: Any = self._redis.publish(self._topic, self._pack([what]))
        return int(heard) - (1 if self.alive else 0)  # our own words come back to us

    def _speak(self) -> None:
        while True:
            self._filled.wait()
            self._filled.clear()
            said, self._waiting = self._waiting, []
            try:
                self._redis.publish(self._topic, self._pack(said))
            except (RedisError, OSError) as error:
                self._lost(error)
                gevent.sleep(AGAIN_SECONDS)
            except Exception:
                log.exception("something could not be told to the other processes")

    def _listen(self) -> None:
        while True:
            try:
                with self._redis.pubsub() as line:  # type: ignore[no-untyped-call]  # redis-py says nothing of it
                    line.subscribe(self._topic)
                    self._hear_from(line)
            except (RedisError, OSError) as error:
                self._lost(error)
            gevent.sleep(AGAIN_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 - spreads those who come back

    def _hear_from(self, line: Any) -> None:
        asked = False
        while True:
            heard = line.get_message(timeout=QUIET_SECONDS)
            if heard is None:
                if asked:  # a line that died silently: nobody would tell us
                    raise TimeoutError
                line.ping()
                asked = True
                continue
            asked = False
            if heard["type"] == "subscribe":
                self._found()
            elif heard["type"] == "message":
                try:
                    self._hear(heard["data"])
                except Exception:
                    log.exception("what another process said was not understood")

    def _found(self) -> None:
        if not self.alive:
            self.alive = True
            ALIVE.set(1)
            try:
                self._connected()
            except Exception:
                log.exception("what was missed could not be looked up; it will be, at the next look")

    def _lost(self, error: Exception) -> None:
        ERRORS.inc()
        if self.alive:
            log.warning(
                "Redis does not answer (%s): other processes are heard through the database", type(error).__name__
            )
        self.alive = False
        ALIVE.set(0)
