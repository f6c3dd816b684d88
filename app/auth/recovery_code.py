"""Recovery codes: ten keys on paper for the day on which the phone is gone. Each opens once."""

from __future__ import annotations

import re
import secrets
from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, delete, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import UtcDateTime, now
from app.encryption.data_key import data_keys
from app.extensions import Base, db

HOW_MANY = 10
# 31 characters without look-alikes, twelve of them: 59 bits a code.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
GROUPS, GROUP = 3, 4


class RecoveryCode(Base):
    """One code of one account, as a keyed hash: a stolen database opens nothing."""

    __tablename__ = "recovery_code"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True, comment="HMAC-SHA256 of account, code")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @classmethod
    def renew(cls, account_id: int) -> list[str]:
        """Ten new codes, which exist in clear only in the answer; the former ones are worth nothing any more."""
        cls.forget(account_id)
        codes = [
            "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(GROUPS))
            for _ in range(HOW_MANY)
        ]
        db.session.add_all(cls(account_id=account_id, code_hash=_hash(account_id, code)) for code in codes)
        db.session.flush()
        return codes

    @classmethod
    def spend(cls, account_id: int, typed: str) -> bool:
        """Whether ``typed`` is an unused code of the account; it is used now, and of two requests one gets in."""
        spent = (
            update(cls)
            .where(cls.account_id == account_id, cls.code_hash == _hash(account_id, typed[:64]), cls.used_at.is_(None))
            .values(used_at=now())
            .returning(cls.account_id)
        )
        return db.session.execute(spent).first() is not None

    @classmethod
    def left(cls, account_id: int) -> int:
        """How many are unused."""
        query = select(func.count()).where(cls.account_id == account_id, cls.used_at.is_(None))
        return db.session.scalar(query) or 0

    @classmethod
    def all_unused(cls, account_id: int, codes: list[str]) -> bool:
        """Whether every one of ``codes`` is an unused code of the account."""
        query = select(cls.code_hash).where(cls.account_id == account_id, cls.used_at.is_(None))
        return bool(codes) and {_hash(account_id, code) for code in codes} <= set(db.session.scalars(query))

    @classmethod
    def forget(cls, account_id: int) -> None:
        """Delete all codes of the account."""
        db.session.execute(delete(cls).where(cls.account_id == account_id))


def _hash(account_id: int, code: str) -> bytes:
    # However it was typed: people write capitals, and leave the dashes out.
    bare = re.sub(r"[\s-]", "", code).lower()
    return data_keys().lookup_hash(f"recovery code:{account_id}:{bare}")
