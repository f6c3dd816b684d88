"""Passwords: the rules for chosen ones, how generated ones are made, and hashing that never stops the chat."""

from __future__ import annotations

import _thread
import os
import secrets
import unicodedata
from collections.abc import Callable
from typing import Any

import bcrypt
from gevent.threadpool import ThreadPool
from prometheus_client import Gauge

from app.auth.password_strength import weakness

SHORTEST = 12
MOST_BYTES = 72  # bcrypt reads no further: longer ones are refused, never cut
GENERATED_LENGTH = 16

# Without 0 O 1 l I, and without what a shell, a quote or a line wrap would spoil when it is copied.
LOWER, UPPER, DIGITS, SYMBOLS = "abcdefghijkmnopqrstuvwxyz", "ABCDEFGHJKLMNPQRSTUVWXYZ", "23456789", "!#%+=?@*"

MOST_WAITING = 32


class PasswordRefused(ValueError):
    """The chosen password cannot be used; the message says why."""


class HashingBusy(Exception):
    """More sign-ins are waiting than can be hashed soon. ``retry_after`` is in seconds."""

    retry_after = 10


def check(password: str, *names: str, shortest: int = SHORTEST) -> None:
    """Raise PasswordRefused unless ``password`` may be chosen by the account whose names are ``names``.

    The rules are NIST's (SP 800-63B): length, no rules about kinds of characters, nothing commonly used or easily
    guessed, and not one's own name. ``shortest`` is PASSWORD_MIN_LENGTH.
    """
    text = normalised(password)
    if len(text) < shortest:
        raise PasswordRefused(f"Use at least {shortest} characters.")
    if len(_bytes(password)) > MOST_BYTES:
        raise PasswordRefused(f"Use at most {MOST_BYTES} bytes: letters outside a to z count for more than one.")
    if "\0" in text:
        raise PasswordRefused("It holds a character that cannot be typed.")
    if any(name and name.casefold() in text.casefold() for name in names):
        raise PasswordRefused("It must not contain your name.")
    if why := weakness(text, names):
        raise PasswordRefused(why)


def normalised(password: str) -> str:
    """The form that is hashed: one and the same for every way a keyboard may compose a character (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def _bytes(password: str) -> bytes:
    return normalised(password).encode("utf-8", "surrogatepass")


def generate() -> str:
    """A password of 16 characters with all four types of character, from the system's random source."""
    pools = (LOWER, UPPER, DIGITS, SYMBOLS)
    characters = [secrets.choice(pool) for pool in pools]
    characters += [secrets.choice("".join(pools)) for _ in range(GENERATED_LENGTH - len(pools))]
    secrets.SystemRandom().shuffle(characters)
    return "".join(characters)


def hash_password(password: str, rounds: int) -> str:
    """The bcrypt hash. Takes a quarter of a second at 12 rounds: call it outside transactions. Raises HashingBusy."""
    return str(hashing.run(bcrypt.hashpw, _bytes(password), bcrypt.gensalt(rounds)).decode())


def matches(password: str, hashed: str | None, rounds: int) -> bool:
    """Whether ``password`` is the one. Without a hash the work is done all the same, so that time tells nothing.

    Raises HashingBusy.
    """
    candidate = _bytes(password)
    possible = hashed is not None and len(candidate) <= MOST_BYTES
    compared = hashing.run(bcrypt.checkpw, candidate[:MOST_BYTES], (hashed or _nobodys_hash(rounds)).encode())
    return possible and bool(compared)


def is_weaker(hashed: str | None, rounds: int) -> bool:
    """Whether a hash was made with fewer than ``rounds``, and should be renewed at the next sign-in."""
    return hashed is not None and int(hashed.split("$")[2]) < rounds


_nobody: dict[int, str] = {}


def _nobodys_hash(rounds: int) -> str:
    if rounds not in _nobody:
        _nobody[rounds] = bcrypt.hashpw(secrets.token_bytes(32), bcrypt.gensalt(rounds)).decode()
    return _nobody[rounds]


class HashingPool:
    """One native thread at low priority. bcrypt holds no lock while it works, so the event loop goes on; a single
    thread bounds a flood of sign-ins to one core, and a bounded queue bounds how long anybody waits."""

    def __init__(self) -> None:
        self._pool: ThreadPool | None = None
        self._owner = 0
        self.waiting = 0

    def require_room(self) -> None:
        """Raise HashingBusy when too many wait already: asked before anything else is counted or written."""
        if self.waiting >= MOST_WAITING:
            raise HashingBusy

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run ``function`` in the pool and wait for it. Raises HashingBusy when too many wait already."""
        self.require_room()
        if self._pool is None or self._owner != os.getpid():
            self._pool, self._owner = ThreadPool(1), os.getpid()
            self._pool.apply(_lower_priority)
        self.waiting += 1
        try:
            return self._pool.apply(function, arguments)
        finally:
            self.waiting -= 1


def _lower_priority() -> None:
    os.setpriority(os.PRIO_PROCESS, _thread.get_native_id(), 15)  # on Linux, niceness belongs to the thread


hashing = HashingPool()
WAITING = Gauge("streamzy_hashing_waiting", "Passwords that wait to be hashed or compared")
WAITING.set_function(lambda: hashing.waiting)
