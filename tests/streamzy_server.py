"""A real Streamzy: gunicorn in processes of its own, started, stopped and killed as an operator or fate would."""

from __future__ import annotations

import atexit
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import ClassVar

import psutil
import requests
from cryptography.fernet import Fernet

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
START_SECONDS = 30
STOP_SECONDS = 10  # promised to whoever sends SIGTERM

# Hashing at full price would make every sign-in of every test cost a third of a second. The limits stay on, but a
# suite that does a day's work of hundreds of people from one address must not meet them by accident.
FOR_MANY_TESTS = {
    "BCRYPT_ROUNDS": "4",
    "RATELIMIT_LOGIN": "10000 per minute",
    "RATELIMIT_REGISTRATION": "10000 per minute",
    "RATELIMIT_APPLICATIONS": "10000 per minute",
    "RATELIMIT_MESSAGES": "10000 per minute",
    "RATELIMIT_HANDSHAKES": "10000 per minute",
}


# What ``flask setup`` heeds. Servers that differ in other settings begin with the same files.
HEEDED_BY_SETUP = {"DATABASE_URL", "SECRET_KEY", "ENCRYPTION_KEY", "BCRYPT_ROUNDS"}


def fresh_keys() -> dict[str, str]:
    """New secrets, as the first start would make them."""
    return {"SECRET_KEY": secrets.token_hex(32), "ENCRYPTION_KEY": Fernet.generate_key().decode()}


def free_port() -> int:
    """A port of the loopback address on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class StreamzyServer:
    """One instance in a folder of its own: its .env, its SQLite file unless told otherwise, and its log.

    ``settings`` are environment variables and win over FOR_MANY_TESTS. Use it as a context manager.
    """

    _newly_set_up: ClassVar[tuple[Path, str] | None] = None  # a folder to copy, and the admin's password in it

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.settings = settings
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.admin_password: str | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = self._environment(settings)

    def _environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        # Nothing of the developer's own settings leaks in: only what a program needs to run at all.
        own = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return {
            **own,
            "FLASK_APP": "wsgi",
            "FLASK_SKIP_DOTENV": "1",
            "PYTHONUNBUFFERED": "1",
            "ENV_FILE": str(self.folder / "env"),
            "DATABASE_URL": f"sqlite:///{self.folder / 'streamzy.db'}",
            "PORT": str(self.port),
            **FOR_MANY_TESTS,
            **settings,
        }

    def __enter__(self) -> StreamzyServer:
        try:
            if HEEDED_BY_SETUP & self.settings.keys():
                self.set_up()
            else:
                self._copy_a_new_one()
            self.start()
        except BaseException:
            self.kill9()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill9()

    def set_up(self) -> None:
        """Run ``flask setup``, and remember the admin's password if it was printed now."""
        printed = self.run_flask("setup").stdout
        sign_in = re.search(r"^Admin sign-in: admin / (\S{16})$", printed, re.MULTILINE)
        if sign_in:
            self.admin_password = sign_in.group(1)

    def _copy_a_new_one(self) -> None:
        # One setup for all servers of a run: an interpreter that imports everything takes seconds of CPU.
        if StreamzyServer._newly_set_up is None:
            folder = Path(tempfile.mkdtemp(prefix="streamzy-set-up-"))
            atexit.register(shutil.rmtree, folder)
            first = StreamzyServer(folder)
            first.set_up()
            assert first.admin_password
            StreamzyServer._newly_set_up = (folder, first.admin_password)
        folder, self.admin_password = StreamzyServer._newly_set_up
        shutil.copytree(folder, self.folder, dirs_exist_ok=True)

    def start(self) -> None:
        """Start serving; return when /readyz says so. Raises AssertionError with the log's end if it does not."""
        command = [str(BIN / "gunicorn"), "-c", "app/operations/gunicorn_settings.py", "wsgi:app"]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"Streamzy did not start (exit code {self.process.poll()}):\n{self.log[-4000:]}")
            time.sleep(0.05)

    def is_ready(self) -> bool:
        """Whether the instance says that it and its database answer."""
        try:
            return requests.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def stop(self) -> None:
        """Ask it to end, as systemd or Docker would; it must do so cleanly within ten seconds."""
        assert self.process, "it was never started"
        processes = self.processes()
        self.process.terminate()
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running {STOP_SECONDS} s after SIGTERM:\n{self.log[-4000:]}") from None
        left = [process for process in processes if process.is_running()]
        assert code == 0, f"ended with {code}:\n{self.log[-4000:]}"
        assert not left, f"processes left behind: {left}"
        self.process = None

    def kill9(self) -> None:
        """Kill every process of it at once, as a crash of the machine would. Harmless when it is not running."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process = None

    def restart(self) -> None:
        """End cleanly and start again on the same port with the same data."""
        self.stop()
        self.start()

    def processes(self) -> list[psutil.Process]:
        """The master and its workers."""
        assert self.process, "it is not running"
        master = psutil.Process(self.process.pid)
        return [master, *master.children(recursive=True)]

    def run_flask(self, *arguments: str, stdin: str | None = None, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run ``flask ARGUMENTS`` on this instance's settings; it must exit with ``code``."""
        done = subprocess.run(
            [str(BIN / "flask"), *arguments],
            cwd=ROOT,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )
        said = f"flask {' '.join(arguments)} exited with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        assert done.returncode == code, said
        return done

    def create_user(self, name: str, password: str) -> None:
        """Create an account whose password is known and final."""
        self.run_flask("users", "create", name, "--password-stdin", stdin=f"{password}\n")

    def create_channel(self, slug: str, owner: str) -> None:
        """Open a public channel for an existing account, which signs it out: its role changes."""
        self.run_flask("channels", "create", slug, "--owner", owner)

    @property
    def log_path(self) -> Path:
        """Where both output streams go."""
        return self.folder / "log"

    @property
    def log(self) -> str:
        """Everything that it has printed so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
