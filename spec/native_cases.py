"""What the files of the layouts beside ringway-v1 ask. As in cases.py, released cases never change."""

from questions import case, length_keys, numbered_keys, text_keys
from rules import in_hex, named, rule
from table_cases import refusal, segment_case

FIELDS = [
    "Tables under {layout} and what they answer; spec/vectors/README.md describes every field,",
    "and ringway-v1.json says how inputs are given.",
]


def zoned(*zones) -> list[dict]:
    rows = ({"name": f"n{i}", "zone": zone} for i, zone in enumerate(zones))
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def of_equal_weight(layout: str, **options) -> list[dict]:
    """What every layout is asked: weights are 1, and nothing drains."""

    def ask(name: str, nodes, keys=None, replicas=(), many=None, **more) -> dict:
        return case(name, nodes, keys, (), replicas, many, layout, **options, **more)

    three = named("db1", "db2", "db3")
    many = rule("key-", 1, 0, 2000)
    replicas = [({"key": f"key-{n}"}, k) for n in range(4) for k in (0, 1, 2, 3, 5, 6, 9)]
    downs = [*named("a"), *named("b", state="down"), *named("c")]
    odd = [b"\x00", b"\x00\x00", b"\x7f", b"\x80", b"\xff", b"a\x00b", b"\xc3\x28", b"\n"]
    tagged = ["user{42}name", "{42}", "42", "{}x{y}", "{a{b}c}", "}{42}", "{42", ""]
    return [
        ask("no-nodes", [], replicas=[({"key": "a"}, 0), ({"key": "a"}, 3)]),
        ask("one-node", named("a"), replicas=[({"key": "a"}, k) for k in (0, 1, 2)]),
        ask("two-nodes", named("a", "b"), numbered_keys(20), replicas, many),
        ask("three-nodes", three, text_keys() + length_keys(), replicas, many),
        ask("three-nodes-other-order", named("db3", "db1", "db2"), many=many),
        ask("five-nodes", named("a", "b", "c", "d", "e"), numbered_keys(20), replicas),
        ask("one-down", downs, replicas=replicas, many=many),
        ask("all-down", named("a", "b", state="down"), replicas=replicas, many=many),
        ask("10-nodes", rule("n", 1, 0, 10), numbered_keys(40), replicas, rule("key-", 1, 0, 5000)),
        ask("9-nodes", rule("n", 1, 0, 9), numbered_keys(40), many=rule("key-", 1, 0, 5000)),
        ask("100-nodes", rule("n", 3, 0, 100), numbered_keys(20), replicas, many),
        ask("101-nodes", rule("n", 3, 0, 101), numbered_keys(20), many=many),
        ask("names-that-are-not-text", in_hex(odd), numbered_keys(20)),
        ask("zones", zoned("a", "a", "b", "b", "c", None), numbered_keys(6), replicas),
        ask("zones-all-one", zoned("a", "a", "a", "a"), numbered_keys(6), replicas),
        ask("hash-tag", named("a", "b", "c", "d"), [{"key": t} for t in tagged], hash_tag="{}"),
        ask("hash-tag-of-one-character", named("a", "b", "c"), [{"key": "a|b|c"}], hash_tag="||"),
    ]


