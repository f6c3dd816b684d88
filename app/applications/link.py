"""The private links of an application: unguessable, stored as hashes, all of them good until it is erased.

There is more than one because a mail must carry a link, and no link that was given out before can be known again.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, LargeBinary, delete
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import UtcDateTime, now
from app.extensions import Base, db

if TYPE_CHECKING:
    from app.applications.streamer_application import StreamerApplication


class ApplicationLink(Base):
    """One private link."""

    __tablename__ = "application_link"

    token_hash: Mapped[bytes] = mapped_column(
        LargeBinary(32), primary_key=True, comment="SHA-256 of the token in the link"
    )
    application_id: Mapped[int] = mapped_column(ForeignKey("streamer_application.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


def issue(application: StreamerApplication) -> str:
    """Add a link to ``application``; its token (32 random bytes) is in the answer and nowhere else."""
    token = secrets.token_urlsafe(32)
    db.session.add(ApplicationLink(token_hash=hashed(token), application_id=application.id))
    return token


def revoke_all(application: StreamerApplication) -> None:
    """Let no link open ``application`` any more."""
    db.session.execute(delete(ApplicationLink).where(ApplicationLink.application_id == application.id))


def hashed(token: str) -> bytes:
    """What is stored of a token: it is random enough that a plain hash says nothing."""
    return hashlib.sha256(token.encode()).digest()
