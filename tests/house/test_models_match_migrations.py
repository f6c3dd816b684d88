"""The schema that migrations make is the one the models describe, and every schema that ever landed gets there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask

from app import create_app
from app.extensions import db
from config import ROOT, Settings
from tests.postgres import on_both_databases

REVISIONS = [script.revision for script in ScriptDirectory(ROOT / "migrations").walk_revisions()][::-1]
VALUES: dict[type[sa.types.TypeEngine[Any]], Any] = {
    sa.Boolean: True,
    sa.DateTime: datetime(2024, 2, 29, 12, tzinfo=UTC),
    sa.JSON: {"some": "detail"},
    sa.Float: 1.0,
    sa.Integer: 1,
    sa.LargeBinary: b"\x01" * 16,
    sa.String: "x",
}


@pytest.fixture
def empty(request: pytest.FixtureRequest, tmp_path: Path, keys: dict[str, str]) -> Iterator[Flask]:
    """An app on a database without a single table."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        url = request.getfixturevalue("postgres").create_database()
    app = create_app(Settings.from_environment({**keys, "DATABASE_URL": url}))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()
    if request.param != "sqlite":
        request.getfixturevalue("postgres").drop_database(url)


on_both_empty = pytest.mark.parametrize(
    "empty", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


def differences() -> list[Any]:
    """What a new migration would have to do."""
    with db.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "target_metadata": db.metadata}
        )
        return list(compare_metadata(context, db.metadata))


def conditions(metadata: sa.MetaData) -> dict[str, set[str]]:
    """The check constraints of each table by name: Alembic does not compare them."""
    return {
        table.name: {str(one.name) for one in table.constraints if isinstance(one, sa.CheckConstraint)}
        for table in metadata.sorted_tables
    }


def reflected() -> sa.MetaData:
    """The schema as it stands in the database."""
    metadata = sa.MetaData()
    metadata.reflect(db.engine)
    metadata.remove(metadata.tables["alembic_version"])
    return metadata


def fill(metadata: sa.MetaData) -> dict[str, int]:
    """Put one row into every table that has none; the number of rows in each."""
    with db.engine.begin() as connection:
        for table in metadata.sorted_tables:
            if connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0:
                connection.execute(table.insert().values({column.name: value_for(column) for column in table.columns}))
        return {
            table.name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for table in metadata.sorted_tables
        }


def value_for(column: sa.Column[Any]) -> Any:
    """Something a column takes; foreign keys point at the row that each table has."""
    checks = [str(one.sqltext) for one in column.table.constraints if isinstance(one, sa.CheckConstraint)]
    for check in checks:  # role IN ('viewer', …): the first one
        if re.match(rf"\(*{column.name}\b[^']*(IN \(|ANY)", check):
            return check.split("'")[1]
    if column.name == "until":  # of a sanction: the first kind of one ends
        return VALUES[sa.DateTime]
    return next(value for kind, value in VALUES.items() if isinstance(column.type, kind))


@on_both_databases
def test_the_models_say_what_the_migrations_made(app: Flask) -> None:
    assert differences() == []
    assert conditions(reflected()) == conditions(db.metadata)


@on_both_databases
def test_the_comparison_sees_a_difference(app: Flask) -> None:
    with db.engine.begin() as connection:
        connection.execute(sa.schema.DropIndex(next(iter(db.metadata.tables["audit_event"].indexes))))
    assert differences() != []


@pytest.mark.prove
@on_both_empty
@pytest.mark.parametrize("revision", REVISIONS)
def test_every_schema_that_ever_landed_upgrades_with_data_in_it(empty: Flask, revision: str) -> None:
    flask_migrate.upgrade(revision=revision)
    before = fill(reflected())
    assert len(before) > 10
    assert all(before.values())
    flask_migrate.upgrade()
    assert differences() == []
    with db.engine.connect() as connection:
        after = reflected()
        for name, rows in before.items():
            if name in after.tables:  # a table may have gone; what is there keeps its rows
                counted = connection.scalar(sa.select(sa.func.count()).select_from(after.tables[name])) or 0
                assert counted >= rows, name


@on_both_empty
def test_the_way_back_leaves_nothing_behind_and_can_be_gone_again(empty: Flask) -> None:
    flask_migrate.upgrade()
    flask_migrate.downgrade(revision="base")
    assert sa.inspect(db.engine).get_table_names() == ["alembic_version"]
    flask_migrate.upgrade()
    assert differences() == []


def test_revisions_are_numbered_in_one_line() -> None:
    assert [f"{number:04}" for number in range(1, len(REVISIONS) + 1)] == REVISIONS
    assert len(ScriptDirectory(ROOT / "migrations").get_heads()) == 1


def test_migrations_name_none_of_our_classes() -> None:
    """A migration must run years later, when our classes have long become something else."""
    for path in (ROOT / "migrations" / "versions").glob("*.py"):
        assert "from app" not in path.read_text()
        assert "import app" not in path.read_text()