def of_weights(layout: str, **options) -> list[dict]:
    """What layouts with weights are asked besides."""

    def ask(name: str, nodes, keys=None, replicas=(), many=None) -> dict:
        return case(name, nodes, keys, (), replicas, many, layout, **options)

    def nodes(**of_b) -> list[dict]:
        return [{"name": "a"}, {"name": "b", **of_b}, {"name": "c"}]

    many = rule("key-", 1, 0, 1000)
    replicas = [({"key": "user:1"}, k) for k in (1, 2, 3)]
    weighted = [{"name": f"w{weight}", "weight": weight} for weight in range(11)]
    reversed_ = weighted[::-1]
    zones = zoned("a", "a", "b", "b", "c", "c")
    zones[0]["weight"], zones[1]["state"], zones[2]["weight"] = 3, "drain", 0
    greatest = [{"name": "a", "weight": (1 << 32) - 1}, {"name": "b", "weight": 1 << 31}, {"name": "c"}]
    return [
        ask("one-weight-0", nodes(weight=0), replicas=replicas, many=many),
        ask("one-drains", nodes(state="drain"), replicas=replicas, many=many),
        ask("all-weight-0", named("a", "b", weight=0), replicas=replicas),
        ask("all-drain", named("a", "b", state="drain"), replicas=replicas),
        ask("all-weight-7", named("a", "b", "c", weight=7), replicas=replicas, many=many),
        ask("down-with-weight-5", nodes(weight=5, state="down"), replicas=replicas, many=many),
        ask("weights-0-to-10", weighted, numbered_keys(30), replicas, many),
        ask("weights-10-to-0", reversed_, numbered_keys(10), replicas, many),
        ask("weight-1000-beside-1", [{"name": "a", "weight": 1000}, {"name": "b"}], many=many),
        # A ring of them would have too many points.
        *([] if "vnodes" in options else [ask("greatest-weights", greatest, numbered_keys(10), replicas, many)]),
        ask("zones-with-weights-and-states", zones, numbered_keys(6), replicas),
    ]


def jump_family_file(layout: str) -> dict:
    many = rule("key-", 1, 0, 5000)
    sizes = [("1000-nodes", 4, 1000), ("65535-nodes", 5, 65_535), ("65536-nodes", 5, 65_536)]
    return {
        "_comment": [text.format(layout=layout) for text in FIELDS],
        "cases": [
            *of_equal_weight(layout),
            *(
                case(name, rule("n", digits, 0, count), numbered_keys(20), many=many, layout=layout)
                for name, digits, count in sizes
            ),
        ],
    }


def rendezvous_v1_file() -> dict:
    layout = "rendezvous-v1"
    forty = [{"name": f"m{i}", "weight": 1 + i % 3} for i in range(40)]
    whole = [({"key": f"key-{n}"}, k) for n in range(3) for k in (15, 16, 17, 31, 32, 33, 40, 50)]
    return {
        "_comment": [text.format(layout=layout) for text in FIELDS],
        "cases": [
            *of_equal_weight(layout),
            *of_weights(layout),
            # Walks in batches: at and beside their ends.
            case("32-nodes", rule("n", 2, 0, 32), numbered_keys(5), (), whole, layout=layout),
            case("40-nodes-of-3-weights", forty, numbered_keys(5), (), whole, layout=layout),
        ],
    }


def maglev_v1_file() -> dict:
    layout, many = "maglev-v1", rule("key-", 1, 0, 5000)
    weighted = [{"name": f"w{weight}", "weight": weight} for weight in range(11)]

    def ask(name: str, nodes, **options) -> dict:
        return case(name, nodes, numbered_keys(20), (), (), many, layout, **options)

    return {
        "_comment": [text.format(layout=layout) for text in FIELDS],
        "cases": [
            *of_equal_weight(layout, table_size=2039),
            *of_weights(layout, table_size=2039),
            ask("10-nodes-of-the-default-size", rule("n", 1, 0, 10)),
            ask("weights-of-the-default-size", weighted),
            ask("1000-nodes-of-the-default-size", rule("n", 4, 0, 1000)),
            ask("2-entries-for-2-nodes", named("a", "b"), table_size=2),
            ask("2-entries-for-1-node", named("a"), table_size=2),
            ask("3-entries-for-2-nodes", named("a", "b"), table_size=3),
            ask("as-many-entries-as-nodes", rule("n", 3, 0, 251), table_size=251),
            ask("as-many-entries-as-weighted-nodes", weighted[4:], table_size=7),
        ],
    }


