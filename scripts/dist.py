"""Make the Python packages in dist/, and try each in a virtualenv of its own.

    .venv-dist/bin/python scripts/dist.py build     the source, a wheel for this machine, and one for
                                                    every Linux with glibc 2.17, linked by zig
    .venv-dist/bin/python scripts/dist.py check     what is in them; installs and uses each
    .venv-dist/bin/python scripts/dist.py build check

The source needs cargo to be installed from; pip fetches maturin for it. Ends with the line
`dist: N passed, N failed, N skipped`; exit 1 if any failed.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import traceback
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
MANYLINUX = "manylinux_2_17"
# A wheel above this has something in it that does not belong there, such as debug symbols.
WHEEL_BYTES_MAX = 2_000_000
SDIST_BYTES_MAX = 1_000_000

NEEDED = {
    *("PKG-INFO", "Cargo.toml", "Cargo.lock", "pyproject.toml", "README.md"),
    *("LICENSE-APACHE", "LICENSE-MIT"),
    *("core/Cargo.toml", "core/src/lib.rs", "cluster/Cargo.toml", "cluster/src/lib.rs"),
    *("py/Cargo.toml", "py/src/lib.rs"),
    *("python/ringway/__init__.py", "python/ringway/_ringway.pyi", "python/ringway/py.typed"),
    *("python/ringway/plot.py", "python/ringway/compat/uhashring/__init__.py"),
}
FORBIDDEN = re.compile(
    r"(^|/)(target|\.venv[^/]*|\.git|\.setup|__pycache__|tests|fuzz|dist)(/|$)"
    r"|\.(so|pyc|whl|gz)$|^(proxy|node|store|client|cli|benches|integrations)/"
)
WHEEL_FILES = re.compile(
    r"^ringway/([\w/]+\.py|_ringway\.pyi|py\.typed|_ringway\.abi3\.so)$|^ringway-[\d.]+\.dist-info/"
)
METADATA = (
    "Name: ringway",
    "Requires-Python: >=3.11",
    "License-Expression: MIT OR Apache-2.0",
    "License-File: LICENSE-APACHE",
    "License-File: LICENSE-MIT",
    "Description-Content-Type: text/markdown; charset=UTF-8; variant=GFM",
    "Classifier: Typing :: Typed",
)

# Run by the Python of a fresh virtualenv, in an empty folder.
USE = """
import importlib.metadata, pathlib, sys
import ringway
from ringway.compat import jump, pymemcache, redis
from ringway.compat.uhashring import HashRing

where = pathlib.Path(ringway.__file__)
assert where.is_relative_to(sys.prefix), where
assert importlib.metadata.version("ringway") == ringway.__version__ == sys.argv[1], ringway.__version__
assert where.with_name("py.typed").is_file() and where.with_name("_ringway.pyi").is_file()
table = ringway.Table({"db1": 1, "db2": 2, "db3": 1})
assert table.owner("user:42") == "db2"
assert ringway.Table.from_bytes(table.to_bytes()) == table
assert ringway.Table(["a:1", "b:1"], layout="nginx").owner("k") in {"a:1", "b:1"}
assert ringway.redis_slot("user1000") == 3443
assert jump.hash(42, 57) == 43
assert HashRing(["node1", "node2"]).get_node("coconut") in {"node1", "node2"}
assert pymemcache.Hasher(["0", "1", "2"]).get_node("wat") == "2"
assert redis.Router({}).clients == {}
try:
    import ringway.plot
    ringway.plot.balance(table)
except ImportError as error:
    assert "pip install matplotlib" in str(error)
else:
    raise AssertionError("matplotlib came along")
"""


def version() -> str:
    """The version, which is that of Cargo."""
    with (ROOT / "Cargo.toml").open("rb") as file:
        return str(tomllib.load(file)["workspace"]["package"]["version"])


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run a program; what it says is shown only if it fails."""
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}")


def build() -> None:
    """Fill dist/ anew, and say how large everything is."""
    tools = Path(sys.executable).parent
    # maturin looks for zig, and for the interpreter of its virtualenv, on the path.
    os.environ["PATH"] = f"{tools}:{os.environ['PATH']}"
    shutil.rmtree(DIST, ignore_errors=True)
    manifest = ("-m", ROOT / "py" / "Cargo.toml", "-o", DIST)
    jobs = ("-j", "2")
    run(tools / "maturin", "sdist", *manifest)
    run(tools / "maturin", "build", "--release", "--locked", *jobs, *manifest)
    zig = ("--zig", "--compatibility", MANYLINUX)
    run(tools / "maturin", "build", "--release", "--locked", *jobs, *zig, *manifest)
    for file in sorted(DIST.iterdir()):
        print(f"dist: {file.name}: {file.stat().st_size:,} bytes", flush=True)


