"""What stands at the wire: everything that alertbot talks to, and what refuses what the real one refuses."""
