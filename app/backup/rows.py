"""How many rows each table has: told in the manifest, compared after restoring."""

from __future__ import annotations

from sqlalchemy import Connection, column, func, inspect, select, table

from app.backup import key_file


def counted(connection: Connection) -> dict[str, int]:
    """Rows by table, but for the keys, which have a file of their own."""
    names = sorted(set(inspect(connection).get_table_names()) - {key_file.NAME})
    return {name: connection.scalar(select(func.count()).select_from(table(name))) or 0 for name in names}


def revision(connection: Connection) -> str:
    """The schema's, or '' where there is none."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.scalar(select(column("version_num")).select_from(table("alembic_version"))) or ""
