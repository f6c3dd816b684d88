"""Seal a text so that it opens only where it was written: in its own row, field, author and channel."""

from __future__ import annotations

import secrets
from typing import Any, NamedTuple

from cryptography.fernet import Fernet
from sqlalchemy import Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from app.encryption.data_key import data_keys
from app.encryption.fernet_token import open_token

VERSION = b"\x01"


class SealedText(NamedTuple):
    """What a sealed column holds: which data key, and the Fernet token."""

    key_id: int
    token: str


def seal(key: Fernet, context: bytes, text: str) -> bytes:
    """Encrypt ``text`` together with ``context`` (at most 255 bytes): whose it is and where it stands."""
    return key.encrypt(VERSION + bytes([len(context)]) + context + text.encode())


def unseal(key: Fernet | None, context: bytes, token: bytes) -> str | None:
    """The text, or None when it cannot be verified: another key, changed, or moved here from elsewhere.

    The comparison defeats transplants: whoever can write to the database could otherwise make one person say
    what another wrote, with a ciphertext that is perfectly valid.
    """
    plain = unsealed_bytes(key, token)
    head = VERSION + bytes([len(context)]) + context
    return plain[len(head) :].decode() if plain is not None and plain.startswith(head) else None


def unsealed_bytes(key: Fernet | None, token: bytes) -> bytes | None:
    """What was sealed, place and text, or None when this key does not open it. The caller compares the place."""
    return None if key is None else open_token(key, token)


class Sealed(TypeDecorator[SealedText]):
    """A column of sealed text. ``purpose`` names the data key; rotation finds these columns by their type."""

    impl = Text
    cache_ok = True

    def __init__(self, purpose: str) -> None:
        super().__init__()
        self.purpose = purpose

    def process_bind_param(self, value: SealedText | None, dialect: Dialect) -> str | None:
        return None if value is None else f"{value.key_id}.{value.token}"

    def process_result_value(self, value: Any | None, dialect: Dialect) -> SealedText | None:
        if value is None:
            return None
        key_id, _, token = str(value).partition(".")
        # A mangled value must not break the page it is on: key 0 opens nothing.
        return SealedText(int(key_id), token) if key_id.isdigit() else SealedText(0, token)


class sealed_text:
    """An attribute that seals what is assigned into ``column`` and opens it when read.

    The model has ``seal_id``: 16 random bytes in hex, fixed at creation, which binds a text to its row.
    Reading gives None for an empty column and UNVERIFIED for a text that does not belong there.
    """

    def __init__(self, column: str) -> None:
        self.column = column

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        stored: SealedText | None = getattr(instance, self.column)
        if stored is None:
            return None
        text = unseal(data_keys().fernet(stored.key_id), self._context(instance), stored.token.encode())
        return UNVERIFIED if text is None else text

    def __set__(self, instance: Any, text: str | None) -> None:
        if text is None:
            setattr(instance, self.column, None)
            return
        if instance.seal_id is None:
            instance.seal_id = secrets.token_hex(16)
        purpose = type(instance).__table__.c[self.column].type.purpose
        key_id = data_keys().current_id(purpose)
        key = data_keys().fernet(key_id)
        assert key is not None  # noqa: S101 - an active key is never destroyed
        setattr(instance, self.column, SealedText(key_id, seal(key, self._context(instance), text).decode()))

    def _context(self, instance: Any) -> bytes:
        return f"{type(instance).__tablename__}.{self.column}.{instance.seal_id}".encode()


UNVERIFIED = "This text could not be verified."
