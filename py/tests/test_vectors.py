"""spec/vectors through the Python module."""

import re
import struct
from typing import Any

import pytest
import xxhash
from ringway import RingwayError, Table
from support import bytes_of, cases, key_of, table_of, texts_of

LAYOUTS = ["ringway-v1", "jump-v1", "jumpback-v1", "rendezvous-v1", "maglev-v1", "balanced-v1"]
LAYOUTS += ["ringway-keyed-v1", "memento-v1"]
PLACEMENTS = [case for layout in LAYOUTS for case in cases(f"{layout}.json")]
ERRORS = cases("errors.json") + cases("errors-native.json")
BOUNDED = cases("bounded.json")
FILES = cases("cluster-files.json")
SNAPSHOTS = cases("snapshots.json")
SEGMENTS = cases("segments.json") + cases("segments-native.json")
NOBODY = 0xFFFF_FFFF
# What the text of an error by its machine name says.
TEXTS = {
    "unknown-layout": "unknown layout",
    "unknown-option": "no such option",
    "bad-option": "the option takes|does not fit",
    "too-many-nodes": "nodes, but a table holds",
    "too-many-points": "points, but a ring holds",
    "name-empty": "empty name",
    "name-too-long": "name of node .* at most 1024",
    "zone-empty": "empty zone",
    "zone-too-long": "zone of node .* at most 1024",
    "duplicate-name": "have the same name",
    "not-a-snapshot": "no snapshot of a table",
    "unknown-version": "the snapshot is of version [02]; this build reads 1",
    "bad-checksum": "cut or changed",
    "bad-form": "not written as the specification says",
    "table-too-small": "do not fit a table of",
    "missing-option": "needs the option key",
    "weight-unsupported": "every node has weight 1",
    "drain-unsupported": "from the end of the list only",
}


@pytest.mark.parametrize(
    "case", PLACEMENTS, ids=[f"{case['layout']}-{case['name']}" for case in PLACEMENTS]
)
def test_placements(case: dict[str, Any]) -> None:
    table = table_of(case)
    names = list(table)
    for row in case["keys"]:
        key = key_of(row)
        assert table.key_hash(key) == int(row["hash"], 16)
        assert table.index(key) == row["owner"]
        assert table.owner(key) == (None if row["owner"] is None else names[row["owner"]])
        walk = list(table.walk(key))
        assert len(walk) == case["eligible"] == len(set(walk))
        assert walk[:8] == [names[index] for index in row["walk"]]
    for row in case["replicas"]:
        owners = [names[index] for index in row["owners"]]
        assert table.owners(key_of(row), row["k"]) == owners
    for row in case["many"]:
        keys = texts_of(row["keys_rule"])
        indices = [table.index(key) for key in keys]
        numbers = [NOBODY if index is None else index for index in indices]
        digest = xxhash.xxh3_64_intdigest(struct.pack(f"<{len(numbers)}I", *numbers))
        assert digest == int(row["owners_digest"], 16)
        assert table.owner_many(keys) == [
            None if index is None else names[index] for index in indices
        ]


@pytest.mark.parametrize("case", BOUNDED, ids=[case["name"] for case in BOUNDED])
def test_bounded(case: dict[str, Any]) -> None:
    table = table_of(case)
    names = list(table)
    total, factor = int(case["total"], 16), case["factor_permille"]
    loads = [int(load, 16) for load in case["loads"]]
    capacities = [table.capacity(name, total, factor_permille=factor) for name in names]
    assert capacities == [int(capacity, 16) for capacity in case["capacities"]]
    by_name = {str(name): load for name, load in zip(names, loads, strict=True)}
    for row in case["keys"]:
        owner = None if row["owner"] is None else names[row["owner"]]
        key = key_of(row)
        assert table.bounded(key, loads, factor_permille=factor, total=total) == owner
        assert table.bounded(key, by_name, factor_permille=factor, total=total) == owner
    for row in case["greedy"]:
        counts = dict.fromkeys(by_name, 0)
        owners = []
        for text in texts_of(row["keys_rule"]):
            name = table.bounded(text, counts, factor_permille=factor)
            assert isinstance(name, str)
            counts[name] += 1
            owners.append(names.index(name))
        digest = xxhash.xxh3_64_intdigest(struct.pack(f"<{len(owners)}I", *owners))
        assert digest == int(row["owners_digest"], 16)
        assert list(counts.values()) == row["loads"]


