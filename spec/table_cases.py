"""What segments.json and errors.json ask. As in cases.py, released cases never change."""

from reference import MASK32, BuildError, check_nodes, read_options
from rules import (
    LAYOUT,
    POINT_MAX,
    POINT_ZERO,
    SHARED,
    digest,
    in_hex,
    named,
    nodes_of,
    option_pairs,
    rule,
    table_of,
)

# -------------------------------------------------------------- segments.json


def segments_file() -> dict:
    three = named("a", "b", "c")
    asked = [
        ("no-nodes", [], {}),
        ("all-weight-0", named("a", "b", weight=0), {}),
        ("one-node", named("a"), {}),
        ("one-node-of-one-point", named("a"), {"vnodes": 1}),
        ("two-nodes-of-one-point", named("a", "b"), {"vnodes": 1}),
        ("three-nodes-of-two-points", three, {"vnodes": 2}),
        ("three-nodes-of-ten-points", three, {"vnodes": 10}),
        ("point-at-0", named(POINT_ZERO, "a"), {"vnodes": 1}),
        ("point-at-max", named(POINT_MAX, "a"), {"vnodes": 1}),
        ("points-at-0-and-max", named(POINT_MAX, "a", POINT_ZERO), {"vnodes": 1}),
        ("only-points-at-0-and-max", named(POINT_ZERO, POINT_MAX), {"vnodes": 1}),
        ("one-weight-0", [*named("a"), *named("b", weight=0), *named("c")], {"vnodes": 4}),
        ("one-drains", [*named("a"), *named("b", state="drain"), *named("c")], {"vnodes": 4}),
        ("one-down", [*named("a"), *named("b", state="down"), *named("c")], {"vnodes": 4}),
        ("weights", [{"name": "a", "weight": 5}, {"name": "b"}, {"name": "c", "weight": 2}], {"vnodes": 3}),
        ("hash-tag-changes-no-segment", three, {"vnodes": 2, "hash_tag": "{}"}),
        ("shared-point", in_hex(SHARED[4][2]), {"vnodes": 1}),
        ("shared-point-other-order", in_hex(SHARED[4][2][::-1]), {"vnodes": 1}),
        ("shared-point-default-vnodes", in_hex(SHARED[0][2]), {}),
        ("three-nodes", named("db1", "db2", "db3"), {}),
        ("10-nodes", rule("n", 1, 0, 10), {}),
        ("100-nodes", rule("n", 3, 0, 100), {}),
        ("1000-nodes", rule("n", 4, 0, 1000), {}),
        ("weights-0-to-10", [{"name": f"w{weight}", "weight": weight} for weight in range(11)], {}),
    ]
    return {
        "_comment": [
            "The whole segment table of a table; inputs as in ringway-v1.json, see spec/vectors/README.md.",
            "segments: [lo, hi, owner], both ends inclusive, ascending; absent where there are more than 40.",
            "count: how many. digest: XXH3-64 of LE32(lo) LE32(hi) LE32(owner) of each in order.",
        ],
        "cases": [segment_case(name, nodes, options, LAYOUT) for name, nodes, options in asked],
    }


def segment_case(name: str, nodes, options: dict, layout: str) -> dict:
    found: dict = {"name": name, "layout": layout}
    found["options"] = option_pairs(options)
    found["nodes_rule" if isinstance(nodes, dict) else "nodes"] = nodes
    segments = table_of(found).segments()
    found["count"] = len(segments)
    found["digest"] = digest(number for segment in segments for number in segment)
    if len(segments) <= 40:
        found["segments"] = [list(segment) for segment in segments]
    return found


# ---------------------------------------------------------------- errors.json


