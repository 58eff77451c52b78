"""Pictures of tables with matplotlib, which is imported when one is drawn.

    from ringway import plot

    plot.balance(table)           # each node's share beside its ideal
    plot.movement(old, new)       # what goes from where to where

Each draws on ax, or on a figure of its own, and returns the Axes: ax.figure.savefig("x.png").
Colours are those of Okabe and Ito, which colour-blind people tell apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from ringway import RingwayError, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

__all__ = ["balance", "movement"]

_Name: TypeAlias = str | bytes | None
_Key: TypeAlias = str | bytes | bytearray | memoryview

_BLUE: Final = "#0072B2"
_ORANGE: Final = "#D55E00"
_DARK: Final = "#222222"
_GREY: Final = "#767676"
_PALE: Final = "#D9D9D9"
# One for each zone, or each node of a movement; further ones begin again.
_COLOURS: Final = (_BLUE, "#E69F00", "#009E73", "#CC79A7", "#56B4E9", _ORANGE, "#999999", "#F0E442")
_DASHES: Final = (0, (5, 3))
_POSITIONS: Final = 2**32
# Names stand beside so many bars; more are thin, and the first and the last are named.
_NAMED_MAX: Final = 40
# So many rows a movement has; of more nodes, those that change least are one row.
_NODES_MAX: Final = 12
# In shares: the width of a bar, the gap between two, the room of a line of text.
_BAR_WIDTH: Final = 0.03
_GAP: Final = 0.035
_ROW_MIN: Final = 0.045
# A gain that would show as 0.0 is not written.
_GAIN_MIN: Final = 0.0005
_NAME_MAX: Final = 28
# How many keys stand for all where a layout has no positions that can be measured.
_SAMPLE: Final = 200_000


def balance(
    table: Table,
    *,
    keys: Iterable[_Key] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw each node's share of the keys as a bar, the fullest first, beside its ideal.

    Shares are those of all positions, exactly; with keys, or in a layout without positions
    (there 200,000 keys "key:0" and on are taken), those of the keys. A tick on each bar
    is the share that the node's weight asks for. Where there are zones, colours tell them apart.

    Raises RingwayError if nobody owns anything, ImportError if matplotlib is not installed.
    """
    shares, measured = _shares(table, keys)
    weights = _weights(table)
    total = sum(weights.values())
    rows = [
        _Bar(name, shares.get(name, 0.0), weight / total, zone)
        for (name, weight), zone in zip(weights.items(), _zones(table), strict=True)
        if weight or shares.get(name)
    ]
    rows.sort(key=lambda row: (-row.share, str(row.name)))
    is_weighted = len({row.ideal for row in rows}) > 1
    zones = list(dict.fromkeys(row.zone for row in sorted(rows, key=lambda row: str(row.zone))))
    if len(zones) > len(_COLOURS):
        # More than colours can tell apart.
        zones = [None]
    colour_of = dict(zip(zones, _COLOURS, strict=False))
    colours = [colour_of.get(row.zone, _BLUE) for row in rows]
    if len(rows) > _NAMED_MAX:
        ax = _axes(ax, (9.5, 4.8))
        _draw_skyline(ax, rows, colours, measured, is_weighted=is_weighted)
    else:
        ax = _axes(ax, (8.5, max(2.3 + 0.3 * len(rows), 3.3)))
        _draw_bars(ax, rows, colours, measured, is_weighted=is_weighted)
    ratios = [row.share / row.ideal for row in rows if row.ideal]
    text = f"fullest {max(ratios):.2f} × its ideal, emptiest {min(ratios):.2f} ×"
    nodes = "1 node" if len(rows) == 1 else f"{len(rows)} nodes"
    _title(ax, title or f"Balance of {nodes}", f"{table.layout}: {text}")
    _legend(ax, zones, colour_of, is_weighted=is_weighted and len(rows) <= _NAMED_MAX)
    return ax


