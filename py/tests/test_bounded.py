"""Table.bounded() and Table.capacity(): what their arguments may be."""

from typing import Any

import pytest
from ringway import Node, RingwayError, Table

TABLE = Table(["a", "b", Node("c", weight=2)])


def test_loads_by_name_and_by_index() -> None:
    assert [TABLE.capacity(name, 9) for name in TABLE] == [4, 4, 7]
    assert list(TABLE.walk("user:1")) == ["a", "c", "b"]
    assert TABLE.bounded("user:1", [3, 3, 3]) == "a"
    assert TABLE.bounded("user:1", {"a": 3, "b": 3, "c": 3}) == "a"
    assert TABLE.bounded("user:1", (4, 4, 6), total=9) == "c"
    assert TABLE.bounded("user:1", {"a": 4, "c": 7}, total=9) == "b"
    assert TABLE.bounded("user:1", [4, 4, 7], total=9) is None
    # Counts of nodes that are gone do not matter.
    assert TABLE.bounded("user:1", {"gone": 1000}) == "a"
    assert TABLE.bounded("user:1", {}) == "a"


def test_nodes_that_are_not_to_be_asked() -> None:
    assert TABLE.bounded("user:1", {"a": None}) == "c"
    assert TABLE.bounded("user:1", [None, 0, None]) == "b"
    assert TABLE.bounded("user:1", [None, None, None]) is None
    # Their load is not in the total: 10 of 10 is more than b takes alone.
    assert TABLE.bounded("user:1", [None, 10, None], factor_permille=1000) is None


def test_total_is_the_sum_unless_given() -> None:
    assert TABLE.bounded("user:1", [8, 1, 1], total=1000) == "a"
    assert TABLE.bounded("user:1", [8, 1, 1]) == "c"
    most = (1 << 64) - 2
    assert TABLE.bounded("user:1", [most, most, most]) is None


@pytest.mark.parametrize("factor", [999, 0, -1, 1_000_001, 1 << 70])
def test_factors_out_of_range(factor: int) -> None:
    with pytest.raises(RingwayError, match="factor_permille must be 1000 to 1000000"):
        TABLE.bounded("k", [0, 0, 0], factor_permille=factor)
    with pytest.raises(RingwayError, match="factor_permille must be 1000 to 1000000"):
        TABLE.capacity("a", 0, factor_permille=factor)


@pytest.mark.parametrize("loads", [[], [0, 0], [0, 0, 0, 0]])
def test_loads_of_another_length(loads: list[int | None]) -> None:
    with pytest.raises(RingwayError, match="values for 3 nodes"):
        TABLE.bounded("k", loads)


@pytest.mark.parametrize("load", [-1, 1 << 64])
def test_loads_out_of_range(load: int) -> None:
    with pytest.raises(RingwayError, match="a load must be 0 to 18446744073709551615"):
        TABLE.bounded("k", [load, 0, 0])
    with pytest.raises(RingwayError, match="total must be 0 to 18446744073709551615"):
        TABLE.bounded("k", [0, 0, 0], total=load)


@pytest.mark.parametrize("loads", [None, 3, "abc", b"abc", [0, 0.5, 0], [0, True, 0], {"a": "1"}])
def test_loads_of_the_wrong_type(loads: Any) -> None:
    with pytest.raises(TypeError):
        TABLE.bounded("k", loads)


def test_capacity_of_no_node() -> None:
    with pytest.raises(RingwayError, match="no node has this name"):
        TABLE.capacity("x", 0)
