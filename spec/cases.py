"""What the files in vectors/ ask. The answers come from reference.py.

A released case is never changed: new ones are appended. vectors/README.md
describes the form of the files.
"""

import sys
from pathlib import Path

from bounded_cases import bounded_file
from cluster_cases import cluster_files
from native_cases import NATIVE_FILES
from questions import case, length_keys, numbered_keys, text_keys
from reference import MASK32, xxh3_64
from rules import (
    POINT_MAX,
    POINT_ZERO,
    SHARED,
    in_hex,
    named,
    rule,
    rule_bytes,
    to_text,
)
from snapshot_cases import snapshots_file
from table_cases import errors_file, segments_file

FOLDER = Path(__file__).parent / "vectors"


def write(check: bool) -> int:
    """Writes every file, or with `check` compares; gives the exit status."""
    drifted = []
    for name, make in FILES.items():
        text = to_text(make())
        path = FOLDER / name
        if not check:
            path.write_text(text, encoding="utf-8")
            print(f"{path.relative_to(FOLDER.parent.parent)}: {len(text)} bytes")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            drifted.append(name)
            print(f"spec/vectors/{name} is not what reference.py gives", file=sys.stderr)
    return 1 if drifted else 0


# ------------------------------------------------------------------ xxh3.json


def xxh3_file() -> dict:
    lengths = [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65]
    lengths += [95, 96, 97, 127, 128, 129, 143, 144, 145, 160, 191, 192, 193, 239, 240, 241]
    lengths += [255, 256, 257, 303, 304, 305, 511, 512, 513, 1023, 1024, 1025, 1087, 1088, 1089]
    lengths += [2047, 2048, 2049, 3072, 4096, 5000, 65_536]
    return {
        "_comment": [
            "XXH3_64bits with seed 0 and the default secret.",
            "Input: the bytes b[i] = (7 * i + length) mod 251 for i in 0..length.",
            "hash: the 64-bit value as 16 hexadecimal digits.",
        ],
        "cases": [{"length": n, "hash": f"{xxh3_64(rule_bytes(n)):016x}"} for n in lengths],
    }


# ------------------------------------------------------------ ringway-v1.json

def ringway_v1_file() -> dict:
    return {
        "_comment": [
            "Tables under ringway-v1 and what they answer; spec/vectors/README.md describes every field.",
            "A name, zone or key is text (UTF-8), or with the suffix _hex hexadecimal, or with the suffix",
            "_length the bytes b[i] = (7 * i + length) mod 251 for i in 0..length.",
            "A rule {prefix, digits, first, count} is the texts prefix + decimal number, zero-padded",
            "to digits, for the numbers first, first + 1, ... (count of them).",
            "Answers are indices into the case's nodes; null: nobody. walk: the first 8 nodes of the",
            "walk, or all if it has fewer; the whole walk has `eligible` nodes.",
        ],
        "cases": [
            *plain_cases(),
            *edge_cases(),
            *weight_and_state_cases(),
            *shared_point_cases(),
            *name_cases(),
            *size_cases(),
            *zone_cases(),
            *hash_tag_cases(),
        ],
    }


def plain_cases() -> list[dict]:
    three = named("db1", "db2", "db3")
    return [
        case("no-nodes", [], replicas=[({"key": "a"}, 0), ({"key": "a"}, 3)]),
        case("one-node", named("a"), replicas=[({"key": "a"}, k) for k in (0, 1, 2)]),
        case("three-nodes", three, text_keys() + length_keys(), many=rule("key-", 1, 0, 2000)),
        case("three-nodes-other-order", named("db3", "db1", "db2"), many=rule("key-", 1, 0, 2000)),
        case(
            "keys-that-hit-points-exactly",
            three,
            # The bytes of a point, given as a key, have that point as their position.
            [
                {"key_hex": (name + i.to_bytes(4, "little")).hex()}
                for name in (b"db1", b"db2", b"db3")
                for i in (0, 1, 79, 159)
            ],
        ),
        case(
            "owners-without-zones",
            named("a", "b", "c", "d", "e"),
            replicas=[({"key": f"key-{n}"}, k) for n in range(4) for k in (0, 1, 2, 5, 6)],
        ),
    ]


def edge_cases() -> list[dict]:
    return [
        case("one-point", named("a"), vnodes=1),
        case("three-points", named("a", "b", "c"), numbered_keys(20), vnodes=1),
        case("point-at-0", named(POINT_ZERO, "a"), numbered_keys(10), vnodes=1),
        case("point-at-max", named(POINT_MAX, "a"), numbered_keys(10), vnodes=1),
        case("points-at-0-and-max", named(POINT_MAX, "a", POINT_ZERO), numbered_keys(10), vnodes=1),
        case("only-point-at-0", named(POINT_ZERO), vnodes=1),
        case("only-point-at-max", named(POINT_MAX), vnodes=1),
        case("only-points-at-0-and-max", named(POINT_ZERO, POINT_MAX), numbered_keys(10), vnodes=1),
    ]


