"""What the newest records say: the charts, and the tables of docs/BENCHMARKS.md.

    python3 benches/report.py            draws results/*.svg, prints the tables and writes them into the document
    python3 benches/report.py --check    only asserts that the document's tables are those of the records

Each table stands between `<!-- table: NAME -->` and `<!-- end -->`. Standard library only.
"""

from __future__ import annotations

import csv
import pathlib
import re
import sys
from typing import NamedTuple

import charts
import record

HERE = pathlib.Path(__file__).resolve().parent
DOCUMENT = HERE.parent / "docs" / "BENCHMARKS.md"
SIZES = (10, 100, 1_000, 10_000)


class Record(NamedTuple):
    """The newest record of one question."""

    date: str
    cpu: str
    commit: str
    figures: dict[tuple[str, int, str], float]

    def get(self, what: str, nodes: int, unit: str) -> float | None:
        return self.figures.get((what, nodes, unit))

    def line(self, what: str, unit: str) -> list[tuple[int, float]]:
        """The figures by number of nodes."""
        return sorted((nodes, figure) for (w, nodes, u), figure in self.figures.items() if (w, u) == (what, unit))

    def names(self, unit: str) -> list[str]:
        """What has that unit, in the order of the record."""
        return list(dict.fromkeys(what for what, _, u in self.figures if u == unit))

    def full(self, start: str) -> str:
        """The name that begins so: a crate's with its version."""
        names = dict.fromkeys(what for what, _, _ in self.figures)
        return next((name for name in names if name == start or name.startswith(start + " ")), start)

    def caption(self) -> str:
        return f"{self.cpu} · {self.date} · commit {self.commit}"


def newest(question: str) -> Record | None:
    """The last record of a question, by its date; None if it was never recorded."""
    paths = sorted(record.folder().glob(f"????-??-??-*-{question}.csv"))
    paths = [path for path in paths if re.search(rf"-x\d+-{question}\.csv$", path.name)]
    if not paths:
        print(f"no record of {question} in {record.folder()}; make bench writes it", file=sys.stderr)
        return None
    rows = list(csv.DictReader(paths[-1].open()))
    figures = {(row["what"], int(row["nodes"] or 0), row["unit"]): float(row["figure"]) for row in rows}
    return Record(rows[0]["date"], rows[0]["cpu"], rows[0]["commit"], figures)


def digits(figure: float | None) -> str:
    """Three digits, as a person would write them."""
    if figure is None:
        return "–"
    if figure == 0:
        return "0"
    if figure >= 100:
        return f"{figure:,.0f}"
    if figure < 0.001:
        return "<0.001"
    return f"{figure:.1f}" if figure >= 10 else f"{figure:.2f}" if figure >= 0.01 else f"{figure:.3f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown that can be read as it is."""
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]

    def line(cells: list[str]) -> str:
        padded = [cell.ljust(width) if at == 0 else cell.rjust(width) for at, (cell, width) in enumerate(zip(cells, widths, strict=True))]
        return f"| {' | '.join(padded)} |"

    rule = "|" + "|".join("-" * (width + 2) if at == 0 else "-" * (width + 1) + ":" for at, width in enumerate(widths)) + "|"
    return "\n".join([line(head), rule, *map(line, rows)])


def by_nodes(data: Record, unit: str, names: list[str], base: str | None, sizes: tuple[int, ...] = SIZES) -> str:
    """A row for each name and a column for each size; behind a figure, how many times that of `base` it is."""
    head = ["", *(f"{size:,} nodes" for size in sizes)]

    def cell(name: str, size: int) -> str:
        figure, of_base = data.get(name, size, unit), base and data.get(base, size, unit)
        if figure is None or not of_base or name == base:
            return digits(figure)
        return f"{digits(figure)} ({digits(figure / of_base)}×)"

    own = [name for name in names if name == base]
    return table(head, [[f"**{name}**" if name in own else name, *(cell(name, size) for size in sizes)] for name in names])


