#!/usr/bin/env python3
"""The vectors as questions to a program without a heap, and the judge of its answers.

    questions.py ask                       write the questions to standard output
    questions.py judge NAME < ANSWERS      compare; the last line counts cases: `NAME: N passed, ...`
    questions.py example NAME < OUTPUT     compare what bare-metal/src/ring.rs prints

What is asked is what fits the memory of `answers/src/lib.rs`, whose limits this script reads there.
The form of the questions is that of `answers/src/questions.rs`; an answer is a line of owners.
"""

from __future__ import annotations

import json
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
SPEC = HERE.parent.parent / "spec"
sys.path.insert(0, str(SPEC))

from reference import Node, Table  # noqa: E402
from rules import bytes_of, texts_of_rule  # noqa: E402
from xxh3 import xxh3_64  # noqa: E402

LAYOUTS = ["ringway-v1", "jump-v1", "jumpback-v1", "rendezvous-v1", "maglev-v1", "balanced-v1", "ringway-keyed-v1"]
SIZES = {"maglev-v1": ("table_size", 65_537), "balanced-v1": ("slots", 65_536)}
STATES = {"up": 0, "down": 1, "drain": 2}
NOBODY = 0xFFFF_FFFF


def limits() -> dict[str, int]:
    """The constants of the answering program."""
    text = (HERE / "answers" / "src" / "lib.rs").read_text(encoding="utf-8")
    return {name: int(value.replace("_", "")) for name, value in re.findall(r"const (\w+): usize = ([\d_]+);", text)}


def names_of(case: dict) -> list[dict]:
    if "nodes_rule" in case:
        return [{"name": name} for name in texts_of_rule(case["nodes_rule"])]
    return case["nodes"]


def fits(case: dict, limit: dict[str, int]) -> bool:
    """Whether the answering program has the memory for a case."""
    option, default = SIZES.get(case["layout"], ("", 0))
    size = dict(case["options"]).get(option, default)
    return (
        len(names_of(case)) <= limit["NODES_MAX"]
        and (case.get("points") or 0) <= limit["POINTS_MAX"]
        and size <= limit["ENTRIES_MAX"]
    )


def cases() -> Iterator[dict]:
    limit = limits()
    for layout in LAYOUTS:
        content = json.loads((SPEC / "vectors" / f"{layout}.json").read_text(encoding="ascii"))
        chosen = [case for case in content["cases"] if fits(case, limit)]
        if len(chosen) < 15:
            sys.exit(f"questions: only {len(chosen)} cases of {layout} fit")
        yield from chosen


def text(value: bytes | str) -> bytes:
    """Bytes after their number."""
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<H", len(data)) + data


def asked(case: dict) -> Iterator[tuple[bytes, str]]:
    """The questions of a case, each with the right answer; that of many keys is a digest."""
    for row in case["keys"]:
        key = bytes_of(row, "key")
        yield b"\0" + text(key), owners([row["owner"]])
        yield b"\1\x08" + text(key), owners(row["walk"])
    for row in case["replicas"]:
        yield struct.pack("<BB", 2, row["k"]) + text(bytes_of(row, "key")), owners(row["owners"])
    for row in case["many"]:
        rule = row["keys_rule"]
        question = text(rule["prefix"]) + struct.pack("<BII", rule["digits"], rule["first"], rule["count"])
        yield b"\3" + question, f"digest {row['owners_digest']}"


def owners(indices: list[int | None]) -> str:
    return " ".join("-" if index is None else str(index) for index in indices) or "-"


def ask() -> bytes:
    """All questions as bytes."""
    out = bytearray()
    for case in cases():
        out += b"\1" + text(case["layout"]) + struct.pack("<B", len(case["options"]))
        for name, value in case["options"]:
            out += text(name) + (struct.pack("<BI", 0, value) if isinstance(value, int) else b"\1" + text(value))
        nodes = names_of(case)
        out += struct.pack("<I", len(nodes))
        for node in nodes:
            out += text(bytes_of(node, "name") or b"") + struct.pack("<I", node.get("weight", 1))
            out += struct.pack("<B", STATES[node.get("state", "up")]) + text(bytes_of(node, "zone") or b"")
        questions = [question for question, _ in asked(case)]
        out += struct.pack("<I", len(questions)) + b"".join(questions)
    return bytes(out + b"\0")


def digest(answer: str) -> str:
    """The digest of the owners in an answer, as the vectors have it."""
    numbers = [NOBODY if owner == "-" else int(owner) for owner in answer.split()]
    return f"digest {xxh3_64(struct.pack(f'<{len(numbers)}I', *numbers)):016x}"


def judge(name: str, answers: list[str]) -> int:
    """Compare answers, one a line, with the vectors."""
    given = iter(answers)
    passed, failed, count = 0, 0, 0
    for case in cases():
        wrong = []
        for number, (_, right) in enumerate(asked(case)):
            answer = next(given, "no answer").strip()
            found = digest(answer) if right.startswith("digest") and re.fullmatch(r"[\d -]+", answer) else answer
            count += 1
            if found != right:
                wrong.append(f"question {number}: {found!r}, not {right!r}")
        passed, failed = (passed, failed + 1) if wrong else (passed + 1, failed)
        if wrong:
            print(f"{name}: {case['layout']} {case['name']}: {len(wrong)} wrong; {wrong[0]}")
    if rest := list(given):
        failed += 1
        print(f"{name}: {len(rest)} lines more than questions: {rest[0].strip()!r}")
    print(f"{name}: {count} questions of {passed + failed} tables")
    return report(name, passed, failed)


def example(name: str, lines: list[str]) -> int:
    """Compare lines of a key and its node with the reference."""
    table = Table("ringway-v1", [], [Node(name) for name in (b"db1", b"db2", b"db3")])
    passed, failed = 0, 0
    for line in lines:
        key, node = line.split()
        owner = table.owner_of(table.hash(key.encode()))
        if owner is not None and table.nodes[owner].name == node.encode():
            passed += 1
        else:
            failed += 1
            print(f"{name}: {line.strip()!r} is wrong")
    return report(name, passed, failed)


def report(name: str, passed: int, failed: int) -> int:
    print(f"{name}: {passed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not passed else 0


def main(arguments: list[str]) -> int:
    match arguments:
        case ["ask"]:
            sys.stdout.buffer.write(ask())
            return 0
        case ["judge", name]:
            return judge(name, sys.stdin.readlines())
        case ["example", name]:
            return example(name, sys.stdin.readlines())
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
