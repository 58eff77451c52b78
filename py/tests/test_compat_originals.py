"""The own tests of packages that ringway.compat stands in for, with ringway in their place.

make setup downloads their sources, which hold the tests; they are not part of Ringway.
"""

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from support import ROOT

SDISTS = ROOT / ".setup" / "sdists"
IN_PLACE = Path(__file__).parent / "in_place"

# Their subject is a hash function or a seed of one's own, which no layout has.
NOT_OURS = [
    "test_init_no_options",
    "test_init",
    "test_seed",
    "test_rendezvous_collision",
    "test_rendezvous_names",
]


@pytest.mark.parametrize(
    ("package", "tests", "passed", "left_out"),
    [
        ("jump_consistent_hash-3.6.0", ["tests"], 44, []),
        (
            "pymemcache-4.0.0",
            ["pymemcache/test/test_rendezvous.py", "pymemcache/test/test_client_hash.py"],
            72,
            NOT_OURS,
        ),
    ],
)
def test_their_tests_pass(
    package: str, tests: list[str], passed: int, left_out: list[str], tmp_path: Path
) -> None:
    archive = SDISTS / f"{package}.tar.gz"
    assert archive.is_file(), "scripts/setup.sh sdists downloads it"
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    folder = tmp_path / package
    deselected = [f"--deselect={tests[0]}::{name}" for name in left_out]
    settings = tmp_path / "pytest.ini"
    settings.write_text("[pytest]\nmarkers =\n    unit\n    integration\n", encoding="utf-8")
    run = subprocess.run(  # noqa: S603 - the test's own words
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "in_place", "-p", "no:cacheprovider"),
            *("-c", str(settings), "--rootdir", str(folder)),
            *deselected,
            *tests,
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(IN_PLACE)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
    match = re.search(r"(\d+) passed(?:, (\d+) deselected)? in", run.stdout)
    assert match is not None, run.stdout
    assert int(match.group(1)) == passed
    assert int(match.group(2) or 0) == len(left_out)