def rivals(data: Record) -> str:
    return by_nodes(data, "ns/lookup", data.names("ns/lookup"), "ringway ringway-v1")


def deployed(data: Record) -> str:
    first = ["nginx", "pingora-ketama 0.9.1"]
    names = first + [name for name in data.names("ns/lookup") if name not in first]
    return by_nodes(data, "ns/lookup", names, "nginx")


def replicas(data: Record) -> str:
    names = [name for name in data.names("ns/lookup") if name.endswith(" k=3")]
    return by_nodes(data, "ns/lookup", names, "ringway ringway-v1 k=3")


def construction(data: Record) -> str:
    return by_nodes(data, "ms/build", data.names("ms/build"), "ringway ringway-v1")


def memory(data: Record) -> str:
    return by_nodes(data, "bytes/node", data.names("bytes/node"), None)


def change(data: Record) -> str:
    rows = []
    for nodes, whole in data.line("rebuild", "us"):
        if nodes in SIZES:
            cells = []
            for what in ("add", "remove", "reweight"):
                figure = data.get(what, nodes, "us")
                cells.append(f"{digits(figure)} ({digits(figure and whole / figure)}×)")
            rows.append([f"{nodes:,} nodes", digits(whole), *cells])
    return table(["", "rebuild, µs", "add", "remove", "reweight"], rows)


def hash_table(data: Record) -> str:
    lengths = (8, 16, 32, 64, 200)
    names = list(dict.fromkeys(re.sub(r" \d+ B$", "", name) for name in data.names("ns/hash")))
    rows = [[name, *(digits(data.get(f"{name} {length} B", 0, "ns/hash")) for length in lengths)] for name in names]
    return table(["ns", *(f"{length} B" for length in lengths)], rows)


def balance(data: Record) -> str:
    sizes = (3, 10, 100, 1_000)
    rows = []
    for name in data.names("fullest/mean"):
        cells = [f"{data.get(name, size, 'fullest/mean'):.3f} ±{data.get(name, size, 'stddev/mean %'):.1f} %" for size in sizes]
        rows.append([name, *cells])
    return table(["fullest by mean, ± deviation", *(f"{size:,} nodes" for size in sizes)], rows)


def movement(data: Record) -> str:
    sizes = (10, 100, 1_000)
    head = ["moved, % of keys (× the least)", *(f"add to {size:,}" for size in sizes), *(f"remove of {size:,}" for size in sizes)]
    rows = []
    for name in data.names("fullest/mean"):
        cells = [
            f"{digits(data.get(name, size, f'moved on {what} %'))} ({digits(data.get(name, size, f'moved/least on {what}'))}×)"
            for what in ("add", "remove")
            for size in sizes
        ]
        rows.append([name, *cells])
    return table(head, rows)


def instructions(data: Record) -> str:
    names = [name for name in data.names("instructions") if name not in ("crowd", "bisect")]
    return by_nodes(data, "instructions", names, None)


def crowd(data: Record) -> str:
    rows = []
    for points, figure in data.line("crowd", "instructions"):
        bisect = data.get("bisect", points, "instructions") or 0.0
        rows.append([f"{points:,} points", digits(figure), digits(bisect), f"{figure / bisect:.2f}"])
    return table(["instructions", "ringway-v1", "binary search", "ratio"], rows)


def from_python(data: Record) -> str:
    own = "ringway from Python"
    found = by_nodes(data, "ns/lookup", data.names("ns/lookup"), own)
    if jumps := data.names("ns/bucket"):
        found += "\n\nA jump hash of an integer, one at a time, nanoseconds:\n\n"
        found += by_nodes(data, "ns/bucket", jumps, "ringway.jump")
    if imports := data.names("ms/import"):
        found += "\n\nTo build the map, and the packages themselves:\n\n"
        head = ["", *(f"{size:,} nodes, ms" for size in SIZES), "import, ms", "wheel, kB"]
        builds = [[digits(data.get(name, size, "ms/build")) for size in SIZES] for name in imports]
        packages = [[digits(data.get(name, 0, unit)) for unit in ("ms/import", "kB/wheel")] for name in imports]
        found += table(head, [[name, *a, *b] for name, a, b in zip(imports, builds, packages, strict=True)])
    return found


