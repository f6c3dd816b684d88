"""Encrypting a stream under a passphrase: scrypt, then ChaCha20-Poly1305 in chunks, both from the library.

The chunks follow the STREAM construction that age uses too: each chunk's nonce is its number and whether it is the
last, so chunks that were cut off, left out, doubled, reordered or taken from another file do not open. The key is
fresh for every file, since the salt is.
"""

from __future__ import annotations

import io
import secrets
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from app.backup.refusal import BackupDamaged

MAGIC = b"streamzy encrypted backup 1\n"
SALT_BYTES = 16
COST = 17  # scrypt's N is 2 to this: 128 MiB and a third of a second for each guess
HIGHEST_COST = 20  # a forged header must not make us take all memory
CHUNK = 1024 * 1024
TAG_BYTES = 16


class EncryptingWriter(io.RawIOBase):
    """Encrypts what is written to it into ``file``. What was not closed cannot be opened again: its end is missing."""

    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        self._file, self._number, self._waiting = file, 0, bytearray()
        self._header = MAGIC + bytes([COST]) + secrets.token_bytes(SALT_BYTES)
        self._cipher = _cipher(self._header, passphrase)
        file.write(self._header)

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # bytes are all that is written here
        """Take any number of bytes."""
        self._waiting += data
        while len(self._waiting) > CHUNK:  # a full one waits too: it may turn out to be the last
            self._seal(bytes(self._waiting[:CHUNK]), last=False)
            del self._waiting[:CHUNK]
        return len(data)

    def finish(self) -> None:
        """Write the last chunk."""
        self._seal(bytes(self._waiting), last=True)
        self._waiting.clear()

    def _seal(self, chunk: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, last), chunk, self._header))
        self._number += 1


class DecryptingReader(io.RawIOBase):
    """Reads what EncryptingWriter wrote. Raises BackupDamaged where a chunk is not the one that must stand there."""

    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        self._file, self._number, self._open, self._ended = file, 0, b"", False
        header = file.read(len(MAGIC) + 1 + SALT_BYTES)
        if not header.startswith(MAGIC) or len(header) != len(MAGIC) + 1 + SALT_BYTES:
            raise BackupDamaged("This is not an encrypted backup of this version.")
        if header[len(MAGIC)] > HIGHEST_COST:
            raise BackupDamaged("Its header asks for more memory than any backup of ours does.")
        self._header, self._cipher = header, _cipher(header, passphrase)
        self._next = file.read(CHUNK + TAG_BYTES)

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # as io calls it
        """Fill ``buffer`` with what comes next; 0 at the end."""
        while not self._open and not self._ended:
            self._open_next()
        count = min(len(buffer), len(self._open))
        buffer[:count], self._open = self._open[:count], self._open[count:]
        return count

    def _open_next(self) -> None:
        sealed, self._next = self._next, self._file.read(CHUNK + TAG_BYTES)
        self._ended = not self._next
        try:
            self._open = self._cipher.decrypt(_nonce(self._number, self._ended), sealed, self._header)
        except InvalidTag:
            raise BackupDamaged(
                "The passphrase is another one, or the file was changed."
                if self._number == 0
                else "The file was cut off or changed: what follows does not belong to what was read."
            ) from None
        self._number += 1


def is_encrypted(file: BinaryIO) -> bool:
    """Whether ``file``, which stands at its beginning and stays there, was encrypted here."""
    head = file.read(len(MAGIC))
    file.seek(0)
    return head == MAGIC


def _cipher(header: bytes, passphrase: str) -> ChaCha20Poly1305:
    cost, salt = header[len(MAGIC)], header[len(MAGIC) + 1 :]
    return ChaCha20Poly1305(Scrypt(salt=salt, length=32, n=2**cost, r=8, p=1).derive(passphrase.encode()))


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
