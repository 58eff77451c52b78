"""Tests the module in the real nginx on loopback: test.py RINGWAY_BINARY MODULE

Compares who answers with `ringway map`, with weights, in several layouts, and with servers that are
down; reloads under load; counts kept connections; reads what `nginx -t` says of wrong configurations.
The last line is `nginx-module: N passed, N failed, N skipped`; exit 1 if one failed.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

HERE = pathlib.Path(__file__).resolve().parent
RINGWAY, MODULE = (str(pathlib.Path(path).resolve()) for path in sys.argv[1:3])
KEYS = [f"user:{number}" for number in range(2000)]
WEIGHTS = (1, 2, 1, 3, 1)


class Skipped(Exception):
    """What this machine lacks."""


class Nginx:
    """One nginx, foreground, with everything it writes below a folder of its own."""

    def __init__(self, home: pathlib.Path, conf: str) -> None:
        self.home = home
        home.mkdir()
        self.write(conf)
        self.process: subprocess.Popen[bytes] | None = None

    def write(self, conf: str) -> None:
        # In one step: an nginx that still follows the last reload must not read half a file.
        draft = self.home / "nginx.conf.new"
        draft.write_text(conf)
        draft.replace(self.home / "nginx.conf")

    def command(self) -> list[str]:
        return ["nginx", "-p", str(self.home), "-c", "nginx.conf", "-e", "error.log"]

    def start(self, port: int, *before: str) -> None:
        self.process = subprocess.Popen([*before, *self.command()], stdin=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            time.sleep(0.02)
        raise AssertionError(f"nginx did not start: {self.errors()}")

    def check(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*self.command(), "-t"], capture_output=True, text=True, timeout=30)

    def reload(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGHUP)

    def errors(self) -> str:
        with contextlib.suppress(OSError):
            return (self.home / "error.log").read_text()
        return ""

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def around(http: str, workers: int = 1, module: bool = True) -> str:
    """A configuration around the body of its http block."""
    temporary = " ".join(f"{kind}_temp_path {kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return (
        (f"load_module {MODULE};\n" if module else "")
        + ("user root;\n" if os.getuid() == 0 else "")
        + f"daemon off; worker_processes {workers}; pid pid;\nevents {{ worker_connections 2048; }}\n"
        + f"http {{ access_log off; keepalive_requests 100000000; {temporary}\n{http}\n}}\n"
    )


@contextlib.contextmanager
def dead_port() -> Iterator[int]:
    """A port of loopback at which connections are refused, and which nobody else takes."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        return [stack.enter_context(dead_port()) for _ in range(count)]


class Client:
    """One connection, which is kept."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def get(self, path: str) -> tuple[int, str, dict[str, str]]:
        """Status, body without line end, headers with small letters."""
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        body = answer.read().decode()
        return answer.status, body.strip(), {name.lower(): value for name, value in answer.getheaders()}


class Place:
    """Where the tests run: a folder, five backends that say their name, and what starts and ends with a test."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.ports = free_ports(len(WEIGHTS))
        self.names = [f"127.0.0.1:{port}" for port in self.ports]
        listens = " ".join(f"listen {name};" for name in self.names)
        second = f"listen 127.0.0.2:{self.ports[0]};"
        says = '"127.0.0.1:$server_port $connection $server_addr"'
        self.backends = Nginx(
            folder / "backends", around(f"server {{ {listens} {second} location / {{ return 200 {says}; }} }}", module=False)
        )
        self.backends.start(self.ports[0])
        self.number = 0
        self.started: list[Nginx] = []

    def front(self, upstreams: str, names: Iterable[str], workers: int = 1) -> tuple[Nginx, int]:
        """Starts nginx with the module; /NAME asks the upstream of that name."""
        (port,) = free_ports(1)
        nginx = Nginx(self.home(), around(upstreams + server_block(port, names), workers))
        self.started.append(nginx)
        nginx.start(port)
        return nginx, port

    def home(self) -> pathlib.Path:
        self.number += 1
        return self.folder / f"front-{self.number}"

    def cluster(self, layout: str, names: Iterable[str], weights: Iterable[int], down: str = "") -> str:
        """Writes a cluster file."""
        self.number += 1
        path = self.folder / f"cluster-{self.number}.toml"
        nodes = (
            f'[[node]]\nname = "{name}"\nweight = {weight}\n' + ('state = "down"\n' if name == down else "")
            for name, weight in zip(names, weights, strict=True)
        )
        path.write_text(f'layout = "{layout}"\n' + "".join(nodes))
        return str(path)

    def stop_started(self) -> None:
        for nginx in self.started:
            nginx.stop()
        self.started.clear()

    def stop(self) -> None:
        self.stop_started()
        self.backends.stop()