def balanced_v1_file() -> dict:
    layout, many = "balanced-v1", rule("key-", 1, 0, 5000)
    weighted = [{"name": f"w{weight}", "weight": weight} for weight in range(11)]

    def ask(name: str, nodes, positions=(), **options) -> dict:
        return case(name, nodes, numbered_keys(20), positions, (), many, layout, **options)

    edges = [1 << 24, 2 << 24, 128 << 24, 255 << 24]
    return {
        "_comment": [text.format(layout=layout) for text in FIELDS],
        "cases": [
            *of_equal_weight(layout, slots=512),
            *of_weights(layout, slots=256),
            ask("10-nodes-of-the-default-slots", rule("n", 1, 0, 10), [65_536, 1 << 31]),
            ask("edges-of-slots", named("a", "b", "c"), edges, slots=256),
            ask("no-room-to-spare", rule("n", 2, 0, 12), edges, slots=256, room_permille=1000),
            ask("room-for-all", rule("n", 2, 0, 12), edges, slots=256, room_permille=65_535),
            ask("weights-without-room-to-spare", weighted, edges, slots=256, room_permille=1000),
            ask("more-nodes-than-slots", rule("n", 3, 0, 300), edges, slots=256),
            ask("as-many-nodes-as-slots", rule("n", 3, 0, 256), edges, slots=256),
        ],
    }


def ringway_keyed_v1_file() -> dict:
    layout, key = "ringway-keyed-v1", "000102030405060708090a0b0c0d0e0f"
    lengths = [*(row["key_length"] for row in length_keys()), *range(20), 63, 64, 255, 256, 257]
    keys = [{"key_length": length} for length in lengths]
    three, many = named("db1", "db2", "db3"), rule("key-", 1, 0, 2000)
    others = ["0" * 32, "f" * 32, "0123456789abcdeffedcba9876543210", "ABCDEF0123456789abcdef9876543210"]
    return {
        "_comment": [text.format(layout=layout) for text in FIELDS],
        "cases": [
            *of_equal_weight(layout, key=key),
            *of_weights(layout, key=key, vnodes=40),
            case("keys-of-every-length", three, keys, layout=layout, key=key),
            *(case(f"key-{k}", three, numbered_keys(20), (), (), many, layout, key=k) for k in others),
            case("one-point-each", named("a", "b", "c"), layout=layout, key=key, vnodes=1),
        ],
    }


def memento_v1_file() -> dict:
    layout, many = "memento-v1", rule("key-", 1, 0, 5000)
    ten, replicas = rule("n", 1, 0, 10), [({"key": f"key-{n}"}, k) for n in range(3) for k in (1, 3, 5, 9, 10)]

    def ask(name: str, nodes, removed: list[int], **more) -> dict:
        return case(name, nodes, numbered_keys(16), (), replicas, many, layout, removed=removed, **more)

    mixed = zoned("a", "a", "b", "b", "c", None)
    hundred, thousand, most = rule("n", 3, 0, 100), rule("n", 4, 0, 1000), rule("n", 5, 0, 65_536)
    scattered = [place * 37 % 100 for place in range(50)]
    return {
        "_comment": [text.format(layout=layout) for text in FIELDS],
        "cases": [
            *of_equal_weight(layout),
            case("1000-nodes", thousand, numbered_keys(20), many=many, layout=layout),
            case("65536-nodes", most, numbered_keys(20), many=many, layout=layout),
            # From the end, first of all: as if they were not in the list.
            ask("the-last-removed", ten, [9]),
            ask("three-from-the-end", ten, [9, 8, 7]),
            ask("all-from-the-end-but-one", ten, list(range(9, 0, -1))),
            ask("all-from-the-end", ten, list(range(9, -1, -1))),
            # Elsewhere, and from the end afterwards.
            ask("the-first-removed", ten, [0]),
            ask("one-in-the-middle", ten, [4]),
            ask("one-in-the-middle-then-the-last", ten, [4, 9]),
            ask("the-last-then-one-in-the-middle", ten, [9, 4]),
            ask("the-last-but-one-then-the-last", ten, [8, 9]),
            ask("the-one-whose-number-is-taken-over", ten, [2, 9, 8]),
            ask("one-that-succeeds-itself", ten, [3, 8]),
            ask("three-in-a-row", ten, [3, 4, 5]),
            ask("three-in-a-row-the-other-way", ten, [5, 4, 3]),
            ask("all-from-the-start-but-one", ten, list(range(9))),
            ask("all-from-the-start", ten, list(range(10))),
            ask("all-but-the-first-shuffled", ten, [5, 2, 9, 7, 1, 8, 3, 6, 4]),
            ask("all-shuffled", ten, [5, 2, 9, 7, 1, 8, 3, 6, 4, 0]),
            ask("none-of-one-node", named("a"), []),
            ask("the-only-node", named("a"), [0]),
            ask("the-first-of-two", named("a", "b"), [0]),
            ask("the-second-of-two", named("a", "b"), [1]),
            ask("both-of-two", named("a", "b"), [0, 1]),
            ask("half-of-100", hundred, scattered),
            ask("half-of-100-the-other-way", hundred, scattered[::-1]),
            ask("99-of-100", hundred, [place * 37 % 100 for place in range(99)]),
            ask("every-second-of-1000", thousand, list(range(0, 1000, 2))),
            case("one-of-65536", most, numbered_keys(16), many=many, layout=layout, removed=[65_534]),
            ask("removed-and-down", [*named("a"), *named("b", state="down"), *named("c")], [1]),
            ask("a-zone-is-left", mixed, [2, 4]),
            ask("a-whole-zone-is-removed", mixed, [2, 3]),
            ask("removed-with-a-hash-tag", ten, [4, 9], hash_tag="{}"),
        ],
    }


