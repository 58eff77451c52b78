"""Record figures as the benches in Rust do: benches/record.py QUESTION < rows, or --text QUESTION < text

Reads lines `what,nodes,figure,unit` and writes `results/<date>-<cpu>-<question>.csv`, with date, CPU
and commit in every row. A text is written as `.txt`, under one line with these. RINGWAY_RESULTS
names another folder.
"""

from __future__ import annotations

import csv
import datetime
import io
import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterable

HERE = pathlib.Path(__file__).resolve().parent
HEAD = "date,cpu,commit,what,nodes,figure,unit"
#: What a record does not depend on.
NO_CODE = [":!benches/results", ":!docs", ":!*.md"]


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=HERE.parent, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit() -> str:
    """The last commit to the code, and whether it has been changed since."""
    dirty = git("status", "--porcelain", "--untracked-files=no", "--", ".", *NO_CODE)
    return git("log", "-1", "--format=%h", "--", ".", *NO_CODE) + ("-dirty" if dirty else "")


def cpu() -> str:
    """The processor's name in short, and how many of it there are."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    fields = dict(re.split(r"\s*:\s*", line, maxsplit=1) for line in reversed(lines) if ":" in line)
    name = re.sub(r"\((R|TM)\)", "", fields.get("model name", "unknown")).replace(",", " ")
    count = sum(line.startswith("processor") for line in lines)
    return f"{name} model {fields.get('model', 'unknown')} x{count}"


def folder() -> pathlib.Path:
    return pathlib.Path(os.environ.get("RINGWAY_RESULTS") or HERE / "results")


def record(question: str, rows: Iterable[str]) -> pathlib.Path:
    """Writes the rows; the path they were written to."""
    date, processor, version = datetime.datetime.now(datetime.UTC).date(), cpu(), commit()
    lines = io.StringIO()
    table = csv.writer(lines, lineterminator="\n")
    for row in rows:
        # The unit may have commas; csv quotes it then.
        what, nodes, figure, unit = row.split(",", 3)
        if not (nodes.isdigit() or nodes == ""):
            sys.exit(f"the row {row!r} is not WHAT,NODES,FIGURE,UNIT; a name has no comma")
        table.writerow([date, processor, version, what, nodes, figure, unit])
    return write(f"{question}.csv", [HEAD, *lines.getvalue().splitlines()])


def record_text(question: str, text: str) -> pathlib.Path:
    """Writes a text under a line that says when, where and of what; the path it was written to."""
    head = f"{datetime.datetime.now(datetime.UTC).date()}, {cpu()}, commit {commit()}"
    return write(f"{question}.txt", [head, "", *text.rstrip().splitlines()])


def write(name: str, lines: Iterable[str]) -> pathlib.Path:
    date, slug = datetime.datetime.now(datetime.UTC).date(), re.sub(r"[^a-z0-9]", "-", cpu().lower())
    path = folder() / f"{date}-{slug}-{name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    print(f"\nwritten: {path}", file=sys.stderr)
    return path


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--text":
        record_text(sys.argv[2], sys.stdin.read())
        sys.exit()
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    record(sys.argv[1], [line.strip() for line in sys.stdin if line.strip()])
