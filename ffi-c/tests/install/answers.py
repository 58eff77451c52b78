#!/usr/bin/env python3
"""The vectors' case of three nodes as a cluster file and keys, and the judge of who owns them.

    answers.py ask FOLDER            write FOLDER/cluster.toml, and FOLDER/keys.txt: a key each line
    answers.py judge < OWNERS        an index each line; exit 1 and say what is wrong
"""

import json
import struct
import sys
from pathlib import Path

SPEC = Path(__file__).resolve().parents[3] / "spec"
sys.path.insert(0, str(SPEC))

from rules import texts_of_rule  # noqa: E402
from xxh3 import xxh3_64  # noqa: E402


def main(arguments: list[str]) -> int:
    cases = json.loads((SPEC / "vectors" / "ringway-v1.json").read_text(encoding="utf-8"))["cases"]
    case = next(case for case in cases if case["name"] == "three-nodes")
    rows = [row for row in case["keys"] if "key" in row]
    [many] = case["many"]

    if arguments[:1] == ["ask"]:
        nodes = "".join(f'[[node]]\nname = "{node["name"]}"\n' for node in case["nodes"])
        keys = [row["key"] for row in rows] + list(texts_of_rule(many["keys_rule"]))
        folder = Path(arguments[1])
        (folder / "cluster.toml").write_text(nodes, encoding="utf-8")
        (folder / "keys.txt").write_text("".join(f"{key}\n" for key in keys), encoding="utf-8")
        return 0

    owners = [int(line) for line in sys.stdin]
    few, rest = owners[: len(rows)], owners[len(rows) :]
    right = [row["owner"] for row in rows]
    if few != right:
        print(f"answers: {few}, not {right}", file=sys.stderr)
        return 1
    digest = f"{xxh3_64(struct.pack(f'<{len(rest)}I', *rest)):016x}"
    if len(rest) != many["keys_rule"]["count"] or digest != many["owners_digest"]:
        print(f"answers: {len(rest)} owners, digest {digest}, not {many['owners_digest']}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
