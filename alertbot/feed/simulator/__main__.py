"""``python -m alertbot.feed.simulator`` serves a scenario, as ``--help`` says."""

from alertbot.feed.simulator.server import main

if __name__ == "__main__":
    main()
