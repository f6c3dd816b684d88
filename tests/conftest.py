"""What every test may ask for: an app on either database, a real server, people, and a browser."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import flask_migrate
import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from sqlalchemy import insert, select
from sqlalchemy.engine import Compiled
from werkzeug.routing import Rule

from app import create_app
from app.clock import Clock
from app.clock import clock as the_clock
from app.encryption.data_key import DataKey, data_keys
from app.encryption.master_key import MasterKey
from app.extensions import Base, db
from app.operations import static_files
from config import Settings
from tests import browser as chromium
from tests.people import People
from tests.postgres import PrivatePostgres
from tests.streamzy_server import FOR_MANY_TESTS, StreamzyServer, fresh_keys
from tests.visitor import Visitor

StartServer = Callable[..., StreamzyServer]
NewVisitor = Callable[..., Visitor]

# A developer's own settings and .env have no say in what the tests see.
os.environ["FLASK_SKIP_DOTENV"] = "1"
os.environ["ENV_FILE"] = os.devnull


@pytest.fixture(scope="session")
def keys() -> dict[str, str]:
    """SECRET_KEY and ENCRYPTION_KEY of this test run."""
    return fresh_keys()


# --- databases ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres() -> Iterator[PrivatePostgres]:
    """A PostgreSQL server of this test run's own."""
    with PrivatePostgres() as server:
        yield server


