"""Rotation of the master key: re-wrap every data key under the newest one. Messages are not touched."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from app.encryption.data_key import DataKey, data_keys
from app.extensions import db

BATCH = 200


def rewrap() -> Iterator[int]:
    """Re-wrap in batches, committing each; yields how many keys each batch re-wrapped.

    Harmless to repeat or to kill: a data key is under the old master key or under the new one, never under none.
    Raises EncryptionKeyError when a master key that is still needed is missing.
    """
    ring = data_keys().ring
    while True:
        stale = db.session.scalars(
            select(DataKey)
            .where(DataKey.master_key_id != ring.newest_id, DataKey.wrapped.is_not(None))
            .limit(BATCH)
            .with_for_update()
        ).all()
        if not stale:
            db.session.rollback()
            return
        for key in stale:
            assert key.wrapped is not None  # noqa: S101 - the query says so
            key.master_key_id, key.wrapped = ring.wrap(ring.unwrap(key.master_key_id, key.wrapped))
        db.session.commit()
        yield len(stale)
