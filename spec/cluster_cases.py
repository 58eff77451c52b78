"""What vectors/cluster-files.json asks. As in cases.py, released cases never change."""

import cluster_file
from cluster_file import FileError
from reference import Table

KEYS = ["", "a", "user:1", "user{42}name", "/index.html"]

# Each is a whole file, and is read.
ACCEPTED = {
    "least": '[[node]]\nname = "a"',
    "every-field": """# A comment.
layout = "ringway-v1"

[options]
vnodes = 40
hash_tag = "{}"

[[node]]
name = "127.0.1.1:8001"
weight = 2
zone = "a"
address = "10.0.0.1:7000"
control = "10.0.0.1:7001"
state = "up"

[[node]]
name = "db-2"
weight = 1
zone = "b"
address = "db-2.example:7000"
control = "db-2.example:7001"
state = "down"

[[node]]
name = "db-3"
zone = "a"
address = "[2001:db8::3]:7000"
control = "[::1]:65535"
state = "drain\"""",
    "default-layout-with-options": '[options]\nvnodes = 1\n\n[[node]]\nname = "a"\n\n[[node]]\nname = "b"',
    "fields-in-another-order": """[[node]]
state = "down"
weight = 3
name = "a"

[[node]]
name = "b"

[options]
vnodes = 7""",
    "inline-tables": 'options = { vnodes = 7 }\nnode = [{ name = "a", weight = 3 }, { name = "b" }]',
    "dotted-keys": 'options.vnodes = 7\nnode = [{ name = "a" }, { name = "b" }]',
    "quoted-keys-and-literal-strings": r"""
"layout" = 'ringway-v1'
[[node]]
'name' = 'a\b'
[[node]]
name = "a\\c\"" """,
    "integers-as-toml-writes-them": """[[node]]
name = "a"
weight = 0x1_0

[[node]]
name = "b"
weight = +5

[[node]]
name = "c"
weight = 1_000""",
    "all-weights-0": '[[node]]\nname = "a"\nweight = 0\n\n[[node]]\nname = "b"\nweight = 0',
    "greatest-weight-draining": """[[node]]
name = "a"
weight = 4294967295
state = "drain"

[[node]]
name = "b\"""",
    "names-beyond-ascii": """[[node]]
name = "z\u00fcrich"

[[node]]
name = "\\u6771\\u4eac\"""",
    "longest-name": f'[[node]]\nname = "{"n" * 1024}"\nzone = "{"z" * 1024}"\n\n[[node]]\nname = "b"',
    "carriage-returns": '[options]\r\nvnodes = 7\r\n\r\n[[node]]\r\nname = "a"\r\n[[node]]\r\nname = "b"\r',
    "empty-options": '[options]\n\n[[node]]\nname = "a"',
}

NODE = '[[node]]\nname = "a"\n'


def top(line: str) -> str:
    return f"{line}\n\n{NODE}"


def option(line: str) -> str:
    return f"{NODE}\n[options]\n{line}"


def second(lines: str) -> str:
    return f"# nodes\n{NODE}\n[[node]]\n{lines}"


def with_b(line: str) -> str:
    return second(f'name = "b"\n{line}')