def from_c(data: Record) -> str:
    return by_nodes(data, "ns/lookup", data.names("ns/lookup"), "ringway from C")


def instructions_c(data: Record) -> str:
    names = data.names("instructions")
    found = []
    for question in ("key", "hash"):
        base = f"{question} in Rust"
        found.append(by_nodes(data, "instructions", [name for name in names if name.startswith(f"{question} in ")], base, SIZES[:3]))
    many = [name for name in names if name.split()[0] in ("many", "strided", "hashes")]
    return "\n\n".join([*found, by_nodes(data, "instructions", many, None, SIZES[:3])])


def sizes_c(data: Record) -> str:
    return columns(data, [("bytes", "bytes"), ("bytes of code", "of code and constants")])


def nginx_icount(data: Record) -> str:
    rows = []
    for way, name in (("kept", "connections to servers kept"), ("new", "a new connection each time")):
        cells = []
        for size in SIZES[:2]:
            own, hashed = (data.get(f"{method} {way}", size, "instructions/request") for method in ("ringway", "hash"))
            cells += [digits(own), digits(hashed), f"{own / hashed:.3f}" if own and hashed else digits(None)]
        rows.append([name, *cells])
    head = [f"{cell}, {size} servers" for size in SIZES[:2] for cell in ("`ringway`", "`hash`", "ratio")]
    return table(["", *head], rows)


def nginx(data: Record) -> str:
    units = [("requests/s best", "best requests/s"), ("requests/s median", "median"), ("us CPU/request", "CPU µs a request")]
    rows = []
    for size in SIZES[:2]:
        rows += [
            [f"`{method}`, {size} servers", *(digits(data.get(method, size, unit)) for unit, _ in units)]
            for method in ("ringway", "hash")
        ]
        ratio = data.get("ringway / hash", size, "requests/s median ratio")
        rows.append([f"ratio, {size} servers", "", digits(ratio) if ratio is None else f"{ratio:.3f}", ""])
    return table(["", *(head for _, head in units)], rows)


def columns(data: Record, units: list[tuple[str, str]], names: list[str] | None = None, nodes: int = 0) -> str:
    """A row for each name, a column for each unit with its heading."""
    names = data.names(units[0][0]) if names is None else names
    if not names:
        return "Not in this record."
    rows = [[name, *(digits(data.get(name, nodes, unit)) for unit, _ in units)] for name in names]
    return table(["", *(head for _, head in units)], rows)


def proxy(data: Record) -> str:
    heads = ("best requests/s", "median", "CPU µs a request", "p99, ms")
    return columns(data, list(zip(("requests/s best", "requests/s median", "us CPU/request", "ms p99"), heads, strict=True)))


def proxy_large(data: Record) -> str:
    units = ("requests/s best", "requests/s median", "us CPU/request", "ms p99")
    heads = ("best requests/s", "median", "CPU µs a request", "p99, ms")
    return columns(data, [(f"{unit}, 64 KiB", head) for unit, head in zip(units, heads, strict=True)])


def proxy_latency(data: Record) -> str:
    units = [unit for _, _, unit in data.figures if unit.startswith("us p")]
    return columns(data, [(unit, f"{unit[3:]}, µs") for unit in dict.fromkeys(units)] or [("us p50", "")])


def proxy_idle(data: Record) -> str:
    return columns(
        data,
        [("bytes/idle connection", "bytes a connection"), ("MiB without", "MiB without them"), ("MiB held", "MiB with them")],
    )


def proxy_icount(data: Record) -> str:
    return columns(data, [("instructions", "instructions")])