def errors_file() -> dict:
    def good(count: int, **fields) -> list[dict]:
        return named(*(f"n{i}" for i in range(count)), **fields)

    def bad(*values, option: str) -> list[tuple]:
        return [(good(1), {option: value}, LAYOUT) for value in values]

    asked: list[tuple] = [
        # What is accepted, at each limit.
        ([], {}, LAYOUT),
        ([{"name_length": 1}, {"name_length": 1024}], {}, LAYOUT),
        ([{"name": "a", "zone_length": 1}, {"name": "b", "zone_length": 1024}], {}, LAYOUT),
        (rule("n", 5, 0, 65_536), {"vnodes": 1}, LAYOUT),
        ([{"name": "a", "weight": 256}], {"vnodes": 65536}, LAYOUT),
        ([{"name": "a", "weight": 0}, {"name": "b", "weight": MASK32, "state": "drain"}], {}, LAYOUT),
        (good(1), {"vnodes": 1, "hash_tag": "{}"}, LAYOUT),
        (good(1), {"hash_tag": "!~"}, LAYOUT),
        (good(1), {"hash_tag": "::"}, LAYOUT),
        # The layout and its options.
        (good(1), {}, "ringway-v2"),
        (good(1), {}, "Ringway-v1"),
        (good(1), {}, ""),
        (good(1), {"vnode": 160}, LAYOUT),
        (good(1), {"Vnodes": 160}, LAYOUT),
        (good(1), {"": 160}, LAYOUT),
        *bad(0, 65_537, -1, -160, (1 << 32) + 160, 1 << 62, -(1 << 63), option="vnodes"),
        *bad("160", "", True, False, option="vnodes"),
        *bad(
            "",
            "{",
            "{}}",
            "{ ",
            " }",
            "\t}",
            "{\u007f",
            "\u00e9",
            "{\u00e9",
            " {}",
            "{} ",
            "{}\n",
            12,
            True,
            option="hash_tag",
        ),
        # Nodes.
        ([{"name": ""}], {}, LAYOUT),
        ([*good(2), {"name": ""}], {}, LAYOUT),
        ([{"name_length": 1025}], {}, LAYOUT),
        ([{"name": "a", "zone": ""}], {}, LAYOUT),
        ([{"name": "a", "zone_length": 1025}], {}, LAYOUT),
        (named("a", "b", "a"), {}, LAYOUT),
        (named("a", "b", "b", "a"), {}, LAYOUT),
        ([{"name": "a"}, {"name": "a", "weight": 0}], {}, LAYOUT),
        ([{"name": "a", "state": "drain"}, {"name": "a", "state": "down"}], {}, LAYOUT),
        ([{"name_length": 1024}, {"name": "a"}, {"name_length": 1024}], {}, LAYOUT),
        (rule("n", 5, 0, 65_537), {"vnodes": 1}, LAYOUT),
        ([{"name": "a", "weight": 257}], {"vnodes": 65536}, LAYOUT),
        ([{"name": "a", "weight": (1 << 24) + 1}], {"vnodes": 1}, LAYOUT),
        ([{"name": "a", "weight": 1 << 24}, {"name": "b"}], {"vnodes": 1}, LAYOUT),
        ([{"name": "a", "weight": MASK32}], {"vnodes": 65536}, LAYOUT),
        # 65,536 * 65,536 points: 0 in 32 bits.
        ([{"name": "a", "weight": 65_536}], {"vnodes": 65536}, LAYOUT),
        # Weights whose sum is 0 in 32 bits.
        ([{"name": "a", "weight": MASK32}, {"name": "b"}], {"vnodes": 1}, LAYOUT),
        (rule("n", 5, 0, 65_536), {"vnodes": 257}, LAYOUT),
        # More than one thing wrong: the order of the checks.
        ([{"name": ""}], {"vnodes": 0}, "ringway-v2"),
        ([{"name": ""}], {"vnodes": 0}, LAYOUT),
        (good(1), {"vnode": 1, "vnodes": 0}, LAYOUT),
        (good(1), {"vnodes": 0, "vnode": 1}, LAYOUT),
        (rule("n", 5, 0, 65_537), {"vnodes": 65536}, LAYOUT),
        ([{"name": "a", "zone": ""}, {"name": ""}], {}, LAYOUT),
        ([{"name": "", "zone": ""}], {}, LAYOUT),
        ([{"name_length": 1025, "zone_length": 1025}], {}, LAYOUT),
        ([{"name": "a"}, {"name": "a"}, {"name": ""}], {}, LAYOUT),
        ([{"name": ""}, {"name": ""}], {}, LAYOUT),
        ([{"name_length": 1025}, {"name_length": 1025}], {}, LAYOUT),
        (named("a", "a", weight=MASK32), {}, LAYOUT),
    ]
    return {
        "_comment": [
            "Which input is refused, with which error; inputs as in ringway-v1.json,",
            "see spec/vectors/README.md.",
            "error: the machine name of the error, or null where the table is built.",
            "node: the index of the node that the error is about, or null.",
            "points: where the table is built, its number of points (16,777,216 at most).",
        ],
        "cases": [refusal(*row) for row in asked],
    }


def refusal(nodes, options: dict, layout: str) -> dict:
    found: dict = {"layout": layout, "options": option_pairs(options)}
    found["nodes_rule" if isinstance(nodes, dict) else "nodes"] = nodes
    try:
        read = read_options(layout, found["options"])
        points = check_nodes(nodes_of(found), read)
        return {**found, "error": None, "node": None, "points": points}
    except BuildError as refused:
        return {**found, "error": refused.error, "node": refused.node, "points": None}
