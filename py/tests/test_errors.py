"""Whatever is given wrongly, the error says what it is called, what is expected and what came."""
# ruff: noqa: PLW0108 - the lambdas are alike, and their source is looked at

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest
import ringway
from ringway import Node, RingwayError, Table

TABLE = Table(["a", "b", "c"])


class Odd:
    """What no argument takes."""


ODD: Any = Odd()
KEY = "a key must be str, bytes, bytearray or memoryview of bytes, not "
NAME = "a node's name must be str or bytes, not "
KEYS = "keys must be an iterable of keys, an array of texts, bytes or integers, or Arrow data, not "
# The function, where the wrong value goes, and the text before the name of its type.
TYPES: list[tuple[Callable[[Any], object], str]] = [
    (lambda odd: Table(odd), "nodes must be an iterable of names and Node objects, or a mapping"),
    (lambda odd: Table([odd]), NAME),
    (lambda odd: Table({odd: 1}), NAME),
    (lambda odd: Table({"a": odd}), "weight must be int, Decimal or str, not "),
    (lambda odd: Table([], layout=odd), "layout must be str, not "),
    (lambda odd: Table([], vnodes=odd), "vnodes must be int, str, bool or a list of int, not "),
    (
        lambda odd: Table([], layout="memento-v1", removed=[odd]),
        "removed: an item must be int, not",
    ),
    (lambda odd: Table.loads(odd), "the text of a cluster file must be str or bytes, not "),
    (lambda odd: Table.load(odd), "expected str, bytes or os.PathLike object, not "),
    (lambda odd: Table.from_bytes(odd), "data must be bytes, not "),
    (lambda odd: TABLE.owner(odd), KEY),
    (lambda odd: TABLE.index(odd), KEY),
    (lambda odd: TABLE.owners(odd, 1), KEY),
    (lambda odd: TABLE.owners("k", odd), "k must be int, not "),
    (lambda odd: TABLE.owner_many(odd), KEYS),
    (lambda odd: TABLE.owner_many([odd]), KEY),
    (
        lambda odd: TABLE.owner_many_by_hash(odd),
        "hashes must be an iterable of int, or an arr",
    ),
    (lambda odd: TABLE.owner_many_by_hash([odd]), "a hash must be int, not "),
    (lambda odd: TABLE.walk(odd), KEY),
    (lambda odd: TABLE.candidates(odd), KEY),
    (lambda odd: TABLE.bounded(odd, [1, 2, 3]), KEY),
    (lambda odd: TABLE.bounded("k", odd), "loads must be a sequence of a load for each node, or a"),
    (lambda odd: TABLE.bounded("k", [odd] * 3), "a load must be int, not "),
    (lambda odd: TABLE.bounded("k", {"a": odd}), "a load must be int, not "),
    (lambda odd: TABLE.bounded("k", [1] * 3, total=odd), "total must be int, not "),
    (
        lambda odd: TABLE.bounded("k", [1] * 3, factor_permille=odd),
        "factor_permille must be int, not ",
    ),
    (lambda odd: TABLE.capacity(odd, 1), NAME),
    (lambda odd: TABLE.capacity("a", odd), "total must be int, not "),
    (lambda odd: TABLE.capacity("a", 1, factor_permille=odd), "factor_permille must be int, not "),
    (lambda odd: TABLE.owner_under_load(odd, [1] * 3), KEY),
    (
        lambda odd: TABLE.owner_under_load("k", odd),
        "active must be a sequence of a number for ",
    ),
    (lambda odd: TABLE.owner_under_load("k", [odd] * 3), "a number of requests must be int, not "),
    (lambda odd: TABLE.with_node(odd), NAME),
    (lambda odd: TABLE.without_node(odd), NAME),
    (lambda odd: TABLE.with_weight(odd, 1), NAME),
    (lambda odd: TABLE.with_weight("a", odd), "weight must be int, Decimal or str, not "),
    (lambda odd: TABLE.with_state(odd, "up"), NAME),
    (lambda odd: TABLE.with_state("a", odd), "state must be str, not "),
    (lambda odd: TABLE.moved(odd), "other must be Table, not "),
    (lambda odd: TABLE.moved_keys(odd, []), "other must be Table, not "),
    (lambda odd: TABLE.moved_keys(TABLE, odd), KEYS),
    (lambda odd: TABLE.moved_keys(TABLE, [odd]), KEY),
    (lambda odd: TABLE.balance(odd), KEYS),
    (lambda odd: TABLE.balance([odd]), KEY),
    (lambda odd: TABLE.key_hash(odd), KEY),
    (lambda odd: TABLE.owner_many([])[odd], "an index must be int, not "),
    (lambda odd: TABLE.moved(TABLE)[odd], "an index must be int, not "),
    (lambda odd: Node(odd), NAME),
    (lambda odd: Node("a", weight=odd), "weight must be int, Decimal or str, not "),
    (lambda odd: Node("a", zone=odd), "zone must be str or bytes, not "),
    (lambda odd: Node("a", state=odd), "state must be str, not "),
    (lambda odd: Node("a", address=odd), "address must be str, not "),
    (lambda odd: Node("a", hash_text=odd), "hash_text must be str or bytes, not "),
    (lambda odd: Node("a", id=odd), "id must be int, not "),
    (lambda odd: Node("a", guid=odd), "guid must be str or bytes, not "),
    (lambda odd: Node("a", vnodes=odd), "vnodes must be int, not "),
    (lambda odd: Node("a", tokens=odd), "tokens must be an iterable of int, not "),
    (lambda odd: Node("a", tokens=[odd]), "a token must be int, not "),
    (lambda odd: ringway.key_hash(odd), KEY),
    (lambda odd: ringway.redis_slot(odd), KEY),
    (lambda odd: ringway.cassandra_token(odd), KEY),
    (lambda odd: ringway.jump(odd, 1), "a hash must be int, not "),
    (lambda odd: ringway.jump(1, odd), "n must be int, not "),
    (lambda odd: ringway.jumpback(odd, 1), "a hash must be int, not "),
    (lambda odd: ringway.jumpback(1, odd), "n must be int, not "),
]