def migrate(environment: dict[str, str]) -> None:
    """Bring the database of ``environment`` to the newest schema, and let go of it."""
    app = create_app(Settings.from_environment(environment))
    with app.app_context():
        flask_migrate.upgrade()
        db.engine.dispose()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory, keys: dict[str, str]) -> Path:
    """An SQLite file with the newest schema and no rows: copied, never used."""
    path = tmp_path_factory.mktemp("migrated") / "streamzy.db"
    migrate({**keys, "DATABASE_URL": f"sqlite:///{path}"})
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres: PrivatePostgres, keys: dict[str, str]) -> str:
    """A PostgreSQL database with the newest schema and no rows: copied, never used."""
    url = postgres.create_database()
    migrate({**keys, "DATABASE_URL": url})
    return url


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated, empty database: SQLite, or what ``on_both_databases`` and ``on_postgresql`` ask for."""
    if getattr(request, "param", "sqlite") == "sqlite":
        path = tmp_path / "streamzy.db"
        template = request.getfixturevalue("migrated_sqlite")
        with closing(sqlite3.connect(template)) as source, closing(sqlite3.connect(path)) as copy:
            source.backup(copy)
        yield f"sqlite:///{path}"
        return
    postgres = request.getfixturevalue("postgres")
    template = request.getfixturevalue("migrated_postgres")
    url = postgres.lend(template)
    yield url
    postgres.give_back(url, template)


# --- the app in this process ----------------------------------------------------------------------------------------


@pytest.fixture
def environment(request: pytest.FixtureRequest, database_url: str, keys: dict[str, str]) -> dict[str, str]:
    """The settings of ``app``. A test that needs others says so: ``@pytest.mark.settings(LOCKOUT_FAILURES="3")``."""
    asked: dict[str, str] = {}
    for marker in reversed(list(request.node.iter_markers("settings"))):  # the nearest one wins
        asked |= marker.kwargs
    return {**FOR_MANY_TESTS, **keys, "DATABASE_URL": database_url, **asked}


class CompiledTemplates(BytecodeCache):
    """Templates that one app of this run compiled serve the next ones too: a third of such a test's time otherwise."""

    def __init__(self) -> None:
        self.compiled: dict[str, CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket if the template was compiled before."""
        bucket.code = self.compiled.get(bucket.key)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled now."""
        assert bucket.code
        self.compiled[bucket.key] = bucket.code


compiled_templates = CompiledTemplates()


class CompiledStatements(dict[Any, Compiled]):
    """Statements that SQLAlchemy compiled for one app serve the next ones: its own cache lives as long as an engine."""

    @staticmethod
    def _of_any_engine(key: tuple[Any, ...]) -> tuple[Any, ...]:
        dialect, *rest = key
        return (dialect.name, *rest)

    def get(self, key: Any, default: Any = None) -> Any:
        """What was compiled for it, whichever engine asked."""
        return super().get(self._of_any_engine(key), default)

    def __setitem__(self, key: Any, compiled: Compiled) -> None:
        super().__setitem__(self._of_any_engine(key), compiled)


compiled_statements = CompiledStatements()


@pytest.fixture(scope="session", autouse=True)
def compiled_routes() -> Iterator[None]:
    """What Werkzeug compiled for a route of one app serves the same route of the next: most of an app's making."""
    compile_builder: Callable[[Rule, bool], Any] = Rule._compile_builder
    compiled: dict[tuple[object, ...], Any] = {}

    def compile_once(rule: Rule, append_unknown: bool = True) -> Any:
        key = (rule.rule, rule.subdomain, rule.host, repr(rule.defaults), append_unknown)
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", compile_once)
        patch.setattr(static_files, "_checksum", cache(static_files._checksum))  # nobody changes a script meanwhile
        yield


made_under: dict[str, dict[type[Base], list[dict[str, Any]]]] = {}  # by master key: rows of each table


def give_instance_keys(master_key: str) -> None:
    """What ``flask setup`` makes, made once in a run; the rows serve whoever has the same master key."""
    if master_key not in made_under:
        data_keys().ensure_instance_keys()
        made_under[master_key] = {
            model: [dict(row) for row in db.session.execute(select(model.__table__)).mappings()]
            for model in (MasterKey, DataKey)
        }
        return
    for model, rows in made_under[master_key].items():
        db.session.execute(insert(model), rows)


@pytest.fixture
def app(environment: dict[str, str]) -> Iterator[Flask]:
    """The application on a database of its own, set up as ``flask setup`` does, inside an application context."""
    app = create_app(Settings.from_environment(environment))
    app.jinja_env.bytecode_cache = compiled_templates
    with app.app_context():
        db.engine._compiled_cache = compiled_statements
        give_instance_keys(environment["ENCRYPTION_KEY"])
        db.session.commit()
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without a socket, in this process."""
    return app.test_client()


@pytest.fixture
def people(app: Flask) -> People:
    """Makes people who use ``app``: ``people.visitor()``, ``people.viewer()``, ``people.admin()``."""
    return People(app)


@pytest.fixture
def clock() -> Iterator[Clock]:
    """The clock that rules read; move it with ``clock.offset_seconds``. It goes right again afterwards."""
    yield the_clock
    the_clock.offset_seconds = 0.0


# --- a real server --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamzyServer]:
    """One running Streamzy on SQLite for the whole run. Give things names of your own, and leave it running."""
    with StreamzyServer(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    """Starts a Streamzy for this test alone: ``start_server(LOCKOUT_FAILURES="3")``."""
    with ExitStack() as running:
        yield lambda **settings: running.enter_context(
            StreamzyServer(tmp_path_factory.mktemp("server"), **settings),
        )


@pytest.fixture
def new_visitor(request: pytest.FixtureRequest) -> Iterator[NewVisitor]:
    """Makes people who visit ``server``, or the one given: ``new_visitor()``, ``new_visitor(other_server)``."""
    people: list[Visitor] = []

    def arrive(to: StreamzyServer | None = None, address: str = "127.0.0.1") -> Visitor:
        visitor = Visitor((to or request.getfixturevalue("server")).url, address)
        people.append(visitor)
        return visitor

    yield arrive
    for visitor in people:
        visitor.leave()


# --- a real browser -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, headless."""
    with sync_playwright() as playwright:
        running = chromium.launch(playwright)
        yield running
        running.close()


@pytest.fixture
def windows(browser: Browser) -> Iterator[chromium.Windows]:
    """Browser windows of separate people. The test fails if one of their pages reports an error.

    A test that provokes a complaint on purpose takes it out of ``windows.complaints``.
    """
    opened = chromium.Windows(browser)
    yield opened
    opened.close()
    assert not opened.complaints, "\n".join(opened.complaints)


@pytest.fixture
def new_context(windows: chromium.Windows) -> Callable[..., BrowserContext]:
    """Opens one person's window: ``new_context(viewport={"width": 360, "height": 740}).new_page()``."""
    return windows.open
