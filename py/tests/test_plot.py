"""ringway.plot: what its pictures show, read back from their artists."""

import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.transforms import Bbox
from ringway import Node, RingwayError, Table, plot

mpl.use("Agg")
from matplotlib import pyplot as plt

KEYS = [f"user:{number}" for number in range(5000)]
LONG = [f"cache{number:02}.eu-central-1.prod.example.com:11211" for number in range(12)]


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


def shares_of(table: Table) -> dict[Any, float]:
    """The exact share of each node, by another way than the plot's: the ends of its ranges."""
    nobody = Table([], layout=table.layout, **table.options)
    shares: dict[Any, float] = {}
    for low, high, _, name in nobody.moved(table):
        shares[name] = shares.get(name, 0) + (high - low + 1) / 2**32
    assert sum(shares.values()) == pytest.approx(1)
    return shares


def texts_of(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.texts]


def rectangles(ax: Any) -> list[Rectangle]:
    return [patch for patch in ax.patches if isinstance(patch, Rectangle)]


def ribbons(ax: Any) -> list[PathPatch]:
    return [patch for patch in ax.patches if isinstance(patch, PathPatch)]


def drawn_well(ax: Any, tmp_path: Path) -> None:
    """It is saved without a warning, within the figure, and no two texts overlap."""
    figure = ax.figure
    path = tmp_path / "picture.png"
    figure.savefig(path)
    assert path.stat().st_size > 5_000
    renderer = figure.canvas.get_renderer()
    texts = [*ax.texts, ax.title, ax._left_title, ax.xaxis.label, ax.yaxis.label]
    texts += ax.get_yticklabels() if ax.axison else []
    texts += ax.get_legend().get_texts() if ax.get_legend() else []
    boxes = [
        (text.get_text(), text.get_window_extent(renderer)) for text in texts if text.get_text()
    ]
    frame = figure.bbox
    for place, (name, box) in enumerate(boxes):
        assert frame.x0 <= box.x0 + 1 and box.x1 <= frame.x1 + 1, name  # noqa: PT018
        assert frame.y0 <= box.y0 + 1 and box.y1 <= frame.y1 + 1, name  # noqa: PT018
        for other, its in boxes[place + 1 :]:
            common = Bbox.intersection(box, its)
            assert common is None or common.width * common.height < 2, (name, other)


TABLES = {
    "three": Table(["db1", "db2", "db3"]),
    "one": Table(["db1"]),
    "weights": Table({name: 1 + number % 3 for number, name in enumerate(LONG)}),
    "zones": Table([Node(f"n{number}", zone=f"zone-{number % 4}") for number in range(10)]),
    "many zones": Table([Node(f"n{number}", zone=f"z{number}") for number in range(20)]),
    "some zones": Table([Node("a", zone="x"), Node("b"), Node(b"\xff", zone=b"\xfe")]),
    "forty": Table([f"db{number}" for number in range(40)]),
    "hundred": Table([f"db{number}" for number in range(100)]),
    "hundred weights": Table({f"db{number}": 1 + number % 4 for number in range(100)}),
    "balanced": Table(["a", "b", "c"], layout="balanced-v1"),
    "drains": Table([Node("a"), Node("b", state="drain"), Node("c", weight=0), Node("d")]),
    "dollars": Table(["$a$b$", "c$"]),
}


@pytest.mark.parametrize("name", TABLES)
def test_balance_shows_the_shares(name: str, tmp_path: Path) -> None:
    table = TABLES[name]
    shares = shares_of(table)
    ax = plot.balance(table)
    is_many = len(shares) > 40
    bars = [bar.get_height() if is_many else bar.get_width() for bar in rectangles(ax)]
    assert bars == pytest.approx(sorted((100 * share for share in shares.values()), reverse=True))
    weights = {node.name: 0 if node.state == "drain" else int(node.weight) for node in table.nodes}
    total = sum(weights.values())
    ratios = [share * total / weights[name] for name, share in shares.items()]
    said = f"fullest {max(ratios):.2f} × its ideal, emptiest {min(ratios):.2f} ×"
    assert f"{table.layout}: {said}" in texts_of(ax)
    axis = ax.yaxis if is_many else ax.xaxis
    assert axis.label.get_text() == "share of all positions (%)"
    nodes = "1 node" if len(shares) == 1 else f"{len(shares)} nodes"
    assert ax.get_title("left") == f"Balance of {nodes}"
    drawn_well(ax, tmp_path)


def test_zones_have_colours() -> None:
    ax = plot.balance(TABLES["zones"])
    colours = {to_hex(bar.get_facecolor()) for bar in rectangles(ax)}
    assert len(colours) == 4
    legend = ax.get_legend()
    assert legend is not None
    expected = ["ideal", "zone-0", "zone-1", "zone-2", "zone-3"]
    assert [text.get_text() for text in legend.get_texts()] == expected
    one = plot.balance(TABLES["many zones"])
    assert len({to_hex(bar.get_facecolor()) for bar in rectangles(one)}) == 1


def test_ideals_follow_weights() -> None:
    (marks,) = plot.balance(TABLES["weights"]).collections
    ideals = sorted({round(segment[0][0], 6) for segment in marks.get_segments()})  # type: ignore[attr-defined]
    assert ideals == pytest.approx([100 / 24, 200 / 24, 300 / 24])
    (line,) = plot.balance(TABLES["three"]).lines
    assert list(line.get_xdata()) == pytest.approx([100 / 3] * 2)  # type: ignore[arg-type]


