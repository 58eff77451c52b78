#!/usr/bin/env python3
"""Turns spec/vectors/*.json into a C table: vectors_to_c.py VECTORS_FOLDER > vectors_data.h

The types are those of replay.h. What the vectors give as a rule stays a rule:
the test programs work it out, so that the table stays small.
"""

import json
import sys
from pathlib import Path

NOBODY = 0xFFFFFFFF
STATES = {"up": "RINGWAY_STATE_UP", "down": "RINGWAY_STATE_DOWN", "drain": "RINGWAY_STATE_DRAIN"}
LAYOUTS = ["ringway-v1", "jump-v1", "jumpback-v1", "rendezvous-v1", "maglev-v1", "balanced-v1"]
LAYOUTS += ["ringway-keyed-v1", "memento-v1"]
LAYOUT_FILES = [f"{layout}.json" for layout in LAYOUTS]
SEGMENT_FILES = ["segments.json", "segments-native.json"]
ERROR_FILES = ["errors.json", "errors-native.json"]
LITERAL_BYTES_MAX = 4000  # ISO C99 promises 4,095


class Table:
    """The definitions of one C file, each array under a name of its own."""

    def __init__(self):
        self.lines: list[str] = []
        self.count = 0

    def array(self, kind: str, elements: list[str]) -> str:
        """An array and its length as two initialisers; ISO C has no empty arrays."""
        if not elements:
            return "NULL, 0"
        name = f"{kind.replace(' ', '_')}_{self.count}"
        self.count += 1
        self.lines.append(f"static const {kind} {name}[] = {{{', '.join(elements)}}};")
        return f"{name}, {len(elements)}"

    def bytes(self, data: bytes) -> str:
        """struct bytes, given."""
        if len(data) > LITERAL_BYTES_MAX:
            return f"{{{self.array('uint8_t', [str(byte) for byte in data])}, 0}}"
        literal = "".join(chr(b) if 32 <= b < 127 and b not in b'"\\?' else f"\\{b:03o}" for b in data)
        return f'{{(const uint8_t *)"{literal}", {len(data)}, 0}}'

    def field(self, row: dict, name: str) -> str:
        """struct bytes of a field in one of its three forms; absent: NULL."""
        if f"{name}_length" in row:
            return f"{{NULL, {row[f'{name}_length']}, 1}}"
        if f"{name}_hex" in row:
            return self.bytes(bytes.fromhex(row[f"{name}_hex"]))
        if row.get(name) is None:
            return "{NULL, 0, 0}"
        return self.bytes(row[name].encode("utf-8"))

    def rule(self, rule: dict | None) -> str:
        if rule is None:
            return '{"", 0, 0, 0}'
        assert all(32 <= ord(c) < 127 and c not in '"\\?' for c in rule["prefix"])
        return f'{{"{rule["prefix"]}", {rule["digits"]}, {rule["first"]}, {rule["count"]}}}'

    def inputs(self, case: dict) -> str:
        """struct inputs: layout, options, nodes."""
        options, none = [], "{NULL, 0, 0}"
        for name, value in case["options"]:
            named = self.bytes(name.encode("utf-8"))
            if isinstance(value, bool):
                options.append(f"{{{named}, OPTION_BOOLEAN, {int(value)}, {none}, NULL, 0}}")
            elif isinstance(value, int):
                # The least 64-bit number has no literal.
                number = f"INT64_C({value})" if value > -(1 << 63) else "INT64_MIN"
                options.append(f"{{{named}, OPTION_INTEGER, {number}, {none}, NULL, 0}}")
            elif isinstance(value, list):
                # What does not fit is no number that an option takes.
                numbers = [f"{number if 0 <= number <= NOBODY else NOBODY}u" for number in value]
                options.append(f"{{{named}, OPTION_LIST, 0, {none}, {self.array('uint32_t', numbers)}}}")
            else:
                options.append(f"{{{named}, OPTION_TEXT, 0, {self.bytes(value.encode('utf-8'))}, NULL, 0}}")
        nodes = [
            f"{{{self.field(row, 'name')}, {row.get('weight', 1)}u, {self.field(row, 'zone')},"
            f" {STATES[row.get('state', 'up')]}}}"
            for row in case.get("nodes", [])
        ]
        layout = self.bytes(case["layout"].encode("utf-8"))
        return (
            f"{{{layout}, {self.array('struct option', options)},"
            f" {self.array('struct node', nodes)}, {self.rule(case.get('nodes_rule'))}}}"
        )


def owner(index: int | None) -> str:
    return f"{NOBODY if index is None else index}u"


def status(error: str | None) -> str:
    return "RINGWAY_STATUS_" + ("OK" if error is None else error.upper().replace("-", "_"))


def text(value: str) -> str:
    return '"' + "".join(c for c in value if c.isalnum() or c in " -_.:") + '"'


