"""What vectors/snapshots.json asks."""

from reference import BuildError
from rules import LAYOUT, in_hex, named, nodes_of, option_pairs, rule, table_of
from snapshot import SnapshotError, content, fingerprint, seal, table_of_bytes, text

BYTES_SHOWN_MAX = 300


def snapshots_file() -> dict:
    mixed = [
        {"name": "db1"},
        {"name_hex": "ff00", "weight": 0, "zone_hex": "00"},
        {"name": "caf\u00e9", "weight": 7, "zone": "b", "state": "down"},
        {"name": "db1 ", "weight": 2, "state": "drain"},
    ]
    tables = [
        ("no-nodes", [], {}),
        ("one-node", named("a"), {}),
        ("two-nodes", named("a", "b"), {}),
        ("two-nodes-the-other-way", named("b", "a"), {}),
        ("weight", named("a", weight=2), {}),
        ("weight-0", named("a", weight=0), {}),
        ("down", named("a", state="down"), {}),
        ("drain", named("a", state="drain"), {}),
        ("zone", named("a", zone="a"), {}),
        ("name-and-zone-parted-elsewhere", [{"name": "aa"}], {}),
        ("vnodes", named("a"), {"vnodes": 40}),
        ("the-default-is-not-written", named("a"), {"vnodes": 160}),
        ("hash-tag", named("a"), {"hash_tag": "{}"}),
        ("both-options", named("a"), {"vnodes": 1, "hash_tag": "::"}),
        ("options-the-other-way", named("a"), {"hash_tag": "::", "vnodes": 1}),
        ("of-every-sort", mixed, {"vnodes": 3}),
        ("longest-texts", [{"name_length": 1024, "zone_length": 1024}], {}),
        ("100-nodes", rule("n", 3, 0, 100), {}),
        ("any-bytes", in_hex([bytes([byte]) for byte in range(256)]), {"vnodes": 2}),
    ]
    cases = [snapshot(*row) for row in tables]
    key = "000102030405060708090A0B0C0D0E0F"
    for layout, options in [
        ("jump-v1", {}),
        ("jumpback-v1", {"hash_tag": "{}"}),
        ("rendezvous-v1", {}),
        ("maglev-v1", {"hash_tag": "{}", "table_size": 1009}),
        ("balanced-v1", {"room_permille": 1100, "slots": 1024}),
        ("balanced-v1", {"slots": 65536, "hash_tag": "::"}),
        ("ringway-keyed-v1", {"key": key}),
        ("ringway-keyed-v1", {"hash_tag": "{}", "key": key.lower(), "vnodes": 3}),
    ]:
        cases.append(snapshot(f"{layout}-{len(cases)}", named("a", "b"), options, layout))
    cases += [refused(name, data) for name, data in wrong()]
    for layout, options in [
        ("memento-v1", {}),
        ("memento-v1", {"removed": []}),
        ("memento-v1", {"removed": [1]}),
        ("memento-v1", {"hash_tag": "{}", "removed": [1, 0]}),
    ]:
        cases.append(snapshot(f"{layout}-{len(cases)}", named("a", "b"), options, layout))
    cases += [refused(name, data) for name, data in wrong_lists()]
    return {
        "_comment": [
            "Tables as bytes (SPEC 20), and bytes that are refused; see spec/vectors/README.md.",
            "fingerprint: of the table. length: of its bytes. bytes_hex: the bytes; absent above 300.",
            "error: the machine name, or null where bytes_hex is a table.",
        ],
        "cases": cases,
    }


def snapshot(name: str, nodes, options: dict, layout: str = LAYOUT) -> dict:
    found: dict = {"name": name, "error": None, "layout": layout, "options": option_pairs(options)}
    found["nodes_rule" if isinstance(nodes, dict) else "nodes"] = nodes
    data = seal(content(layout, found["options"], nodes_of(found)))
    found["fingerprint"] = f"{fingerprint(layout, found['options'], nodes_of(found)):016x}"
    found["length"] = len(data)
    if len(data) <= BYTES_SHOWN_MAX:
        found["bytes_hex"] = data.hex()
    again = table_of_bytes(data)
    assert again.nodes == table_of(found).nodes
    return found


def refused(name: str, data: bytes) -> dict:
    try:
        table_of_bytes(data)
    except (SnapshotError, BuildError) as error:
        return {"name": name, "error": error.error, "bytes_hex": data.hex()}
    raise AssertionError(f"{name} is a table")


