"""Rotation of the master key: re-wrap every data key under the newest one. What is sealed with them is not touched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, select, update

from app.encryption.data_key import DataKey, data_keys
from app.encryption.keyring import EncryptionKeyError
from app.extensions import db
from app.workers.worker import Worker

BATCH = 200


class WorkerLacksKey(Exception):
    """A process that serves was started without the newest master key: after a rotation it could read nothing."""


def count_stale() -> int:
    """How many data keys are to be wrapped anew.

    Raises EncryptionKeyError when a master key that is still needed is missing, WorkerLacksKey.
    """
    ring = data_keys().ring
    counted = select(DataKey.master_key_id, func.count()).where(*_stale()).group_by(DataKey.master_key_id)
    found = {key_id: count for key_id, count in db.session.execute(counted)}
    if missing := [key_id for key_id in found if key_id not in ring.ids]:
        raise EncryptionKeyError(f"ENCRYPTION_KEY: the key with id {', '.join(missing)} is missing and still needed")
    _refuse_while_a_worker_lacks(ring.newest_id)
    return sum(found.values())


def rewrap() -> Iterator[int]:
    """Re-wrap in batches, committing each; yields how many keys each batch re-wrapped.

    Harmless to repeat or to kill: a data key is under the old master key or under the new one, never under none.
    Raises EncryptionKeyError when a master key that is still needed is missing, WorkerLacksKey.
    """
    ring = data_keys().ring
    table = DataKey.__table__
    # Compare and swap: a key that was destroyed since we read it stays destroyed.
    swap = (
        update(table)  # type: ignore[arg-type]  # declared as FromClause, is a Table
        .where(table.c.id == bindparam("which"), table.c.wrapped == bindparam("was"))
        .values(wrapped=bindparam("anew"), master_key_id=ring.newest_id)
    )
    while stale := db.session.execute(
        select(DataKey.id, DataKey.master_key_id, DataKey.wrapped).where(*_stale()).limit(BATCH)
    ).all():
        db.session.rollback()  # no transaction stays open while we compute
        fresh = [_wrapped_anew(row) for row in stale]
        db.session.execute(swap, fresh)
        # Asked once more before each commit: one that started meanwhile, with the old settings, counts too.
        _refuse_while_a_worker_lacks(ring.newest_id)
        db.session.commit()
        yield len(fresh)
    db.session.rollback()


def _stale() -> tuple[ColumnElement[bool], ...]:
    return (DataKey.master_key_id != data_keys().ring.newest_id, DataKey.wrapped.is_not(None))


def _wrapped_anew(row: Any) -> dict[str, Any]:
    ring = data_keys().ring
    return {"which": row.id, "was": row.wrapped, "anew": ring.wrap(ring.unwrap(row.master_key_id, row.wrapped))[1]}


def _refuse_while_a_worker_lacks(key_id: str) -> None:
    lacking = [worker.name for worker in Worker.living() if not worker.holds(key_id)]
    if lacking:
        db.session.rollback()
        raise WorkerLacksKey(
            f"{', '.join(lacking)} does not hold the newest key ({key_id}): restart Streamzy with the new "
            "ENCRYPTION_KEY first. (A process that was killed counts for 20 seconds more.)"
        )
