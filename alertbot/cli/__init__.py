"""The command line, a file a command: ``alertbot replay`` is ``cli/replay.py``."""
