"""What every command has in common: the application around it, exit codes, and words instead of tracebacks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from flask.cli import AppGroup, ScriptInfo
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from app.auth.administration import ActRefused
from app.auth.name import NameRefused
from app.auth.password import PasswordRefused
from app.auth.user import LastAdmin
from app.encryption.keyring import EncryptionKeyError
from app.extensions import db
from app.operations.preflight import database_exists, first_line

SET_UP_FIRST = "The database is not set up, or older than this version: run `flask setup`."


class Failed(click.ClickException):
    """The work failed, or a check found something."""

    exit_code = 1


class CouldNotRun(click.ClickException):
    """Something the command stands on is missing: the database, or the keys."""

    exit_code = 3


@contextmanager
def said_in_words() -> Iterator[None]:
    """Turn what may go wrong on an operator's machine into a line on standard error and an exit code."""
    try:
        yield
    except (ActRefused, NameRefused, PasswordRefused, LastAdmin) as refused:
        raise Failed(str(refused)) from None
    except EncryptionKeyError as error:
        raise CouldNotRun(str(error)) from None
    except DBAPIError as error:
        raise CouldNotRun(_about_the_database(error)) from None
    finally:
        _let_go()


def _about_the_database(error: DBAPIError) -> str:
    reason = first_line(error)
    if "no such table" in reason or "no such column" in reason or "does not exist" in reason:
        return SET_UP_FIRST
    if isinstance(error, OperationalError):
        return f"The database does not answer: {reason}"
    return f"The database refused: {reason}"


def _let_go() -> None:
    # What was not committed is not meant to last, and a command must not keep a lock until its process ends.
    try:
        db.session.rollback()
    except SQLAlchemyError:
        db.session.remove()


class Command(click.Command):
    """A command whose failures are said in words."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        with said_in_words():
            return super().invoke(ctx)


class DatabaseCommand(Command):
    """A command that reads or writes the database."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it, unless there is nothing to read: SQLite would make an empty file, for everybody to read."""
        if not database_exists(ctx.ensure_object(ScriptInfo).load_app().config["STREAMZY"]):
            raise CouldNotRun(SET_UP_FIRST)
        return super().invoke(ctx)


class Group(AppGroup):
    """Commands on one noun; each gets the application context."""

    command_class = DatabaseCommand


def table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    """Columns as wide as their content. Never wrapped: the reader may be a pipe."""
    lines = [tuple(str(cell) for cell in row) for row in (head, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