def servers(names: Iterable[str], weights: Iterable[int], extra: dict[str, str] | None = None) -> str:
    return " ".join(
        f"server {name} weight={weight} {(extra or {}).get(name, '')};"
        for name, weight in zip(names, weights, strict=True)
    )


def server_block(port: int, names: Iterable[str]) -> str:
    locations = "".join(
        f"location /{name} {{ proxy_pass http://{name}/; proxy_http_version 1.1; proxy_set_header Connection ''; "
        "proxy_next_upstream_tries 0; add_header X-Node $ringway_node always; add_header X-Asked $upstream_addr always; }\n"
        for name in names
    )
    return f"server {{ listen 127.0.0.1:{port};\n{locations} }}"


def ringway_map(cluster: str, replicas: int = 1) -> list[list[str]]:
    """The nodes of each of KEYS."""
    command = [RINGWAY, "map", "--cluster", cluster, "--replicas", str(replicas)]
    run = subprocess.run(command, input="\n".join(KEYS) + "\n", capture_output=True, text=True, check=True)
    rows = [line.split("\t")[1:] for line in run.stdout.splitlines()]
    assert len(rows) == len(KEYS) and all(len(row) == replicas for row in rows)
    return rows


def compare(port: int, location: str, expected: list[str]) -> None:
    """Each key is answered by the node expected, and $ringway_node says so."""
    client = Client(port)
    for key, node in zip(KEYS, expected, strict=True):
        status, body, headers = client.get(f"/{location}?key={key}")
        assert (status, body.split(" ")[0]) == (200, node), (location, key, status, body, node)
        assert headers["x-node"] == node, (location, key, headers, node)


def test_ringway_v1(place: Place) -> None:
    _, port = place.front(f"upstream a {{ ringway key=$arg_key; {servers(place.names, WEIGHTS)} }}\n", "a")
    expected = [row[0] for row in ringway_map(place.cluster("ringway-v1", place.names, WEIGHTS))]
    assert set(expected) == set(place.names)
    compare(port, "a", expected)


def test_layout_nginx(place: Place) -> None:
    """As `ringway map` says, and as nginx's own consistent hash does it."""
    inside = servers(place.names, WEIGHTS)
    upstreams = f"upstream a {{ ringway key=$arg_key layout=nginx; {inside} }}\n"
    upstreams += f"upstream b {{ hash $arg_key consistent; {inside} }}\n"
    _, port = place.front(upstreams, "ab")
    expected = [row[0] for row in ringway_map(place.cluster("nginx", place.names, WEIGHTS))]
    compare(port, "a", expected)
    client = Client(port)
    for key, node in zip(KEYS, expected, strict=True):
        assert client.get(f"/b?key={key}")[1].split(" ")[0] == node, key


def test_cluster_file(place: Place) -> None:
    """A file's layout, order and weights; the servers stand in another order."""
    cluster = place.cluster("maglev-v1", place.names, WEIGHTS)
    inside = " ".join(f"server {name};" for name in reversed(place.names))
    _, port = place.front(f"upstream a {{ ringway key=$arg_key file={cluster}; {inside} }}\n", "a")
    compare(port, "a", [row[0] for row in ringway_map(cluster)])


def test_zone_and_workers(place: Place) -> None:
    """With the peers in shared memory, and two workers."""
    inside = servers(place.names, WEIGHTS)
    _, port = place.front(f"upstream a {{ zone a 256k; ringway key=$arg_key; {inside} }}\n", "a", workers=2)
    compare(port, "a", [row[0] for row in ringway_map(place.cluster("ringway-v1", place.names, WEIGHTS))])


