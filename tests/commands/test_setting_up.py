"""``flask setup``: the first start, and every later one."""

from __future__ import annotations

import re
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from dotenv import dotenv_values

from tests.commands.conftest import Machine

SIGN_IN = re.compile(r"^Admin sign-in: admin / (\S{16})$", re.MULTILINE)
on_both = pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])


def mode(path: Path) -> int:
    """The permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


@on_both
def test_a_first_setup_makes_keys_database_and_admin(machine: Machine, database: str) -> None:
    said = machine.flask("setup").stdout
    assert len(SIGN_IN.findall(said)) == 1
    assert f"Copy ENCRYPTION_KEY from {machine.env_file} to a safe place" in said
    written = dotenv_values(machine.env_file)
    assert set(written) == {"SECRET_KEY", "ENCRYPTION_KEY"}
    assert len(written["SECRET_KEY"] or "") == 64
    Fernet(written["ENCRYPTION_KEY"] or "")
    assert "1 events" in machine.flask("audit", "verify").stdout
    assert "Every key that is needed is there" in machine.flask("doctor").stdout


def test_what_it_makes_is_for_its_owner_only(machine: Machine) -> None:
    machine.flask("setup")
    assert mode(machine.env_file) == 0o600
    assert mode(machine.database) == 0o600
    assert mode(machine.database.parent) == 0o700


def test_the_password_is_printed_once_and_stored_nowhere_in_clear(machine: Machine) -> None:
    password = SIGN_IN.findall(machine.flask("setup").stdout)[0]
    files = [path for path in machine.env_file.parent.rglob("*") if path.is_file()]
    assert not [path for path in files if password.encode() in path.read_bytes()]
    again = machine.flask("setup").stdout
    assert password not in again
    assert not SIGN_IN.findall(again)
    assert again == "Nobody has signed in as admin yet. Password lost? flask users reset-password admin\n"


def test_no_key_is_ever_printed(machine: Machine) -> None:
    said = machine.flask("setup").output + machine.flask("keys", "status").output + machine.flask("doctor").output
    assert not [value for value in dotenv_values(machine.env_file).values() if (value or "") in said]


def test_repeating_it_changes_nothing(machine: Machine) -> None:
    machine.flask("setup")
    before = machine.env_file.read_bytes()
    machine.flask("setup")
    assert machine.env_file.read_bytes() == before
    assert "1 events" in machine.flask("audit", "verify").stdout


def test_it_is_silent_once_an_admin_has_a_password_of_their_own(machine: Machine) -> None:
    machine.flask("setup")
    machine.flask("users", "reset-password", "admin", "--password-stdin", stdin="correct horse battery\n")
    assert machine.flask("setup").output == ""


def test_a_disabled_admin_is_not_replaced_by_a_fresh_one(machine: Machine) -> None:
    machine.flask("setup")
    machine.flask("users", "create", "ada", "--role", "admin")
    machine.flask("users", "disable", "admin")
    assert not SIGN_IN.search(machine.flask("setup").output)


def test_keys_from_the_environment_are_not_written_down(machine: Machine) -> None:
    machine.set(SECRET_KEY="e" * 20 + "0123456789abcdef", ENCRYPTION_KEY=Fernet.generate_key().decode())
    assert SIGN_IN.search(machine.flask("setup").stdout)
    assert not machine.env_file.exists()


def test_only_the_missing_key_is_written_down(machine: Machine) -> None:
    machine.set(ENCRYPTION_KEY=Fernet.generate_key().decode())
    machine.flask("setup")
    assert set(dotenv_values(machine.env_file)) == {"SECRET_KEY"}
    assert "1 (newest)" in machine.flask("keys", "status").stdout


@on_both
def test_a_lost_key_is_never_replaced_by_a_new_one(machine: Machine, database: str) -> None:
    machine.flask("setup")
    machine.env_file.unlink()
    said = machine.flask("setup", code=1).stderr
    assert "ENCRYPTION_KEY is not set, and this database needs it" in said
    assert not machine.env_file.exists()


def test_another_key_than_the_needed_one_is_refused(machine: Machine) -> None:
    machine.flask("setup")
    machine.set(ENCRYPTION_KEY=Fernet.generate_key().decode())
    assert "is missing and still needed" in machine.flask("setup", code=1).stderr


def test_an_env_file_that_is_there_is_left_alone(machine: Machine) -> None:
    machine.env_file.write_text("SECRET_KEY=\n")
    assert "is there already and is left alone" in machine.flask("setup", code=1).stderr
    assert machine.env_file.read_text() == "SECRET_KEY=\n"


def test_a_folder_that_is_not_there_is_said_in_words(machine: Machine) -> None:
    machine.set(ENV_FILE=str(machine.env_file.parent / "nowhere" / ".env"))
    assert "ENV_FILE: cannot write" in machine.flask("setup", code=1).stderr


def test_a_database_that_does_not_answer_is_said_in_words(machine: Machine) -> None:
    machine.set(DATABASE_URL="postgresql://keeper:hunter2hunter2@127.0.0.1:1/streamzy")
    said = machine.flask("setup", code=3).stderr
    assert "The database does not answer" in said
    assert "hunter2" not in said


def test_a_database_of_a_newer_version_is_not_touched(machine: Machine) -> None:
    machine.flask("setup")
    with closing(sqlite3.connect(machine.database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    assert "newer Streamzy" in machine.flask("setup", code=1).stderr


def test_a_command_before_setup_says_so_and_makes_no_file(machine: Machine) -> None:
    for arguments in (("users", "list"), ("channels", "list"), ("keys", "status"), ("audit", "verify")):
        assert "run `flask setup`" in machine.flask(*arguments, code=3).stderr
    assert not machine.database.exists()


def test_the_env_file_of_another_start_is_never_written_over(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "exists", lambda _path: False)  # as it looked a moment ago
    machine.env_file.write_text("# somebody was faster\n")
    machine.flask("setup", code=1)
    assert machine.env_file.read_text() == "# somebody was faster\n"