# Each is refused.
REFUSED = [
    with_b('zone = "a\\u0000b"'),
    second('name = "a\\u0000b"'),
    second('name = "a\\tb"'),
    second('name = "a\\u007fb"'),
    second('name = "a\\nb"'),
    '[[node]]\nname = "a"\naddress = "h:1"\n[[node]]\nname = "b"\naddress = "h:1"',
    '[[node]]\nname = "a"\naddress = "h:1"\ncontrol = "h:1"',
    '[[node]]\nname = "a"\naddress = "h:1"\n[[node]]\nname = "b"\ncontrol = "H:1"',
    '[[node]]\nname = "a"\naddress = "[::1]:1"\n[[node]]\nname = "b"\naddress = "[0:0::1]:01"',
    "layout = ",
    "layout = ringway-v1\n" + NODE,
    "[[node]\n",
    top('layout = "ringway-v1"\nlayout = "ringway-v1"'),
    with_b('name = "b"'),
    f"{NODE}\n[options]\n\n[options]\nvnodes = 1",
    "",
    "# nothing but a comment",
    'layout = "ringway-v1"',
    "node = []",
    top("version = 1"),
    top('Layout = "ringway-v1"'),
    top('"" = 1'),
    top('nodes = ["a"]'),
    top("[option]\nvnodes = 1"),
    top('layout = "ringway-v2"'),
    top('layout = "RINGWAY-V1"'),
    top('layout = " ringway-v1"'),
    top('layout = ""'),
    top("layout = 1"),
    top('layout = ["ringway-v1"]'),
    top("layout = true"),
    top("options = 1"),
    top('options = "vnodes"'),
    top("options = []"),
    option("vnode = 160"),
    option("Vnodes = 160"),
    option('layout = "ringway-v1"'),
    option("vnodes = 0"),
    option("vnodes = -1"),
    option("vnodes = 65537"),
    option("vnodes = 4294967456"),
    option("vnodes = 160.0"),
    option('vnodes = "160"'),
    option("vnodes = true"),
    option("vnodes = [160]"),
    option("vnodes = { n = 160 }"),
    option('vnodes = 160\nhash_tag = ""'),
    option('hash_tag = "{"'),
    option('hash_tag = "{}}"'),
    option('hash_tag = "{ "'),
    option('hash_tag = "\u00e9"'),
    option("hash_tag = 12"),
    option('hash_tag = ["{", "}"]'),
    "node = 1",
    'node = "a"',
    'node = ["a"]',
    '[node]\nname = "a"',
    second(""),
    second("weight = 1"),
    second("name = 1"),
    second('name = ["b"]'),
    second("name = 1979-05-27"),
    second('name = ""'),
    second(f'name = "{"n" * 1025}"'),
    second(f'name = "{chr(0xE9) * 513}"'),
    second('name = "a"'),
    second('name = "\\u0061"'),
    second('name = "b"\n\n[[node]]\nname = "c"\n\n[[node]]\nname = "b"'),
    with_b("wieght = 2"),
    with_b("Weight = 2"),
    with_b("vnodes = 2"),
    with_b('zones = "z"'),
    with_b("weight = -1"),
    with_b("weight = 4294967296"),
    with_b("weight = 1.5"),
    with_b("weight = 1.0"),
    with_b("weight = inf"),
    with_b('weight = "2"'),
    with_b("weight = true"),
    with_b("weight = [2]"),
    with_b("weight = 4294967295"),
    with_b('zone = ""'),
    with_b(f'zone = "{"z" * 1025}"'),
    with_b("zone = 1"),
    with_b("zone = false"),
    with_b("address = 7000"),
    with_b('address = ["10.0.0.1:7000"]'),
    with_b('address = ""'),
    with_b('address = "10.0.0.1"'),
    with_b('address = "10.0.0.1:"'),
    with_b('address = ":7000"'),
    with_b('address = "10.0.0.1:0"'),
    with_b('address = "10.0.0.1:65536"'),
    with_b('address = "10.0.0.1:+80"'),
    with_b('address = "10.0.0.1: 80"'),
    with_b('address = "10.0.0.1:http"'),
    with_b('address = "10.0.0.1:000080"'),
    with_b('address = "two words:80"'),
    with_b('address = "http://10.0.0.1:80"'),
    with_b('address = "10.0.0.1:80/"'),
    with_b('address = "::1:7000"'),
    with_b('address = "[::1]"'),
    with_b('address = "[::1]7000"'),
    with_b('address = "[]:7000"'),
    with_b('address = "[10.0.0.1]:7000"'),
    with_b('address = "[1::2::3]:7000"'),
    with_b('address = "[fe80::1%eth0]:7000"'),
    with_b(f'address = "{"h" * 254}:7000"'),
    with_b("control = 7001"),
    with_b('control = "10.0.0.1"'),
    with_b('control = "10.0.0.1:99999"'),
    with_b('state = ""'),
    with_b('state = "Up"'),
    with_b('state = "draining"'),
    with_b("state = true"),
    # Which of two errors decides.
    with_b('weight = 0\n\n[[node]]\nname = ""\n\n[[node]]\nname = "b"'),
    with_b('weight = 4294967295\n\n[[node]]\nname = "b"'),
]
KEYED = 'layout = "ringway-keyed-v1"\n\n[options]\n'
MEMENTO = 'layout = "memento-v1"\n\n[options]\n'


