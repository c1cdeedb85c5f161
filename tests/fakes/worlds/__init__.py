"""What the world is like: accounts, databases, clocks and alerts to try things on."""
