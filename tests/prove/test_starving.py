"""What runs out, and comes back: room on the disk, descriptors, clients that answer, and patience after a restart."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
import requests
from socketio.exceptions import SocketIOError

from tests.chat.backstage import Backstage
from tests.chat.raw_socket import RawWebSocket
from tests.chat_socket import ChatSocket
from tests.streamzy_server import StreamzyServer
from tests.visitor import Visitor

QUICK = bool(os.environ.get("QUICK"))
CROWD = 100 if QUICK else 500
SILENT = 50 if QUICK else 200
PASSWORD = "Leuchtturm-7-morgens"
CHANNEL = "harbour"
DISK_BYTES = 24 << 20
pytestmark = pytest.mark.prove


class SmallDisk:
    """A folder that holds 24 MiB: a file system of its own where this process may make one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
        self.mounted = shutil.which("mount") is not None and subprocess.run(mount, capture_output=True).returncode == 0

    def fill(self, server: StreamzyServer) -> None:
        """Leave no byte. Where no small disk can be made, no file of the server may grow instead."""
        if not self.mounted:
            self._limit(server, 0)
            return
        with contextlib.suppress(OSError), (self.folder / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))

    def empty(self, server: StreamzyServer) -> None:
        """Make room."""
        if self.mounted:
            (self.folder / "filler").unlink()
        else:
            self._limit(server, resource.RLIM_INFINITY)

    def _limit(self, server: StreamzyServer, most_bytes: int) -> None:
        for process in server.processes()[1:]:
            process.rlimit(psutil.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))

    def close(self) -> None:
        """Take it away."""
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallDisk]:
    """The disk with the database."""
    disk = SmallDisk(tmp_path_factory.mktemp("machine") / "disk")
    yield disk
    disk.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, disk: SmallDisk) -> Iterator[StreamzyServer]:
    """A server with its database on the small disk, and one channel."""
    database = f"sqlite:///{disk.folder / 'streamzy.db'}"
    with StreamzyServer(
        tmp_path_factory.mktemp("server"), DATABASE_URL=database, RATELIMIT_JOINS="10000 per minute"
    ) as running:
        backstage = Backstage(running)
        backstage.open_channel(CHANNEL, backstage.create_account("keeper"))
        backstage.close()
        yield running


@pytest.fixture
def ada(server: StreamzyServer) -> Iterator[Visitor]:
    """Somebody who is signed in."""
    visitor = Visitor(server.url)
    if "ada" not in server.environment:
        visitor.register("ada", PASSWORD)
        server.environment["ada"] = ""
    else:
        visitor.sign_in("ada", PASSWORD)
    yield visitor
    visitor.leave()


def soon(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until ``holds`` does. Raises AssertionError if it never does."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)


def says(line: ChatSocket, text: str) -> bool:
    """Whether ``text`` was stored; if not, the server must say so."""
    answer = line.send(CHANNEL, text, nonce=text[:64])
    assert answer["ok"] or answer["error"]["code"] == "unavailable", answer
    return bool(answer["ok"])


def test_a_full_disk_stores_nothing_says_so_and_goes_on_once_there_is_room(
    server: StreamzyServer, disk: SmallDisk, ada: Visitor
) -> None:
    line, reader = ada.socket(), Visitor(server.url)
    before = len(line.join(CHANNEL)["messages"])
    kept = [f"before {number}" for number in range(5)]
    assert all(says(line, text) for text in kept)
    backstage = Backstage(server)
    backstage.let_time_pass("ada", minutes=1)  # the next page writes down that she is here
    backstage.close()
    disk.fill(server)
    try:
        tried = [f"{number} {'x' * 400}" for number in range(100)]  # what was written before leaves room for a few
        kept += [text for text in tried if says(line, text)]
        assert len(kept) < 100, "the disk was not full"
        assert not says(line, "refused"), "it is full"
        for person in (ada, reader):
            page = person.get(f"/c/{CHANNEL}")
            assert page.status_code == 200 and "before 4" in page.text, "what is stored can be read"
        refused = reader.post_form("/login", username="ada", password=PASSWORD)
        assert refused.status_code == 503 and not reader.signed_in, "no sign-in without a record of it"
    finally:
        disk.empty(server)
    assert says(line, "refused") and says(line, "after"), "the same line, with the same nonce"
    stored = reader.socket().join(CHANNEL, after=before)["messages"]
    assert [message["text"] for message in stored] == [*kept, "refused", "after"]
    assert reader.sign_in("ada", PASSWORD).signed_in
    reader.leave()


def test_out_of_descriptors_who_talks_goes_on_and_newcomers_get_in_when_some_are_free(
    server: StreamzyServer, ada: Visitor
) -> None:
    worker = server.processes()[1]
    allowed = worker.rlimit(psutil.RLIMIT_NOFILE)
    line = ada.socket()
    line.join(CHANNEL)
    assert says(line, "room for everybody")
    with ExitStack() as crowd:
        worker.rlimit(psutil.RLIMIT_NOFILE, (worker.num_fds() + 8, allowed[1]))
        try:
            for _ in range(40):
                crowd.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=5))
            with pytest.raises((SocketIOError, OSError)):
                while True:  # each takes one more, until there is none
                    crowd.callback(ChatSocket(server.url).close)
            for number in range(20):
                assert says(line, f"with none left {number}")
        finally:
            worker.rlimit(psutil.RLIMIT_NOFILE, allowed)
    newcomer = Visitor(server.url)
    soon(server.is_ready)
    assert newcomer.socket().join(CHANNEL)["messages"][-1]["text"] == "with none left 19"
    assert server.processes()[1].pid == worker.pid, "without a restart"
    newcomer.leave()


