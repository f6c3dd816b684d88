"""Workers that know of each other, and work that comes round, done by one of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, select

from app.clock import Clock, now
from app.encryption.data_key import data_keys
from app.extensions import db
from app.workers import duty as duties
from app.workers.duty import Duty, DutyRow, perform
from app.workers.worker import Presence, Worker
from tests.chat.backstage import Backstage
from tests.postgres import on_both_databases
from tests.streamzy_server import StreamzyServer


def living() -> list[str]:
    db.session.rollback()
    return [worker.key_ids for worker in Worker.living()]


@on_both_databases
def test_a_worker_lives_while_it_beats_and_is_gone_when_it_ends(app: Flask, clock: Clock) -> None:
    first, second = Presence(app, ["aaaa", "bbbb"]), Presence(app, ["cccc"])
    first.beat()
    second.beat()
    assert living() == ["aaaa bbbb", "cccc"]
    clock.offset_seconds = 15
    second.beat()
    clock.offset_seconds = 25  # the first was killed: nobody hears of it any more
    assert living() == ["cccc"]
    second.end()
    assert living() == []


@on_both_databases
def test_a_worker_that_was_killed_before_the_clock_was_set_back_does_not_live_until_it_has_caught_up(
    app: Flask, clock: Clock
) -> None:
    clock.offset_seconds = 86400
    killed, alive = Presence(app, ["aaaa"]), Presence(app, ["bbbb"])
    killed.beat()
    alive.beat()
    clock.offset_seconds = 0
    alive.beat()
    assert living() == ["bbbb"]
    clock.offset_seconds = -10  # a little, as a machine does that corrects itself: nobody is taken for dead
    assert living() == ["bbbb"]


def test_a_worker_whose_row_was_taken_away_is_known_again_with_its_next_beat(app: Flask) -> None:
    worker = Presence(app, ["aaaa"])
    worker.beat()
    db.session.execute(delete(Worker))
    db.session.commit()
    worker.beat()
    assert living() == ["aaaa"]


def test_a_server_is_known_with_the_keys_it_holds(server: StreamzyServer) -> None:
    backstage = Backstage(server)
    with backstage.open():
        [worker] = Worker.living()
        assert worker.key_ids.split() == list(data_keys().ring.ids)
        assert worker.pid in {process.pid for process in server.processes()}
    backstage.close()


class Work:
    """Counts how often it was done; its duty has three parts."""

    def __init__(self) -> None:
        self.begun = self.ended = 0
        self.duty = Duty("work", timedelta(hours=1), self.run)

    def run(self) -> Iterator[int]:
        self.begun += 1
        yield from range(3)
        self.ended += 1


@on_both_databases
def test_a_duty_is_done_when_it_is_due_and_not_before(app: Flask, clock: Clock) -> None:
    work = Work()
    assert perform(work.duty)
    assert not perform(work.duty)
    clock.offset_seconds = 3590
    assert not perform(work.duty)
    clock.offset_seconds = 3610
    assert perform(work.duty)
    assert work.ended == 2


def test_a_clock_that_is_set_back_a_day_puts_no_duty_off_until_it_has_caught_up(app: Flask, clock: Clock) -> None:
    work = Work()
    clock.offset_seconds = 86400
    assert perform(work.duty)
    clock.offset_seconds = 0
    assert perform(work.duty)
    assert not perform(work.duty)


@on_both_databases
def test_nobody_else_does_it_meanwhile(app: Flask) -> None:
    work, tried = Work(), []

    def run() -> Iterator[int]:
        for part in range(2):
            tried.append(perform(work.duty))
            yield part

    assert perform(Duty("work", timedelta(hours=1), run))
    assert tried == [False, False] and work.begun == 0


@on_both_databases
def test_whoever_was_killed_at_it_is_relieved_and_does_not_go_on(app: Flask, clock: Clock) -> None:
    work = Work()

    def slow() -> Iterator[int]:
        yield 1
        clock.offset_seconds += 61  # as good as killed: its lease runs out
        assert perform(work.duty)
        yield 2
        raise AssertionError("it went on, although another had taken over")

    assert not perform(Duty("work", timedelta(hours=1), slow))
    assert work.ended == 1


def test_what_fails_is_tried_again_soon_and_not_at_once(app: Flask, clock: Clock) -> None:
    work = Work()

    def fail() -> Iterator[int]:
        yield 1
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        perform(Duty("work", timedelta(hours=1), fail))
    assert not perform(work.duty)
    clock.offset_seconds = 61
    assert perform(work.duty)


def test_what_was_done_before_a_yield_is_kept(app: Flask) -> None:
    def run() -> Iterator[int]:
        for name in ("one", "two"):
            db.session.add(DutyRow(name=name, due_at=now(), held_until=now()))
            yield 1
            db.session.rollback()

    perform(Duty("work", timedelta(hours=1), run))
    assert set(db.session.scalars(select(DutyRow.name))) == {"work", "one", "two"}


def test_a_duty_is_found_by_its_decorator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duties, "DUTIES", {})
    run = duties.duty("sweeping", every=timedelta(days=1))(lambda: iter(()))
    assert {"sweeping": Duty("sweeping", timedelta(days=1), run)} == duties.DUTIES