def sdist() -> Path:
    """The source."""
    return DIST / f"ringway-{version()}.tar.gz"


def wheels() -> list[Path]:
    """The wheels: one with the tag of this machine's glibc, one with that of old ones."""
    return sorted(DIST.glob(f"ringway-{version()}-cp311-abi3-*.whl"))


def check_files() -> None:
    """There are the source and two wheels, of which one is for old systems."""
    names = sorted(file.name for file in DIST.iterdir())
    assert sdist().name in names and len(wheels()) == 2 and len(names) == 3, names
    old = [wheel for wheel in wheels() if f"{MANYLINUX}_{platform.machine()}" in wheel.name]
    assert len(old) == 1, names


def check_sdist() -> None:
    """The source has what it needs, and nothing else."""
    prefix = f"ringway-{version()}/"
    with tarfile.open(sdist()) as tar:
        members = {member.name.removeprefix(prefix): member for member in tar if member.isfile()}
    assert not NEEDED - set(members), f"lacks {sorted(NEEDED - set(members))}"
    wrong = sorted(name for name in members if FORBIDDEN.search(name))
    assert not wrong, f"has {wrong}"
    assert sdist().stat().st_size < SDIST_BYTES_MAX, sdist().stat().st_size


def check_wheel(wheel: Path) -> None:
    """A wheel has the package, its metadata and licences, and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        info = f"ringway-{version()}.dist-info"
        metadata = archive.read(f"{info}/METADATA").decode()
    wrong = [name for name in names if not WHEEL_FILES.match(name)]
    assert not wrong, f"{wheel.name} has {wrong}"
    python = {name.removeprefix("python/") for name in NEEDED if name.startswith("python/")}
    lacks = (python | {"ringway/_ringway.abi3.so"}) - set(names)
    assert not lacks, f"{wheel.name} lacks {sorted(lacks)}"
    for licence in ("LICENSE-APACHE", "LICENSE-MIT"):
        assert any(name.startswith(info) and name.endswith(licence) for name in names), licence
    for line in (*METADATA, f"Version: {version()}"):
        assert line in metadata.splitlines(), f"{wheel.name}: METADATA lacks {line!r}"
    assert wheel.stat().st_size < WHEEL_BYTES_MAX, wheel.stat().st_size


def check_descriptions() -> None:
    """PyPI can show the README: twine's check."""
    run(sys.executable, "-m", "twine", "check", "--strict", *sorted(DIST.iterdir()))


def check_use(what: Path) -> None:
    """It installs into a fresh virtualenv, works there, and goes again."""
    with tempfile.TemporaryDirectory(prefix="ringway-dist-") as folder:
        place = Path(folder)
        venv.create(place / "venv", with_pip=True)
        python = place / "venv" / "bin" / "python"
        pip = (python, "-m", "pip", "--disable-pip-version-check")
        run(*pip, "install", "--quiet", what, cwd=place)
        run(python, "-W", "error", "-c", USE, version(), cwd=place)
        run(*pip, "uninstall", "--quiet", "--yes", "ringway", cwd=place)
        left = list((place / "venv").glob("lib/python*/site-packages/ringway*"))
        assert not left, f"pip uninstall left {left}"


def check() -> int:
    """Run every check; how many failed."""
    checks: list[tuple[str, Callable[[], None]]] = [
        ("the files", check_files),
        ("the source's content", check_sdist),
        ("descriptions", check_descriptions),
    ]
    for wheel in wheels():
        checks.append((f"content of {wheel.name}", lambda wheel=wheel: check_wheel(wheel)))
        checks.append((f"pip install {wheel.name}", lambda wheel=wheel: check_use(wheel)))
    checks.append((f"pip install {sdist().name}", lambda: check_use(sdist())))
    checks.append(("pip install ./py", lambda: check_use(ROOT / "py")))
    failed = 0
    for name, function in checks:
        try:
            function()
            print(f"dist: {name}: ok", flush=True)
        except Exception:
            failed += 1
            print(f"dist: {name}: FAILED\n{traceback.format_exc(limit=1)}", flush=True)
    print(f"dist: {len(checks) - failed} passed, {failed} failed, 0 skipped")
    return failed


def main(arguments: list[str]) -> int:
    """Do what is asked, in that order."""
    actions: dict[str, Callable[[], int | None]] = {"build": build, "check": check}
    if not arguments or not set(arguments) <= set(actions):
        print(__doc__, file=sys.stderr)
        return 2
    return 1 if any([actions[argument]() for argument in arguments]) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
