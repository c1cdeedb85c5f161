"""Says after a long run what was simulated."""

from simulation.tally import Tally, in_words

SHORT = 20
"""Stories up to which nothing is said."""


def pytest_terminal_summary(terminalreporter):
    reports = [each for kind in ("passed", "failed") for each in terminalreporter.stats.get(kind, ())]
    told = [Tally(*value) for each in reports for name, value in each.user_properties if name == "story"]
    if len(told) > SHORT:
        for line in in_words(told):
            terminalreporter.write_line(line)
