"""Scripts that Redis runs for us: those of one moment travel together, whoever asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha1
from typing import Any

import gevent
from gevent.event import AsyncResult
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError
from redis.retry import Retry

ANSWER_SECONDS = 1.0  # Redis answers in less than a thousandth of that, or is not there


class Script:
    """Lua that Redis keeps, and is called by its hash."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.name = sha1(text.encode(), usedforsecurity=False).hexdigest()


class RoundTrip:
    """The line to Redis. A room in which fifty people speak at once costs one question, not fifty."""

    def __init__(self, url: str) -> None:
        # The library would try three times, seconds apart; one more is for a line that Redis's restart left behind.
        patience: dict[str, Any] = {"socket_timeout": ANSWER_SECONDS, "socket_connect_timeout": ANSWER_SECONDS}
        self._redis = Redis.from_url(url, **patience, retry=Retry(NoBackoff(), 1))
        self._asked: list[tuple[list[Any], Script, AsyncResult]] = []

    def run(self, script: Script, keys: Sequence[str], values: Sequence[Any]) -> Any:
        """What ``script`` returns. Raises RedisError or OSError when Redis does not answer."""
        answer = AsyncResult()
        if not self._asked:
            gevent.spawn(self._travel)  # once the greenlets of this turn have asked as well
        self._asked.append((["EVALSHA", script.name, len(keys), *keys, *values], script, answer))
        return answer.get()

    def answers(self) -> bool:
        """Whether Redis is there."""
        try:
            return bool(self._redis.ping())
        except (RedisError, OSError):
            return False

    def close(self) -> None:
        """Let go of the connections; the next question makes new ones."""
        self._redis.close()

    def _travel(self) -> None:
        asked, self._asked = self._asked, []
        try:
            said = self._ask([command for command, _, _ in asked])
            if any(isinstance(each, NoScriptError) for each in said):  # a Redis that has begun anew
                for text in {script.text for _, script, _ in asked}:
                    self._redis.script_load(text)
                again = [number for number, each in enumerate(said) if isinstance(each, NoScriptError)]
                for number, each in zip(again, self._ask([asked[number][0] for number in again]), strict=True):
                    said[number] = each
        except (RedisError, OSError) as error:
            said = [error] * len(asked)
        for (_, _, answer), each in zip(asked, said, strict=True):
            if isinstance(each, Exception):
                answer.set_exception(each)
            else:
                answer.set(each)

    def _ask(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        with self._redis.pipeline(transaction=False) as questions:
            for command in commands:
                questions.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py says nothing of it
            return questions.execute(raise_on_error=False)