def test_keys_are_counted() -> None:
    table = Table([f"10.0.0.{number}:11211" for number in range(5)], layout="pymemcache")
    ax = plot.balance(table, keys=KEYS, title="My title")
    counts: dict[Any, int] = {}
    for name in table.owner_many(KEYS):
        counts[name] = counts.get(name, 0) + 1
    expected = sorted((100 * count / len(KEYS) for count in counts.values()), reverse=True)
    assert [bar.get_width() for bar in rectangles(ax)] == pytest.approx(expected)
    assert ax.get_xlabel() == "share of 5,000 keys (%)"
    assert ax.get_title("left") == "My title"
    sampled = plot.balance(Table(["0", "1"], layout="jump"))
    assert sampled.get_xlabel() == "share of 200,000 sample keys (%)"


CHANGES = {
    "add": (TABLES["three"], TABLES["three"].with_node("db4")),
    "remove long": (Table(LONG[:10]), Table(LONG[:9])),
    "add to hundred": (TABLES["hundred"], TABLES["hundred"].with_node("new")),
    "two at once": (Table(["a", "b", "c"]), Table(["b", "c", "d"])),
    "weight": (Table({"a": 1, "b": 1}), Table({"a": 1, "b": 3})),
    "all of thirteen": (Table(list("abcdefghijklm")), Table(list("nopqrstuvwxyz"))),
    "nothing": (TABLES["three"], TABLES["three"]),
    "to nobody": (Table(["a", "b"]), Table([])),
}


@pytest.mark.parametrize("name", CHANGES)
def test_movement_shows_the_flows(name: str, tmp_path: Path) -> None:
    old, new = CHANGES[name]
    moved = sum(high - low + 1 for low, high, _, _ in old.moved(new)) / 2**32
    ax = plot.movement(old, new)
    # A ribbon's height at the left: its first and its last corner.
    widths: dict[PathPatch, float] = {}
    for ribbon in ribbons(ax):
        corners: Any = ribbon.get_path().vertices
        widths[ribbon] = float(corners[0][1] - corners[7][1])
    assert sum(widths.values()) == pytest.approx(1)
    pale = [
        width for ribbon, width in widths.items() if to_hex(ribbon.get_facecolor()) == "#d9d9d9"
    ]
    assert 1 - sum(pale) == pytest.approx(moved, abs=1e-9)
    left = [bar for bar in rectangles(ax) if bar.get_x() == 0]
    right = [bar for bar in rectangles(ax) if bar.get_x() > 0.5]
    for bars in (left, right):
        assert sum(bar.get_height() for bar in bars) == pytest.approx(1)
        assert len(bars) <= 12
        # They do not overlap, from above to below.
        for upper, lower in pairwise(bars):
            assert upper.get_y() > lower.get_y() + lower.get_height()
    percent = f"{100 * moved:.1f} %" if 0 < moved < 0.9995 else f"{100 * moved:.0f} %"
    (line,) = [text for text in texts_of(ax) if "of all positions move" in text]
    assert line.startswith(f"{percent} of all positions move")
    if moved:
        before, after = (shares_of(table) if len(table) else {None: 1.0} for table in (old, new))
        gains = [share - before.get(name, 0) for name, share in after.items()]
        least = sum(gain for gain in gains if gain > 0)
        text = f"{100 * least:.1f} %" if least < 0.9995 else "100 %"
        assert line.endswith(f"; the least for these shares is {text}")
        # In a ring one change moves nothing but what it has to.
        assert moved == pytest.approx(least) or name == "two at once"
    drawn_well(ax, tmp_path)


def test_small_changes_are_drawn_together() -> None:
    ax = plot.movement(*CHANGES["add to hundred"])
    assert any(text.startswith("100 other nodes  100 %") for text in texts_of(ax))
    new = shares_of(CHANGES["add to hundred"][1])["new"]
    assert f"new  {100 * new:.1f} %  (+{100 * new:.1f})" in texts_of(ax)


def test_layouts_that_move_too_much_say_so() -> None:
    old = Table([f"s{number}:1" for number in range(5)], layout="libmemcached-modula")
    new = Table([f"s{number}:1" for number in range(4)], layout="libmemcached-modula")
    ax = plot.movement(old, new, keys=KEYS)
    pairs = list(zip(old.owner_many(KEYS), new.owner_many(KEYS), strict=True))
    moved = sum(source != target for source, target in pairs) / len(KEYS)
    (line,) = [text for text in texts_of(ax) if "of 5,000 keys move" in text]
    assert line.startswith(f"{100 * moved:.1f} %")
    gain = sum(
        max(
            0,
            sum(target == name for _, target in pairs) - sum(source == name for source, _ in pairs),
        )
        for name in new
    )
    assert line.endswith(f"the least for these shares is {100 * gain / len(KEYS):.1f} %")
    # Tables whose positions are not the same are compared by keys.
    other = plot.movement(Table(["a", "b"]), Table(["a", "b"], layout="jump-v1"))
    assert any("of 200,000 sample keys move" in text for text in texts_of(other))


def test_axes_of_ones_own(tmp_path: Path) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(14, 5), layout="constrained")
    assert plot.balance(TABLES["three"], ax=axes[0]) is axes[0]
    assert plot.movement(*CHANGES["add"], ax=axes[1], title="One more") is axes[1]
    assert plt.get_fignums() == [figure.number]
    for ax in axes:
        drawn_well(ax, tmp_path)


def test_what_cannot_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    for table in (Table([]), Table({"a": 0})):
        with pytest.raises(RingwayError, match="nobody owns anything in this table"):
            plot.balance(table)
        with pytest.raises(RingwayError, match="nobody owns anything in these tables"):
            plot.movement(table, table)
    for module in ("matplotlib", "matplotlib.pyplot"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        plot.balance(TABLES["three"])