# ------------------------------------------------------- segments-native.json


def segments_native_file() -> dict:
    weighted = [{"name": f"w{weight}", "weight": weight} for weight in range(11)]
    asked = [
        ("no-nodes", [], {"slots": 256}),
        ("all-weight-0", named("a", "b", weight=0), {"slots": 256}),
        ("one-node", named("a"), {"slots": 256}),
        ("two-nodes", named("a", "b"), {"slots": 256}),
        ("three-nodes-without-room", named("a", "b", "c"), {"slots": 256, "room_permille": 1000}),
        ("one-drains", [*named("a"), *named("b", state="drain"), *named("c")], {"slots": 512}),
        ("weights-0-to-10", weighted, {"slots": 512}),
        ("10-nodes", rule("n", 1, 0, 10), {"slots": 4096}),
    ]
    return {
        "_comment": [
            "The whole segment table of layouts beside ringway-v1 that have positions; as in segments.json.",
        ],
        "cases": [segment_case(name, nodes, options, "balanced-v1") for name, nodes, options in asked],
    }


# --------------------------------------------------------- errors-native.json


def errors_native_file() -> dict:
    def unweighted(layout: str) -> list[tuple]:
        drains = [*named("a", "b"), *named("c", state="drain")]
        return [
            (named("a", "b"), {}, layout),
            (named("a", "b", state="down"), {"hash_tag": "{}"}, layout),
            (named("a", "b"), {"vnodes": 160}, layout),
            (named("a", "b"), {"hash_tag": "{"}, layout),
            ([*named("a"), *named("b", weight=2)], {}, layout),
            ([*named("a"), *named("b", weight=0)], {}, layout),
            (drains, {}, layout),
            # Which of two errors decides.
            ([*named("a", weight=0, state="drain"), *named("b", weight=3)], {}, layout),
            ([*named("a", state="drain"), *named("b", weight=3)], {}, layout),
            (named("a", "b", "b", weight=2), {}, layout),
        ]

    asked = [
        *unweighted("jump-v1"),
        *unweighted("jumpback-v1"),
        (named("a", "b"), {"vnodes": 160}, "rendezvous-v1"),
        (named("a", "b"), {"hash_tag": ""}, "rendezvous-v1"),
        (named("a", "b", "a"), {}, "rendezvous-v1"),
        ([*named("a", weight=0), *named("b", state="drain")], {}, "rendezvous-v1"),
    ]
    one = named("a")
    sizes = [-7, 0, 1, 4, 65_536, 16_777_215, 16_777_259, "65537", True]
    slots = [0, 128, 255, 1000, 65_537, 1 << 25, -256, (1 << 32) + 256, "256", True]
    asked += [(one, {"table_size": size}, "maglev-v1") for size in (2, 16_381, *sizes)]
    asked += [(one, {"slots": count}, "balanced-v1") for count in (256, *slots)]
    rooms = (1000, 65_535, 999, 65_536, 0, -1050, "1050", False)
    asked += [(one, {"slots": 256, "room_permille": room}, "balanced-v1") for room in rooms]
    secrets = ["", "0" * 31, "0" * 33, "g" * 32, " " + "0" * 31, "\u00e9" * 16, 7, True]
    asked += [(one, {"key": secret}, "ringway-keyed-v1") for secret in ("0" * 32, "F" * 32, *secrets)]
    asked += [
        (one, {}, "ringway-keyed-v1"),
        ([{"name": ""}], {"vnodes": 1}, "ringway-keyed-v1"),
        (one, {"vnodes": 0}, "ringway-keyed-v1"),
        (one, {"key": "0" * 32}, "ringway-v1"),
        (named("a", weight=(1 << 32) - 1), {"key": "0" * 32}, "ringway-keyed-v1"),
        (one, {"vnodes": 160}, "maglev-v1"),
        (one, {"table_size": 251}, "balanced-v1"),
        (named("a", "b", "c"), {"table_size": 2}, "maglev-v1"),
        ([*named("a", "b"), *named("c", weight=0)], {"table_size": 2}, "maglev-v1"),
        (named("a", "b", "b"), {"table_size": 2}, "maglev-v1"),
        (named("a", "b", "a"), {"slots": 256}, "balanced-v1"),
    ]
    asked += unweighted("memento-v1")
    three = named("a", "b", "c")
    lists = [[], [2, 0], [0, 1, 2], [3], [0, 3], [1, 1], [2, 0, 2], [-1], [65_535], [65_536], [1 << 32]]
    lists += [[(1 << 32) - 1], [1 << 62], 1, "1", "[1]", True]
    asked += [(three, {"removed": places}, "memento-v1") for places in lists]
    asked += [
        ([], {"removed": []}, "memento-v1"),
        ([], {"removed": [0]}, "memento-v1"),
        # Which of two errors decides.
        (three, {"removed": [1], "hash_tag": "{"}, "memento-v1"),
        (three, {"removed": [1, 1], "vnodes": 1}, "memento-v1"),
        (named("a", "b", "b"), {"removed": [3]}, "memento-v1"),
        (named("a", "b", weight=2), {"removed": [3]}, "memento-v1"),
        (named("a", "b", state="drain"), {"removed": [3]}, "memento-v1"),
        ([*named("a"), *named("b", weight=0)], {"removed": [1]}, "memento-v1"),
        (three, {"removed": [1]}, "jump-v1"),
    ]
    return {
        "_comment": [
            "Which input the layouts beside ringway-v1 refuse, with which error; as in errors.json.",
            "points: null, but for rings.",
        ],
        "cases": [refusal(*row) for row in asked],
    }


NATIVE_FILES = {
    "errors-native.json": errors_native_file,
    "jump-v1.json": lambda: jump_family_file("jump-v1"),
    "jumpback-v1.json": lambda: jump_family_file("jumpback-v1"),
    "rendezvous-v1.json": rendezvous_v1_file,
    "maglev-v1.json": maglev_v1_file,
    "balanced-v1.json": balanced_v1_file,
    "ringway-keyed-v1.json": ringway_keyed_v1_file,
    "memento-v1.json": memento_v1_file,
    "segments-native.json": segments_native_file,
}
