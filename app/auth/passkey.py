"""Passkeys: a key pair that never leaves the person's device and signs only for this site's own name."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import webauthn
from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, and_, literal, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column
from webauthn.helpers import parse_authentication_credential_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from app.auth.user import User
from app.clock import UtcDateTime, now
from app.encryption.data_key import data_keys
from app.extensions import Base, db

LONGEST_NAME = 64
MOST = 20  # of one account
LONGEST_ANSWER = 32_768  # characters of JSON; attestations with certificates are some thousand


class PasskeyRefused(Exception):
    """The browser's answer proves nothing; the message says why, for the log and not for the screen."""


class PasskeyCloned(PasskeyRefused):
    """The signature is right, but its counter went back: two devices sign with the same key."""

    def __init__(self, passkey: Passkey) -> None:
        super().__init__("the counter of its signatures went back")
        self.passkey = passkey


@dataclass(frozen=True)
class Site:
    """What passkeys belong to: the host's name; and the page's origin, which every answer names."""

    origin: str

    @property
    def name(self) -> str:
        """The relying party's id: the host without its port."""
        return urlsplit(self.origin).hostname or ""

    @property
    def can_have_passkeys(self) -> bool:
        """Whether browsers make passkeys here: never for a bare IP address, and only over HTTPS or on localhost."""
        try:
            ipaddress.ip_address(self.name)
        except ValueError:
            local = self.name == "localhost" or self.name.endswith(".localhost")
            return bool(self.name) and (local or self.origin.startswith("https://"))
        return False


class Passkey(Base):
    """One passkey of one account."""

    __tablename__ = "passkey"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(1023), unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary, comment="COSE")
    sign_count: Mapped[int] = mapped_column(BigInteger, comment="0 for ever where the device does not count")
    name: Mapped[str] = mapped_column(String(LONGEST_NAME), comment="what its owner calls it")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @classmethod
    def of(cls, account_id: int) -> list[Passkey]:
        """The account's passkeys, oldest first."""
        return list(db.session.scalars(select(cls).where(cls.account_id == account_id).order_by(cls.id)))

    @classmethod
    def registration_options(cls, user: User, site: Site, challenge: bytes) -> str:
        """What the browser needs to make one, as JSON. Devices that hold one of the account already are left out."""
        options = webauthn.generate_registration_options(
            rp_id=site.name,
            rp_name="Streamzy",
            user_id=_handle(user.id),
            user_name=user.username,
            challenge=challenge,
            # Preferred, not required: an older security key without a PIN is a good second factor all the same.
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED,
                user_verification=UserVerificationRequirement.PREFERRED,
            ),
            exclude_credentials=_descriptors(user),
        )
        return webauthn.options_to_json(options)

    @classmethod
    def register(cls, user: User, site: Site, challenge: bytes, answer: str, name: str) -> Passkey:
        """Add the passkey that the browser made. Raises PasskeyRefused."""
        try:
            made = webauthn.verify_registration_response(
                credential=answer[:LONGEST_ANSWER],
                expected_challenge=challenge,
                expected_rp_id=site.name,
                expected_origin=site.origin,
            )
        except Exception as error:  # the library also raises what parsers of CBOR and certificates raise
            raise PasskeyRefused(f"{type(error).__name__}: {error}") from None
        if db.session.scalar(select(cls.id).where(cls.credential_id == made.credential_id)) is not None:
            raise PasskeyRefused("it is registered already")
        if len(cls.of(user.id)) >= MOST:
            raise PasskeyRefused("the account has too many")
        passkey = cls(
            account_id=user.id,
            credential_id=made.credential_id,
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            name=name[:LONGEST_NAME],
        )
        db.session.add(passkey)
        db.session.flush()
        return passkey

    @classmethod
    def sign_in_options(cls, site: Site, challenge: bytes, user: User | None) -> str:
        """What the browser needs to sign, as JSON.

        With ``user`` as a second factor, by one of theirs; without, alone: any passkey that the device knows for this
        site, and the person must unlock it by finger, face or PIN.
        """
        required, preferred = UserVerificationRequirement.REQUIRED, UserVerificationRequirement.PREFERRED
        options = webauthn.generate_authentication_options(
            rp_id=site.name,
            challenge=challenge,
            allow_credentials=_descriptors(user) if user else [],
            user_verification=preferred if user else required,
        )
        return webauthn.options_to_json(options)

    @classmethod
    def signed(cls, site: Site, challenge: bytes, answer: str, user: User | None) -> Passkey:
        """The passkey that signed ``challenge``; as a second factor it must be one of ``user``'s.

        Raises PasskeyRefused, or PasskeyCloned when the signature is right but its counter went back.
        """
        try:
            given = parse_authentication_credential_json(answer[:LONGEST_ANSWER])
        except Exception as error:  # see register
            raise PasskeyRefused(f"{type(error).__name__}: {error}") from None
        passkey = db.session.scalar(select(cls).where(cls.credential_id == given.raw_id))
        if passkey is None or (user is not None and passkey.account_id != user.id):
            raise PasskeyRefused("nobody's, or somebody else's")
        handle = given.response.user_handle
        if handle != _handle(passkey.account_id) and not (user is not None and not handle):
            raise PasskeyRefused("it names another account")
        try:
            used = webauthn.verify_authentication_response(
                credential=given,
                expected_challenge=challenge,
                expected_rp_id=site.name,
                expected_origin=site.origin,
                credential_public_key=passkey.public_key,
                credential_current_sign_count=0,  # compared in _count: two answers at once must not both pass
                require_user_verification=user is None,
            )
        except Exception as error:  # see register
            raise PasskeyRefused(f"{type(error).__name__}: {error}") from None
        if not passkey._count(used.new_sign_count):
            raise PasskeyCloned(passkey)
        return passkey

    def _count(self, count: int) -> bool:
        grows = or_(Passkey.sign_count < count, and_(literal(count) == 0, Passkey.sign_count == 0))
        counted = update(Passkey).where(Passkey.id == self.id, grows).values(sign_count=count, last_used_at=now())
        return db.session.execute(counted.returning(Passkey.id)).first() is not None


def _descriptors(user: User) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=passkey.credential_id) for passkey in Passkey.of(user.id)]


def _handle(account_id: int) -> bytes:
    # Devices keep it and show it to whoever unlocks them: it must say nothing, and always be the same.
    return data_keys().lookup_hash(f"passkey handle:{account_id}")
