"""``make run`` in a fresh copy of the project: what a newcomer sees, and how it ends."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.streamzy_server import ROOT, START_SECONDS, STOP_SECONDS, free_port
from tests.visitor import Visitor

pytestmark = pytest.mark.prove

SIGN_IN = re.compile(r"^Admin sign-in: admin / (\S{16})$", re.MULTILINE)


class MakeRun:
    """One ``make run``, in a process group of its own as a terminal or supervisor gives it one."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = folder / "output"
        ours = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                ["make", "run"],
                cwd=folder,
                env={**ours, "PORT": str(self.port)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.is_serving():
            assert self.process.poll() is None and time.monotonic() < deadline, self.printed
            time.sleep(0.1)

    @property
    def printed(self) -> str:
        return self.output.read_text(errors="replace")

    def is_serving(self) -> bool:
        try:
            return requests.get(f"{self.url}/readyz", timeout=5).ok
        except requests.RequestException:
            return False

    def end(self, send: Callable[[int, int], None], number: signal.Signals) -> None:
        """Send the signal; everything must be gone within ten seconds, and without a traceback."""
        send(self.process.pid, number)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise AssertionError(f"still running {STOP_SECONDS} s after {number.name}:\n{self.printed}") from None
        assert not self.is_serving()
        assert "Traceback" not in self.printed, self.printed


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    """The project as a clone holds it, with what is installed here lent to it."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    folder = tmp_path / "streamzy"
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    shutil.copytree(ROOT / "static" / "vendor", folder / "static" / "vendor")
    yield folder


def test_a_first_make_run_prints_the_admins_sign_in_once_and_keeps_its_secrets_to_itself(copy: Path) -> None:
    first = MakeRun(copy)
    passwords = SIGN_IN.findall(first.printed)
    assert len(passwords) == 1, first.printed
    assert stat.S_IMODE((copy / ".env").stat().st_mode) == 0o600
    secrets = (copy / ".env").read_bytes()
    admin = Visitor(first.url).sign_in("admin", passwords[0])
    admin.leave()
    first.end(os.killpg, signal.SIGTERM)

    second = MakeRun(copy)
    assert not SIGN_IN.findall(second.printed), "a second start printed a password"
    assert (copy / ".env").read_bytes() == secrets
    second.end(os.killpg, signal.SIGTERM)


@pytest.mark.parametrize("send", [os.killpg, os.kill])  # a terminal's Ctrl-C; a supervisor that knows only make
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_make_run_ends_within_ten_seconds(copy: Path, send: Callable[[int, int], None], number: signal.Signals) -> None:
    MakeRun(copy).end(send, number)
