"""reference.py against an independent XXH3, a naive ring, and SPEC.md's examples.

Needs pytest and xxhash (bindings of the C implementation).
"""

import itertools
import json
import math
import random
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
import xxhash

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))

import cases  # noqa: E402
import cluster_file  # noqa: E402
import placements  # noqa: E402
import reference  # noqa: E402
import rules  # noqa: E402
from reference import MASK32, Node, Table  # noqa: E402

SEED = 20261122


@pytest.mark.parametrize("start", range(0, 2101, 100))
def test_xxh3_equals_the_c_implementation_at_every_length(start):
    for length in range(start, min(start + 100, 2101)):
        data = rules.rule_bytes(length)
        assert reference.xxh3_64(data) == xxhash.xxh3_64_intdigest(data), f"length {length}"


def test_xxh3_equals_the_c_implementation_on_random_bytes():
    randomness = random.Random(SEED)
    lengths = [randomness.randrange(0, 300) for _ in range(2000)]
    lengths += [randomness.randrange(300, 20_000) for _ in range(30)] + [65_536, 100_001]
    for length in lengths:
        data = randomness.randbytes(length)
        expected = xxhash.xxh3_64_intdigest(data)
        assert reference.xxh3_64(data) == expected, f"seed {SEED}, {length} bytes: {data.hex()[:80]}"


def test_xxh3_gives_the_published_answers():
    assert reference.selftest() == 0


@pytest.mark.parametrize("seed", range(SEED, SEED + 60))
def test_table_equals_a_naive_ring(seed):
    """The definition by distance: of all points, the nearest at or above the position, mod 2^32."""
    randomness = random.Random(seed)
    zones = [None, b"x", b"y", b"z"]
    names = randomness.sample([f"n{i}".encode() for i in range(40)], randomness.randrange(0, 8))
    nodes = [
        Node(
            name,
            weight=randomness.randrange(0, 4),
            zone=randomness.choice(zones),
            state=randomness.choice(["up", "up", "down", "drain"]),
        )
        for name in names
    ]
    vnodes = randomness.choice([1, 2, 5])
    table = Table("ringway-v1", [["vnodes", vnodes]], nodes)
    points = {
        index: [
            xxhash.xxh3_64_intdigest(node.name + i.to_bytes(4, "little")) >> 32
            for i in range(vnodes * (0 if node.state == "drain" else node.weight))
        ]
        for index, node in enumerate(nodes)
    }
    every_point = [point for of_node in points.values() for point in of_node]
    positions = [0, MASK32, *(randomness.randrange(1 << 32) for _ in range(20))]
    positions += [(point + step) % (1 << 32) for point in every_point for step in (-1, 0, 1)]
    segments = table.segments()
    for position in positions:
        distances = {
            index: min((point - position) % (1 << 32) for point in of_node)
            for index, of_node in points.items()
            if of_node
        }
        walk = sorted(distances, key=lambda index: (distances[index], nodes[index].name))
        assert table.walk_at(position) == walk, f"seed {seed}, position {position}"
        assert table.owner_at(position) == (walk[0] if walk else None)
        holders = [owner for low, high, owner in segments if low <= position <= high]
        assert holders == walk[:1]
        assert_owners(table, nodes, position, walk)


def assert_owners(table: Table, nodes: list[Node], position: int, walk: list[int]) -> None:
    for k in range(len(nodes) + 2):
        owners = table.owners_at(position, k)
        assert len(owners) == len(set(owners)) == min(k, len(walk))
        assert set(owners) <= set(walk)
        # As many zones as k nodes can have.
        zones = {nodes[index].zone or index for index in walk}
        assert len({nodes[index].zone or index for index in owners}) == min(k, len(zones))
    whole = table.owners_at(position, len(walk))
    assert all(table.owners_at(position, k) == whole[:k] for k in range(len(walk)))


def test_segments_cover_everything_once():
    for case in json.loads((FOLDER / "vectors" / "segments.json").read_text())["cases"]:
        table = rules.table_of(case)
        segments = table.segments()
        if not segments:
            assert table.eligible == 0
            continue
        assert segments[0][0] == 0 and segments[-1][1] == MASK32
        for (_, high, owner), (low, _, next_owner) in itertools.pairwise(segments):
            assert low == high + 1 and owner != next_owner, case["name"]


