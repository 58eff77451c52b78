"""Draws the records as SVG. Standard library only: three pictures need no plotting package.

Colours are Okabe and Ito's, which people with any colour vision tell apart; lines are named at their
ends, so that nothing depends on colour alone.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable
from typing import Protocol

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY, BLACK = (
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8a8a8a", "#222222",
)  # fmt: skip
WIDTH = 900
LABEL_PX = 17


class Record(Protocol):
    def get(self, what: str, nodes: int, unit: str) -> float | None: ...
    def line(self, what: str, unit: str) -> list[tuple[int, float]]: ...
    def full(self, start: str) -> str: ...
    def caption(self) -> str: ...


class Picture:
    """A white sheet with a title that says what was found, and a caption that says where."""

    def __init__(self, height: int, title: str, subtitle: str, caption: str) -> None:
        self.height = height
        self.parts: list[str] = []
        self.text(24, 34, title, size=19, weight="bold")
        self.text(24, 57, subtitle, size=13, colour="#555555")
        self.text(24, height - 14, caption, size=11, colour="#777777")
        self.title = title

    def text(
        self, x: float, y: float, text: str, *, size: int = 13, colour: str = BLACK, anchor: str = "start", weight: str = "normal"
    ) -> None:
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}" '
            f'font-weight="{weight}">{html.escape(text)}</text>'
        )

    def line(self, points: Iterable[tuple[float, float]], colour: str, width: float = 1, dash: str = "") -> None:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"{dashes}/>'
        )

    def dot(self, x: float, y: float, colour: str, radius: float, *, hollow: bool = False) -> None:
        fill = "#ffffff" if hollow else colour
        self.parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{fill}" stroke="{colour}" stroke-width="1.6"/>'
        )

    def svg(self) -> str:
        body = "\n".join(self.parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height}" width="{WIDTH}" '
            f'height="{self.height}" role="img" aria-label="{html.escape(self.title)}" '
            "font-family=\"system-ui, 'DejaVu Sans', Helvetica, Arial, sans-serif\">\n"
            f'<rect width="{WIDTH}" height="{self.height}" fill="#ffffff"/>\n{body}\n</svg>\n'
        )


def scale(low: float, high: float, start: float, end: float, *, log: bool) -> Callable[[float], float]:
    """Where a value stands between two pixels."""
    change = math.log10 if log else float
    low, high = change(low), change(high)
    return lambda value: start + (change(value) - low) / (high - low) * (end - start)


def spread(wanted: list[float], distance: float, low: float, high: float) -> list[float]:
    """Places near the wanted ones, in their order, with that distance between them."""
    order = sorted(range(len(wanted)), key=lambda at: wanted[at])
    places = {at: min(max(wanted[at], low), high) for at in order}
    for _ in range(200):
        for above, below in zip(order, order[1:], strict=False):
            lacks = distance - (places[below] - places[above])
            if lacks > 0:
                places[above] -= lacks / 2
                places[below] += lacks / 2
        for at in order:
            places[at] = min(max(places[at], low), high)
    return [places[at] for at in range(len(wanted))]


Series = tuple[str, list[tuple[int, float]], str, float, str]


def lines(
    picture: Picture, series: list[Series], y: Callable[[float], float], ticks: list[tuple[float, str]], *, sizes: list[int], unit: str
) -> None:
    """Figures by number of nodes; each line is named at its end, or where it ends early."""
    left, right, top, bottom = 64.0, WIDTH - 274.0, 92.0, picture.height - 74.0
    x = scale(sizes[0], sizes[-1], left, right, log=True)
    for value, name in ticks:
        picture.line([(left, y(value)), (right, y(value))], "#e4e4e4")
        picture.text(left - 8, y(value) + 4, name, size=12, colour="#555555", anchor="end")
    for size in sizes:
        picture.line([(x(size), bottom), (x(size), bottom + 5)], "#999999")
        picture.text(x(size), bottom + 20, f"{size:,}", size=12, colour="#555555", anchor="middle")
    picture.text((left + right) / 2, bottom + 38, "nodes", size=12, colour="#555555", anchor="middle")
    picture.text(24, top - 12, unit, size=12, colour="#555555")
    series = [one for one in series if one[1]]
    places = spread([y(points[-1][1]) for _, points, *_ in series], LABEL_PX, top, bottom)
    for (name, points, colour, width, dash), place in zip(series, places, strict=True):
        path = [(x(nodes), y(figure)) for nodes, figure in points]
        picture.line(path, colour, width, dash)
        for at in path:
            picture.dot(*at, colour, 2.2 + width / 3)
        end = path[-1]
        picture.line([(end[0] + 6, end[1]), (right + 14, place)], colour, 0.8, "2 2")
        bold = "bold" if width > 2.5 else "normal"
        picture.line([(right + 14, place), (right + 30, place)], colour, width, dash)
        picture.text(right + 36, place + 4, name, size=12, weight=bold)


def lookup(data: Record) -> str:
    unit = "ns/lookup"
    own, rival = "ringway ringway-v1", data.full("pingora-ketama")
    ratios = [figure / (data.get(own, nodes, unit) or math.inf) for nodes, figure in data.line(rival, unit)]
    ours = [figure for _, figure in data.line(own, unit)]
    picture = Picture(
        560,
        f"A lookup takes {min(ours):.1f} to {max(ours):.0f} ns: {min(ratios):.1f} to {max(ratios):.1f} times less than the next ring",
        "Nanoseconds for a 16-byte key, one thread, all in one run; rings have 160 points a node; both axes logarithmic",
        data.caption(),
    )
    chosen = [
        ("conhash", PURPLE, 1.6, ""),
        ("hashring", ORANGE, 1.6, ""),
        ("consistent_hash", RED, 1.6, ""),
        ("pingora-ketama", BLACK, 1.6, ""),
        ("jumphash", GREEN, 1.6, "7 3"),
        ("maglev-hash", SKY, 1.6, "7 3"),
        ("anchorhash", PURPLE, 1.6, "7 3"),
        ("ringway jump-v1", BLUE, 1.8, "7 3"),
        ("ringway maglev-v1", BLUE, 1.8, "2 3"),
        ("ringway ringway-v1", BLUE, 3.2, ""),
        ("hash alone", GREY, 1.4, "2 3"),
    ]
    series = []
    for start, colour, width, dash in chosen:
        name = data.full(start)
        points = data.line(name, unit)
        shown = name.replace("ringway ", "Ringway ", 1)
        series.append((f"{shown}: {points[-1][1]:,.{0 if points[-1][1] >= 10 else 1}f} ns" if points else shown, points, colour, width, dash))
    highest = max(figure for _, points, *_ in series for _, figure in points)
    y = scale(1, max(2_000, highest), picture.height - 74.0, 92.0, log=True)
    ticks = [(float(value), f"{value:,}") for value in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000) if value <= max(2_000, highest)]
    lines(picture, series, y, ticks, sizes=[10, 100, 1_000, 10_000], unit="ns")
    return picture.svg()


def balance(data: Record) -> str:
    unit = "fullest/mean"
    balanced = max(figure for _, figure in data.line("balanced-v1", unit))
    ring = max(figure for _, figure in data.line("ringway-v1", unit))
    picture = Picture(
        500,
        f"balanced-v1 gives no node more than {100 * (balanced - 1):.0f} % above its share, a ring up to {100 * (ring - 1):.0f} %",
        "What the fullest node has, times the mean; equal weights, defaults; modulo hashing shows what chance alone does",
        data.caption(),
    )
    chosen = [
        ("ringway-v1", BLUE, 3.2, ""),
        ("ringway-keyed-v1", SKY, 1.6, ""),
        ("maglev-v1", RED, 1.6, ""),
        ("balanced-v1", GREEN, 3.2, ""),
        ("rendezvous-v1", PURPLE, 1.6, "7 3"),
        ("jump-v1", ORANGE, 1.6, "7 3"),
        ("modulo", GREY, 1.6, "2 3"),
    ]
    series: list[Series] = []
    for name, colour, width, dash in chosen:
        points = data.line(name, unit)
        series.append((f"{name}: {points[-1][1]:.2f}" if points else name, points, colour, width, dash))
    highest = max(figure for _, points, *_ in series for _, figure in points)
    steps = math.ceil((highest - 1) / 0.05) + 1
    y = scale(1, 1 + steps * 0.05, picture.height - 74.0, 92.0, log=False)
    ticks = [(1 + at * 0.05, f"{1 + at * 0.05:.2f}") for at in range(0, steps + 1)]
    lines(picture, series, y, ticks, sizes=[3, 10, 100, 1_000], unit="fullest node by mean")
    return picture.svg()


def movement(data: Record) -> str:
    names = ["ringway-v1", "jump-v1", "rendezvous-v1", "balanced-v1", "maglev-v1", "modulo"]
    sizes = [(10, SKY), (100, BLUE), (1_000, BLACK)]
    unit = "moved/least on {}"
    worst = max(data.get("modulo", size, unit.format("add")) or 0 for size, _ in sizes)
    picture = Picture(
        430,
        f"A ring moves only what it must; modulo hashing up to {worst:,.0f} times as much",
        "Keys that change owner when one node is added (full) or removed (hollow), by the least possible; logarithmic",
        data.caption(),
    )
    left, right, top, bottom = 150.0, WIDTH - 268.0, 118.0, picture.height - 74.0
    x = scale(0.9, max(1_200, worst * 1.1), left, right, log=True)
    for value in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000):
        picture.line([(x(value), top - 14), (x(value), bottom)], "#bbbbbb" if value == 1 else "#e8e8e8")
        picture.text(x(value), bottom + 18, f"{value:,}×", size=12, colour="#555555", anchor="middle")
    picture.text((left + right) / 2, bottom + 38, "times the least possible", size=12, colour="#555555", anchor="middle")
    step = (bottom - top) / len(names)
    picture.text(right + 24, top - 22, "% of keys moved when one is added to", size=11, colour="#555555")
    columns = [right + 70, right + 142, right + 222]
    for (size, colour), column in zip(sizes, columns, strict=True):
        picture.dot(column - 44, top - 8, colour, 4.5)
        picture.text(column, top - 4, f"{size:,}", size=12, anchor="end")
    for row, name in enumerate(names):
        middle = top + step * (row + 0.5)
        picture.line([(left, middle + step / 2), (WIDTH - 24, middle + step / 2)], "#efefef")
        picture.text(left - 14, middle + 4, name, anchor="end", weight="bold" if name in ("ringway-v1", "balanced-v1") else "normal")
        for (size, colour), column, shift in zip(sizes, columns, (-10, 0, 10), strict=True):
            for what in ("remove", "add"):
                times = data.get(name, size, unit.format(what))
                if times is not None:
                    picture.dot(x(times), middle + shift, colour, 4.5 if what == "add" else 6.5, hollow=what == "remove")
            share = data.get(name, size, "moved on add %")
            if share is not None:
                picture.text(column, middle + 4, f"{share:.{1 if share >= 10 else 2}f} %", size=12, anchor="end")
    return picture.svg()