def test_down_follows_the_walk(place: Place) -> None:
    down = place.names[1]
    inside = servers(place.names, WEIGHTS, {down: "down"})
    file = place.cluster("ringway-v1", place.names, WEIGHTS, down)
    upstreams = f"upstream a {{ ringway key=$arg_key; {inside} }}\n"
    upstreams += f"upstream b {{ ringway key=$arg_key file={file}; {servers(place.names, WEIGHTS)} }}\n"
    _, port = place.front(upstreams, "ab")
    rows = ringway_map(file, 2)
    assert any(row[0] == down for row in rows)
    expected = [row[1] if row[0] == down else row[0] for row in rows]
    compare(port, "a", expected)
    compare(port, "b", expected)


def test_down_in_layout_nginx(place: Place) -> None:
    down = place.names[3]
    upstreams = f"upstream a {{ ringway key=$arg_key layout=nginx; {servers(place.names, WEIGHTS, {down: 'down'})} }}\n"
    _, port = place.front(upstreams, "a")
    expected = [row[0] for row in ringway_map(place.cluster("nginx", place.names, WEIGHTS, down))]
    assert down not in expected
    compare(port, "a", expected)


def test_failed_follows_the_walk(place: Place) -> None:
    """The first request learns it and goes on; the next ones do not ask the server any more."""
    with dead_port() as dead:
        names = [*place.names, f"127.0.0.1:{dead}"]
        weights = [*WEIGHTS, 2]
        inside = servers(names, weights, {names[-1]: "max_fails=1 fail_timeout=600s"})
        _, port = place.front(f"upstream a {{ ringway key=$arg_key; {inside} }}\n", "a")
        rows = ringway_map(place.cluster("ringway-v1", names, weights), 2)
        expected = [row[1] if row[0] == names[-1] else row[0] for row in rows]
        assert expected != [row[0] for row in rows]
        first = next(key for key, row in zip(KEYS, rows, strict=True) if row[0] == names[-1])
        asked = Client(port).get(f"/a?key={first}")[2]["x-asked"]
        assert asked.split(", ")[0] == names[-1] and len(asked.split(", ")) == 2, asked
        compare(port, "a", expected)
        asked = Client(port).get(f"/a?key={first}")[2]["x-asked"]
        assert names[-1] not in asked, asked


def test_long_walk(place: Place) -> None:
    """Eleven of twelve servers are down: every key gets to the last one; with that one down too, 502."""
    with contextlib.ExitStack() as stack:
        names = [f"127.0.0.1:{stack.enter_context(dead_port())}" for _ in range(11)]
        down = "".join(f"server {name} down;" for name in names)
        upstreams = f"upstream a {{ ringway key=$arg_key; {down} server {place.names[0]}; }}\n"
        upstreams += f"upstream b {{ ringway key=$arg_key; {down} server {place.names[0]} down; }}\n"
        _, port = place.front(upstreams, "ab")
        compare(port, "a", [place.names[0]] * len(KEYS))
        assert Client(port).get("/b?key=k")[0] == 502


def pinned(place: Place, names: list[str], weights: list[int], dead: str, client: Client, location: str) -> None:
    rows = ringway_map(place.cluster("ringway-v1", names, weights))
    assert any(row[0] == dead for row in rows)
    for key, (node,) in zip(KEYS, rows, strict=True):
        status, body, headers = client.get(f"/{location}?key={key}")
        assert headers["x-node"] == node
        if node == dead:
            assert status == 503 and "503 Service Temporarily Unavailable" in body, (key, status, body)
        else:
            assert (status, body.split(" ")[0]) == (200, node), (key, status, body)


def test_pinned(place: Place) -> None:
    """503 for the keys of a server that is down, or that refuses, and for no others; on one kept connection."""
    with dead_port() as dead:
        names, weights = [*place.names, f"127.0.0.1:{dead}"], [*WEIGHTS, 2]
        inside_down = servers(place.names, WEIGHTS, {place.names[1]: "down"})
        inside_dead = servers(names, weights)
        upstreams = f"upstream a {{ ringway key=$arg_key pinned; {inside_down} }}\n"
        upstreams += f"upstream b {{ ringway key=$arg_key pinned; {inside_dead} keepalive 8; }}\n"
        upstreams += f"upstream c {{ ringway key=$arg_key pinned; server {names[-1]}; }}\n"
        nginx, port = place.front(upstreams, "abc")
        client = Client(port)
        pinned(place, place.names, list(WEIGHTS), place.names[1], client, "a")
        pinned(place, names, weights, names[-1], client, "b")
        assert [client.get("/c?key=k")[0] for _ in range(3)] == [503, 503, 503]
        assert "owns the key and cannot be asked" in nginx.errors()
        assert "[alert]" not in nginx.errors(), nginx.errors()


