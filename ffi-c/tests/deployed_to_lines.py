#!/usr/bin/env python3
"""Writes the recorded answers of deployed programs as lines that C can read.

    deployed_to_lines.py SPEC_FOLDER ALL SAMPLE

ALL gets every case, SAMPLE up to three of each layout. `deployed.h` reads them: words between
single spaces, texts and keys in hexadecimal digits, `-` for an empty one.

    case NAME LAYOUT                    begins a case; the lines below are its own
    text NAME VALUE                     an option; also `integer` and `boolean`
    node NAME WEIGHT STATE              the next node
    node_text FIELD VALUE               a field of that node; also `node_integer`
    node_tokens TOKEN...                its tokens
    file TEXT                           the case as a cluster file
    key KEY INDEX                       who owns the key
    open KEY INDEX, close INDEX         requests that are in progress, and who gets them
    slot KEY NUMBER, token KEY NUMBER   values without a table
    end
"""

import sys
from pathlib import Path

STATES = {"up": 0, "down": 1, "drain": 2}
NOBODY = 0xFFFFFFFF
SAMPLE_NODES_MAX = 100


def hexed(value: str | bytes) -> str:
    return (value.encode() if isinstance(value, str) else value).hex() or "-"


def option(name: str, value: object) -> str:
    if isinstance(value, bool):
        return f"boolean {hexed(name)} {int(value)}"
    if isinstance(value, int):
        return f"integer {hexed(name)} {value}"
    assert isinstance(value, str)
    return f"text {hexed(name)} {hexed(value)}"


def node_lines(node: dict) -> list[str]:
    weight = node.get("weight", 1)
    is_whole = weight == int(weight)
    state = STATES[node.get("state", "up")]
    lines = [f"node {hexed(node['name'])} {int(weight) if is_whole else 1} {state}"]
    if not is_whole:
        lines.append(f"node_integer {hexed('weight_millionths')} {int(weight * 1_000_000)}")
    for name, value in node.items():
        if name == "tokens":
            lines.append(" ".join(["node_tokens", *map(str, value)]))
        elif name not in ("name", "weight", "state"):
            kind = "node_text" if isinstance(value, str) else "node_integer"
            lines.append(f"{kind} {hexed(name)} {hexed(value) if kind == 'node_text' else value}")
    return lines


def table_lines(file: "deployed.Recorded") -> list[str]:
    lines = [f"case {file.name} {hexed(file.layout)}"]
    lines += [option(name, value) for name, value in file.case["options"].items()]
    for node in file.nodes:
        lines += node_lines(node)
    return [*lines, f"file {hexed(file.cluster_file)}"]


def map_lines(file: "deployed.Recorded") -> list[str]:
    places = {node["name"]: index for index, node in enumerate(file.nodes)}
    places["nobody"] = NOBODY
    keys = [f"key {hexed(key)} {places[node]}" for key, node in file.answers]
    return [*table_lines(file), *keys, "end"]


def bounded_lines(file: "deployed.Recorded") -> list[str]:
    places = {node["name"]: index for index, node in enumerate(file.nodes)}
    lines = table_lines(file)
    for operation, key, node in file.rows:
        if operation == "close":
            lines.append(f"close {places[node]}")
        else:
            lines.append(f"open {hexed(deployed.unescape(key))} {places[node]}")
    return [*lines, "end"]


def value_lines(file: "deployed.Recorded") -> list[str]:
    kind = file.case["value"]
    if kind not in ("slot", "token"):
        return []
    values = [f"{kind} {hexed(key)} {value}" for key, value in file.answers]
    return [f"case {file.name} {hexed(file.layout)}", *values, "end"]


def main(spec: str, everything: str, sample: str) -> None:
    global deployed
    sys.path.insert(0, spec)
    import deployed

    maps = deployed.recorded("map")
    others = [bounded_lines(file) for file in deployed.recorded("bounded")]
    others += [value_lines(file) for file in deployed.recorded("value")]
    by_layout: dict[str, list] = {}
    for file in sorted(maps, key=lambda file: (len(file.nodes), file.name)):
        if len(file.nodes) <= SAMPLE_NODES_MAX:
            by_layout.setdefault(file.layout, []).append(file)
    # The smallest, the largest and one between: many options come with nodes of both kinds.
    samples = []
    for files in by_layout.values():
        places = {0, len(files) // 2, len(files) - 1}
        samples += [files[place] for place in sorted(places)]
    for path, files in ((everything, maps), (sample, samples)):
        lines = [line for file in files for line in map_lines(file)]
        lines += [line for group in others for line in group]
        Path(path).write_text("".join(f"{line}\n" for line in lines), encoding="ascii")


if __name__ == "__main__":
    main(*sys.argv[1:])
