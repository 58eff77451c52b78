"""The stubs say what the module says."""

import ast
import doctest
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
import ringway
from ringway import _ringway

STUBS = Path(ringway.__file__).with_name("_ringway.pyi")


def documented() -> Iterator[tuple[str, str | None]]:
    """The path of each public function, class and method in the stubs, and its docstring."""
    for node in ast.parse(STUBS.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, ast.get_docstring(node)
        if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
            continue
        yield node.name, ast.get_docstring(node)
        for member in node.body:
            if isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
                yield f"{node.name}.{member.name}", ast.get_docstring(member)


def test_there_are_stubs() -> None:
    assert len(list(documented())) >= 15
    assert STUBS.with_name("py.typed").is_file()


@pytest.mark.parametrize(("path", "docstring"), list(documented()))
def test_docstrings_agree(path: str, docstring: str | None) -> None:
    found: object = _ringway
    for name in path.split("."):
        found = getattr(found, name)
    assert docstring is not None
    assert inspect.getdoc(found) == docstring


def test_examples_run() -> None:
    failures, tried = doctest.testmod(ringway)
    assert tried > 0
    assert failures == 0