def test_pinned_error_page(place: Place) -> None:
    """error_page takes the 503, also to another upstream of the module, and for a subrequest."""
    (port,) = free_ports(1)
    down, up = place.names[:2]
    conf = f"""upstream a {{ ringway key=$arg_key pinned; server {down} down; }}
    upstream b {{ ringway key=$arg_key pinned; server {up}; }}
    server {{ listen 127.0.0.1:{port};
      location / {{ proxy_pass http://a; error_page 503 = @other; }}
      location @other {{ proxy_pass http://b; add_header X-Node $ringway_node; }}
      location /auth {{ internal; proxy_pass http://a; }}
      location /guarded {{ auth_request /auth; error_page 500 =418 /told; proxy_pass http://b; }}
      location /told {{ return 418 told; }} }}"""
    nginx = Nginx(place.home(), around(conf))
    place.started.append(nginx)
    nginx.start(port)
    client = Client(port)
    for _ in range(50):
        status, body, headers = client.get("/?key=k")
        assert (status, body.split(" ")[0], headers["x-node"]) == (200, up, up), (status, body)
        assert client.get("/guarded?key=k")[0] == 418
    assert "[alert]" not in nginx.errors(), nginx.errors()


def test_request_bodies(place: Place) -> None:
    """A refused request with a body leaves the connection in order."""
    upstreams = f"upstream a {{ ringway key=$arg_key pinned; server {place.names[0]} down; server {place.names[1]} down; }}\n"
    nginx, port = place.front(upstreams, "a")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for size in (0, 10, 100_000, 900_000) * 5:
        connection.request("POST", "/a?key=k", body=b"x" * size)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 503
    assert "[alert]" not in nginx.errors(), nginx.errors()


def test_empty_key(place: Place) -> None:
    nginx, port = place.front(f"upstream a {{ ringway key=$arg_key; {servers(place.names, WEIGHTS)} }}\n", "a")
    client = Client(port)
    for path in ("/a", "/a?key=", "/a?other=1"):
        status, _, headers = client.get(path)
        assert status == 400 and "x-node" not in headers, (path, status, headers)
    assert client.get("/a?key=k")[0] == 200
    assert nginx.errors().count("ringway: the key is empty") == 3


def test_several_addresses(place: Place) -> None:
    """Two addresses of one name are one node, asked in turn; the name is known to this nginx alone."""
    (place.folder / "hosts").write_text("127.0.0.1 two.test\n127.0.0.2 two.test\n")
    inside = f"mount --bind {place.folder}/hosts /etc/hosts && exec \"$@\""
    before = ["unshare", "--map-root-user", "--mount", "sh", "-c", inside, "sh"]
    if subprocess.run([*before, "true"], capture_output=True).returncode != 0:
        raise Skipped("no mount of its own for /etc/hosts (unshare)")
    name = f"two.test:{place.ports[0]}"
    (port,) = free_ports(1)
    upstream = f"upstream a {{ ringway key=$arg_key; server {name}; server {place.names[1]}; }}\n"
    nginx = Nginx(place.home(), around(upstream + server_block(port, "a")))
    place.started.append(nginx)
    nginx.start(port, *before)
    rows = ringway_map(place.cluster("ringway-v1", [name, place.names[1]], [1, 1]))
    client = Client(port)
    asked: Counter[str] = Counter()
    for key, (node,) in zip(KEYS, rows, strict=True):
        _, body, headers = client.get(f"/a?key={key}")
        assert headers["x-node"] == node
        if node == name:
            asked[body.split(" ")[2]] += 1
        else:
            assert body.startswith(node)
    assert len(asked) == 2 and max(asked.values()) - min(asked.values()) <= 1, asked


