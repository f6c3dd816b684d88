"""How many people read a channel, told at most once every two seconds."""

from __future__ import annotations

from collections import Counter, defaultdict

from app.chat import broadcasts

_people: dict[int, Counter[str]] = defaultdict(Counter)
_slugs: dict[int, str] = {}
_changed: set[int] = set()


def entered(channel_id: int, slug: str, person: str) -> None:
    """``person`` reads the channel, in one more socket."""
    _people[channel_id][person] += 1
    _slugs[channel_id] = slug
    _changed.add(channel_id)


def left(channel_id: int, person: str) -> None:
    """One socket of ``person`` stopped reading the channel."""
    people = _people[channel_id]
    people[person] -= 1
    if people[person] <= 0:
        del people[person]
    if not people:
        del _people[channel_id]
    _changed.add(channel_id)


def viewers(channel_id: int) -> int:
    """How many people read the channel through this process."""
    return len(_people[channel_id]) if channel_id in _people else 0


def tell() -> None:
    """Tell the channels whose number changed since last time. Called every two seconds."""
    changed = list(_changed)
    _changed.clear()
    for channel_id in changed:
        broadcasts.viewers_changed(channel_id, _slugs[channel_id], viewers(channel_id))
