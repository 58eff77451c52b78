"""The questions that the vectors put to a table, with reference.py's answers."""

from reference import MASK32, Table
from rules import LAYOUT, bytes_of, digest, option_pairs, table_of, texts_of_rule

WALK_LENGTH_MAX = 8
KEYS = ["", "a", "b", "user:1", "user:2", "user:3", "/index.html", "caf\u00e9", "10.0.0.1:7000"]
KEY_LENGTHS = [0, 1, 3, 4, 8, 9, 16, 17, 128, 129, 240, 241, 1024, 1025, 5000]


def case(name, nodes, keys=None, positions=(), replicas=(), many=None, layout=LAYOUT, **options) -> dict:
    """One table, the questions put to it, and reference.py's answers."""
    found: dict = {"name": name, "layout": layout}
    found["options"] = option_pairs(options)
    found["nodes_rule" if isinstance(nodes, dict) else "nodes"] = nodes
    table = table_of(found)
    found["eligible"] = table.eligible
    found["points"] = table.point_count
    found["keys"] = [answer_key(table, row) for row in (text_keys() if keys is None else keys)]
    found["positions"] = [answer_position(table, position) for position in around(table, positions)]
    found["replicas"] = [
        {**row, "k": k, "owners": table.owners_of(table.hash(bytes_of(row, "key")), k)}
        for row, k in replicas
    ]
    found["many"] = []
    if many is not None:
        owners = [table.owner_of(table.hash(text.encode())) for text in texts_of_rule(many)]
        numbers = (MASK32 if owner is None else owner for owner in owners)
        found["many"] = [{"keys_rule": many, "owners_digest": digest(numbers)}]
    return found


def answer_key(table: Table, row: dict) -> dict:
    key = bytes_of(row, "key")
    h = table.hash(key)
    return {**row, "hash": f"{h:016x}", **answer_hash(table, h, table.position(key))}


def answer_position(table: Table, position: int) -> dict:
    return answer_hash(table, position << 32, position)


def answer_hash(table: Table, h: int, position: int | None) -> dict:
    return {
        "position": position,
        "owner": table.owner_of(h),
        "walk": table.walk_of(h, WALK_LENGTH_MAX),
    }


def around(table: Table, wanted) -> list[int]:
    """Both ends, one step inside them, and at and beside the first, middle, last and wanted points."""
    if not table.has_positions:
        return []
    found = {0, 1, MASK32 - 1, MASK32}
    points = [point for point, _, _ in table.points]
    chosen = [points[0], points[len(points) // 2], points[-1], *wanted] if points else list(wanted)
    for point in chosen:
        found |= {position for position in (point - 1, point, point + 1) if 0 <= position <= MASK32}
    return sorted(found)


def text_keys() -> list[dict]:
    return [{"key": key} for key in KEYS]


def length_keys() -> list[dict]:
    return [{"key_length": length} for length in KEY_LENGTHS]


def numbered_keys(count: int) -> list[dict]:
    return [{"key": f"key-{number}"} for number in range(count)]
