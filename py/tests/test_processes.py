"""Forks, new processes and interpreters."""

import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable

import numpy as np
import pytest
import ringway
from ringway import Table

TABLE = Table([f"n{i}" for i in range(20)], hash_tag="{}")
KEYS = [f"user:{i}" for i in range(500)]
EXPECTED = TABLE.owner_many(KEYS)


def in_child(check: Callable[[], bool]) -> int:
    """The exit status of a forked child that checks; it leaves pytest alone."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if check() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_fork_has_the_same_table() -> None:
    owners = TABLE.owner_many(KEYS)

    def check() -> bool:
        changed = TABLE.with_node("new").without_node("new")
        return (
            TABLE.owner_many(KEYS) == EXPECTED == owners
            and changed == TABLE
            and Table(TABLE.nodes, hash_tag="{}").fingerprint == TABLE.fingerprint
        )

    assert in_child(check) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_while_other_threads_look_up() -> None:
    array = np.array(KEYS * 200)
    stop = threading.Event()

    def look_up() -> None:
        while not stop.is_set():
            TABLE.owner_many(array)
            list(TABLE.walk("k"))

    threads = [threading.Thread(target=look_up) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            # No lock is held by a thread that the child does not have.
            assert in_child(lambda: TABLE.owner_many(KEYS) == EXPECTED) == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_pools_of_processes(method: str) -> None:
    """Tables and owners go to other processes and back."""
    parts = [KEYS[:200], KEYS[200:]]
    with multiprocessing.get_context(method).Pool(2) as pool:
        found = pool.map(TABLE.owner_many, parts)
    assert [name for part in found for name in part] == EXPECTED
    assert found[0].table == TABLE


# Interpreters that share the lock: those that do not, CPython itself keeps from such modules.
INTERPRETERS = """
import sys
if sys.version_info >= (3, 13):
    import _interpreters as interpreters
    other = interpreters.create("legacy")
else:
    import _xxsubinterpreters as interpreters
    other = interpreters.create(isolated=False)
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the code stands below
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )


def test_another_interpreter_is_told_why_not() -> None:
    """The module belongs to the first interpreter that imports it."""
    found = run(
        INTERPRETERS
        + """
import ringway
code = '''
try:
    import ringway
except ImportError as error:
    print(error, flush=True)
else:
    print("imported", flush=True)
'''
failed = interpreters.run_string(other, code)
assert failed is None, failed
interpreters.destroy(other)
assert ringway.Table(["a"]).owner("k") == "a"
"""
    )
    assert found.returncode == 0, found.stderr
    assert "another interpreter of this process has imported it" in found.stdout


def test_one_interpreter_alone_may_be_any() -> None:
    found = run(
        INTERPRETERS
        + """
code = 'import ringway; print(ringway.Table(["a"]).owner("k"), flush=True)'
failed = interpreters.run_string(other, code)
assert failed is None, failed
interpreters.destroy(other)
"""
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.split() == ["a"]


def test_import_takes_nothing_else_along() -> None:
    """The package needs no other, and does not look for one."""
    found = run(
        """
import sys
before = set(sys.modules)
import ringway
new = {name.split(".")[0] for name in set(sys.modules) - before}
print(*(new - sys.stdlib_module_names))
"""
    )
    assert found.stdout.split() == ["ringway"], found.stderr
    assert ringway.__version__
