#!/usr/bin/env python3
"""Keys for example/start.c, and the judge of what it says.

    example.py ask              write keys, one a line
    example.py judge < OUTPUT   compare; the last line is `N passed, N failed, 0 skipped`
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "spec"))

from reference import Node, Table  # noqa: E402

KEYS = [b"", b"user:42", *(b"key %d" % number for number in range(2_000))]


def judge(lines: list[bytes]) -> int:
    table = Table("ringway-v1", [], [Node(b"db1"), Node(b"db2", weight=2), Node(b"db3")])
    failed = 0
    for key, line in zip(KEYS, lines, strict=False):
        owner = table.owner_of(table.hash(key))
        right = key + b"\t" + (b"-" if owner is None else table.nodes[owner].name) + b"\n"
        if line != right:
            failed += 1
            print(f"{line!r} is not {right!r}")
    failed += abs(len(KEYS) - len(lines))
    print(f"{len(KEYS) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["ask"]:
            sys.stdout.buffer.write(b"".join(key + b"\n" for key in KEYS))
        case ["judge"]:
            sys.exit(judge(sys.stdin.buffer.readlines()))
        case _:
            sys.exit(__doc__)
