"""Processes that move tokens from one data key to another, beside the one that reads and writes the database.

Python encrypts on one core at a time. Keys and tokens go through a pipe to a program that keeps nothing, opens no file
and no connection, and ends with its pipe.
"""

from __future__ import annotations

import marshal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, NamedTuple, cast

from app.encryption import fernet_token
from app.encryption.fernet_token import Work


class ResealerGone(Exception):
    """A process that encrypts was ended from outside."""


class Batch(NamedTuple):
    """Work, the unwrapped data keys that it takes, and the rows it was made of, which only the caller looks at."""

    rows: list[Any]
    keys: dict[int, bytes]
    work: Work


class Moved(NamedTuple):
    """Tokens anew in the order of the work, None where one could not be moved; and how many seconds it took."""

    tokens: list[bytes | None]
    seconds: float


class Resealer:
    """One process. It is given a batch, and asked for the outcome before it is given another."""

    def __init__(self, nice: int) -> None:
        command = [sys.executable, "-I", fernet_token.__file__, str(nice)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - ours

    def give(self, batch: Batch) -> None:
        """Have it begin. Raises ResealerGone."""
        try:
            cast(Any, self._process.stdin).write(marshal.dumps((batch.keys, batch.work)))
            cast(Any, self._process.stdin).flush()
        except BrokenPipeError:
            raise ResealerGone from None

    def take(self) -> Moved:
        """Wait for what was given. Raises ResealerGone."""
        try:
            return Moved(*marshal.load(cast(Any, self._process.stdout)))  # noqa: S302 - from the program we started
        except EOFError:
            raise ResealerGone from None

    def end(self) -> None:
        """Close its pipe, and wait for it to end."""
        self._process.communicate()


class Here:
    """This process: for work that is over before another would have started."""

    def give(self, batch: Batch) -> None:
        """Do it."""
        began = time.monotonic()
        self._moved = Moved(fernet_token.move_tokens(batch.keys, batch.work), time.monotonic() - began)

    def take(self) -> Moved:
        """The outcome."""
        return self._moved

    def end(self) -> None:
        """Nothing was started."""


class Resealers:
    """So many processes; with none this one does it. Use it as a context manager: they end with it.

    They step back ``nice`` steps behind others: they hold no lock for which anybody waits.
    """

    def __init__(self, processes: int, nice: int = 0) -> None:
        self._all: list[Resealer | Here] = [Resealer(nice) for _ in range(processes)] or [Here()]

    def __enter__(self) -> Resealers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self._all:
            one.end()

    def through(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, Moved]]:
        """Each batch with its outcome, in their order; the next ones are under way meanwhile. Raises ResealerGone."""
        free, busy = deque(self._all), deque[tuple[Resealer | Here, Batch]]()
        for batch in batches:
            done = None
            if not free:
                one, before = busy.popleft()
                done = before, one.take()
                free.append(one)
            one = free.popleft()
            one.give(batch)  # before the caller has its turn with what is done
            busy.append((one, batch))
            if done:
                yield done
        for one, before in busy:
            yield before, one.take()