@pytest.mark.parametrize("name, vnodes, names, point", rules.SHARED)
def test_shared_points_are_shared(name, vnodes, names, point):
    for node in names:
        points = (xxhash.xxh3_64_intdigest(node + i.to_bytes(4, "little")) >> 32 for i in range(vnodes))
        assert point in points, name
    table = Table("ringway-v1", [["vnodes", vnodes]], [Node(node) for node in reversed(names)])
    walk = [table.nodes[index].name for index in table.walk_at(point)]
    assert walk == sorted(names)


def test_points_at_both_ends_are_there():
    for name, point in ((rules.POINT_ZERO, 0), (rules.POINT_MAX, MASK32)):
        assert xxhash.xxh3_64_intdigest(name.encode() + bytes(4)) >> 32 == point


@pytest.mark.parametrize(
    "key, tag, expected",
    [
        ("user{42}name", "{}", "42"),
        ("{}x{y}", "{}", "{}x{y}"),
        ("{a{b}c}", "{}", "a{b"),
        ("}{42}", "{}", "42"),
        ("{42", "{}", "{42"),
        ("a|b|c", "||", "b"),
        ("|", "||", "|"),
        ("", "{}", ""),
    ],
)
def test_hash_tag(key, tag, expected):
    assert reference.hashed_part(key.encode(), tag.encode()) == expected.encode()


def test_spec_examples_hold():
    spec = " ".join((FOLDER / "SPEC.md").read_text(encoding="utf-8").split())
    assert f"{reference.xxh3_64(b''):016x}" in spec
    assert f"{reference.xxh3_64(b'user:1'):016x}" in spec
    table = Table("ringway-v1", [["vnodes", 1]], [Node(name) for name in (b"a", b"b", b"c")])
    for point, name, _ in table.points:
        input_bytes = f"{name.hex()} 00 00 00 00"
        row = f'| `0x{point:08x}` = {point} = position(H(`{input_bytes}`)) | `"{name.decode()}"` |'
        assert row in spec
    for low, high, owner in table.segments():
        assert f'`[{low}, {high}]` of `"{"abc"[owner]}"`' in spec
    walks = {key: table.walk_at(table.position(key)) for key in (b"user:1", b"user:2", b"a")}
    assert walks == {b"user:1": [2, 0, 1], b"user:2": [1, 2, 0], b"a": [2, 0, 1]}
    assert all(str(table.position(key)) in spec for key in walks)
    zones = {b"a": b"x", b"b": b"y", b"c": b"x", b"d": None}
    zoned = Table("ringway-v1", [["vnodes", 1]], [Node(name, zone=zone) for name, zone in zones.items()])
    assert zoned.walk_at(zoned.position(b"user:1")) == [2, 0, 1, 3]
    assert zoned.owners_at(zoned.position(b"user:1"), 4) == [2, 1, 3, 0]
    assert str(zoned.points[-1][0]) in spec


