"""The way back for somebody who forgot the password: a code given at registration, since there is no mail to send."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, delete, update
from sqlalchemy.orm import Mapped, mapped_column

from app.auth.user import User
from app.clock import UtcDateTime, now
from app.encryption.data_key import data_keys
from app.extensions import Base, db

# 30 characters without look-alikes, twenty of them: 98 bits. Nobody guesses one, however the tries are counted.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
GROUPS, GROUP = 5, 4
KEY = "lookup"


class AccountRecovery(Base):
    """An account's one recovery code, as a keyed hash: a stolen database opens nothing."""

    __tablename__ = "account_recovery"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32), comment="HMAC-SHA256 of account and code")
    data_key_id: Mapped[int] = mapped_column(BigInteger, comment="the key of the HMAC")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    @classmethod
    def renew(cls, user: User) -> tuple[str, str]:
        """A new code, and the ticket for which ``shown_for`` says it again; the former code is worth nothing any more.

        The ticket is for the cookie of the browser that registered, until the next page has shown the code. It tells
        nothing without the server's key, and nothing at all is kept on the server in clear.
        """
        key_id, ticket = data_keys().current_id(KEY), secrets.token_urlsafe(16)
        code = _code(key_id, user.id, ticket)
        forget(user.id)
        db.session.add(cls(account_id=user.id, code_hash=_hash(key_id, user.id, code), data_key_id=key_id))
        db.session.flush()
        return code, ticket

    @classmethod
    def shown_for(cls, user: User, ticket: object) -> str | None:
        """The code that was made with ``ticket``, if it still is the account's."""
        row = cls.of(user)
        if row is None or not isinstance(ticket, str):
            return None
        code = _code(row.data_key_id, user.id, ticket)
        return code if hmac.compare_digest(row.code_hash, _hash(row.data_key_id, user.id, code)) else None

    @classmethod
    def of(cls, user: User) -> AccountRecovery | None:
        """When the code of ``user`` was made; None if there is none."""
        return db.session.get(cls, user.id, populate_existing=True)

    @classmethod
    def spend(cls, account_id: int, typed: str) -> str | None:
        """Use the code up and answer its successor; None when it is wrong, or another request was faster."""
        row = db.session.get(cls, account_id, populate_existing=True)
        if row is None:
            return None
        key_id = data_keys().current_id(KEY)
        code = _code(key_id, account_id, secrets.token_urlsafe(16))
        taken = db.session.execute(
            update(cls)
            .where(cls.account_id == account_id, cls.code_hash == _hash(row.data_key_id, account_id, typed))
            .values(code_hash=_hash(key_id, account_id, code), data_key_id=key_id, created_at=now())
            .returning(cls.account_id)
        )
        return code if taken.first() else None


def forget(account_id: int) -> None:
    """Leave the account without a code."""
    db.session.execute(delete(AccountRecovery).where(AccountRecovery.account_id == account_id))


def _code(key_id: int, account_id: int, ticket: str) -> str:
    number = int.from_bytes(data_keys().mac(key_id, f"recovery code:{account_id}:{ticket}".encode()))
    letters = [ALPHABET[number // len(ALPHABET) ** place % len(ALPHABET)] for place in range(GROUPS * GROUP)]
    return "-".join("".join(letters[start : start + GROUP]) for start in range(0, len(letters), GROUP))


def _hash(key_id: int, account_id: int, typed: str) -> bytes:
    # People copy codes with and without their dashes, and in either case.
    bare = "".join(character for character in typed[:256].upper() if character in ALPHABET)
    return data_keys().mac(key_id, f"recovery:{account_id}:{bare}".encode())