@pytest.mark.parametrize(
    ("call", "text"), TYPES, ids=[f"{at}-{row[1][:30]}" for at, row in enumerate(TYPES)]
)
def test_wrong_types(call: Callable[[Any], object], text: str) -> None:
    with pytest.raises(TypeError) as refused:
        call(ODD)
    assert str(refused.value).startswith(text)
    assert str(refused.value).endswith("not Odd")

    # What a caller's own object raises is the caller's business.
    class Raises:
        def __iter__(self) -> Any:
            raise LookupError

        def __index__(self) -> int:
            raise LookupError

        def __fspath__(self) -> str:
            raise LookupError

    with pytest.raises((TypeError, LookupError)):
        call(Raises())


BIG = 1 << 200
WRONG_STATE: Any = "on"
VALUES: list[tuple[Callable[[], object], str]] = [
    (lambda: Table(["a", "a"]), "nodes 0 and 1 have the same name"),
    (lambda: Table([""]), "node 0 has an empty name"),
    (lambda: Table({"a": BIG}), f"weight must be 0 to 4294967295, not {BIG}"),
    (lambda: Table({"a": "1.5.0"}), "weight must be 0 to 4294967295 with up to six decimals, not"),
    (lambda: Table([], layout="ring"), '"ring": unknown layout'),
    (lambda: Table([], vnodes=BIG), f"vnodes: {BIG} does not fit 64 bits"),
    (lambda: Table([], slots=1), "slots: the layout has no such option"),
    (lambda: Table.loads("nodes = 3"), "cluster file:1: "),
    (lambda: Table.loads(b"\xff"), "cluster file:1: "),
    (lambda: Table.from_bytes(b""), "the bytes are no snapshot of a table"),
    (lambda: TABLE.owners("k", -BIG), f"k must be 0 or more, not {-BIG}"),
    (lambda: TABLE.bounded("k", [1]), "loads has 1 values for 3 nodes"),
    (lambda: TABLE.bounded("k", [1, -1, 1]), f"a load must be 0 to {2**64 - 1}, not -1"),
    (lambda: TABLE.bounded("k", [1] * 3, total=BIG), f"total must be 0 to {2**64 - 1}, not {BIG}"),
    (lambda: TABLE.capacity("d", 1), "no node has this name"),
    (
        lambda: TABLE.capacity("a", 1, factor_permille=999),
        "factor_permille must be 1000 to 1000000",
    ),
    (lambda: TABLE.owner_under_load("k", [1]), "active has 1 values for 3 nodes"),
    (lambda: TABLE.with_node("a"), "nodes 0 and 3 have the same name"),
    (lambda: TABLE.without_node("d"), "no node has this name"),
    (lambda: TABLE.with_weight("d", 1), "no node has this name"),
    (lambda: TABLE.with_weight("d", "0.5"), "no node has this name"),
    (lambda: TABLE.with_weight("a", "0.5"), "the weight of node 0 is not whole"),
    (lambda: TABLE.with_weight("a", -1), "weight must be 0 to 4294967295, not -1"),
    (
        lambda: TABLE.with_state("a", WRONG_STATE),
        "state must be 'up', 'down' or 'drain', not 'on'",
    ),
    (lambda: TABLE.moved(Table([], layout="jump-v1")), "layout jump-v1 has no runs of positions"),
    (lambda: Table([], layout="jump-v1").balance(), "layout jump-v1 has no positions; count keys"),
    (lambda: TABLE.moved(Table([], hash_tag="{}")), "a key has different positions in the two"),
    (lambda: Node("a", id=-1), "id must be 0 to 4294967295, not -1"),
    (lambda: Node("a", tokens=[BIG]), f"a token must be {-(2**63)} to {2**63 - 1}, not {BIG}"),
]


@pytest.mark.parametrize(
    ("call", "text"), VALUES, ids=[f"{at}-{row[1][:30]}" for at, row in enumerate(VALUES)]
)
def test_wrong_values(call: Callable[[], object], text: str) -> None:
    with pytest.raises(RingwayError) as refused:
        call()
    assert str(refused.value).startswith(text)
    assert isinstance(refused.value, ValueError)
    assert refused.type.__module__ == "ringway"


def test_every_method_is_tried() -> None:
    tried = "".join(inspect.getsource(call) for call, _ in TYPES)
    methods = [name for name in vars(Table) if not name.startswith("_")]
    attributes = {"nodes", "layout", "options", "fingerprint", "to_bytes"}
    for name in set(methods) - attributes:
        assert re.search(rf"\.{name}\(", tried), name


def test_arguments_have_the_names_of_the_stubs() -> None:
    for call in (
        lambda: TABLE.owner(key="k"),  # type: ignore[call-arg]
        lambda: TABLE.moved(other=TABLE),  # type: ignore[call-arg]
        lambda: Table(["a"], "jump-v1"),  # type: ignore[call-arg]
        lambda: TABLE.bounded("k", [1] * 3, 1250),  # type: ignore[call-arg]
        lambda: Node("a", 3),  # type: ignore[call-arg]
    ):
        with pytest.raises(TypeError, match="argument"):
            call()
    assert TABLE.owners("k", k=2) == TABLE.owners("k", 2)
    assert TABLE.bounded("k", loads=[0, 0, 0]) == TABLE.owner("k")
    assert Table(nodes=["a"]) == Table(["a"])
    assert Node(name="a") == Node("a")
