"""What a reviewer should look at twice: a contact that applied before, a name like another's, many from one network."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from app.applications.streamer_application import StreamerApplication
from app.auth import name as names
from app.channels.channel import Channel
from app.clock import now
from app.extensions import db

NETWORK_WITHIN = timedelta(days=7)
MANY_FROM_ONE_NETWORK = 3


@dataclass(frozen=True)
class Flag:
    """``kind`` is duplicate_contact, taken_name, similar_name or same_network; ``text`` says it to a person."""

    kind: str
    text: str


def of_all(applications: Sequence[StreamerApplication]) -> dict[int, list[Flag]]:
    """The flags of each application, by id. As many queries for fifty as for one."""
    contacts = _how_many(StreamerApplication.email_lookup, (one.email_lookup for one in applications))
    accounts = _how_many(StreamerApplication.applicant_id, (one.applicant_id for one in applications))
    networks = _how_many(
        StreamerApplication.network_lookup,
        (one.network_lookup for one in applications),
        StreamerApplication.submitted_at > now() - NETWORK_WITHIN,
    )
    channels = _channels() if any(one.is_undecided for one in applications) else []
    found: dict[int, list[Flag]] = {}
    for one in applications:
        flags = found[one.id] = []
        others = max(contacts.get(one.email_lookup, 1), accounts.get(one.applicant_id, 1)) - 1
        if others:
            flags.append(Flag("duplicate_contact", f"{others} more from this contact"))
        if one.is_undecided:
            flags += _names_like(one, channels)
        if networks.get(one.network_lookup, 0) >= MANY_FROM_ONE_NETWORK:
            flags.append(Flag("same_network", f"{networks[one.network_lookup]} from one network within 7 days"))
    return found


def squeezed(name: str) -> str:
    """What is left of a name for the hurried eye: no case, no accents, no signs, no digits at its end."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    letters = "".join(character for character in plain if character.isalnum())
    return names.appearance(letters.rstrip("0123456789") or letters)


def _names_like(application: StreamerApplication, channels: list[tuple[str, str]]) -> Iterable[Flag]:
    looks = {squeezed(application.slug), squeezed(application.channel_name)} - {""}
    for slug, title in channels:
        if names.appearance(slug) == names.appearance(application.slug):
            yield Flag("taken_name", f"The address /c/{slug} is taken")
        elif looks & {squeezed(slug), squeezed(title)}:
            yield Flag("similar_name", f"Looks like the channel /c/{slug}")


def _channels() -> list[tuple[str, str]]:
    return [(row.slug, row.title) for row in db.session.execute(select(Channel.slug, Channel.title))]


def _how_many(column: Any, values: Iterable[Any], *conditions: Any) -> dict[Any, int]:
    wanted = {value for value in values if value is not None}
    counted = select(column, func.count()).where(column.in_(wanted), *conditions).group_by(column)
    return {value: number for value, number in db.session.execute(counted)} if wanted else {}