def wrong_lists() -> list[tuple[str, bytes]]:
    def u32(*numbers: int) -> bytes:
        return b"".join(number.to_bytes(4, "little") for number in numbers)

    nodes = u32(2) + b"".join(text(name) + text(b"") + u32(1) + b"\0" for name in (b"a", b"b"))

    def body(value: bytes, name: bytes = b"removed", layout: bytes = b"memento-v1", behind: bytes = nodes) -> bytes:
        return seal(b"ringway\1" + text(layout) + b"\1\0" + text(name) + value + behind)

    return [
        ("no-list-where-one-is-due", body(b"\0" + bytes(8))),
        ("a-list-where-none-is-due", body(b"\3" + u32(1, 7), b"vnodes", b"ringway-v1")),
        ("an-empty-list-written", body(b"\3" + u32(0))),
        ("a-place-beyond-the-nodes", body(b"\3" + u32(1, 2))),
        ("a-place-beyond-all-lists", body(b"\3" + u32(1, 65_536))),
        ("a-place-twice", body(b"\3" + u32(2, 1, 1))),
        ("more-places-than-said", body(b"\3" + u32(1, 1, 0))),
        ("fewer-places-than-said", body(b"\3" + u32(2, 1))),
        ("2^32-1-places", body(b"\3" + u32((1 << 32) - 1, 0, 1))),
        ("2^30-places", body(b"\3" + u32(1 << 30, 0, 1))),
        ("a-list-without-a-count", body(b"\3" + u32(1)[:3], behind=b"")),
    ]


def wrong() -> list[tuple[str, bytes]]:
    head = b"ringway\1"
    layout = text(LAYOUT.encode())
    none, good = (0).to_bytes(2, "little"), seal(content(LAYOUT, [], nodes_of({"nodes": named("a", "b")})))

    def node(name=b"a", zone=b"", weight=1, state=0) -> bytes:
        return text(name) + text(zone) + weight.to_bytes(4, "little") + bytes([state])

    def body(nodes: list[bytes], count: int | None = None, options: bytes = none, name=layout) -> bytes:
        number = len(nodes) if count is None else count
        return seal(head + name + options + number.to_bytes(4, "little") + b"".join(nodes))

    def integer(name: bytes, value: int) -> bytes:
        return text(name) + b"\0" + value.to_bytes(8, "little", signed=True)

    def option(*written: bytes) -> bytes:
        return len(written).to_bytes(2, "little") + b"".join(written)

    tag = text(b"hash_tag") + b"\1" + text(b"{}")
    return [
        ("nothing", b""),
        ("another-beginning", b"Ringway\1" + good[8:]),
        ("a-part-of-the-beginning", b"ringwa"),
        ("the-beginning-alone", b"ringway"),
        ("no-content", head),
        ("version-0", seal(b"ringway\0" + good[8:-8])),
        ("version-2", seal(b"ringway\2" + good[8:-8])),
        ("cut-by-one", good[:-1]),
        ("one-byte-more", good + b"\0"),
        ("a-bit-changed", good[:30] + bytes([good[30] ^ 1]) + good[31:]),
        ("checksum-0", good[:-8] + bytes(8)),
        ("sealed-nothing", seal(head)),
        ("unknown-layout", body([node()], name=text(b"ringway-v0"))),
        ("layout-in-capitals", body([node()], name=text(b"RINGWAY-V1"))),
        ("layout-not-utf-8", body([node()], name=text(b"\xff"))),
        ("unknown-option", body([node()], options=option(integer(b"vnode", 3)))),
        ("option-out-of-range", body([node()], options=option(integer(b"vnodes", 0)))),
        ("option-negative", body([node()], options=option(integer(b"vnodes", -160)))),
        ("option-of-another-type", body([node()], options=option(text(b"vnodes") + b"\2\1"))),
        ("option-of-no-type", body([node()], options=option(text(b"vnodes") + b"\3\1"))),
        ("option-neither-true-nor-false", body([node()], options=option(text(b"vnodes") + b"\2\2"))),
        ("default-written", body([node()], options=option(integer(b"vnodes", 160)))),
        ("option-twice", body([node()], options=option(integer(b"vnodes", 3), integer(b"vnodes", 3)))),
        ("options-in-another-order", body([node()], options=option(tag, integer(b"vnodes", 3)))),
        ("fewer-options-than-said", body([node()], options=b"\2\0" + integer(b"vnodes", 3))),
        ("fewer-nodes-than-said", body([node()], count=2)),
        ("more-nodes-than-said", body([node(), node(b"b")], count=1)),
        ("65,536-nodes-in-no-bytes", body([], count=65_536)),
        ("65,537-nodes", body([], count=65_537)),
        ("2^32-1-nodes", body([], count=(1 << 32) - 1)),
        ("state-3", body([node(state=3)])),
        ("name-empty", body([node(b"")])),
        ("name-too-long", body([node(bytes(1025))])),
        ("zone-too-long", body([node(zone=bytes(1025))])),
        ("duplicate-name", body([node(), node(b"b"), node()])),
        ("too-many-points", body([node(weight=104_858)])),
        ("name-longer-than-the-rest", seal(head + layout + none + b"\1\0\0\0" + b"\xff\xff" + bytes(20))),
    ]
