"""The documentation that ships: the README, and the pages that ``alertbot help`` prints."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FOLDER = ROOT / "alertbot" / "help"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md"))}
TEXT = "\n".join([README, *PAGES.values()])
"""All of it, one page after the other."""
