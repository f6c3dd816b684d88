"""What every page must leave alone, whoever opens it: the server's hold on its database."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.journeys.world import World

LEAVE = [sys.executable, "-c", "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA user_version')"]


@pytest.mark.prove
def test_no_page_costs_the_server_its_locks_on_the_database(world: World) -> None:
    """Else the next program to close it deletes the log into which the server goes on committing."""
    assert len(world.pages) > 20, "hardly anything was opened"
    path = world.server.folder / "streamzy.db"
    world.backstage.close()
    subprocess.run([*LEAVE, str(path)], check=True)
    assert path.with_name("streamzy.db-wal").exists(), "it was not the last to leave"
