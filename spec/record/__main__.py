"""Ask the real programs the recorded keys again.

    python3 spec/record [--check | --write FOLDER] [--only TEXT]

Starts nginx, HAProxy, twemproxy, libmemcached, Envoy and packages from PyPI (uhashring, pymemcache,
python-memcached, jump-consistent-hash, cassandra-driver) with the configuration of each recorded
file's case, asks each of its keys, and compares the answers with the rows (`--check`, the
default), or writes the files that the answers make into FOLDER. `--only` takes the files whose
names contain TEXT. `make record` installs the programs first.

The names of servers are addresses that are hashed as they are, so the programs need these very
addresses: everything runs in a network namespace of its own, whose loopback nobody else uses, with
an /etc/hosts of its own. That takes root or unprivileged user namespaces.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import envoy
import haproxy
import libmemcached
import namespaces
import nginx
import packages
import processes
import twemproxy
from recorded import Recorded, read_folder

Program = ModuleType | packages.Package
PROGRAMS: list[Program] = [nginx, haproxy, twemproxy, libmemcached, envoy, *packages.PACKAGES]


def give_names(names: dict[str, str], folder: Path) -> None:
    """Let host names stand for addresses, in our mount namespace only."""
    hosts = folder / "hosts"
    lines = ["127.0.0.1 localhost", *(f"{address} {name}" for name, address in names.items())]
    hosts.write_text("".join(f"{line}\n" for line in lines))
    subprocess.run(["mount", "--bind", str(hosts), "/etc/hosts"], check=True)


def differing(file: Recorded, rows: list[list[str]]) -> list[str]:
    """What the program says otherwise, up to three rows of it."""
    pairs = [pair for pair in zip(file.rows, rows, strict=True) if pair[0] != pair[1]]
    told = [f"    {' '.join(old)}, now {new[-1]}" for old, new in pairs[:3]]
    return [f"{len(pairs)} differ", *told] if pairs else []


def run(module: Program, arguments: argparse.Namespace, folder: Path) -> tuple[int, int, int]:
    """Ask one program; return files, rows and rows that differ."""
    files = [file for file in read_folder(module.FOLDER) if arguments.only in file.name]
    if not files:
        return 0, 0, 0
    version = module.version()
    others = [file for file in files if file.case["version"] != version]
    files = [file for file in files if file.case["version"] == version]
    begin = time.monotonic()
    answered = module.record(files, folder) if files else {}
    seconds = time.monotonic() - begin
    row_count, difference_count = 0, 0
    for file in files:
        rows = answered[file.name]
        row_count += len(rows)
        difference = differing(file, rows)
        difference_count += int(difference[0].split()[0]) if difference else 0
        print(f"  {file.name}: {len(rows)} rows", *difference[:1], sep=", ")
        print("".join(f"{line}\n" for line in difference[1:]), end="")
        if arguments.write:
            path = arguments.write / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text(rows), encoding="utf-8")
    print(
        f"{module.FOLDER} {version}: {len(files)} files, {row_count} rows asked, "
        f"{difference_count} differ ({seconds:.1f} s)",
        flush=True,
    )
    if others:
        versions = sorted({file.case["version"] for file in others})
        print(f"  not asked: {len(others)} files of {module.FOLDER} {', '.join(versions)}")
    return len(files), row_count, difference_count


def main() -> int:
    """Ask all programs; fail if an answer differs or none was asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare with the files (the default)")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write the files made anew")
    parser.add_argument("--only", default="", metavar="TEXT", help="files whose names contain TEXT")
    arguments = parser.parse_args()
    namespaces.enter()
    totals = [0, 0, 0]
    with processes.folder() as name:
        folder = Path(name)
        give_names(nginx.hosts(read_folder(nginx.FOLDER)), folder)
        for module in PROGRAMS:
            counts = run(module, arguments, folder)
            totals = [old + new for old, new in zip(totals, counts, strict=True)]
    files, rows, differences = totals
    print(f"record: {files} files, {rows} rows asked again, {differences} differ")
    return 1 if differences or not files else 0


if __name__ == "__main__":
    sys.exit(main())
