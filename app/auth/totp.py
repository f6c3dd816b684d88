"""An authenticator app: a secret shared with a phone, sealed at rest, whose codes count once each."""

from __future__ import annotations

import io
from datetime import datetime

import pyotp
import segno
from pyotp.exceptions import OTPVerificationError
from sqlalchemy import BigInteger, ForeignKey, String, update
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import UtcDateTime, now
from app.encryption.sealed import UNVERIFIED, Sealed, SealedText, sealed_text
from app.extensions import Base, db

DRIFT_STEPS = 1  # a phone's clock may be one step of 30 seconds off
DIGITS = 6


class Totp(Base):
    """One account's authenticator app. It counts for nothing until a first code has confirmed it."""

    __tablename__ = "totp"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    seal_id: Mapped[str] = mapped_column(String(32), comment="binds the sealed secret to this row")
    secret_sealed: Mapped[SealedText] = mapped_column(Sealed("two_factor"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="NULL: a code has yet to confirm it")
    last_step: Mapped[int] = mapped_column(
        BigInteger, default=0, comment="the newest 30-second step of which a code was used: it and older ones are spent"
    )

    secret = sealed_text("secret_sealed")

    @classmethod
    def begin(cls, account_id: int) -> Totp:
        """A fresh secret, to be confirmed; the one before it, if it was never confirmed, is forgotten."""
        app = db.session.get(cls, account_id) or cls(account_id=account_id)
        app.secret, app.created_at = pyotp.random_base32(), now()
        db.session.add(app)
        db.session.flush()
        return app

    @property
    def is_confirmed(self) -> bool:
        """Whether its codes count."""
        return self.confirmed_at is not None

    @property
    def is_readable(self) -> bool:
        """Whether the secret is the one that was sealed into this row. If not, no code is right."""
        return bool(self.secret != UNVERIFIED)

    @property
    def key_in_groups(self) -> list[str]:
        """The secret to type by hand, in groups of four."""
        return [self.secret[start : start + 4] for start in range(0, len(self.secret), 4)]

    def spend(self, code: str) -> bool:
        """Whether ``code`` is right and was never used before; it is used now.

        The comparison with ``last_step`` stands in the UPDATE: of two requests with the same code one gets in.
        """
        if not self.is_readable or not (len(code) == DIGITS and code.isascii() and code.isdigit()):
            return False
        try:
            step = pyotp.TOTP(self.secret).verify_and_get_timecode(code, for_time=now(), valid_window=DRIFT_STEPS)
        except OTPVerificationError:
            return False
        spent = (
            update(Totp).where(Totp.account_id == self.account_id, Totp.last_step < step).values(last_step=step)
        ).returning(Totp.account_id)
        return db.session.execute(spent).first() is not None

    def qr_code(self, username: str, host: str) -> bytes:
        """What a phone's camera reads, as SVG: black on white in every theme, because cameras want it so."""
        # A colon would part issuer and account in the middle of the name.
        issuer = f"Streamzy {host}".replace(":", " ")
        drawn = io.BytesIO()
        uri = pyotp.TOTP(self.secret).provisioning_uri(name=username, issuer_name=issuer)
        segno.make(uri, error="m", micro=False).save(
            drawn, kind="svg", dark="#000", light="#fff", border=4, scale=4, svgclass=None, lineclass=None
        )
        return drawn.getvalue()