def upstream(file: str) -> list[list[int]]:
    lines = (FOLDER / "upstream" / file).read_text(encoding="utf-8").splitlines()
    return [[int(number) for number in line.split("\t")] for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("buckets", [1, 2, 3, 10, 100, 1000, 65_536])
def test_jump_is_lamping_and_veachs(buckets):
    rows = upstream(f"jump/jump-n{buckets}.tsv")
    assert len(rows) == 400
    for h, bucket in rows:
        assert placements.jump(h, buckets) == bucket, h


def test_jumpback_is_hash4js():
    rows = upstream("hash4j/jumpback-splitmix64.tsv")
    assert len(rows) > 4000
    for h, buckets, bucket in rows:
        assert placements.jumpback(h, buckets) == bucket, (h, buckets)


def test_spec_examples_of_the_other_layouts_hold():
    spec = " ".join((FOLDER / "SPEC.md").read_text(encoding="utf-8").split())
    h = reference.xxh3_64(b"user:1")
    assert f"`mix(1) = 0x{placements.splitmix64(1):016x}`" in spec
    three, ten = placements.jump(h, 3), placements.jump(h, 10)
    assert f"Of 3 nodes its bucket is {three}, of 10 nodes {ten}." in spec
    three, ten = placements.jumpback(h, 3), placements.jumpback(h, 10)
    assert f'Of 3 nodes the bucket of `"user:1"` is {three}, of 10 nodes {ten}.' in spec
    costs = [placements.cost(draw) for draw in (0, (1 << 63) - 1, (1 << 64) - 1)]
    assert costs == [1 << 38, 1 << 32, 0]

    def walk(key: str, weight: int) -> str:
        nodes = [Node(b"a", weight), Node(b"b"), Node(b"c")]
        table = Table("rendezvous-v1", [], nodes)
        return ", ".join(f'`"{"abc"[index]}"`' for index in table.walk_of(table.hash(key.encode())))

    assert f'the walk of `"user:1"` is {walk("user:1", 1)};' in spec
    assert f'the walk of `"user:3"` is {walk("user:3", 9)}, and' in spec
    assert f"with all of weight 1 it is {walk('user:3', 1)}." in spec


def test_siphash_gives_the_published_answer():
    """The example of the SipHash paper, which is SipHash-2-4."""
    assert placements.siphash(2, 4, bytes(range(16)), bytes(range(15))) == 0xA129CA6149BE45E5
    spec = " ".join((FOLDER / "SPEC.md").read_text(encoding="utf-8").split())
    h = placements.siphash(1, 3, bytes(range(16)), b"user:1")
    assert f"`user:1` is `0x{h:016x}`" in spec


def test_spec_examples_of_tables_and_slots_hold():
    spec = " ".join((FOLDER / "SPEC.md").read_text(encoding="utf-8").split())
    nodes = [Node(b"a"), Node(b"b"), Node(b"c", 2)]
    entries = Table("maglev-v1", [["table_size", 7]], nodes).placement.entries
    listed = ", ".join(f'`"{"abc"[index]}"`' for index in entries)
    assert f"the entries belong to {listed}." in spec
    table = Table("balanced-v1", [["slots", 256]], [Node(b"a"), Node(b"b"), Node(b"c")])
    shares = ", ".join(str(table.placement.owners.count(index)) for index in range(3))
    h = table.hash(b"user:1")
    assert f"they get {shares}, and" in spec
    assert f'of slot {h >> 56}, belongs to `"{"abc"[table.owner_of(h)]}"`.' in spec


@pytest.mark.parametrize("seed", range(SEED, SEED + 20))
def test_slots_are_given_by_their_definition(seed):
    """Rooms hold and are used: a slot's owner is the best that was not full before."""
    randomness = random.Random(seed)
    nodes = [Node(f"n{i}".encode(), randomness.randrange(0, 5)) for i in range(12)]
    permille = randomness.choice([1000, 1020, 1050, 2000])
    table = Table("balanced-v1", [["slots", 256], ["room_permille", permille]], nodes)
    whole = sum(node.weight for node in nodes)
    left = [max(math.ceil(256 * n.weight / whole), 256 * n.weight * permille // (1000 * whole)) for n in nodes]
    for slot, owner in enumerate(table.placement.owners):
        h = xxhash.xxh3_64_intdigest(slot.to_bytes(4, "little"))
        draws = [placements.splitmix64(h ^ xxhash.xxh3_64_intdigest(n.name)) for n in nodes]
        costs = [(64 - math.log2(d + 1)) / n.weight if n.weight else math.inf for d, n in zip(draws, nodes)]
        assert owner == min((i for i in range(12) if left[i]), key=costs.__getitem__), (seed, slot)
        left[owner] -= 1
    assert min(left) >= 0


@pytest.mark.parametrize("seed", range(SEED, SEED + 40))
def test_memento_hands_over_as_its_definition_says(seed):
    """The twin follows time: each removal hands its keys over to one of those that were left."""
    randomness = random.Random(seed)
    count = randomness.choice([1, 2, 3, 10, 30])
    removed = randomness.sample(range(count), randomness.randrange(count + 1))
    nodes = [Node(f"n{i}".encode()) for i in range(count)]
    table = Table("memento-v1", [["removed", removed]], nodes)
    for _ in range(200):
        h = randomness.randrange(1 << 64)
        buckets, bearers, hand_overs = count, list(range(count)), []
        for node in removed:
            number, last = bearers.index(node), bearers.pop()
            if number < len(bearers):
                bearers[number] = last
            if not hand_overs and node == buckets - 1:
                buckets -= 1
            else:
                hand_overs.append((node, list(bearers)))
        owner = placements.jump(h, buckets) if buckets else None
        for node, left in hand_overs:
            if owner == node and left:
                place = (node + 1) * 0xD1342543DE82EF95 % 2**64
                owner = left[placements.splitmix64(h ^ place) * len(left) >> 64]
        walk = table.walk_of(h)
        assert sorted([*walk, *removed]) == list(range(count)), seed
        assert walk[:1] == ([] if len(removed) == count else [owner]), (seed, h)


def test_spec_example_of_memento_holds():
    spec = " ".join((FOLDER / "SPEC.md").read_text(encoding="utf-8").split())
    table = Table("memento-v1", [["removed", [2, 9, 8]]], [Node(f"n{i}".encode()) for i in range(10)])
    state = table.placement
    tuples = ", ".join(f"{bucket}: {kept}" for bucket, kept in state.state.items())
    assert f"the buckets are {state.buckets} and the tuples {tuples}." in spec
    hashes = [table.hash(key) for key in (b"user:2", b"user:4", b"user:7")]
    jumps, owners = [placements.jump(h, 10) for h in hashes], [table.owner_of(h) for h in hashes]
    said = [f"{a}, {b} and {c}" for a, b, c in (jumps, owners)]
    assert f"which jump gives to {said[0]}, belong to {said[1]}." in spec


@pytest.mark.parametrize(
    "content, expected",
    [
        (b"0" * 32, "0" * 32),
        (b"0123456789abcdefFEDCBA9876543210\n", "0123456789abcdefFEDCBA9876543210"),
        (b"0" * 32 + b"\r\n", "0" * 32),
        (b"0" * 31, None),
        (b"0" * 33, None),
        (b"g" * 32, None),
        (b"0" * 32 + b"\n\n", None),
        (b" " + b"0" * 32, None),
        (None, None),
    ],
)
def test_key_files(tmp_path, content, expected):
    text = b'layout = "ringway-keyed-v1"\noptions.key_file = "secret.hex"\n[[node]]\nname = "a"\n'
    if content is not None:
        (tmp_path / "secret.hex").write_bytes(content)
    if expected is None:
        with pytest.raises(cluster_file.FileError) as refused:
            cluster_file.read(text, tmp_path)
        assert refused.value.error == "bad-key-file"
    else:
        assert cluster_file.read(text, tmp_path).options == [["key", expected]]


@pytest.mark.parametrize("seed", range(SEED, SEED + 20))
def test_maglev_entries_follow_weights(seed):
    randomness = random.Random(seed)
    nodes = [Node(f"n{i}".encode(), randomness.randrange(0, 6)) for i in range(10)]
    entries = Table("maglev-v1", [["table_size", 1009]], nodes).placement.entries
    heaviest = max(range(10), key=lambda index: nodes[index].weight)
    rounds = entries.count(heaviest)
    for index, node in enumerate(nodes):
        wanted = rounds * node.weight / nodes[heaviest].weight
        assert wanted - 1 <= entries.count(index) < wanted + 2, (seed, index)
        assert (entries.count(index) > 0) == (node.weight > 0)


@pytest.mark.parametrize("seed", range(SEED, SEED + 20))
def test_rendezvous_shares_follow_weights(seed):
    """The cost against floating-point logarithms, and the order against its definition."""
    randomness = random.Random(seed)
    for _ in range(200):
        draw = randomness.randrange(1 << randomness.randrange(1, 65))
        exact = (64 - math.log2(draw + 1)) * 2**32
        assert exact - 4 <= placements.cost(draw) <= exact + 4, (seed, draw)
    nodes = [Node(f"n{i}".encode(), randomness.randrange(0, 4)) for i in range(8)]
    table = Table("rendezvous-v1", [], nodes)
    h = randomness.randrange(1 << 64)
    draws = {i: placements.splitmix64(h ^ xxhash.xxh3_64_intdigest(n.name)) for i, n in enumerate(nodes)}
    costs = {i: (64 - math.log2(draws[i] + 1)) / n.weight for i, n in enumerate(nodes) if n.weight}
    assert table.walk_of(h) == sorted(costs, key=lambda index: costs[index]), seed


@pytest.mark.parametrize("seed", range(SEED, SEED + 20))
def test_bounded_loads_stay_below_their_capacity(seed):
    """Assigned one by one, no node gets more than its share times the factor, rounded up."""
    randomness = random.Random(seed)
    nodes = [Node(f"n{i}".encode(), randomness.randrange(1, 6)) for i in range(7)]
    table = Table("ringway-v1", [["vnodes", 20]], nodes)
    factor, weights = randomness.randrange(1000, 1500), sum(node.weight for node in nodes)
    loads = [0] * len(nodes)
    for total in range(300):
        h = randomness.randrange(1 << 64)
        node = table.owner_bounded(h, factor, total, loads)
        full = table.walk_of(h)[: table.walk_of(h).index(node)]
        assert all(loads[other] >= table.capacity(other, factor, total) for other in full)
        loads[node] += 1
        for index, load in enumerate(loads):
            share = Fraction(factor * (total + 1) * nodes[index].weight, 1000 * weights)
            assert load <= math.ceil(share), (seed, total)


def test_spec_example_of_bounded_loads():
    table = Table("ringway-v1", [], [Node(b"a"), Node(b"b"), Node(b"c", 2)])
    h = table.hash(b"user:1")
    assert [table.capacity(index, 1250, 9) for index in range(3)] == [4, 4, 7]
    answers = [table.owner_bounded(h, 1250, 9, loads) for loads in ([3, 3, 3], [4, 4, 6], [4, 3, 7], [4, 4, 7])]
    assert answers == [0, 2, 1, None]


def test_every_error_is_in_the_spec_and_in_the_vectors():
    spec = (FOLDER / "SPEC.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([a-z-]+)` \|", spec, re.MULTILINE))
    rows = {name: json.loads((FOLDER / "vectors" / name).read_text())["cases"] for name in cases.FILES}
    files = ("errors.json", "errors-native.json", "cluster-files.json", "snapshots.json")
    found = {row["error"] for name in files for row in rows[name]} - {None}
    assert found == named


def test_lines_of_refused_cluster_files_hold_the_field():
    rows = json.loads((FOLDER / "vectors" / "cluster-files.json").read_text())["cases"]
    located = [row for row in rows if row["error"] and row["line"] is not None]
    assert len(located) > 80
    for row in located:
        line = row["lines"][row["line"] - 1]
        if row["error"] == "missing-name":
            assert line == "[[node]]"
        else:
            assert re.match(rf"[\[\"]*{re.escape(row['field'])}\b|\"\" =", line), (row["error"], line)
        if row["node"] is not None:
            headers = [text for text in row["lines"][: row["line"]] if text == "[[node]]"]
            assert len(headers) == row["node"] + 1


def test_spec_example_of_a_cluster_file():
    spec = (FOLDER / "SPEC.md").read_text(encoding="utf-8")
    good, bad = re.findall(r"```toml\n(.*?)```", spec, re.DOTALL)
    assert [node.name for node in cluster_file.read(good.encode()).nodes] == [b"db1"]
    with pytest.raises(cluster_file.FileError) as refused:
        cluster_file.read(bad.encode())
    assert (refused.value.error, refused.value.line, refused.value.field) == ("unknown-field", 6, "wieght")


def test_vectors_are_what_the_reference_gives():
    command = [sys.executable, str(FOLDER / "reference.py"), "vectors", "--check"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


def test_drift_is_found(tmp_path, monkeypatch):
    for name in cases.FILES:
        (tmp_path / name).write_text((FOLDER / "vectors" / name).read_text())
    monkeypatch.setattr(cases, "FOLDER", tmp_path)
    monkeypatch.setattr(cases, "FILES", {name: cases.FILES[name] for name in ("xxh3.json", "errors.json")})
    assert cases.write(check=True) == 0
    path = tmp_path / "xxh3.json"
    path.write_text(path.read_text().replace("2d06800538d394c2", "0" * 16))
    assert cases.write(check=True) == 1
    (tmp_path / "errors.json").unlink()
    assert cases.write(check=True) == 1
