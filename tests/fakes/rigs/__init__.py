"""How it is put to work: parts of alertbot, or all of it, wired up and running for a test."""
