"""What vectors/bounded.json asks (SPEC 18). As in cases.py, released cases never change."""

from questions import numbered_keys
from reference import MASK64, Table
from rules import LAYOUT, bytes_of, digest, named, option_pairs, rule, table_of, texts_of_rule

KEY = "000102030405060708090a0b0c0d0e0f"
AWAY = MASK64
# The factor, the total and the loads of four nodes.
QUESTIONS = [
    ("no-load", 1250, 0, [0, 0, 0, 0]),
    ("even", 1250, 40, [10, 10, 10, 10]),
    ("first-full", 1250, 40, [13, 9, 9, 9]),
    ("one-below-full", 1250, 40, [12, 9, 9, 10]),
    ("three-full", 1000, 39, [10, 10, 10, 9]),
    ("all-full", 1000, 39, [10, 10, 10, 10]),
    ("stale-total", 1250, 3, [10, 10, 10, 10]),
    ("one-away", 1250, 30, [10, AWAY, 10, 10]),
    ("two-away", 2000, 20, [AWAY, 10, 10, AWAY]),
    ("all-away", 1000000, AWAY, [AWAY, AWAY, AWAY, AWAY]),
    ("greatest-factor", 1000000, 7, [2000, 1999, 1998, 2001]),
    ("greatest-total", 1250, AWAY, [AWAY - 1, 0, AWAY // 2, AWAY // 3]),
    ("greatest-total-least-factor", 1000, AWAY, [1 << 62, (1 << 62) - 1, 1 << 62, 1 << 62]),
    ("all-with-the-greatest", 1000000, AWAY, [AWAY - 1, AWAY - 1, AWAY, AWAY - 1]),
    ("32-bits-are-not-enough", 1001, 1 << 33, [1 << 32, 1 << 31, (1 << 31) + 1, 1 << 30]),
]


def ask(name, nodes, factor_permille, total, loads, keys=(), greedy=None, layout=LAYOUT, **options) -> dict:
    """One table, one state of its loads, and where keys go."""
    case: dict = {"name": name, "layout": layout, "options": option_pairs(options)}
    case["nodes_rule" if isinstance(nodes, dict) else "nodes"] = nodes
    table = table_of(case)
    case["factor_permille"] = factor_permille
    case["total"] = f"{total:016x}"
    case["loads"] = [f"{load:016x}" for load in loads]
    capacities = (table.capacity(index, factor_permille, total) for index in range(len(table.nodes)))
    case["capacities"] = [f"{capacity:016x}" for capacity in capacities]
    case["keys"] = [
        {**row, "owner": table.owner_bounded(hash_of(table, row), factor_permille, total, loads)}
        for row in keys
    ]
    case["greedy"] = [] if greedy is None else [assigned(table, factor_permille, greedy)]
    return case


def hash_of(table: Table, row: dict) -> int:
    key = bytes_of(row, "key")
    assert key is not None
    return table.hash(key)


def assigned(table: Table, factor_permille: int, keys: dict) -> dict:
    """Keys one after the other, each counted: who got them, and the loads at the end."""
    loads = [0] * len(table.nodes)
    owners = []
    for total, text in enumerate(texts_of_rule(keys)):
        owner = table.owner_bounded(table.hash(text.encode()), factor_permille, total, loads)
        assert owner is not None
        loads[owner] += 1
        owners.append(owner)
    return {"keys_rule": keys, "owners_digest": digest(owners), "loads": loads}


def bounded_file() -> dict:
    four = named("a", "b", "c", "d")
    weighted = [{"name": "a"}, {"name": "b", "weight": 2}, {"name": "c", "weight": 5}, *named("d")]
    states = [*named("a"), *named("b", state="drain"), *named("c", state="down"), {"name": "d", "weight": 0}]
    keys, many = numbered_keys(12), rule("key-", 1, 0, 600)
    cases = [ask(name, four, *question, keys) for name, *question in QUESTIONS]
    cases += [ask(f"weights-{name}", weighted, *question, keys) for name, *question in QUESTIONS]
    cases += [ask(f"states-{name}", states, *question, keys) for name, *question in QUESTIONS]
    greatest = [{"name": name, "weight": weight} for name, weight in (("a", 104_000), ("b", 857), ("c", 0))]
    cases += [
        ask("no-nodes", [], 1250, 0, [], keys),
        ask("one-node", named("a"), 1250, 5, [5], keys, many),
        ask("one-node-full", named("a"), 1000, 5, [6], keys),
        ask("nobody-may-own", named("a", "b", state="drain"), 1250, 5, [0, 0], keys),
        ask("many-points", greatest, 1001, 1 << 40, [1 << 40, 1 << 33, 0], keys, vnodes=1),
        ask("hash-tag", four, 1250, 40, [13, 9, 9, 9], [{"key": "{x}1"}, {"key": "{x}2"}], hash_tag="{}"),
        ask("100-nodes", rule("n", 3, 0, 100), 1250, 0, [0] * 100, keys, many),
        ask("weights-greedy", weighted, 1100, 0, [0] * 4, keys, many),
        ask("states-greedy", states, 1000, 0, [0] * 4, keys, many),
        ask("least-factor-greedy", four, 1000, 0, [0] * 4, keys, many),
    ]
    for layout, options in [
        ("jump-v1", {}),
        ("jumpback-v1", {}),
        ("rendezvous-v1", {}),
        ("maglev-v1", {"table_size": 1009}),
        ("balanced-v1", {"slots": 1024}),
        ("ringway-keyed-v1", {"key": KEY}),
    ]:
        for name, factor, total, loads in QUESTIONS[2:9]:
            cases.append(ask(f"{layout}-{name}", four, factor, total, loads, keys, layout=layout, **options))
        ten = rule("n", 1, 0, 10)
        cases.append(ask(f"{layout}-greedy", ten, 1100, 0, [0] * 10, keys, many, layout, **options))
    for layout in ("rendezvous-v1", "maglev-v1"):
        heavy = [{"name": "a", "weight": (1 << 32) - 1}, {"name": "b", "weight": 1}, *named("c", "d")]
        for name, factor, total, loads in QUESTIONS[9:14]:
            cases.append(ask(f"{layout}-heavy-{name}", heavy, factor, total, loads, keys, layout=layout))
    return {
        "_comment": [
            "Which node takes a key when loads are bounded (SPEC 18); spec/vectors/README.md describes",
            "every field. total, loads and capacities: 64 bits as 16 hexadecimal digits.",
        ],
        "cases": cases,
    }
