"""``python -m alertbot`` is the command ``alertbot``."""

from alertbot.cli.main import main

if __name__ == "__main__":
    main(prog_name="alertbot")
