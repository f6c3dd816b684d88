"""Tokens moved from one key to another by processes of their own: all, in order, and no process outlives us."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from cryptography.fernet import Fernet

from app.encryption.resealers import Batch, ResealerGone, Resealers

OLD, NEW, FOREIGN = (Fernet.generate_key() for _ in range(3))
HEAD = b"here:"


def batches(count: int) -> Iterator[Batch]:
    """Each of three tokens: one that can be moved, one from elsewhere, one under a key that we do not have."""
    for number in range(count):
        plain = HEAD + str(number).encode()
        tokens = [Fernet(OLD).encrypt(plain), Fernet(OLD).encrypt(b"else"), Fernet(FOREIGN).encrypt(plain)]
        yield Batch([number], {1: OLD, 2: NEW}, [(1, 2, HEAD, token) for token in tokens])


def children() -> set[str]:
    """Ids of the processes that this one started and that run."""
    with open(f"/proc/self/task/{os.getpid()}/children") as listed:
        return set(listed.read().split())


@pytest.mark.parametrize("processes", [0, 2])
def test_what_belongs_there_is_moved_and_nothing_else_and_all_in_order(processes: int) -> None:
    before = children()
    with Resealers(processes) as resealers:
        assert len(children() - before) == processes
        found = list(resealers.through(batches(5)))
    assert [batch.rows for batch, _ in found] == [[number] for number in range(5)]
    for number, (_, outcome) in enumerate(found):
        fresh, *stay = outcome.tokens
        assert fresh and Fernet(NEW).decrypt(fresh) == HEAD + str(number).encode()
        assert stay == [None, None]
        assert outcome.seconds > 0
    assert children() == before


def test_they_end_with_whoever_started_them_and_one_that_is_ended_is_missed() -> None:
    before = children()
    with Resealers(1) as resealers, pytest.raises(ResealerGone):
        [process] = children() - before
        os.kill(int(process), signal.SIGINT)  # Ctrl-C reaches everybody: that is for whoever started it
        assert len(list(resealers.through(batches(1)))) == 1
        os.kill(int(process), signal.SIGKILL)
        list(resealers.through(batches(3)))
    assert children() == before


def test_it_takes_a_new_batch_before_the_last_one_is_looked_at() -> None:
    given: list[int] = []

    def noted() -> Iterator[Batch]:
        for batch in batches(4):
            given.extend(batch.rows)
            yield batch

    with Resealers(2) as resealers:
        outcomes = resealers.through(noted())
        assert next(outcomes)[0].rows == [0]
        assert given == [0, 1, 2]
        assert len(list(outcomes)) == 3