def movement(
    old: Table,
    new: Table,
    *,
    keys: Iterable[_Key] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw what changes owner from one table to another: ribbons from old owners to new.

    The height of a node is its share of all positions, or of keys if they are given; keys are
    needed where the tables give a key different positions, or none, and 200,000 are taken
    unless told. What stays is pale, what moves has the colour of where it goes. The line under the
    title says how much moves and the least that any mapping has to move between such shares.

    Raises RingwayError if nobody owns anything, ImportError if matplotlib is not installed.
    """
    flows, measured = _flows(old, new, keys)
    if not flows:
        msg = "nobody owns anything in these tables: no movement to draw"
        raise RingwayError(msg)
    order = list(dict.fromkeys([*_names(old), *_names(new)]))
    moved = sum(share for (source, target), share in flows.items() if source != target)
    least = _least(flows)
    streams, texts = _gathered(flows, order)
    width = 6.0 + 0.17 * max(map(len, texts))
    ax = _axes(ax, (min(max(width, 8.0), 12.0), min(max(3.4, 0.5 * len(texts) + 1.6), 8.0)))
    _draw_streams(ax, streams, texts)
    text = f"{_percent(moved)} of {measured} move"
    if moved:
        text += f"; the least for these shares is {_percent(least)}"
    _title(ax, title or "What moves", text)
    return ax


class _Bar(NamedTuple):
    name: _Name
    share: float
    ideal: float
    zone: _Name


def _shares(table: Table, keys: Iterable[_Key] | None) -> tuple[dict[_Name, float], str]:
    """Each node's share, and of what."""
    empty = _nobody(table)
    flows, measured = (
        _flows(empty, table, keys) if empty is not None else _counted(None, table, keys)
    )
    shares: dict[_Name, float] = {
        target: share for (_, target), share in flows.items() if target is not None
    }
    if not shares:
        msg = "nobody owns anything in this table: no balance to draw"
        raise RingwayError(msg)
    return shares, measured


def _nobody(table: Table) -> Table | None:
    """A table with the same positions that nobody owns, if there can be one."""
    try:
        return Table([], layout=table.layout, **table.options)
    except (RingwayError, TypeError):
        # Options that name nodes, or that are not shown.
        return None


def _flows(
    old: Table, new: Table, keys: Iterable[_Key] | None
) -> tuple[dict[tuple[_Name, _Name], float], str]:
    """The share that each pair of old and new owner has, and of what."""
    if keys is not None:
        return _counted(old, new, keys)
    try:
        ranges = list(old.moved(new))
        stays = _owned(new)
    except RingwayError:
        return _counted(old, new, None)
    flows: dict[tuple[_Name, _Name], int] = {}
    for low, high, source, target in ranges:
        flows[source, target] = flows.get((source, target), 0) + high - low + 1
    for (_, target), count in list(flows.items()):
        stays[target] = stays.get(target, 0) - count
    flows |= {(name, name): count for name, count in stays.items() if count > 0}
    return {pair: count / _POSITIONS for pair, count in flows.items() if count}, "all positions"


def _owned(table: Table) -> dict[_Name, int]:
    """How many positions each node owns."""
    owned: dict[_Name, int] = {}
    nobody = _nobody(table)
    if nobody is None:
        msg = "its positions cannot be measured"
        raise RingwayError(msg)
    for low, high, _, name in nobody.moved(table):
        owned[name] = owned.get(name, 0) + high - low + 1
    return owned


def _counted(
    old: Table | None, new: Table, keys: Iterable[_Key] | None
) -> tuple[dict[tuple[_Name, _Name], float], str]:
    """The same of keys; those of nobody in both tables do not count."""
    if keys is None:
        number = new.layout in {"jump", "guava"}
        asked: list[Any] = [str(i) if number else f"key:{i}" for i in range(_SAMPLE)]
        measured = f"{_SAMPLE:,} sample keys"
    else:
        asked = list(keys)
        measured = f"{len(asked):,} keys"
    before: Sequence[_Name] = old.owner_many(asked) if old is not None else [None] * len(asked)
    counts: dict[tuple[_Name, _Name], int] = {}
    for pair in zip(before, new.owner_many(asked), strict=True):
        counts[pair] = counts.get(pair, 0) + 1
    counts.pop((None, None), None)
    total = sum(counts.values())
    return {pair: count / total for pair, count in counts.items()}, measured


def _least(flows: dict[tuple[_Name, _Name], float]) -> float:
    """The least that has to move: what new owners have more than before."""
    more: dict[_Name, float] = {}
    for (source, target), share in flows.items():
        more[source] = more.get(source, 0.0) - share
        more[target] = more.get(target, 0.0) + share
    return sum(share for share in more.values() if share > 0)


def _weights(table: Table) -> dict[_Name, float]:
    unweighted = table.layout in {"pymemcache", "libmemcached-modula", "spymemcached-modulo"}
    unweighted |= table.layout in {"redis-cluster", "groupcache", "stathat", "cassandra-token"}
    return {
        node.name: 0.0 if node.state == "drain" else 1.0 if unweighted else float(node.weight)
        for node in table.nodes
    }


def _zones(table: Table) -> list[_Name]:
    return [node.zone for node in table.nodes]


def _names(table: Table) -> list[_Name]:
    return [node.name for node in table.nodes]


def _axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    if ax is not None:
        return ax
    figure, made = _matplotlib("pyplot").subplots(figsize=size, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.16, h_pad=0.14)
    return made  # type: ignore[no-any-return]


def _matplotlib(module: str) -> Any:
    import importlib  # noqa: PLC0415 - only pictures need it

    try:
        return importlib.import_module(f"matplotlib.{module}")
    except ImportError as error:
        msg = "ringway.plot draws with matplotlib: pip install matplotlib"
        raise ImportError(msg) from error


def _title(ax: Axes, title: str, text: str) -> None:
    ax.set_title(title, loc="left", fontsize=14, fontweight="bold", color=_DARK, pad=28)
    # In points, as figures have many heights.
    ax.annotate(
        text,
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 10),
        textcoords="offset points",
        va="bottom",
        fontsize=10,
        color=_GREY,
    )


