"""Is this slot in breach, and against what: the rule kinds, pure functions over arrays of slots x series."""
