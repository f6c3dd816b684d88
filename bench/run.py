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
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

from bench import encryption, report
from bench.contenders import CHANNEL, FOLDER, NODE, PASSWORD, Contender, Naive, Node, Streamzy, compiler, missing
from bench.sign_ins import SignIns
from bench.workloads import ALONE, FLOOR, SIGNING_IN, WORKLOADS, Workload
from tests.postgres import PrivatePostgres

Runs = dict[str, list[dict[str, Any]]]


def measure(contender: Contender, workload: Workload, seconds: int) -> dict[str, Any]:
    """Let the audience loose on one server; return what the load generator counted."""
    slow = workload.name == "slow-reader"
    command = [NODE, str(FOLDER / ("slow.mjs" if slow else "load.mjs"))]
    options: dict[str, Any] = {"port": contender.port, "channel": CHANNEL, "seconds": seconds, **workload.options}
    options |= {"pid": contender.worker()} if slow else {"pids": ",".join(map(str, contender.pids()))}
    for option, value in options.items():
        command += [f"--{option}", str(value)]
    environment = {**os.environ, "COOKIES": json.dumps(contender.cookies or [None])}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, timeout=120, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def by_turns(contenders: list[Contender], workload: Workload, rounds: int, seconds: int) -> Runs:
    """Every contender once, then all of them again."""
    runs: Runs = {contender.name: [] for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            if workload.fresh:
                contender.stop()
                contender.start()
            runs[contender.name].append(measure(contender, workload, seconds))
    return runs


def with_and_without_sign_ins(streamzy: Streamzy, workload: Workload, rounds: int, seconds: int) -> Runs:
    """The same server by turns with and without people who sign in."""
    streamzy.server.create_user("guest", PASSWORD)
    runs: Runs = {ALONE: [], SIGNING_IN: []}
    for _ in range(rounds):
        for name, beside in ((ALONE, nullcontext()), (SIGNING_IN, SignIns(streamzy.url, "guest"))):
            with beside:
                runs[name].append(measure(streamzy, workload, seconds))
    return runs


def floor(folder: Path, connections: int, rounds: int) -> dict[str, Any]:
    """What the kernel alone takes to send a frame to everybody."""
    program = folder / "floor"
    if not program.exists():
        subprocess.run([str(compiler()), "-O2", "-o", str(program), str(FOLDER / "floor.c")], check=True)
    told = subprocess.run([program, *map(str, (connections, rounds, 350, 50_000))], stdout=subprocess.PIPE, check=True)
    return {"cpu_us_per_delivery": json.loads(told.stdout)["cpu_us_per_send"]}


def run(workload: Workload, folder: Path, rounds: int, seconds: int, left_out: dict[str, str]) -> Runs:
    """Start who takes part in ``workload``, and let them take turns."""
    folder = folder / workload.name
    folder.mkdir()
    if workload.name == "sign-ins":
        with Streamzy(folder / "streamzy", workload.people, BCRYPT_ROUNDS="12") as streamzy:
            return with_and_without_sign_ins(streamzy, workload, rounds, seconds)
    with ExitStack() as running:
        contenders: list[Contender] = []
        if workload.name == "postgresql":
            postgres = running.enter_context(PrivatePostgres(durable=True))
            contenders.append(Streamzy(folder / "0", workload.people, DATABASE_URL=postgres.create_database()))
            contenders.append(Naive(folder / "1", workload.people, DATABASE_URL=postgres.create_database()))
        else:
            contenders += [Streamzy(folder / "0", workload.people), Naive(folder / "1", workload.people)]
            if Node.name not in left_out:
                contenders.append(Node(folder / "2", workload.people))
        for contender in contenders:
            running.enter_context(contender)
        if workload.name != "fan-out" or FLOOR in left_out:
            return by_turns(contenders, workload, rounds, seconds)
        runs: Runs = {}
        for _ in range(rounds):  # the floor takes its turn as well
            once = by_turns(contenders, workload, 1, seconds)
            once[FLOOR] = [floor(folder, workload.options["viewers"], 20 * seconds)]
            for name, results in once.items():
                runs.setdefault(name, []).extend(results)
        return runs


def main() -> int:
    """Measure, print, and say whether every message came once and in order."""
    quick, only = bool(os.environ.get("QUICK")), os.environ.get("ONLY", "").split()
    rounds, seconds = (1, 2) if quick else (3, 6)
    left_out = missing()
    for name, why in left_out.items():
        print(f"Left out: {name}: {why}.")
    broken = False
    with tempfile.TemporaryDirectory(prefix="streamzy-bench-") as folder:
        for workload in WORKLOADS:
            if (only and workload.name not in only) or (workload.name == "postgresql" and "PostgreSQL" in left_out):
                continue
            runs = run(workload, Path(folder), rounds, seconds, left_out)
            print(f"\n{workload.name}: {workload.title}; {'one run' if quick else f'median of {rounds} runs by turns'}")
            print(report.table(workload, runs), flush=True)
            print(report.ratios(workload, runs), flush=True)
            report.keep(workload, runs, seconds)
            broken |= report.is_broken(runs)
        if not only or "encryption" in only:
            ciphers = encryption.measure(Path(folder), quick)
            print(f"\nencryption, each beside the bare Fernet of the same work\n{encryption.table(ciphers)}")
            report.keep_figures("encryption", ciphers)
    print(f"\nReferences, SHA-256: {report.hashes()}")
    print(f"All figures: {report.LATEST.relative_to(FOLDER.parent)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