def test_keepalive(place: Place) -> None:
    inside = servers(place.names, WEIGHTS)
    upstreams = f"upstream a {{ ringway key=$arg_key; {inside} keepalive 16; }}\n"
    upstreams += f"upstream b {{ ringway key=$arg_key; {inside} }}\n"
    _, port = place.front(upstreams, "ab")
    client = Client(port)
    connections = {name: {client.get(f"/{name}?key={key}")[1] for key in KEYS[:500]} for name in "ab"}
    assert len(connections["a"]) == len(place.names), connections["a"]
    assert len(connections["b"]) == 500


def test_reload_under_load(place: Place) -> None:
    """Thirty reloads between two layouts while four clients ask: each answer is one of the two maps'."""
    one, two = (f"ringway key=$arg_key layout={layout}; {servers(place.names, WEIGHTS)}" for layout in ("ringway-v1", "maglev-v1"))
    nginx, port = place.front(f"upstream a {{ {one} }}\n", "a", workers=2)
    maps = [[row[0] for row in ringway_map(place.cluster(layout, place.names, WEIGHTS))] for layout in ("ringway-v1", "maglev-v1")]
    allowed = [set(pair) for pair in zip(*maps, strict=True)]
    wrong: list[object] = []
    counts = Counter[str]()
    stop = threading.Event()

    def ask(number: int) -> None:
        while not stop.is_set():
            for index in range(number, len(KEYS), 4):
                if stop.is_set():
                    return
                try:
                    # A connection of its own: an old worker closes kept ones as it leaves.
                    status, body, _ = Client(port).get(f"/a?key={KEYS[index]}")
                except OSError as error:
                    wrong.append(error)
                    continue
                counts["asked"] += 1
                if status != 200 or body.split(" ")[0] not in allowed[index]:
                    wrong.append((KEYS[index], status, body))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(30):
        upstream = two if turn % 2 == 0 else one
        nginx.write(around(f"upstream a {{ {upstream} }}\n" + server_block(port, "a"), 2))
        nginx.reload()
        time.sleep(0.1)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:5]
    assert counts["asked"] > 500, counts
    deadline = time.monotonic() + 5
    while True:
        with contextlib.suppress(AssertionError):
            compare(port, "a", maps[0])
            break
        assert time.monotonic() < deadline, "the last configuration is not in force"
    print(f"  {counts['asked']} requests during 30 reloads")
    assert not re.search(r"\[(alert|crit|emerg)\]", nginx.errors()), nginx.errors()


def test_reload_frees(place: Place) -> None:
    """The master, which builds a table of 800,000 points at each reload, does not grow with their number."""
    nginx, port = place.front(f"upstream a {{ ringway key=$arg_key; {servers(place.names, [1000] * 5)} }}\n", "a")
    assert nginx.process
    status = pathlib.Path(f"/proc/{nginx.process.pid}/status")
    children = pathlib.Path(f"/proc/{nginx.process.pid}/task/{nginx.process.pid}/children")
    resident = []
    for _ in range(16):
        before = set(children.read_text().split())
        nginx.reload()
        deadline = time.monotonic() + 10
        while not set(children.read_text().split()) - before:
            assert time.monotonic() < deadline, nginx.errors()
            time.sleep(0.01)
        resident.append(int(re.search(r"VmRSS:\s+(\d+) kB", status.read_text())[1]))  # type: ignore[index]
    assert resident[-1] < resident[3] + 20_000, resident
    assert Client(port).get("/a?key=k")[0] == 200


def test_readme(place: Place) -> None:
    """README's configuration, with other ports."""
    conf = re.search(r"```nginx\n(.*?)```", (HERE / "README.md").read_text(), re.DOTALL)
    assert conf
    (port,) = free_ports(1)
    text = conf.group(1).replace("modules/ngx_http_upstream_ringway_module.so", MODULE).replace("8080", str(port))
    for number, name in enumerate(place.names[:3]):
        text = text.replace(f"127.0.0.1:900{number + 1}", name)
    nginx = Nginx(place.home(), "daemon off; pid pid;" + ("user root;" if os.getuid() == 0 else "") + text)
    place.started.append(nginx)
    nginx.start(port)
    expected = [row[0] for row in ringway_map(place.cluster("ringway-v1", place.names[:3], (1, 2, 1)))]
    client = Client(port)
    for key, node in zip(KEYS, expected, strict=True):
        status, body, _ = client.get(f"/?key={key}")
        assert (status, body.split(" ")[0]) == (200, node), (key, status, body)
    logged = [line.split(" ")[-1] for line in (nginx.home / "access.log").read_text().splitlines()]
    assert logged == expected


