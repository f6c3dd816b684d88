"""What somebody typed while their session ended: kept for their account, so that they find it after signing in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import UtcDateTime, now
from app.encryption.sealed import Sealed, SealedText, sealed_text
from app.extensions import Base, db

KEEP = timedelta(hours=1)
LARGEST = 32 * 1024  # characters; no form of ours takes more
SECRET = re.compile("password|code|token|secret|credential")


class UnsentForm(Base):
    """One form of one account: a later one takes its place, so that nobody can fill the database this way."""

    __tablename__ = "unsent_form"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    path: Mapped[str] = mapped_column(String(512), comment="where it was going")
    seal_id: Mapped[str] = mapped_column(String(32), comment="binds the sealed text to this row")
    fields_sealed: Mapped[SealedText] = mapped_column(Sealed("notes"), comment="JSON; never passwords or codes")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    fields_text = sealed_text("fields_sealed")

    @classmethod
    def keep(cls, account_id: int, path: str, fields: list[tuple[str, str]]) -> None:
        """Keep ``fields`` for the account, for an hour."""
        db.session.execute(delete(cls).where((cls.account_id == account_id) | (cls.created_at < now() - KEEP)))
        form = cls(account_id=account_id, path=path)
        form.fields_text = json.dumps(fields)
        db.session.add(form)

    @classmethod
    def of(cls, account_id: int) -> UnsentForm | None:
        """What is kept for the account, unless it is too old."""
        return db.session.scalar(select(cls).where(cls.account_id == account_id, cls.created_at >= now() - KEEP))

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Names and values, in the order of the form."""
        try:
            return [(str(name), str(value)) for name, value in json.loads(self.fields_text)]
        except ValueError:  # what cannot be verified is not shown
            return []


def forget(account_id: int) -> None:
    """Drop what is kept for the account."""
    db.session.execute(delete(UnsentForm).where(UnsentForm.account_id == account_id))


def typed(sent: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """What of a sent form is worth keeping: no secrets, and nothing at all where a person wrote no words."""
    fields = [(name, value) for name, value in sent if value and not SECRET.search(name.lower()) and len(name) <= 64]
    words = [value for name, value in fields if name not in ("next", "as_account") and re.search(r"\D", value)]
    return fields if words and sum(len(value) for _, value in fields) <= LARGEST else []
