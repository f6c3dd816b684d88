"""How many people read a channel, through any process, told at most once every two seconds."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from app.chat import broadcasts

ACCOUNT = "user:"
STALE_SECONDS = 15  # a process that was killed says nothing: its people count until then

_people: dict[int, Counter[str]] = defaultdict(Counter)
_slugs: dict[int, str] = {}
_changed: set[int] = set()
_unshared = False

Shared = list[tuple[int, list[int], int]]  # a channel's id, accounts, number of visitors


@dataclass
class Elsewhere:
    """Who reads what through another process, as it said last."""

    heard: float
    accounts: dict[int, set[int]] = field(default_factory=dict)
    visitors: dict[int, int] = field(default_factory=dict)


_elsewhere: dict[str, Elsewhere] = {}


def entered(channel_id: int, slug: str, person: str) -> None:
    """``person`` reads the channel, in one more socket."""
    _people[channel_id][person] += 1
    _slugs[channel_id] = slug
    _mark(channel_id)


def left(channel_id: int, person: str) -> None:
    """One socket of ``person`` stopped reading the channel."""
    people = _people[channel_id]
    people[person] -= 1
    if people[person] <= 0:
        del people[person]
    if not people:
        del _people[channel_id]
    _mark(channel_id)


def _mark(channel_id: int) -> None:
    global _unshared
    _changed.add(channel_id)
    _unshared = True


def read(channel_id: int) -> bool:
    """Whether anybody reads the channel through this process."""
    return channel_id in _people


def viewers(channel_id: int) -> int:
    """How many people read the channel: an account counts once, however many tabs and processes it is in."""
    here = _people.get(channel_id, ())
    if not _elsewhere:
        return len(here)
    accounts = accounts_elsewhere(channel_id)
    twice = sum(1 for account in accounts if f"{ACCOUNT}{account}" in here)
    return len(here) + len(accounts) - twice + visitors_elsewhere(channel_id)


def accounts_elsewhere(channel_id: int) -> set[int]:
    """The accounts that read the channel through other processes."""
    return set().union(*(other.accounts.get(channel_id, ()) for other in _elsewhere.values()))


def visitors_elsewhere(channel_id: int) -> int:
    """How many visitors read the channel through other processes."""
    return sum(other.visitors.get(channel_id, 0) for other in _elsewhere.values())


def changed_here() -> bool:
    """Whether anything changed here since ``here()`` was last asked."""
    return _unshared


def here() -> Shared:
    """Who reads what through this process, for the others."""
    global _unshared
    _unshared = False
    shared: Shared = []
    for channel_id, people in _people.items():
        accounts = [int(person.removeprefix(ACCOUNT)) for person in people if person.startswith(ACCOUNT)]
        shared.append((channel_id, accounts, len(people) - len(accounts)))
    return shared


def elsewhere(process: str, shared: Shared) -> None:
    """Another process says who reads what there."""
    before, now = _elsewhere.get(process), Elsewhere(time.monotonic())
    for channel_id, accounts, visitors in shared:
        now.accounts[channel_id], now.visitors[channel_id] = set(accounts), visitors
    _elsewhere[process] = now
    _changed.update(now.accounts, before.accounts if before else ())


def tell() -> None:
    """Tell the channels whose number changed since last time. Called every two seconds."""
    for process in [known for known, said in _elsewhere.items() if time.monotonic() - said.heard > STALE_SECONDS]:
        _changed.update(_elsewhere.pop(process).accounts)
    changed = list(_changed)
    _changed.clear()
    for channel_id in changed:
        if channel_id in _people:
            broadcasts.viewers_changed(channel_id, _slugs[channel_id], viewers(channel_id))
