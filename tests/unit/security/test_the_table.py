"""docs/security.md names tests: each of them exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_test_that_the_document_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "security.md").read_text()))
    found: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        found.update(re.findall(r"def (test_\w+)\(", path.read_text()))
    assert len(named) > 60
    assert sorted(named - found) == []


def test_every_line_of_the_threats_is_answered() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    rows = re.findall(r"^\| (\d+) \| .+ \| (.+) \|$", text, flags=re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 45))
    assert all("test_" in proof or "Not yet: " in proof for _, proof in rows)