def placement_case(table: Table, case: dict) -> str:
    def walk(row: dict) -> str:
        return table.array("uint32_t", [owner(index) for index in row["walk"]])

    keys = [
        f"{{{table.field(row, 'key')}, UINT64_C(0x{row['hash']}), {owner(row['owner'])}, {walk(row)}}}"
        for row in case["keys"]
    ]
    positions = [f"{{{row['position']}u, {owner(row['owner'])}}}" for row in case["positions"]]
    replicas = [
        f"{{{table.field(row, 'key')}, {row['k']},"
        f" {table.array('uint32_t', [owner(index) for index in row['owners']])}}}"
        for row in case["replicas"]
    ]
    many = [
        f"{{{table.rule(row['keys_rule'])}, UINT64_C(0x{row['owners_digest']})}}" for row in case["many"]
    ]
    return (
        f"{{{text(case['name'])}, {table.inputs(case)}, {case['eligible']}, {case['points'] or 0},"
        f" {table.array('struct key_row', keys)}, {table.array('struct position_row', positions)},"
        f" {table.array('struct replica_row', replicas)}, {table.array('struct many_row', many)}}}"
    )


def segment_case(table: Table, case: dict) -> str:
    rows = [f"{{{low}u, {high}u, {owner(index)}}}" for low, high, index in case.get("segments", [])]
    return f"{{{text(case['name'])}, {table.inputs(case)}, {table.array('struct segment_row', rows)}}}"


def error_case(table: Table, case: dict) -> str:
    return f"{{{table.inputs(case)}, {status(case['error'])}, {case['points'] or 0}}}"


def cluster_case(table: Table, case: dict) -> str:
    if "file_hex" in case:
        file = bytes.fromhex(case["file_hex"])
    else:
        file = "".join(line + "\n" for line in case["lines"]).encode("utf-8")
    read = case["error"] is None
    nodes = [
        f"{{{table.field(row, 'name')}, {row['weight']}u, {table.field(row, 'zone')}, {STATES[row['state']]}}}"
        for row in (case["nodes"] if read else [])
    ]
    owners = [
        f"{{{table.field(row, 'key')}, {owner(row['owner'])}}}" for row in (case["owners"] if read else [])
    ]
    line = 0 if read or case["line"] is None else case["line"]
    return (
        f"{{{text(case.get('name', case['error']))}, {table.bytes(file)}, {int(read)}, {line},"
        f" {table.array('struct node', nodes)}, {table.array('struct owner_row', owners)}}}"
    )


def bounded_case(table: Table, case: dict) -> str:
    def numbers(digits: list[str]) -> str:
        return table.array("uint64_t", [f"UINT64_C(0x{number})" for number in digits])

    keys = [f"{{{table.field(row, 'key')}, {owner(row['owner'])}}}" for row in case["keys"]]
    greedy = [
        f"{{{table.rule(row['keys_rule'])}, UINT64_C(0x{row['owners_digest']}),"
        f" {numbers([f'{load:x}' for load in row['loads']])}}}"
        for row in case["greedy"]
    ]
    return (
        f"{{{text(case['name'])}, {table.inputs(case)}, {case['factor_permille']},"
        f" UINT64_C(0x{case['total']}), {numbers(case['loads'])}, {numbers(case['capacities'])},"
        f" {table.array('struct owner_row', keys)}, {table.array('struct greedy_row', greedy)}}}"
    )


SNAPSHOT_ERRORS = {"not-a-snapshot", "unknown-version", "bad-checksum", "bad-form"}


def snapshot_case(table: Table, case: dict) -> str:
    error = "bad-snapshot" if case["error"] in SNAPSHOT_ERRORS else case["error"]
    data = table.bytes(bytes.fromhex(case["bytes_hex"])) if "bytes_hex" in case else "{NULL, 0, 0}"
    inputs = table.inputs({"layout": "", "options": []} if error else case)
    fingerprint = f"UINT64_C(0x{case.get('fingerprint', '0')})"
    return (
        f"{{{text(case['name'])}, {status(error)}, {inputs}, {fingerprint},"
        f" {case.get('length', 0)}, {data}}}"
    )


def main(folder: Path) -> None:
    def cases(name: str) -> list[dict]:
        found = json.loads((folder / name).read_text(encoding="utf-8"))["cases"]
        assert found, f"{name} holds no case"
        return found

    table = Table()
    hashes = [f"{{{case['length']}, UINT64_C(0x{case['hash']})}}" for case in cases("xxh3.json")]
    for names, kind, make in (
        (LAYOUT_FILES, "placement_case", placement_case),
        (SEGMENT_FILES, "segment_case", segment_case),
        (ERROR_FILES, "error_case", error_case),
        (["cluster-files.json"], "cluster_case", cluster_case),
        (["snapshots.json"], "snapshot_case", snapshot_case),
        (["bounded.json"], "bounded_case", bounded_case),
    ):
        made = [make(table, case) for name in names for case in cases(name)]
        table.lines.append(f"static const struct {kind} {kind}s[] = {{\n    " + ",\n    ".join(made) + "\n};")
    table.lines.append(f"static const struct hash_case hash_cases[] = {{{', '.join(hashes)}}};")
    sys.stdout.write("/* Made by vectors_to_c.py. */\n" + "\n".join(table.lines) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