def test_lines_that_hang_half_open_are_hung_up_on_and_their_descriptors_free(
    server: StreamzyServer, ada: Visitor
) -> None:
    worker, line = server.processes()[1], ada.socket()
    line.join(CHANNEL)

    def held(ends: list[socket.socket]) -> int:
        """How many of these clients' lines the server holds."""
        ports = {end.getsockname()[1] for end in ends}
        return sum(1 for one in worker.net_connections("tcp") if one.raddr and one.raddr.port in ports)

    before = worker.num_fds()
    with ExitStack() as crowd:
        address = ("127.0.0.1", server.port)
        silent = [crowd.enter_context(socket.create_connection(address)) for _ in range(SILENT)]  # and never a word
        soon(lambda: held(silent) == SILENT)
        vanished = []
        for _ in range(1 if QUICK else SILENT):
            gone = RawWebSocket(server.url)  # joined, and then never heard of again: no ping is answered
            gone.write('42["join",{"channel":"harbour"}]')
            crowd.callback(gone.close)
            assert gone.ws.sock
            vanished.append(gone.ws.sock)
        assert held(vanished) == len(vanished)
        assert says(line, "is anybody there?")
        soon(lambda: held(silent) == 0 and (QUICK or held(vanished) == 0), 40)
        soon(lambda: worker.num_fds() <= before + (1 if QUICK else 0))
        assert says(line, "nobody")
        assert QUICK or line.call("people", {"channel": CHANNEL})["visitors"] == 0


def test_everybody_comes_back_at_once_after_a_crash_misses_nothing_and_pages_answer_meanwhile(
    server: StreamzyServer, ada: Visitor
) -> None:
    line = ada.socket()
    last = line.join(CHANNEL)["messages"][-1]["id"]
    for number in range(50):
        assert says(line, f"missed {number}")
    server.kill9()
    server.start()

    def come_back(_number: int) -> tuple[RawWebSocket, list[str]]:
        raw = RawWebSocket(server.url, patience=20)  # a browser's, which is Socket.IO's own
        answer = raw.ask("join", {"channel": CHANNEL, "after": last})
        assert answer["ok"], answer
        return raw, [message["text"] for message in answer["messages"]]

    with ThreadPoolExecutor(CROWD) as storm:
        coming = [storm.submit(come_back, number) for number in range(CROWD)]
        for path in ("/login", f"/c/{CHANNEL}"):
            assert requests.get(server.url + path, timeout=20).status_code == 200
        back = [one.result(60) for one in coming]
    speaker = ada.socket()
    speaker.join(CHANNEL)
    assert says(speaker, "everybody here?")
    for raw, missed in back:
        assert missed == [f"missed {number}" for number in range(50)]
        while "everybody here?" not in (frame := raw.receive_until('42["message"')):
            assert frame, "the server hung up"
        assert json.loads(frame[2:])[1]["channel"] == CHANNEL
        raw.close()
