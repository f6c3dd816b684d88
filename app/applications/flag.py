"""What a reviewer should look at twice: a contact that applied before, a name like another's, many from one network."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from heapq import nsmallest
from typing import Any, NamedTuple

from sqlalchemy import func, select

from app.applications.streamer_application import StreamerApplication
from app.auth import name as names
from app.channels.channel import Channel
from app.clock import now
from app.extensions import db

NETWORK_WITHIN = timedelta(days=7)
MANY_FROM_ONE_NETWORK = 3
NAMES_SHOWN = 3


@dataclass(frozen=True)
class Flag:
    """``kind`` is duplicate_contact, taken_name, similar_name or same_network; ``text`` says it to a person."""

    kind: str
    text: str


class Channels(NamedTuple):
    """The addresses of all channels, by how they appear, and by what they and their titles look like."""

    addresses: dict[str, str]
    looks: dict[str, list[str]]


def of_all(applications: Sequence[StreamerApplication]) -> dict[int, list[Flag]]:
    """The flags of each application, by id. As many queries for fifty as for one."""
    contacts = _how_many(StreamerApplication.email_lookup, (one.email_lookup for one in applications))
    accounts = _how_many(StreamerApplication.applicant_id, (one.applicant_id for one in applications))
    networks = _how_many(
        StreamerApplication.network_lookup,
        (one.network_lookup for one in applications),
        StreamerApplication.submitted_at > now() - NETWORK_WITHIN,
    )
    channels = _channels() if any(one.is_undecided for one in applications) else Channels({}, {})
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


@lru_cache(maxsize=20_000)
def _looks(slug: str, title: str) -> frozenset[str]:
    """What a channel looks like: the same for each of the fifty it is compared with, and on the next page, too."""
    return frozenset((squeezed(slug), squeezed(title))) - {""}


def _names_like(application: StreamerApplication, channels: Channels) -> Iterable[Flag]:
    taken = channels.addresses.get(names.appearance(application.slug))
    if taken is not None:
        yield Flag("taken_name", f"The address /c/{taken} is taken")
    looks = _looks(application.slug, application.channel_name)
    alike = {slug for look in looks for slug in channels.looks.get(look, ())} - {taken}
    if alike:
        shown = nsmallest(NAMES_SHOWN, alike)
        more = f" and {len(alike) - len(shown)} more" if len(alike) > len(shown) else ""
        kind = "channel" if len(alike) == 1 else "channels"
        yield Flag("similar_name", f"Looks like the {kind} {', '.join(f'/c/{slug}' for slug in shown)}{more}")


def _channels() -> Channels:
    found = Channels({}, defaultdict(list))
    for slug, title in db.session.execute(select(Channel.slug, Channel.title)):
        found.addresses[names.appearance(slug)] = slug
        for look in _looks(slug, title):
            found.looks[look].append(slug)
    return found


def _how_many(column: Any, values: Iterable[Any], *conditions: Any) -> dict[Any, int]:
    wanted = {value for value in values if value is not None}
    counted = select(column, func.count()).where(column.in_(wanted), *conditions).group_by(column)
    return {value: number for value, number in db.session.execute(counted)} if wanted else {}
