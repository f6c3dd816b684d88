"""Lockout: a few wrong passwords close an account to guessing for a while, counted so that a crowd cannot outrun it."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import ColumnElement, ForeignKey, String, case, delete, literal, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from app import upsert
from app.clock import UtcDateTime, now
from app.extensions import Base, db

# Tries at a channel's password are counted like sign-ins, by account and channel; they lock nobody out of an account.
CHANNEL = "channel:"
LONGEST_LOCK, LONGEST_MEMORY = timedelta(days=1), timedelta(days=2)  # where locks grow


class SignInTries(Base):
    """Wrong passwords in a row for one account, from one known device or ('') from everywhere else."""

    __tablename__ = "sign_in_tries"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    device: Mapped[str] = mapped_column(
        String(64), primary_key=True, default="", comment="'' for browsers that never signed in here"
    )
    failures: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


def take_a_try(account_id: int, device: str = "", *, growing: bool = False) -> int | None:
    """Count a try *before* its password is compared; the number of this try, or None when the account is locked.

    One statement, so that of 50 guesses sent at once no more than LOCKOUT_FAILURES are ever compared: counting
    afterwards would let them all through. Tries while locked change nothing, so a lock is not prolonged by them.

    ``growing``: after a lock the count goes on for LONGEST_MEMORY instead of beginning anew, and each further wrong
    try locks for twice as long. For secrets of six digits, at which five tries every quarter of an hour add up.
    """
    settings = current_app.config["STREAMZY"]
    most, period = settings.lockout_failures, timedelta(minutes=settings.lockout_minutes)
    moment = now()
    over = or_(SignInTries.locked_until <= moment, _from_before_the_clock_was_set_back(moment, growing))
    fresh = (
        SignInTries.last_at <= moment - LONGEST_MEMORY if growing else or_(over, SignInTries.last_at <= moment - period)
    )
    number = case((fresh, 1), else_=SignInTries.failures + 1)
    lock: ColumnElement[datetime] = literal(moment + period, UtcDateTime)
    if growing:
        longer = [(number == most + step, literal(moment + lasting, UtcDateTime)) for step, lasting in _steps(period)]
        lock = case(*longer, else_=literal(moment + LONGEST_LOCK, UtcDateTime))
    statement = upsert.insert(SignInTries).values(
        account_id=account_id,
        device=device,
        failures=1,
        last_at=moment,
        locked_until=moment + period if most == 1 else None,
    )
    statement = statement.on_conflict_do_update(
        index_elements=[SignInTries.account_id, SignInTries.device],
        set_={"failures": number, "last_at": moment, "locked_until": case((number >= most, lock), else_=None)},
        where=or_(SignInTries.locked_until.is_(None), over),
    ).returning(SignInTries.failures)
    taken: int | None = db.session.execute(statement).scalar()
    return taken


def _from_before_the_clock_was_set_back(moment: datetime, growing: bool) -> ColumnElement[bool]:
    # Twice as far away as any lock of this moment ends. Of many guesses at once some looked at the clock before another
    # locked, and count after it: by a narrower limit each of them would open the lock.
    longest = LONGEST_LOCK if growing else timedelta(minutes=current_app.config["STREAMZY"].lockout_minutes)
    return SignInTries.locked_until > moment + 2 * longest


def minutes_of(number: int) -> int:
    """For how long the ``number``-th wrong try in a row locks where locks grow."""
    settings = current_app.config["STREAMZY"]
    steps = dict(_steps(timedelta(minutes=settings.lockout_minutes)))
    return int(steps.get(number - settings.lockout_failures, LONGEST_LOCK).total_seconds() // 60)


def _steps(period: timedelta) -> list[tuple[int, timedelta]]:
    # The first lock, and each that is twice as long as the one before while that is less than the longest.
    lengths = [period * 2**step for step in range(12)]
    return [(step, length) for step, length in enumerate(lengths) if length < LONGEST_LOCK or step == 0]


def forget(account_id: int, device: str | None = None) -> None:
    """The right password was given, or an operator unlocks: start from nothing."""
    statement = delete(SignInTries).where(SignInTries.account_id == account_id)
    db.session.execute(statement if device is None else statement.where(SignInTries.device == device))


def of_the_account() -> ColumnElement[bool]:
    """Tries that, once they lock, keep somebody from the account itself."""
    return SignInTries.device.not_like(f"{CHANNEL}%")


def locked_until(account_id: int) -> datetime | None:
    """Until when guessing is closed, or None."""
    return db.session.scalar(
        select(SignInTries.locked_until)
        .where(SignInTries.account_id == account_id, SignInTries.locked_until > now(), of_the_account())
        .order_by(SignInTries.locked_until.desc())
        .limit(1)
    )
