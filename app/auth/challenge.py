"""Challenges that passkeys sign: fresh for each act, kept in the browser's signed cookie, good for one answer."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import LargeBinary, delete
from sqlalchemy.orm import Mapped, mapped_column

from app import upsert
from app.clock import UtcDateTime, now
from app.extensions import Base, db

LIFETIME = timedelta(minutes=5)
BYTES = 32


class SpentChallenge(Base):
    """A challenge that was answered. A cookie can be sent twice, so the cookie alone could not say that."""

    __tablename__ = "spent_challenge"

    challenge_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    spent_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)


def fresh(purpose: str) -> tuple[bytes, dict[str, Any]]:
    """A new challenge, and what the cookie must hold of it. Nothing is stored: visitors may ask as often as they like.

    ``purpose`` names the act and whose it is, so that an answer given for one act is worth nothing for another.
    """
    value = secrets.token_bytes(BYTES)
    return value, {"value": value.hex(), "purpose": purpose, "at": now().timestamp()}


def spend(kept: Any, purpose: str) -> bytes | None:
    """The challenge that the cookie holds, or None if it is for something else, too old, or was answered before."""
    try:
        value, meant_for, age = bytes.fromhex(kept["value"]), kept["purpose"], now().timestamp() - float(kept["at"])
    except (KeyError, TypeError, ValueError):
        return None
    if meant_for != purpose or not 0 <= age <= LIFETIME.total_seconds():
        return None
    db.session.execute(delete(SpentChallenge).where(SpentChallenge.spent_at < now() - 2 * LIFETIME))
    first = (
        upsert.insert(SpentChallenge)
        .values(challenge_hash=hashlib.sha256(value).digest(), spent_at=now())
        .on_conflict_do_nothing()
        .returning(SpentChallenge.spent_at)
    )
    return value if db.session.execute(first).first() else None
