"""The files of a backup: a tar with a manifest first, for its owner alone, and encrypted where a passphrase is given.

``tar xf`` takes an unencrypted one apart by hand. The manifest has a SHA-256 for everything beside it, and a MAC of
its own under a data key, so that a changed backup is told from a damaged one, and refused like it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from app.backup.cipher import DecryptingReader, EncryptingWriter, is_encrypted
from app.backup.refusal import BackupDamaged, BackupRefused

FORMAT = 1
OF_A_BACKUP = b"backup:"  # the audit log has MACs under the same key: none may pass for the other
MANIFEST, MAC = "manifest.json", "manifest.mac"
LARGEST_NOTE = 64 * 1024 * 1024  # of a manifest, a MAC or a list of keys: they are read into memory
BLOCK = 1024 * 1024


def pack(target: Path, manifest: dict[str, Any], mac: bytes, members: dict[str, Path], passphrase: str | None) -> None:
    """Write ``members`` behind the finished ``manifest`` into the new file ``target``, and have it on disk."""
    with os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        stream = EncryptingWriter(file, passphrase) if passphrase else None
        with tarfile.open(fileobj=cast(IO[bytes], stream or file), mode="w|") as tar:
            for name, content in ((MANIFEST, _written(manifest)), (MAC, mac)):
                tar.addfile(_entry(name, len(content)), io.BytesIO(content))
            for name, path in members.items():
                with path.open("rb") as member:
                    tar.addfile(_entry(name, path.stat().st_size), member)
        if stream:
            stream.finish()
        file.flush()
        os.fsync(file.fileno())


def described(members: dict[str, Path]) -> dict[str, dict[str, Any]]:
    """What the manifest says about ``members``."""
    return {name: {"bytes": path.stat().st_size, "sha256": sha256(path)} for name, path in members.items()}


def sha256(path: Path) -> str:
    """The hash of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unpack(path: Path, folder: Path, kind: str, passphrase: str | None) -> dict[str, Any]:
    """Unpack a file of ``kind`` ('data' or 'keys') into the empty ``folder``, and compare every hash.

    Returns its manifest. Raises BackupDamaged, or BackupRefused where it is of another kind or version.
    """
    try:
        with _opened(path, passphrase) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            for entry in tar:
                # Names are ours alone: one with a folder in it, or a link, would be written somewhere else.
                if not entry.isreg() or Path(entry.name).name != entry.name or (folder / entry.name).exists():
                    raise BackupDamaged(f"{path} holds something that no backup of ours does.")
                _extract(tar, entry, folder / entry.name)
            while stream.read(BLOCK):  # what follows the end of the tar is read, too: it must be authentic
                pass
    except (tarfile.TarError, EOFError) as error:
        raise BackupDamaged(f"{path} is not a whole backup: {error}.") from None
    return _checked(path, folder, kind)


def mac_of(folder: Path) -> bytes:
    """The MAC that was packed beside the manifest."""
    return (folder / MAC).read_bytes()


def authenticated(folder: Path) -> bytes:
    """What the MAC is over."""
    return OF_A_BACKUP + (folder / MANIFEST).read_bytes()


def written_for_mac(manifest: dict[str, Any]) -> bytes:
    """What the MAC of a manifest that is not packed yet is over."""
    return OF_A_BACKUP + _written(manifest)


def _checked(path: Path, folder: Path, kind: str) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
        (folder / MAC).stat()
        if manifest["format"] != FORMAT:
            raise BackupRefused(f"{path} was made by another version (format {manifest['format']}).")
        if manifest["kind"] != kind:
            raise BackupRefused(f"{path} is the {manifest['kind']} file of a backup; the {kind} file is needed here.")
        files: dict[str, dict[str, Any]] = manifest["files"]
    except (OSError, ValueError, KeyError, TypeError):
        raise BackupDamaged(f"{path} is not a backup of ours.") from None
    there = {file.name for file in folder.iterdir()} - {MANIFEST, MAC}
    if there != set(files):
        raise BackupDamaged(f"{path} does not hold what its manifest says.")
    for name, about in files.items():
        if sha256(folder / name) != about["sha256"]:
            raise BackupDamaged(f"{path}: {name} is not what was written; its SHA-256 differs.")
    return manifest


@contextmanager
def _opened(path: Path, passphrase: str | None) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise BackupRefused(f"{path} cannot be read: {error.strerror}.") from None
    with file:
        if is_encrypted(file):
            if not passphrase:
                raise BackupRefused(f"{path} is encrypted: its passphrase is needed.")
            yield cast(BinaryIO, io.BufferedReader(DecryptingReader(file, passphrase)))
        else:
            yield file


def _extract(tar: tarfile.TarFile, entry: tarfile.TarInfo, target: Path) -> None:
    source = tar.extractfile(entry)
    if source is None or (target.suffix in (".json", ".mac") and entry.size > LARGEST_NOTE):
        raise BackupDamaged("It holds something that no backup of ours does.")
    with os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        left = entry.size
        while left and (block := source.read(min(BLOCK, left))):
            file.write(block)
            left -= len(block)
    if left:
        raise BackupDamaged("It was cut off.")


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry


def _written(manifest: dict[str, Any]) -> bytes:
    return json.dumps(manifest, indent=1, sort_keys=True).encode()
