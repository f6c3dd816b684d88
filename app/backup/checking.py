"""Looking at a database that was just restored: are its rows, keys, messages and its audit log what was backed up?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from app.audit import chain
from app.chat import verification
from app.chat.message import Message
from app.encryption.data_key import DataKey, data_keys
from app.encryption.keyring import EncryptionKeyError
from app.extensions import db

MOST_SAID = 5


@dataclass
class Findings:
    """What was found, in sentences: what holds, and what does not."""

    holds: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def look(manifest: dict[str, Any], counts: dict[str, int], closed: str) -> Findings:
    """Look at the database of ``db.session``, restored from ``manifest`` with ``counts`` rows by table.

    ``closed`` says what is wrong with its keys, if anything.
    """
    found = Findings(problems=[closed] if closed else [])
    found.holds.append("Hashes and signatures: both files are what was written.")
    _rows(found, manifest["rows"], counts)
    _keys(found)
    _messages(found)
    _audit_log(found)
    db.session.rollback()
    return found


def _rows(found: Findings, wanted: dict[str, int], counts: dict[str, int]) -> None:
    wrong = sorted(name for name in wanted.keys() | counts.keys() if wanted.get(name) != counts.get(name))
    if wrong:
        found.problems.append(f"Rows are missing, or there are too many, in: {', '.join(wrong)}.")
    else:
        found.holds.append(f"Rows: all {sum(counts.values()):,} in {len(counts)} tables are there.")


def _keys(found: Findings) -> None:
    keys = db.session.execute(select(DataKey.id, DataKey.wrapped)).all()
    shut = []
    for key_id in (row.id for row in keys if row.wrapped is not None):
        try:
            data_keys().fernet(key_id)
        except EncryptionKeyError as error:
            shut.append(str(error))
    for error_ in dict.fromkeys(shut):
        found.problems.append(error_ + ".")
    if shut:
        return
    destroyed = [row.id for row in keys if row.wrapped is None]
    stay = db.session.scalar(select(func.count()).where(Message.data_key_id.in_(destroyed))) or 0
    said = f"Data keys: all {len(keys) - len(destroyed)} open."
    if destroyed:
        said += f" {len(destroyed)} more were destroyed; {stay:,} messages under them stay closed."
    found.holds.append(said)


def _messages(found: Findings) -> None:
    looked_at, bad = verification.sample()
    for problem in bad[:MOST_SAID]:
        found.problems.append(f"/c/{problem.channel} message {problem.id}: {problem.problem}.")
    if len(bad) > MOST_SAID:
        found.problems.append(f"And {len(bad) - MOST_SAID} more messages that cannot be read.")
    if not bad:
        found.holds.append(
            f"Messages: {looked_at:,} were decrypted as a sample, and all stand where they were written."
        )


def _audit_log(found: Findings) -> None:
    wrong = list(chain.problems())
    for problem in wrong[:MOST_SAID]:
        found.problems.append(f"Audit log: {problem}.")
    if len(wrong) > MOST_SAID:
        found.problems.append(f"Audit log: and {len(wrong) - MOST_SAID} more problems.")
    if not wrong:
        found.holds.append(f"Audit log: {chain.length():,} events, none changed, none missing.")
