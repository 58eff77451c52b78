"""The rules by which the vectors give their inputs, and the form of their text."""

import json

from reference import Node, Table, xxh3_64

LAYOUT = "ringway-v1"

# Found by search; test_reference.py checks with another XXH3 that they are what is said.
POINT_ZERO = "p14a43ba34"  # its point 0 is position 0
POINT_MAX = "p1d0bdb572"  # its point 0 is position 2^32 - 1
SHARED = [  # (name of the case, vnodes, names, their shared point)
    ("default-vnodes", 160, [b"n0285", b"n0571"], 3831322283),
    ("a-name-that-begins-with-the-other", 65_536, [b"db1", b"db10"], 1474259590),
    ("names-differ-in-the-top-bit", 65_536, [b"n1\x7f", b"n1\x80"], 1868445727),
    ("a-name-that-ends-in-nul", 65_536, [b"x2", b"x2\x00"], 2542905526),
    ("three-nodes", 1, [b"t2160597", b"t3211636", b"t4479943"], 1926082925),
]


def rule_bytes(length: int) -> bytes:
    return bytes((i * 7 + length) % 251 for i in range(length))


def bytes_of(row: dict, field: str) -> bytes | None:
    """The value of `field`, given as text, as hexadecimal or by its length."""
    if field in row:
        return row[field].encode("utf-8")
    if field + "_hex" in row:
        return bytes.fromhex(row[field + "_hex"])
    if field + "_length" in row:
        return rule_bytes(row[field + "_length"])
    return None


def texts_of_rule(rule: dict) -> list[str]:
    numbers = range(rule["first"], rule["first"] + rule["count"])
    return [rule["prefix"] + str(number).zfill(rule["digits"]) for number in numbers]


def rule(prefix: str, digits: int, first: int, count: int) -> dict:
    return {"prefix": prefix, "digits": digits, "first": first, "count": count}


def nodes_of(case: dict) -> list[Node]:
    if "nodes_rule" in case:
        return [Node(text.encode()) for text in texts_of_rule(case["nodes_rule"])]
    return [
        Node(
            name=bytes_of(row, "name"),
            weight=row.get("weight", 1),
            zone=bytes_of(row, "zone"),
            state=row.get("state", "up"),
        )
        for row in case["nodes"]
    ]


def table_of(case: dict) -> Table:
    return Table(case["layout"], case["options"], nodes_of(case))


def option_pairs(options: dict) -> list[list]:
    """Options have an order: they are checked in it."""
    return [[name, value] for name, value in options.items()]


def digest(numbers) -> str:
    return f"{xxh3_64(b''.join(number.to_bytes(4, 'little') for number in numbers)):016x}"


def named(*names: str, **fields) -> list[dict]:
    return [{"name": name, **fields} for name in names]


def in_hex(names: list[bytes]) -> list[dict]:
    return [{"name_hex": name.hex()} for name in names]


def to_text(value: dict) -> str:
    return pretty(value, "") + "\n"


def pretty(value, indent: str) -> str:
    """JSON in ASCII; what fits stands on one line."""
    line = json.dumps(value)
    if len(indent) + len(line) <= 110 or not isinstance(value, dict | list) or not value:
        return line
    inner = indent + " "
    if isinstance(value, dict):
        parts = [f"{inner}{json.dumps(name)}: {pretty(item, inner)}" for name, item in value.items()]
        return "{\n" + ",\n".join(parts) + "\n" + indent + "}"
    return "[\n" + ",\n".join(inner + pretty(item, inner) for item in value) + "\n" + indent + "]"
