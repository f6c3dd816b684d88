"""``make bench``: Streamzy and its references do the same work by turns; ratios are what to believe.

QUICK=1 runs each once and briefly, ONLY="fan-out idle" some of it. Exit code 1: of Streamzy's messages one was lost,
doubled, out of order, refused or never acknowledged, or a slow reader got a corrupt frame.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import Any

from bench import encryption, report
from bench.contenders import CHANNEL, FOLDER, NODE, PASSWORD, Contender, Naive, Node, Streamzy, compiler, missing
from bench.sign_ins import SignIns
from bench.workloads import (
    ALONE,
    FLOOR,
    HASHING,
    ONE,
    POSTGRES,
    SIGNING_IN,
    TWO,
    TWO_POSTGRES,
    WORKERS,
    WORKLOADS,
    Workload,
)
from tests.postgres import PrivatePostgres
from tests.private_redis import PrivateRedis

QUICK = bool(os.environ.get("QUICK"))
SECONDS = 2 if QUICK else 6
PATIENCE = 8  # seconds that the last acknowledgement may take; in the short form nobody waits so long for a reference

Runs = dict[str, list[dict[str, Any]]]


def measure(contender: Contender, workload: Workload, seconds: int) -> dict[str, Any]:
    """Let the audience loose on one server; return what the load generator counted."""
    slow = workload.name == "slow-reader"
    command = [NODE, str(FOLDER / ("slow.mjs" if slow else "load.mjs"))]
    options: dict[str, Any] = {"port": contender.port, "channel": CHANNEL, "seconds": seconds, **workload.options}
    if slow:
        options["pid"] = contender.worker()
    else:
        options["pids"] = ",".join(map(str, contender.pids()))
        options["patience"] = 1 if QUICK and not isinstance(contender, Streamzy) else PATIENCE
    for option, value in options.items():
        command += [f"--{option}", str(value)]
    environment = {**os.environ, "COOKIES": json.dumps(contender.cookies or [None])}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, timeout=120, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def by_turns(contenders: list[Contender], workload: Workload, seconds: int) -> Runs:
    """Every contender once, then all of them again. The kernel's floor takes its turn at the fan-out."""
    runs: Runs = {contender.name: [] for contender in contenders}
    for _ in range(workload.rounds):
        for contender in contenders:
            if workload.fresh and contender.used:
                contender.stop()
                contender.start()
            contender.used = True
            runs[contender.name].append(measure(contender, workload, seconds))
        if workload.name == "fan-out" and compiler():
            floor_of = runs.setdefault(FLOOR, [])
            floor_of.append(floor(contenders[0].folder, workload.options["viewers"], 20 * seconds))
    return runs


def with_and_without_sign_ins(streamzy: Streamzy, workload: Workload, seconds: int) -> Runs:
    """The same server by turns with and without people who sign in."""
    streamzy.server.create_user("guest", PASSWORD)
    runs: Runs = {ALONE: [], SIGNING_IN: []}
    for _ in range(workload.rounds):
        runs[ALONE].append(measure(streamzy, workload, seconds))
        with SignIns(streamzy.url, "guest") as beside:
            runs[SIGNING_IN].append(measure(streamzy, workload, seconds) | {"sign_ins": beside.done})
    return runs


def floor(folder: Path, connections: int, rounds: int) -> dict[str, Any]:
    """What the kernel alone takes to send a frame to everybody."""
    program = folder / "floor"
    if not program.exists():
        subprocess.run([str(compiler()), "-O2", "-o", str(program), str(FOLDER / "floor.c")], check=True)
    told = subprocess.run([program, *map(str, (connections, rounds, 350, 50_000))], stdout=subprocess.PIPE, check=True)
    return {"cpu_us_per_delivery": json.loads(told.stdout)["cpu_us_per_send"]}


def start(servers: str, folder: Path, running: ExitStack, left_out: dict[str, str]) -> list[Contender]:
    """Start those who carry the loads of one kind; they end with ``running``."""
    contenders: list[Contender] = []

    def database() -> str:
        return running.enter_context(PrivatePostgres(durable=True)).create_database()

    if servers == HASHING:
        contenders.append(Streamzy(folder / "0", BCRYPT_ROUNDS="12"))
    elif servers == POSTGRES:
        contenders += [Streamzy(folder / "0", DATABASE_URL=database()), Naive(folder / "1", DATABASE_URL=database())]
    elif servers == WORKERS:
        contenders.append(Streamzy(folder / "0", ONE))
        contenders.append(Streamzy(folder / "1", TWO, running.enter_context(PrivateRedis())))
        if POSTGRES not in left_out and not QUICK:
            another = running.enter_context(PrivateRedis())
            contenders.append(Streamzy(folder / "2", TWO_POSTGRES, another, DATABASE_URL=database()))
    else:
        contenders += [Streamzy(folder / "0"), Naive(folder / "1")]
        if Node.name not in left_out:
            contenders.append(Node(folder / "2"))
    for contender in contenders:
        running.enter_context(contender)
    return contenders


def run(contenders: list[Contender], workload: Workload) -> Runs:
    """Let those who take part in ``workload`` take turns."""
    if workload.servers == HASHING:
        assert isinstance(contenders[0], Streamzy)
        return with_and_without_sign_ins(contenders[0], workload, SECONDS)
    return by_turns(contenders[:1] if QUICK and workload.alone_if_short else contenders, workload, SECONDS)


def main() -> int:
    """Measure, print, and say whether every message came once and in order."""
    only = os.environ.get("ONLY", "").split()
    left_out = missing()
    for name, why in left_out.items():
        print(f"Left out: {name}: {why}.")
    wanted = [
        workload
        for workload in (each.shortened() if QUICK else each for each in WORKLOADS)
        if (workload.name in only if only else not (QUICK and workload.never_short))
        and not (workload.servers == POSTGRES and POSTGRES in left_out)
    ]
    broken = False
    with tempfile.TemporaryDirectory(prefix="streamzy-bench-") as place:
        folder = Path(place)
        for servers, workloads in groupby(wanted, key=lambda workload: workload.servers):
            (folder / servers).mkdir()
            with ExitStack() as running:
                contenders = start(servers, folder / servers, running, left_out)
                for workload in workloads:
                    broken |= report.tell(workload, run(contenders, workload), SECONDS)
        if not only or "encryption" in only:
            ciphers = encryption.measure(folder, QUICK)
            print(f"\nencryption, each beside the bare Fernet of the same work\n{encryption.table(ciphers)}")
            report.keep_figures("encryption", ciphers)
    print(f"\nReferences, SHA-256: {report.hashes()}")
    print(f"All figures: {report.LATEST.relative_to(FOLDER.parent)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
