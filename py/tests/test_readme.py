"""What README and the guides show of Python works."""

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
GUIDES = [*sorted((ROOT / "docs").glob("python*.md")), ROOT / "py" / "README.md"]


def blocks(page: Path) -> list[tuple[int, str]]:
    """The line before each block of Python, and the block."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [(text[: block.start()].count("\n") + 1, block[1]) for block in found]


def run(page: Path, line: int, block: str, names: dict[str, Any]) -> None:
    # An error then names the line of the page.
    code = compile("\n" * line + block, str(page), "exec")
    exec(code, names)  # noqa: S102 - the project's own text


@pytest.mark.parametrize(("line", "block"), blocks(ROOT / "README.md"))
def test_blocks_of_the_readme_run(line: int, block: str) -> None:
    run(ROOT / "README.md", line, block, {})


@pytest.mark.parametrize("page", GUIDES, ids=[page.name for page in GUIDES])
def test_a_guide_is_one_program(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    for line, block in blocks(page):
        run(page, line, block, names)


def test_there_are_blocks() -> None:
    assert blocks(ROOT / "README.md")
    assert ROOT / "docs" / "python.md" in GUIDES
    assert all(blocks(page) for page in GUIDES)