def changes_of(data: Record, units: list[tuple[str, str]]) -> str:
    nodes = max((nodes for _, nodes, unit in data.figures if unit == "ranges"), default=0)
    return columns(data, units, data.names(units[0][0]), nodes)


def moves(data: Record) -> str:
    units = [
        ("s", "s"), ("rows", "rows"), ("ranges", "ranges"), ("rows/s", "rows/s"), ("MiB/s", "MiB/s"),
        ("ms pause median", "pause, ms"), ("ms pause p99", "p99"), ("ms pause max", "max"),
    ]  # fmt: skip
    return changes_of(data, units)


def moves_clients(data: Record) -> str:
    units = [
        ("requests", "requests"), ("errors", "errors"), ("told to come again", "told to come again"),
        ("ms median", "ms median"), ("ms p99", "p99"), ("ms p99.9", "p99.9"), ("ms max", "max"),
    ]  # fmt: skip
    return changes_of(data, units)


TABLES = {
    "rivals": ("rivals", rivals),
    "deployed": ("deployed", deployed),
    "replicas": ("replicas", replicas),
    "construction": ("construction", construction),
    "memory": ("memory", memory),
    "change": ("change", change),
    "hash": ("hash", hash_table),
    "balance": ("balance", balance),
    "movement": ("balance", movement),
    "instructions": ("icount", instructions),
    "crowd": ("icount", crowd),
    "rivals-c": ("rivals-c", from_c),
    "icount-c": ("icount-c", instructions_c),
    "sizes-c": ("icount-c", sizes_c),
    "rivals-python": ("rivals-python", from_python),
    "proxy": ("proxy", proxy),
    "proxy-large": ("proxy", proxy_large),
    "proxy-latency": ("proxy", proxy_latency),
    "proxy-idle": ("proxy", proxy_idle),
    "proxy-icount": ("proxy-icount", proxy_icount),
    "nginx-icount": ("nginx-icount", nginx_icount),
    "nginx": ("nginx", nginx),
    "moves": ("moves", moves),
    "moves-clients": ("moves", moves_clients),
    "moves-large": ("moves-large", moves),
    "moves-large-clients": ("moves-large", moves_clients),
}


def written(text: str) -> tuple[str, dict[str, str]]:
    """The document with the tables of the newest records, and these tables."""
    tables: dict[str, str] = {}

    def fill(match: re.Match[str]) -> str:
        question, make = TABLES[match[1]]
        data = newest(question)
        if data is None:
            tables[match[1]] = "not measured"
            return match[0]
        tables[match[1]] = make(data)
        return f"<!-- table: {match[1]} -->\n{tables[match[1]]}\n\n{data.caption()}\n<!-- end -->"

    return re.sub(r"<!-- table: ([\w-]+) -->\n.*?<!-- end -->", fill, text, flags=re.DOTALL), tables


def main() -> None:
    before = DOCUMENT.read_text()
    after, tables = written(before)
    if missing := TABLES.keys() - tables.keys():
        sys.exit(f"{DOCUMENT} lacks the tables {', '.join(sorted(missing))}")
    if "--check" in sys.argv:
        if after != before:
            sys.exit(f"{DOCUMENT} shows other figures than the records; benches/report.py writes them")
        return
    for name, text in tables.items():
        print(f"\n{name}\n\n{text}")
    for name, question, draw in [
        ("lookup", "rivals", charts.lookup),
        ("balance", "balance", charts.balance),
        ("movement", "balance", charts.movement),
    ]:
        data = newest(question)
        if data is None:
            continue
        path = record.folder() / f"{name}.svg"
        path.write_text(draw(data))
        print(f"written: {path}", file=sys.stderr)
    if record.folder() == HERE / "results":
        DOCUMENT.write_text(after)
        print(f"written: {DOCUMENT}", file=sys.stderr)


if __name__ == "__main__":
    main()
