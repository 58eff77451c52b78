"""What docs/python-cookbook.md and the package's README show works: each page is one program."""

import re
from pathlib import Path
from typing import Any

import pytest
from support import ROOT

PAGES = [ROOT / "docs" / "python-cookbook.md", ROOT / "py" / "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    blocks = list(re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    assert blocks
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks:
        # An error then names the line of the page.
        line = text[: block.start()].count("\n") + 1
        exec(compile("\n" * line + block[1], str(page), "exec"), names)  # noqa: S102 - ours
