"""The wrapped data keys, apart from what is sealed with them: as rows for the key file, and back into a database.

The data file lists its keys without what is wrapped. So whoever destroys a key, and the key files that still hold it,
has closed the messages under it in every data file there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, MetaData, Table, delete, insert, select

from app.encryption.data_key import DataKey

Rows = list[dict[str, Any]]
NAME = DataKey.__tablename__


class Merged(NamedTuple):
    """The rows that ``data_key`` gets, and which of them the key file did not have at all."""

    rows: Rows
    missing: list[int]


def read(connection: Connection) -> Rows:
    """Every row of ``data_key``, as JSON takes it."""
    table = _table(connection)
    return [
        {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
        for row in connection.execute(select(table).order_by(table.c.id)).mappings()
    ]


def without_keys(rows: Rows) -> Rows:
    """The list for the data file: which keys there are, and nothing to open anything with."""
    return [{name: value for name, value in row.items() if name != "wrapped"} for row in rows]


def merge(listed: Rows, kept: Rows, channels: Sequence[int]) -> Merged:
    """What stands after restoring data that lists ``listed`` with a key file that has ``kept``.

    The key file has the last word: a key that it says is destroyed, or does not know any more, opens nothing.
    Keys of channels that the data does not know are left out, or a new channel of that number would find them there.
    """
    by_id = {row["id"]: row for row in kept}
    rows = [by_id.get(row["id"]) or {**row, "wrapped": None, "state": "destroyed"} for row in listed]
    known, here = {row["id"] for row in listed}, {0, *channels}
    rows += [row for row in kept if row["id"] not in known and row["channel_id"] in here]
    missing = [row["id"] for row in listed if row["id"] not in by_id and row["state"] != "destroyed"]
    return Merged(rows, missing)


def write(connection: Connection, rows: Rows) -> None:
    """Put ``rows`` in place of what ``data_key`` holds. Columns that this schema does not have are left out."""
    table = _table(connection)
    times = {column.name for column in table.columns if column.type.python_type is datetime}
    connection.execute(delete(table))
    for row in rows:
        values = {
            name: datetime.fromisoformat(value) if name in times and value is not None else value
            for name, value in row.items()
            if name in table.columns
        }
        connection.execute(insert(table).values(values))


def _table(connection: Connection) -> Table:
    # As it stands in that database, which may be of another version than our models.
    return Table(NAME, MetaData(), autoload_with=connection)
