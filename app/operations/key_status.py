"""Which master key protects what, and whether it may go: for ``flask keys status`` and the admins' page."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from app.chat.message import Message
from app.encryption.data_key import MESSAGES, DataKey
from app.encryption.keyring import EncryptionKeyError
from app.encryption.master_key import MasterKey
from app.extensions import db
from app.operations.preflight import key_ring


def master_keys() -> list[dict[str, Any]]:
    """The master keys in ENCRYPTION_KEY, newest first, then those that are needed and missing.

    Each is a dict for JSON: id, position (1 is the newest; None: missing), first_seen (ISO 8601, UTC, or None),
    channels and messages under it, other (data keys by purpose), data_keys (all of them by purpose), missing,
    may_be_dropped.
    Shows no key. Works where no key can be used.
    """
    ring = key_ring()
    ids = () if isinstance(ring, EncryptionKeyError) else ring.ids
    under = _data_keys()
    channels, messages, first_seen = _channels(), _messages(), MasterKey.first_seen()
    db.session.rollback()
    return [
        {
            "id": key_id,
            "position": ids.index(key_id) + 1 if key_id in ids else None,
            "first_seen": first_seen[key_id].isoformat(timespec="seconds") if key_id in first_seen else None,
            "channels": channels.get(key_id, 0),
            "messages": messages.get(key_id, 0),
            "other": {purpose: count for purpose, count in under.get(key_id, {}).items() if purpose != MESSAGES},
            "data_keys": under.get(key_id, {}),
            "missing": key_id not in ids,
            "may_be_dropped": key_id in ids[1:] and not under.get(key_id),
        }
        for key_id in dict.fromkeys([*ids, *under])
    ]


def _data_keys() -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    counted = select(DataKey.master_key_id, DataKey.purpose, func.count()).where(DataKey.wrapped.is_not(None))
    for key_id, purpose, count in db.session.execute(counted.group_by(DataKey.master_key_id, DataKey.purpose)):
        found.setdefault(key_id, {})[purpose] = count
    return found


def _channels() -> dict[str, int]:
    counted = select(DataKey.master_key_id, func.count(DataKey.channel_id.distinct()))
    wrapped = counted.where(DataKey.wrapped.is_not(None), DataKey.purpose == MESSAGES)
    return {key_id: count for key_id, count in db.session.execute(wrapped.group_by(DataKey.master_key_id))}


def _messages() -> dict[str, int]:
    counted = select(DataKey.master_key_id, func.count()).join(Message, Message.data_key_id == DataKey.id)
    wrapped = counted.where(DataKey.wrapped.is_not(None))
    return {key_id: count for key_id, count in db.session.execute(wrapped.group_by(DataKey.master_key_id))}
