"""Fernet tokens: opened strictly, and moved from one key to another, here or as a program of its own.

This file imports nothing of ours: ``Resealers`` starts it by its path, in processes that need nothing but Fernet, and
importing the app would take each of them longer than most of what it is there for.
"""

from __future__ import annotations

import marshal
import os
import signal
import sys
import time
from contextlib import suppress
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken

# Ids of the keys that open and seal, what the text must begin with, the token. Of types that marshal knows.
Work = list[tuple[int, int, bytes, bytes]]


def open_token(key: Fernet, token: bytes) -> bytes | None:
    """What was sealed, or None when ``key`` does not open it."""
    try:
        plain = key.decrypt(token)
    except InvalidToken:
        return None
    # Fernet's base64 skips what is not of its alphabet, and all that follows the padding: a token has one length only.
    return plain if len(token) == _length(len(plain)) else None


def _length(plain: int) -> int:
    raw = 1 + 8 + 16 + (plain // 16 + 1) * 16 + 32  # version, time, IV, padded text, HMAC
    return (raw + 2) // 3 * 4


def move_tokens(keys: dict[int, bytes], work: Work) -> list[bytes | None]:
    """Tokens under the keys that are to seal; None where one does not open or what was sealed begins otherwise."""
    anew: list[bytes | None] = []
    for opens, seals, head, token in work:
        plain = open_token(_fernet(keys[opens]), token)
        anew.append(_fernet(keys[seals]).encrypt(plain) if plain is not None and plain.startswith(head) else None)
    return anew


@lru_cache(maxsize=1000)
def _fernet(key: bytes) -> Fernet:
    return Fernet(key)


def _serve() -> None:
    """Answer each pair of keys and work on standard input with tokens and seconds, until nobody is there any more."""
    os.nice(int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started us, and we end with them
    with suppress(EOFError, BrokenPipeError):
        while True:
            keys, work = marshal.load(sys.stdin.buffer)  # noqa: S302 - from who started us
            began = time.monotonic()
            anew = move_tokens(keys, work)
            sys.stdout.buffer.write(marshal.dumps((anew, time.monotonic() - began)))
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    _serve()
