"""The master keys of ENCRYPTION_KEY: the newest wraps data keys, all of them unwrap."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken


class EncryptionKeyError(Exception):
    """ENCRYPTION_KEY cannot be used; the message says why and never shows a key."""


class KeyRing:
    """Master keys by id: the first 8 hex digits of the key's SHA-256, which name a key and give nothing away."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Take Fernet keys, newest first. Raises EncryptionKeyError when there is none or one is malformed."""
        if not keys:
            raise EncryptionKeyError(
                "ENCRYPTION_KEY is not set; `flask setup` writes one, `flask keys generate` prints one"
            )
        self._fernets: dict[str, Fernet] = {}
        for position, key in enumerate(keys, start=1):
            key_id = key_id_of(key)
            if key_id is None:
                raise EncryptionKeyError(
                    f"ENCRYPTION_KEY: key {position} of {len(keys)} is not a Fernet key (44 characters of base64)"
                )
            if key_id in self._fernets:
                raise EncryptionKeyError(f"ENCRYPTION_KEY: key {position} of {len(keys)} is there twice (id {key_id})")
            self._fernets[key_id] = Fernet(key)

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of all keys, newest first."""
        return tuple(self._fernets)

    @property
    def newest_id(self) -> str:
        """Id of the key that wraps."""
        return next(iter(self._fernets))

    def wrap(self, data_key: bytes) -> tuple[str, str]:
        """Return the newest key's id and ``data_key`` wrapped under it."""
        return self.newest_id, self._fernets[self.newest_id].encrypt(data_key).decode()

    def unwrap(self, key_id: str, wrapped: str) -> bytes:
        """Return the data key. Raises EncryptionKeyError when key ``key_id`` is not here or does not open it."""
        fernet = self._fernets.get(key_id)
        if fernet is None:
            raise EncryptionKeyError(f"ENCRYPTION_KEY: the key with id {key_id} is missing and still needed")
        try:
            return fernet.decrypt(wrapped)
        except InvalidToken:
            raise EncryptionKeyError(f"ENCRYPTION_KEY: the key with id {key_id} does not open what it sealed") from None

    def __repr__(self) -> str:
        return f"<KeyRing {' '.join(self.ids)}>"


def key_id_of(key: str) -> str | None:
    """The id of a Fernet key, or None when ``key`` is not one."""
    try:
        raw = base64.urlsafe_b64decode(key.encode("ascii"))
    except (binascii.Error, UnicodeEncodeError, ValueError):
        return None
    # The decoder skips whatever follows the padding: two keys without a comma would pass for the first of them.
    return hashlib.sha256(raw).hexdigest()[:8] if len(raw) == 32 and len(key) == 44 else None
