"""What the database refuses is logged without what it was given."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from app.extensions import db
from tests.postgres import on_both_databases


@on_both_databases
def test_a_failing_statement_does_not_say_what_it_was_given(app: Flask) -> None:
    with pytest.raises(DBAPIError) as refused:
        db.session.execute(select(func.no_such_function("what somebody typed")))
    assert "no_such_function" in str(refused.value)
    assert "what somebody typed" not in str(refused.value)
    db.session.rollback()
