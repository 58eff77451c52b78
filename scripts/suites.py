"""Run test suites one after another and add their results up.

    python3 scripts/suites.py NAME=COMMAND...

Each command runs in the shell, its output is shown as it comes, and what it says of passed, failed
and skipped tests is counted: cargo's, pytest's and the plain line `NAME: N passed, N failed, N
skipped`. A command that exits with another status than 0 counts as one failure more if it named
none. The last line is the sum, `ringway: N passed, N failed, N skipped`; exit 1 if any failed.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time

CARGO = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored")
PLAIN = re.compile(r"^(?:[\w.+ -]+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$")
PYTEST = re.compile(r"^(?:=+ )?((?:\d+ \w+(?:, )?)+) in [\d.]+s")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def count(line: str) -> tuple[int, int, int] | None:
    """Passed, failed and skipped tests that a line of output tells of."""
    line = COLOURS.sub("", line).strip()
    if match := CARGO.match(line) or PLAIN.match(line):
        passed, failed, skipped = match.groups(default="0")
        return int(passed), int(failed), int(skipped)
    if match := PYTEST.match(line):
        words = {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", match.group(1))}
        failed = words.get("failed", 0) + words.get("error", 0) + words.get("errors", 0)
        return words.get("passed", 0), failed, words.get("skipped", 0)
    return None


def run(name: str, command: str) -> tuple[int, int, int]:
    """Run one suite; show and count its output."""
    print(f"── {name}: {command}", flush=True)
    begin = time.monotonic()
    total = [0, 0, 0]
    with subprocess.Popen(
        command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            if counted := count(line):
                total = [old + new for old, new in zip(total, counted, strict=True)]
    if process.returncode != 0 and total[1] == 0:
        total[1] = 1
    passed, failed, skipped = total
    seconds = time.monotonic() - begin
    print(f"── {name}: {passed} passed, {failed} failed, {skipped} skipped ({seconds:.0f} s)", flush=True)
    return passed, failed, skipped


def main(arguments: list[str]) -> int:
    """Run all suites, even after a failure."""
    suites = [argument.partition("=")[::2] for argument in arguments]
    if not suites or not all(command for _, command in suites):
        print(__doc__, file=sys.stderr)
        return 2
    results = [(name, run(name, command)) for name, command in suites]
    print()
    for name, (passed, failed, skipped) in results:
        print(f"  {name:<12} {passed:>6} passed {failed:>4} failed {skipped:>4} skipped")
    passed, failed, skipped = (sum(column) for column in zip(*(result for _, result in results), strict=True))
    print(f"ringway: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
