"""Names of accounts and channels: one namespace, in which no two look the same."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

from sqlalchemy import String, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app import upsert
from app.clock import UtcDateTime, now
from app.extensions import Base, db

SHORTEST, LONGEST = 3, 32
TAKEN = "This name is taken, or looks too much like one that is."
CONFUSED = str.maketrans("01i_", "oll-")

BIDI_CONTROLS = frozenset(("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"))
BLANKS = frozenset(("U+115F", "U+1160", "U+2800", "U+3164", "U+FFA0", "U+034F"))  # letters by name, blank on the screen

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


def key(name: str) -> str:
    """By what an account is found: however a keyboard composes or widens a letter, and whatever the case."""
    return unicodedata.normalize("NFKC", name).casefold()


def check_username(name: str) -> None:
    """Raise NameRefused unless ``name`` may be an account's name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise NameRefused(
            f"{_what_disturbs(name)}Use letters a to z, digits, - and _, beginning with a letter or digit."
        )
    _check(name)


def check_slug(slug: str) -> None:
    """Raise NameRefused unless ``slug`` may be a channel's address."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", slug):
        raise NameRefused(
            f"{_what_disturbs(slug)}Use lower-case letters a to z, digits and -, beginning with a letter or digit."
        )
    _check(slug)


def _what_disturbs(name: str) -> str:
    """The first character that has no place in a name, in words: most of these cannot be seen."""
    for character in name:
        kind, code = unicodedata.category(character), f"U+{ord(character):04X}"
        if unicodedata.bidirectional(character) in BIDI_CONTROLS or code in ("U+200E", "U+200F", "U+061C"):
            return f"It holds a character that turns the direction of writing around ({code}). "
        if kind == "Cf" or code in BLANKS:
            return f"It holds a character that nobody can see ({code}). "
        if kind in ("Cc", "Zl", "Zp"):
            return f"It holds a control character ({code}). "
        if kind in ("Cs", "Co", "Cn"):
            return f"It holds a character that means nothing ({code}). "
        if not character.isascii():
            return f"{_imitation(character, name)} "
    return ""


def _imitation(character: str, name: str) -> str:
    plain = unicodedata.normalize("NFKC", character)
    if plain.isascii() and plain.isalnum():
        return f"Write {plain} in place of {character}: that is another character, however alike they look."
    script = unicodedata.name(character, "?").split()[0].capitalize().replace("Cjk", "CJK")
    if script not in ("Latin", "?") and unicodedata.category(character).startswith("L"):
        mixed = re.search("[A-Za-z]", name) is not None
        return (
            f"It mixes alphabets: {character} is {script}, and could imitate another name."
            if mixed
            else f"{script} letters could imitate other names."
        )
    return f"It holds {character}."


def _check(name: str) -> None:
    if not SHORTEST <= len(name) <= LONGEST:
        raise NameRefused(f"Use {SHORTEST} to {LONGEST} characters.")
    if appearance(name) in {appearance(word) for word in RESERVED}:
        raise NameRefused("This name is reserved.")


def take(name: str, held_by: str) -> None:
    """Hold ``name`` in the caller's transaction. Raises NameRefused when it, or one that looks like it, is taken."""
    statement = upsert.insert(TakenName).values(key=appearance(name), held_by=held_by, since=now())
    if db.session.execute(statement.on_conflict_do_nothing().returning(TakenName.key)).first() is None:
        raise NameRefused(TAKEN)


def is_taken(name: str) -> bool:
    """Whether ``name``, or one that looks like it, is held by anybody."""
    return db.session.scalar(select(TakenName.key).where(TakenName.key == appearance(name))) is not None


def keep(name: str, held_by: str) -> None:
    """Turn an application's reservation into a holding; a name its owner held already stays as it is."""
    held = db.session.get(TakenName, appearance(name))
    if held is not None and held.held_by == "application":
        held.held_by = held_by


def release(name: str) -> None:
    """Give a name back that an account held: others may take it."""
    db.session.execute(delete(TakenName).where(TakenName.key == appearance(name), TakenName.held_by == "account"))


def hand_over(name: str, held_by: str) -> None:
    """Let a name that is already held be held by ``held_by`` from now on: an account and its channel may share one."""
    db.session.execute(update(TakenName).where(TakenName.key == appearance(name)).values(held_by=held_by))


def release_reservation(name: str) -> None:
    """Give back a name that an application reserved; what an account or a channel holds stays."""
    db.session.execute(delete(TakenName).where(TakenName.key == appearance(name), TakenName.held_by == "application"))
