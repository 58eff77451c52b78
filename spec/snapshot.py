"""SPEC 20: a table as bytes, and its fingerprint."""

from reference import BuildError, Node, Table, check_nodes, read_options, xxh3_64

MAGIC = b"ringway"
VERSION = 1
STATES = ["up", "down", "drain"]
DEFAULTS = {"vnodes": 160, "table_size": 65_537, "slots": 65_536, "room_permille": 1_050, "removed": []}
ORDER = ["vnodes", "key", "table_size", "slots", "room_permille", "removed", "hash_tag"]


class SnapshotError(Exception):
    """`error` is the machine name."""

    def __init__(self, error: str):
        super().__init__(error)
        self.error = error


def text(data: bytes) -> bytes:
    return len(data).to_bytes(2, "little") + data


def content(layout: str, options: list[list], nodes: list[Node]) -> bytes:
    """Everything but the checksum."""
    given = dict(map(tuple, options))
    written = [(name, given[name]) for name in ORDER if name in given and given[name] != DEFAULTS.get(name)]
    out = MAGIC + bytes([VERSION]) + text(layout.encode())
    out += len(written).to_bytes(2, "little")
    for name, value in written:
        out += text(name.encode())
        if type(value) is int:
            out += bytes([0]) + value.to_bytes(8, "little", signed=True)
        elif type(value) is list:
            out += bytes([3]) + b"".join(number.to_bytes(4, "little") for number in [len(value), *value])
        else:
            out += bytes([1]) + text((value.lower() if name == "key" else value).encode())
    out += len(nodes).to_bytes(4, "little")
    for node in nodes:
        out += text(node.name) + text(node.zone or b"")
        out += node.weight.to_bytes(4, "little") + bytes([STATES.index(node.state)])
    return out


def fingerprint(layout: str, options: list[list], nodes: list[Node]) -> int:
    return xxh3_64(content(layout, options, nodes))


def seal(data: bytes) -> bytes:
    return data + xxh3_64(data).to_bytes(8, "little")


class Reader:
    def __init__(self, data: bytes):
        self.data = data

    def take(self, count: int) -> bytes:
        if count > len(self.data):
            raise SnapshotError("bad-form")
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "little")

    def text(self) -> bytes:
        return self.take(self.number(2))

    def utf8(self) -> str:
        try:
            return self.text().decode("utf-8")
        except UnicodeDecodeError:
            raise SnapshotError("bad-form") from None

    def one_of(self, values: list):
        number = self.number(1)
        if number >= len(values):
            raise SnapshotError("bad-form")
        return values[number]


def table_of_bytes(data: bytes) -> Table:
    """The table, checked in the order of SPEC 20.4; a BuildError comes as it is."""
    if not data.startswith(MAGIC):
        raise SnapshotError("not-a-snapshot")
    if len(data) > len(MAGIC) and data[len(MAGIC)] != VERSION:
        raise SnapshotError("unknown-version")
    if len(data) < len(MAGIC) + 1 + 8 or seal(data[:-8]) != data:
        raise SnapshotError("bad-checksum")
    reader = Reader(data[len(MAGIC) + 1 : -8])
    layout = reader.utf8()
    read_options(layout, [])
    options: list[list] = []
    for _ in range(reader.number(2)):
        name = reader.utf8()
        kind = reader.one_of(["integer", "text", "boolean", "list"])
        if kind == "integer":
            value = int.from_bytes(reader.take(8), "little", signed=True)
        elif kind == "list":
            numbers = reader.take(4 * reader.number(4))
            value = [int.from_bytes(numbers[at : at + 4], "little") for at in range(0, len(numbers), 4)]
        else:
            value = reader.utf8() if kind == "text" else reader.one_of([False, True])
        options.append([name, value])
        read_options(layout, options)
    count = reader.number(4)
    if count > 65_536:
        raise BuildError("too-many-nodes")
    nodes = []
    for _ in range(count):
        name, zone = reader.text(), reader.text()
        nodes.append(Node(name, reader.number(4), zone or None, reader.one_of(STATES)))
    if seal(content(layout, options, nodes)) != data:
        raise SnapshotError("bad-form")
    check_nodes(nodes, read_options(layout, options))
    return Table(layout, options, nodes)
