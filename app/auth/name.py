"""Names of accounts and channels: one namespace, in which no two look the same."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from app import upsert
from app.clock import UtcDateTime, now
from app.extensions import Base, db

SHORTEST, LONGEST = 3, 32
CONFUSED = str.maketrans("01i_", "oll-")

# Names that would let somebody pass for the house, or that stand for a page.
RESERVED = frozenset(
    "account accounts admin administrator anonymous api apply bot c channel channels deleted everyone forgot health "
    "help here login logout me mod moderator mods nobody official overlay owner register root security settings staff "
    "static status streamzy support system team unknown www".split()
)


class NameRefused(ValueError):
    """The name cannot be used; the message says why."""


class TakenName(Base):
    """A name somebody holds. Its key is what the name looks like, so that a look-alike finds it taken."""

    __tablename__ = "taken_name"

    key: Mapped[str] = mapped_column(String(64), primary_key=True, comment="the name's appearance, see appearance()")
    held_by: Mapped[str] = mapped_column(String(11), comment="account, channel or application (which only reserves it)")
    since: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


def appearance(name: str) -> str:
    """What ``name`` looks like at a glance: letters and digits that are easily confused become one."""
    key = name.casefold().translate(CONFUSED)
    return key.replace("rn", "m").replace("vv", "w")


def check_username(name: str) -> None:
    """Raise NameRefused unless ``name`` may be an account's name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise NameRefused("Use letters a to z, digits, - and _, beginning with a letter or digit.")
    _check(name)


def check_slug(slug: str) -> None:
    """Raise NameRefused unless ``slug`` may be a channel's address."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", slug):
        raise NameRefused("Use lower-case letters a to z, digits and -, beginning with a letter or digit.")
    _check(slug)


def _check(name: str) -> None:
    if not SHORTEST <= len(name) <= LONGEST:
        raise NameRefused(f"Use {SHORTEST} to {LONGEST} characters.")
    if appearance(name) in {appearance(word) for word in RESERVED}:
        raise NameRefused("This name is reserved.")


def take(name: str, held_by: str) -> None:
    """Hold ``name`` in the caller's transaction. Raises NameRefused when it, or one that looks like it, is taken."""
    statement = upsert.insert(TakenName).values(key=appearance(name), held_by=held_by, since=now())
    if db.session.execute(statement.on_conflict_do_nothing().returning(TakenName.key)).first() is None:
        raise NameRefused("This name is taken, or looks too much like one that is.")


def is_taken(name: str) -> bool:
    """Whether ``name``, or one that looks like it, is held by anybody."""
    return db.session.scalar(select(TakenName.key).where(TakenName.key == appearance(name))) is not None


def keep(name: str, held_by: str) -> None:
    """Turn an application's reservation into a holding; a name its owner held already stays as it is."""
    held = db.session.get(TakenName, appearance(name))
    if held is not None and held.held_by == "application":
        held.held_by = held_by


def release_reservation(name: str) -> None:
    """Give back a name that an application reserved; what an account or a channel holds stays."""
    db.session.execute(delete(TakenName).where(TakenName.key == appearance(name), TakenName.held_by == "application"))