def _shown(name: _Name) -> str:
    """A name for people: what is too long loses its middle, where names differ least."""
    if name is None:
        return "nobody"
    text = name if isinstance(name, str) else repr(name)
    # A dollar sign would begin a formula.
    text = text.replace("$", r"\$")
    half = (_NAME_MAX - 1) // 2
    return text if len(text) <= _NAME_MAX else f"{text[:half]}…{text[-half:]}"


def _percent(share: float) -> str:
    number = 100 * share
    return f"{number:.0f} %" if number >= 99.95 or number == 0 else f"{number:.1f} %"  # noqa: PLR2004


def _draw_bars(
    ax: Axes, rows: list[_Bar], colours: list[str], measured: str, *, is_weighted: bool
) -> None:
    """A bar for each node, with its name at the left and its share at the right."""
    ax.barh(range(len(rows)), [100 * row.share for row in rows], color=colours, height=0.72)
    if is_weighted:
        low, high = ([place + side for place in range(len(rows))] for side in (-0.42, 0.42))
        ax.vlines([100 * row.ideal for row in rows], low, high, color=_DARK, linewidth=2)
    else:
        ax.axvline(100 * rows[0].ideal, color=_DARK, linewidth=1.5, linestyle=_DASHES)
    for place, row in enumerate(rows):
        over = f"  {row.share / row.ideal:.2f} ×" if row.ideal else ""
        ax.annotate(
            f"{_percent(row.share)}{over}",
            (100 * max(row.share, row.ideal), place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=_DARK,
        )
    ax.set_yticks(range(len(rows)), [_shown(row.name) for row in rows])
    ax.set_xlim(0, 118 * max(max(row.share, row.ideal) for row in rows))
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlabel(f"share of {measured} (%)", color=_GREY)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_color(_PALE)
    ax.tick_params(axis="x", colors=_GREY)
    ax.tick_params(axis="y", length=0, labelcolor=_DARK)


def _draw_skyline(
    ax: Axes, rows: list[_Bar], colours: list[str], measured: str, *, is_weighted: bool
) -> None:
    """Thin bars side by side, of which only the first and the last are named."""
    ax.bar(range(len(rows)), [100 * row.share for row in rows], color=colours, width=0.86)
    if is_weighted:
        left, right = ([place + side for place in range(len(rows))] for side in (-0.5, 0.5))
        ax.hlines([100 * row.ideal for row in rows], left, right, color=_DARK, linewidth=1.5)
    else:
        ax.axhline(100 * rows[0].ideal, color=_DARK, linewidth=1.5, linestyle=_DASHES)
    top = 100 * max(max(row.share, row.ideal) for row in rows)
    for place, side in ((0, "left"), (len(rows) - 1, "right")):
        row = rows[place]
        over = f" ({row.share / row.ideal:.2f} ×)" if row.ideal else ""
        ax.annotate(
            f"{_shown(row.name)}  {100 * row.share:.2f} %{over}",
            (place - 0.5 if side == "left" else place + 0.5, 100 * max(row.share, row.ideal)),
            xytext=(0, 4),
            textcoords="offset points",
            ha=side,
            va="bottom",
            fontsize=9,
            color=_DARK,
        )
    ax.set_xlim(-0.8, len(rows) - 0.2)
    ax.set_ylim(0, 1.1 * top)
    ax.set_xticks([])
    ax.set_xlabel(f"{len(rows)} nodes, the fullest first", color=_GREY)
    ax.set_ylabel(f"share of {measured} (%)", color=_GREY)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_color(_PALE)
    ax.tick_params(axis="y", colors=_GREY)


def _legend(
    ax: Axes, zones: list[_Name], colour_of: dict[_Name, str], *, is_weighted: bool
) -> None:
    """What marks the ideal, and the zones' colours: below the axis, a distance in points."""
    lines, patches = _matplotlib("lines"), _matplotlib("patches")
    if is_weighted:
        mark = lines.Line2D([], [], color=_DARK, linestyle="", marker="|", ms=11, mew=2)
    else:
        mark = lines.Line2D([], [], color=_DARK, linewidth=1.5, linestyle=_DASHES)
    handles, labels = [mark], ["ideal, by weight" if is_weighted else "ideal"]
    if zones != [None]:
        handles += [patches.Patch(color=colour_of[zone]) for zone in zones]
        labels += [_zone_text(zone) for zone in zones]
    transforms = _matplotlib("transforms")
    points = 40 if len(ax.get_xticks()) else 24
    down = transforms.ScaledTranslation(0, -points / 72, ax.figure.dpi_scale_trans)
    ax.legend(
        handles,
        labels,
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=ax.transAxes + down,
        ncols=4,
        frameon=False,
    )


def _zone_text(zone: _Name) -> str:
    if zone is None:
        return "no zone"
    text = _shown(zone)
    return text if text.startswith("zone") else f"zone {text}"


class _Stream(NamedTuple):
    source: int
    target: int
    share: float
    moves: bool


def _gathered(
    flows: dict[tuple[_Name, _Name], float], order: list[_Name]
) -> tuple[list[_Stream], list[str]]:
    """The flows between few nodes, and their names: those that change least are one."""
    change: dict[_Name, float] = {}
    for (source, target), share in flows.items():
        change[source] = change.get(source, 0.0) - share
        change[target] = change.get(target, 0.0) + share
    involved = [name for name in [*order, None] if name in change]
    kept = set(involved)
    if len(involved) > _NODES_MAX:
        # Those that change much less than the others are no news.
        most = max(map(abs, change.values()))
        kept = {name for name in involved if name is None or abs(change[name]) > most / 4}
        by_change = sorted(kept, key=lambda name: (name is not None, -abs(change[name])))
        kept = set(by_change[: _NODES_MAX - 1])
    rows = [name for name in involved if name in kept]
    texts = [_shown(name) for name in rows]
    if len(kept) < len(involved):
        texts.append(f"{len(involved) - len(kept)} other nodes")
    place_of = {name: place for place, name in enumerate(rows)}
    shares: dict[tuple[int, int, bool], float] = {}
    for (source, target), share in flows.items():
        pair = place_of.get(source, len(rows)), place_of.get(target, len(rows))
        moves = source != target
        shares[*pair, moves] = shares.get((*pair, moves), 0.0) + share
    return [_Stream(a, b, share, moves) for (a, b, moves), share in sorted(shares.items())], texts


def _draw_streams(ax: Axes, streams: list[_Stream], texts: list[str]) -> None:
    """Bars of old owners at the left, of new ones at the right, ribbons between."""
    patches = _matplotlib("patches")
    sums = [[0.0] * len(texts), [0.0] * len(texts)]
    for stream in streams:
        sums[0][stream.source] += stream.share
        sums[1][stream.target] += stream.share
    gains = [place for place in range(len(texts)) if sums[1][place] > sums[0][place]]
    gains += sorted({stream.target for stream in streams if stream.moves} - set(gains))
    colour_of = {place: _COLOURS[turn % len(_COLOURS)] for turn, place in enumerate(gains)}
    tops = [_tops(side) for side in sums]
    for side, x in enumerate((0.0, 1.0 - _BAR_WIDTH)):
        for place, share in enumerate(sums[side]):
            if not share:
                continue
            top = tops[side][place]
            colour = colour_of.get(place, _GREY) if side else _GREY
            ax.add_patch(
                patches.Rectangle((x, top - share), _BAR_WIDTH, share, color=colour, linewidth=0)
            )
            text = f"{texts[place]}  {_percent(share)}"
            gain = sums[1][place] - sums[0][place]
            if side and abs(gain) >= _GAIN_MIN:
                text += f"  ({100 * gain:+.1f})".replace("-", "\N{MINUS SIGN}")
            ax.text(
                x - 0.015 if side == 0 else 1.015,
                top - share / 2,
                text,
                ha="left" if side else "right",
                va="center",
                fontsize=10,
                color=_DARK,
            )
    # What stays is drawn first, so that what moves lies above it.
    left, right = list(tops[0]), list(tops[1])
    ribbons = []
    for stream in streams:
        ends = left[stream.source], right[stream.target]
        left[stream.source] -= stream.share
        right[stream.target] -= stream.share
        ribbons.append((stream, ends))
    for stream, (start, end) in sorted(ribbons, key=lambda ribbon: ribbon[0].moves):
        colour = colour_of[stream.target] if stream.moves else _PALE
        ribbon = patches.PathPatch(
            _ribbon(start, end, stream.share),
            facecolor=colour,
            edgecolor=colour,
            linewidth=0.6,
            alpha=0.75 if stream.moves else 0.6,
        )
        ax.add_patch(ribbon)
    highest = max(max(side, default=0.0) for side in tops)
    lowest = min(
        top - share
        for side, shares in zip(tops, sums, strict=True)
        for top, share in zip(side, shares, strict=True)
        if share
    )
    ax.set_xlim(0, 1)
    ax.set_ylim(lowest - 0.02, highest + 0.02)
    ax.set_axis_off()
    for x, text, side_of in (
        (0.0, "before", "left"),
        (1.0, "after, and the change in points", "right"),
    ):
        ax.text(x, lowest - 0.03, text, ha=side_of, va="top", fontsize=10, color=_GREY)


def _tops(shares: list[float]) -> list[float]:
    """The upper end of each bar, downwards from 0, with room for a line of text each."""
    room = [max(share, _ROW_MIN) if share else 0.0 for share in shares]
    free = sum(room) + _GAP * (sum(1 for share in shares if share) - 1)
    at, tops = free / 2, []
    for share, its in zip(shares, room, strict=True):
        tops.append(at - (its - share) / 2)
        at -= its + _GAP if share else 0.0
    return tops


def _ribbon(start: float, end: float, share: float) -> Any:
    """The outline of a ribbon between two bars, whose upper ends are given."""
    path = _matplotlib("path").Path
    x, far = _BAR_WIDTH, 1.0 - _BAR_WIDTH
    points = [(x, start), (0.5, start), (0.5, end), (far, end)]
    points += [(far, end - share), (0.5, end - share), (0.5, start - share), (x, start - share)]
    curve = [path.CURVE4] * 3
    codes = [path.MOVETO, *curve, path.LINETO, *curve, path.CLOSEPOLY]
    return path([*points, points[0]], codes)