def weight_and_state_cases() -> list[dict]:
    def nodes(**of_b) -> list[dict]:
        return [{"name": "a"}, {"name": "b", **of_b}, {"name": "c"}]

    many = rule("key-", 1, 0, 1000)
    replicas = [({"key": "user:1"}, k) for k in (2, 3)]
    weighted = [{"name": f"w{weight}", "weight": weight} for weight in range(11)]
    return [
        case("all-up", nodes(), replicas=replicas, many=many),
        case("one-weight-0", nodes(weight=0), replicas=replicas, many=many),
        case("one-drains", nodes(state="drain"), replicas=replicas, many=many),
        case("one-down", nodes(state="down"), replicas=replicas, many=many),
        case("all-weight-0", named("a", "b", weight=0), replicas=replicas),
        case("all-drain", named("a", "b", state="drain"), replicas=replicas),
        case("all-down", named("a", "b", state="down"), replicas=replicas, many=many),
        case("down-with-weight-0", nodes(weight=0, state="down"), replicas=replicas, many=many),
        case("drain-with-weight-5", nodes(weight=5, state="drain"), replicas=replicas, many=many),
        case("weights-0-to-10", weighted, numbered_keys(30), many=rule("key-", 1, 0, 2000)),
        case("weight-1000-beside-1", [{"name": "a", "weight": 1000}, {"name": "b"}], numbered_keys(10)),
        case("weight-65536-of-1-vnode", [{"name": "a", "weight": 65_536}, {"name": "b"}], vnodes=1),
        case("weight-2-of-80-vnodes", named("a", "b", weight=2), many=many, vnodes=80),
        case("weight-1-of-160-vnodes", named("a", "b"), many=many, vnodes=160),
        case("draining-weight-does-not-count", [*named("a", weight=MASK32, state="drain"), {"name": "b"}]),
    ]


def shared_point_cases() -> list[dict]:
    found = []
    for name, vnodes, names, point in SHARED:
        for order, listed in (("", names), ("-other-order", names[::-1])):
            keys = [{"key_hex": key.hex()} for key in keys_on_point(names, vnodes, point)]
            replicas = [(keys[0], k) for k in (1, 2)]
            title = f"shared-point-{name}{order}"
            found.append(case(title, in_hex(listed), keys, [point], replicas, vnodes=vnodes))
    return found


def keys_on_point(names: list[bytes], vnodes: int, point: int) -> list[bytes]:
    """One key for each name: the bytes whose hash is that name's point at `point`."""
    found = []
    for name in names:
        candidates = (name + i.to_bytes(4, "little") for i in range(vnodes))
        found.append(next(key for key in candidates if xxh3_64(key) >> 32 == point))
    assert len(found) == len(names) > 1
    return found


def name_cases() -> list[dict]:
    # With the 4 bytes of the counter: hashed lengths 5, 8, 9, 16, 17, 128, 129, 240, 241, ... 1028.
    lengths = [1, 4, 5, 12, 13, 124, 125, 236, 237, 508, 1020, 1021, 1024]
    odd = [b"\x00", b"\x00\x00", b"\x01", b"\x7f", b"\x80", b"\xff", b"\xff\xfe"]
    odd += [b"a\x00b", b"\xc3\x28", b" ", b"\n"]
    families = ["db1", "db2", "n01", "n02", "web1.eu", "web2.eu"]
    families += ["10.0.0.1:7000", "10.0.0.1:7001", "[::1]:80"]
    return [
        case("names-of-one-byte", named(*"abcdefghij"), numbered_keys(20)),
        case("names-of-every-hash-length", [{"name_length": n} for n in lengths], numbered_keys(40)),
        case("names-that-are-not-text", in_hex(odd), numbered_keys(40)),
        case("names-as-people-give-them", named(*families), numbered_keys(30)),
        case("names-in-utf-8", named("z\u00fcrich", "\u6771\u4eac", "\u00e9", "e\u0301"), numbered_keys(20)),
        case("the-same-name-in-two-cases", named("A", "a"), numbered_keys(10)),
    ]