def test_wrong_configurations(place: Place) -> None:
    a, b = place.names[:2]
    file = place.cluster("ringway-v1", [a, b], (1, 2))
    broken = place.folder / "broken.toml"
    broken.write_text('layout = "ringway-v1"\n[[node]]\nname = "a"\nweigth = 2\n')
    two = f"server {a}; server {b};"
    cases = [
        (f"ringway; {two}", 'invalid number of arguments in "ringway" directive'),
        (f"ringway layout=ringway-v1; {two}", 'ringway: no key, as in "key=$arg_user"'),
        (f"ringway key=; {two}", 'ringway: no key, as in "key=$arg_user"'),
        (f"ringway key=$arg_key pined; {two}", 'ringway: unknown or repeated parameter "pined"'),
        (f"ringway key=$arg_key key=$uri; {two}", 'ringway: unknown or repeated parameter "key=$uri"'),
        (f"ringway key=$arg_key layout=ketama; {two}", 'ringway: unknown layout "ketama"'),
        (f"ringway key=$arg_key layout=nginx file=x; {two}", "ringway: both file and layout"),
        (f"ringway key=$arg_key file=; {two}", "ringway: the name of the file is empty"),
        (f"ringway key=$arg_key; ringway key=$arg_key; {two}", '"ringway" directive is duplicate'),
        (f"ringway key=$arg_key; {two} server {a};", f'ringway: two servers "{a}"'),
        (f"ringway key=$arg_key file={file}; {two} server {a};", f'ringway: two servers "{a}"'),
        (f"ringway key=$arg_key; {two} server 127.0.0.1:1 backup;", 'does not support parameter "backup"'),
        (f"{two} server 127.0.0.1:1 backup; ringway key=$arg_key;", 'server "127.0.0.1:1" is a backup'),
        (f"ringway key=$arg_key layout=jump-v1; server {a} weight=2; server {b};", "weight"),
        ("ringway key=$arg_key;", "no servers are inside upstream"),
        (f"ringway key=$arg_key file=missing.toml; {two}", "missing.toml"),
        (f"ringway key=$arg_key file={broken}; {two}", "weigth"),
        (f"ringway key=$arg_key file={file}; {two} server 127.0.0.1:1;", f'server "127.0.0.1:1" is no node of file {file}'),
        (f"ringway key=$arg_key file={file}; server {a};", f'node "{b}" of file {file} has no server of that name'),
        (f"ringway key=$arg_key file={file}; server {a} weight=5; server {b};", f'server "{a}" has another weight than in file {file}'),
    ]
    for inside, message in cases:
        nginx = Nginx(place.home(), around(f"upstream u {{\n{inside}\n}}\n"))
        checked = nginx.check()
        assert checked.returncode == 1 and message in checked.stderr, (inside, checked.stderr)
        told = next(line for line in checked.stderr.splitlines() if message in line)
        assert "nginx.conf:" in told, told
    for inside in (f"ringway key=$arg_key file={file}; server {a}; server {b} weight=2;", f"ringway key=$arg_key; {two}"):
        checked = Nginx(place.home(), around(f"upstream u {{ {inside} }}")).check()
        assert checked.returncode == 0, checked.stderr


def main() -> int:
    tests: list[Callable[[Place], None]] = [each for name, each in sorted(globals().items()) if name.startswith("test_")]
    passed = failed = skipped = 0
    with tempfile.TemporaryDirectory() as folder:
        place = Place(pathlib.Path(folder))
        try:
            for test in tests:
                begin = time.monotonic()
                try:
                    test(place)
                    passed += 1
                    print(f"  {test.__name__}: passed ({time.monotonic() - begin:.1f} s)")
                except Skipped as reason:
                    skipped += 1
                    print(f"  {test.__name__}: skipped: {reason}")
                except Exception:
                    failed += 1
                    print(f"  {test.__name__}: failed\n{traceback.format_exc()}")
                finally:
                    place.stop_started()
        finally:
            place.stop()
    print(f"nginx-module: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