@pytest.mark.parametrize(
    "case", SEGMENTS, ids=[f"{case['layout']}-{case['name']}" for case in SEGMENTS]
)
def test_segments(case: dict[str, Any]) -> None:
    """What moves from nobody are the segments."""
    table = table_of(case)
    moved = Table([], layout=table.layout, **dict(case["options"])).moved(table)
    indices = {name: index for index, name in enumerate(table)}
    rows = [(lo, hi, indices[new]) for lo, hi, old, new in moved if old is None and new is not None]
    assert len(rows) == len(moved) == case["count"]
    if "segments" in case:
        assert rows == [tuple(row) for row in case["segments"]]
    digest = xxhash.xxh3_64_intdigest(b"".join(struct.pack("<III", *row) for row in rows))
    assert digest == int(case["digest"], 16)


def test_hashes() -> None:
    table = Table([])
    for case in cases("xxh3.json"):
        key = bytes_of({"key_length": case["length"]}, "key")
        assert key is not None
        assert table.key_hash(key) == int(case["hash"], 16), case["length"]


@pytest.mark.parametrize("case", ERRORS, ids=[str(case["error"]) for case in ERRORS])
def test_errors(case: dict[str, Any]) -> None:
    if case["error"] is None:
        assert isinstance(table_of(case), Table)
        return
    with pytest.raises(RingwayError, match=TEXTS[case["error"]]) as refused:
        table_of(case)
    if case["node"] is not None:
        assert re.search(rf"\b{case['node']}\b", str(refused.value))


@pytest.mark.parametrize("case", FILES, ids=[case.get("name", case["error"]) for case in FILES])
def test_cluster_files(case: dict[str, Any]) -> None:
    if "file_hex" in case:
        text = bytes.fromhex(case["file_hex"])
    else:
        text = "".join(line + "\n" for line in case["lines"]).encode()
    if case["error"] is not None:
        with pytest.raises(RingwayError) as refused:
            Table.loads(text)
        if case["line"] is not None:
            assert str(refused.value).startswith(f"cluster file:{case['line']}: ")
        return
    table = Table.loads(text)
    assert table == table_of(case)
    assert table.layout == case["layout"]
    for row in case["owners"]:
        assert table.index(row["key"]) == row["owner"]


@pytest.mark.parametrize("case", SNAPSHOTS, ids=[case["name"] for case in SNAPSHOTS])
def test_snapshots(case: dict[str, Any]) -> None:
    if case["error"] is not None:
        with pytest.raises(RingwayError, match=TEXTS[case["error"]]):
            Table.from_bytes(bytes.fromhex(case["bytes_hex"]))
        return
    table = table_of(case)
    written = table.to_bytes()
    assert table.fingerprint == int(case["fingerprint"], 16)
    assert len(written) == case["length"]
    assert written == bytes.fromhex(case.get("bytes_hex", written.hex()))
    assert Table.from_bytes(written) == table


def test_a_secret_is_not_shown() -> None:
    digits = "000102030405060708090a0b0c0d0e0f"
    table = Table(["a"], layout="ringway-keyed-v1", key=digits)
    assert repr(table) == "Table(['a'], layout='ringway-keyed-v1', key='...')"
    assert table.options == {"key": digits}
    with pytest.raises(RingwayError) as refused:
        Table(["a"], layout="ringway-keyed-v1", key=digits + "f")
    assert digits not in str(refused.value)