def size_cases() -> list[dict]:
    many = rule("key-", 1, 0, 20_000)
    # Each of these keys is the bytes of a node's only point, so that node owns it.
    indices = (0, 255, 256, 32_767, 32_768, 65_534, 65_535)
    on_points = [{"key_hex": (f"n{index:05}".encode() + bytes(4)).hex()} for index in indices]
    return [
        case("10-nodes", rule("n", 1, 0, 10), numbered_keys(40), many=many),
        case("9-of-them", named(*(f"n{n}" for n in range(10) if n != 4)), numbered_keys(40), many=many),
        case("100-nodes", rule("n", 3, 0, 100), numbered_keys(40), many=many),
        case("1000-nodes", rule("n", 4, 0, 1000), numbered_keys(40), many=many),
        case("10-nodes-of-1-vnode", rule("n", 1, 0, 10), numbered_keys(20), many=many, vnodes=1),
        case("10-nodes-of-2-vnodes", rule("n", 1, 0, 10), numbered_keys(20), many=many, vnodes=2),
        case("10-nodes-of-500-vnodes", rule("n", 1, 0, 10), numbered_keys(20), many=many, vnodes=500),
        case("1000-nodes-of-7-vnodes", rule("n", 4, 0, 1000), numbered_keys(20), many=many, vnodes=7),
        case("65536-nodes", rule("n", 5, 0, 65_536), on_points, many=many, vnodes=1),
        case("2-nodes-of-65536-vnodes", rule("n", 1, 0, 2), numbered_keys(10), many=many, vnodes=65_536),
    ]


def zone_cases() -> list[dict]:
    def zoned(*zones, **fields) -> list[dict]:
        rows = ({"name": f"n{i}", "zone": zone, **fields} for i, zone in enumerate(zones))
        return [{name: value for name, value in row.items() if value is not None} for row in rows]

    replicas = [({"key": f"key-{n}"}, k) for n in range(6) for k in range(8)]
    mixed = zoned("a", "a", "b", "b", "c", None)
    changed = zoned("a", "a", "b", "b", "c", "c")
    changed[0]["weight"] = 3
    changed[1]["state"] = "drain"
    changed[2]["weight"] = 0
    changed[4]["state"] = "down"
    lettered = zoned("a", "b", "c", "a", "b", "c")
    return [
        case("zones", mixed, numbered_keys(6), replicas=replicas),
        case("zones-two-of-three", lettered, numbered_keys(6), replicas=replicas),
        case("zones-all-one", zoned("a", "a", "a", "a"), numbered_keys(6), replicas=replicas),
        case("zones-none", zoned(None, None, None, None), numbered_keys(6), replicas=replicas),
        case("zones-one-and-none", zoned("a", None, "a", None, "a"), numbered_keys(6), replicas=replicas),
        case("zones-with-weights-and-states", changed, numbered_keys(6), replicas=replicas),
        case(
            # n0 has no zone; that n1's zone has n0's name does not make them one zone.
            "zone-named-as-a-node",
            zoned(None, "n0", "n0", "n3", None),
            numbered_keys(6),
            replicas=replicas,
        ),
        case(
            "zones-compare-as-bytes",
            [
                {"name": "n0", "zone_hex": "61"},
                {"name": "n1", "zone": "A"},
                {"name": "n2", "zone_hex": "6100"},
                {"name": "n3", "zone": "a"},
                {"name": "n4", "zone_hex": "ff"},
                {"name": "n5", "zone_hex": "fffe"},
                {"name": "n6", "zone_hex": "ff"},
                {"name": "n7", "zone_length": 1024},
                {"name": "n8", "zone_length": 1024},
                {"name": "n9", "zone_length": 1023},
            ],
            numbered_keys(6),
            replicas=[({"key": f"key-{n}"}, k) for n in range(6) for k in (1, 3, 7, 10, 11)],
        ),
    ]


def hash_tag_cases() -> list[dict]:
    five = named("a", "b", "c", "d", "e")
    texts = ["", "plain", "{", "}", "{}", "{x}", "x", "user{42}name", "42", "{}x{y}", "}{42}"]
    texts += [
        "a{b",
        "a}b",
        "{{42}}",
        "{42",
        "{a}{b}",
        "a",
        "{a{b}c}",
        "a{b",
        "|42|",
        "||42|",
        "a|b",
        "|",
        "||",
        "|||",
        "a|42|b|c|",
    ]
    keys = [{"key": text} for text in texts]
    odd = [b"\xff{\x00}\xfe", b"\x00", b"{\xff}", b"\xff", b"\x00{42}\x00", b"{42}" + b"x" * 300]
    odd += [b"!\x00~", b"!~\x80"]
    keys += [{"key_hex": key.hex()} for key in odd]
    tags = {"braces": "{}", "same-character": "||", "reversed": "}{", "letters": "ab", "lowest-highest": "!~"}
    found = [case("hash-tag-none", five, keys)]
    found += [case(f"hash-tag-{name}", five, keys, hash_tag=tag) for name, tag in tags.items()]
    found.append(case("hash-tag-and-vnodes", five, keys, vnodes=3, hash_tag="{}"))
    return found


# ---------------------------------------------------------------- the files

FILES = {
    "xxh3.json": xxh3_file,
    "ringway-v1.json": ringway_v1_file,
    "segments.json": segments_file,
    "errors.json": errors_file,
    "cluster-files.json": cluster_files,
    "snapshots.json": snapshots_file,
    "bounded.json": bounded_file,
    **NATIVE_FILES,
}
