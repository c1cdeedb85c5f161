"""When rules were first at work, and up to when an older version judged by them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlite_utils import Database


def rules_begun(db: Database) -> dict[str, int]:
    """The frontier when each rule was first at work."""
    return dict(db.conn.execute("SELECT name, begun FROM rules"))


def rules_meant_since(db: Database) -> dict[str, int]:
    """The last slot that was judged by what each rule meant before an upgrade, of those that there were then."""
    return dict(db.conn.execute("SELECT name, meant_since FROM rules WHERE meant_since IS NOT NULL"))


def write_rules_begun(db: Database, begun: Mapping[str, int]) -> None:
    """Write the frontier when a rule was first at work, unless it is known from before."""
    db.conn.executemany("INSERT INTO rules (name, begun) VALUES (?, ?) ON CONFLICT DO NOTHING", begun.items())