def in_layout(head: str, options: str, count: int = 1) -> str:
    return head + options + "".join(f'\n\n[[node]]\nname = "{name}"' for name in "abc"[:count])


# As above, of other layouts.
ACCEPTED_LATER = {
    "removed": in_layout(MEMENTO, "removed = [1]", 3),
    "removed-in-order": in_layout(MEMENTO, 'removed = [2, 0x0]\nhash_tag = "{}"', 3),
    "none-removed": in_layout(MEMENTO, "removed = []", 2),
    "all-removed": in_layout(MEMENTO, "removed = [\n  1, # the first to go\n  0,\n]", 2),
    "key": in_layout(KEYED, 'key = "000102030405060708090a0b0c0d0e0f"', 3),
}

REFUSED_LATER = [
    in_layout(MEMENTO, "removed = 1"),
    in_layout(MEMENTO, 'removed = "1"'),
    in_layout(MEMENTO, 'removed = [0, "1"]'),
    in_layout(MEMENTO, "removed = [0.0]"),
    in_layout(MEMENTO, "removed = [true]"),
    in_layout(MEMENTO, "removed = [[0]]"),
    in_layout(MEMENTO, "removed = [-1]"),
    in_layout(MEMENTO, "removed = [4294967296]"),
    in_layout(MEMENTO, "removed = [65536]"),
    in_layout(MEMENTO, "removed = [1, 0, 1]", 2),
    in_layout(MEMENTO, "removed = [1]"),
    in_layout(MEMENTO, 'removed = [0]\nkey_file = "secret.hex"'),
    "[options]\nremoved = [0]\n\n" + NODE,
    in_layout(KEYED, 'key_file = "secret.hex"'),
    in_layout(KEYED, 'key_file = ""'),
    in_layout(KEYED, "key_file = 7"),
    in_layout(KEYED, 'key = "000102030405060708090a0b0c0d0e0f"\nkey_file = "secret.hex"'),
    '[options]\nkey_file = "secret.hex"\n\n' + NODE,
]


NOT_UTF8 = b'[[node]]\nname = "\xff"\n'


def cluster_files() -> dict:
    rows = [accepted(name, text) for name, text in ACCEPTED.items()]
    rows += [refused({"lines": text.split("\n")}, (text + "\n").encode()) for text in REFUSED]
    rows.append(refused({"file_hex": NOT_UTF8.hex()}, NOT_UTF8))
    rows += [accepted(name, text) for name, text in ACCEPTED_LATER.items()]
    rows += [refused({"lines": text.split("\n")}, (text + "\n").encode()) for text in REFUSED_LATER]
    return {
        "_comment": [
            "Cluster files, read or refused; spec/vectors/README.md describes every field.",
            "lines: the file's text, each line followed by a line feed. file_hex: the file's bytes.",
            "error null: the file is read; layout, options and nodes are what is in it, defaults filled in,",
            "and owners has a row for each key. Else error, its line, field and node (index); null: not",
            "compared.",
        ],
        "cases": rows,
    }


def accepted(name: str, text: str) -> dict:
    found = cluster_file.read((text + "\n").encode())
    table = Table(found.layout, found.options, found.nodes)
    nodes = [
        {
            "name": node.name.decode(),
            "weight": node.weight,
            "zone": None if node.zone is None else node.zone.decode(),
            "address": place.get("address"),
            "control": place.get("control"),
            "state": node.state,
        }
        for node, place in zip(found.nodes, found.places, strict=True)
    ]
    owners = [{"key": key, "owner": table.owner_of(table.hash(key.encode()))} for key in KEYS]
    return {
        "name": name,
        "lines": text.split("\n"),
        "error": None,
        "layout": found.layout,
        "options": found.options,
        "nodes": nodes,
        "owners": owners,
    }


def refused(row: dict, data: bytes) -> dict:
    try:
        cluster_file.read(data)
    except FileError as error:
        place = {"line": error.line, "field": error.field, "node": error.node}
        return {**row, "error": error.error, **place}
    raise AssertionError(f"this file is read: {data!r}")
