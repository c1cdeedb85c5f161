"""README.md and CONTRIBUTING.md: their examples are run, and what there is to use stands in them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from zoneinfo import ZoneInfo

import pages
import pytest
from click.testing import CliRunner
from fakes.rigs.waiting import PATIENCE
from pages import README, ROOT, TEXT
from PIL import Image

from alertbot.cli.main import main
from alertbot.config import load
from alertbot.config.draft import SECTIONS
from alertbot.config.kinds import KINDS
from alertbot.feed.simulator.scenario import Scenario
from alertbot.incidents.order_parser import parse_order
from alertbot.incidents.orders import Silence
from alertbot.messages.page_search import named, search
from alertbot.messages.pages import PAGES, sections
from alertbot.messages.usages import USAGES
from alertbot.slack.typed_text import words_of
from alertbot.units import parse_time

GUIDE_PATH = ROOT / ".github" / "CONTRIBUTING.md"
GUIDE = GUIDE_PATH.read_text(encoding="utf-8")

WATCH = '[watch]\ndomains = ["video.example.com", "dl1.example.com", "dl2.example.com"]\n'
RULE = '[[rule]]\nname = "r"\nkind = "threshold"\nabove = "1 Gbps"\n'
KIND_NEEDS = {"threshold": 'above = "1 Gbps"', "drop": 'by = "50%"', "day_over_day": "ratio = 2.0"}
KIND_NEEDS["percentile"] = 'commit = "10 Gbps"'
KIND_NEEDS["baseline"] = ""


def blocks(language, text=TEXT):
    """The code blocks of one language, whole."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def chapter(title):
    """What stands under a heading, up to the next one."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"no heading {title}"
    return found[1]


def listed(title):
    """The keys in the list under a heading, each with its default where it has one, as they are written."""
    items = re.findall(r"^- ((?:`\w+`(?: \(`[^`]*`\))?(?:, |: ))+)", chapter(title), re.MULTILINE)
    return dict(re.findall(r"`(\w+)`(?: \(`([^`]*)`\))?", " ".join(items)))


def shell_lines():
    """Every single command of the shell blocks and of inline code, as words, without comments, sudo and variables."""
    lines = [line for block in blocks("sh") for line in block.replace("\\\n", "").splitlines()]
    prose = re.sub(r"^```.*?^```$|^#.*?$", "", TEXT, flags=re.MULTILINE | re.DOTALL)
    lines += re.findall(r"`((?:sudo )?alertbot [^`]+)`", prose)
    for line in lines:
        for command in re.split(r"&&|>", line):
            words = shlex.split(command, comments=True)
            while words and (words[0] in {"sudo", "env"} or "=" in words[0]):
                words.pop(0)
            if words:
                yield words


COMMAND_LINES = [words[1:] for words in shell_lines() if Path(words[0]).name == "alertbot" and len(words) > 1]


@pytest.mark.parametrize("example", blocks("toml") + blocks("toml", GUIDE))
def test_every_toml_example_passes_the_check(example, tmp_path):
    holds = tomllib.loads(example).keys()
    path = tmp_path / "rules.toml"
    path.write_text(("" if "watch" in holds else WATCH) + example + ("" if "rule" in holds else RULE))

    assert load(path).rules


@pytest.mark.parametrize("words", COMMAND_LINES, ids=" ".join)
def test_every_command_line_is_one_that_alertbot_takes(words, tmp_path, monkeypatch):
    (tmp_path / "rules.toml").touch()
    monkeypatch.chdir(tmp_path)
    assert words[0] in {*main.commands, "COMMAND"}
    if words[0] != "COMMAND":
        main.commands[words[0]].make_context(words[0], words[1:])


def test_command_lines_were_found_in_the_readme():
    assert {words[0] for words in COMMAND_LINES} >= set(main.commands)


@pytest.mark.parametrize("name", main.commands)
def test_every_command_stands_on_the_page_of_commands(name):
    assert re.search(rf"\balertbot {name}\b", pages.PAGES["commands"]) or name == "help"


def test_no_option_stands_on_the_page_of_commands_that_no_command_takes():
    known = {opt for command in main.commands.values() for option in command.params for opt in option.opts}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", pages.PAGES["commands"])) <= known | {"--help"}


@pytest.mark.parametrize(
    ("title", "model"),
    [
        *((f"`[[{name}]]`" if name in {"group", "mute"} else f"`[{name}]`", model)
          for name, model in SECTIONS.items() if name != "rule"),
        ("Keys of every rule", SECTIONS["rule"]),
        *((f"`{name}`", model) for name, model in KINDS.items()),
    ],
)  # fmt: skip
def test_every_configuration_key_stands_in_the_readme_and_no_other(title, model):
    common = SECTIONS["rule"].key_names() if model in KINDS.values() else ()
    assert sorted((*listed(title), *common)) == sorted(model.key_names())


@pytest.mark.parametrize("section", ["feed", "watch", "slack", "store"])
def test_a_default_of_a_section_in_the_readme_is_the_default(section, tmp_path):
    lines = [f"{key} = {default}\n" for key, default in listed(f"`[{section}]`").items() if default]
    needed = "" if section == "watch" else WATCH
    opened = WATCH if section == "watch" else f"[{section}]\n"

    assert lines
    assert settings(tmp_path, needed + opened + "".join(lines) + RULE) == settings(tmp_path, WATCH + RULE)


@pytest.mark.parametrize("kind", KINDS)
def test_a_default_of_a_rule_in_the_readme_is_the_default(kind, tmp_path):
    rule = WATCH + f'[[rule]]\nname = "r"\nkind = "{kind}"\n{KIND_NEEDS[kind]}\n'
    rows = listed("Keys of every rule") | listed(f"`{kind}`")
    # A threshold's "clear" defaults to the limit, which is no value to write.
    lines = [f"{key} = {default}\n" for key, default in rows.items() if default]

    assert settings(tmp_path, rule + "".join(lines)) == settings(tmp_path, rule)


def settings(folder, text):
    path = folder / "rules.toml"
    path.write_text(text)
    return load(path)


@pytest.mark.parametrize(("name", "usage"), USAGES.items())
def test_every_slash_command_stands_in_the_readme_with_what_it_takes(name, usage):
    assert f"`/bandwidth {name} {usage.takes}".rstrip() + "`" in chapter("Slash commands")


def test_the_readme_shows_an_alert_as_it_is_posted():
    shown = re.findall(r"^> (.*)$", README, re.MULTILINE)
    posted = (ROOT / "tests" / "golden" / "dark.txt").read_text(encoding="utf-8").splitlines()[1:3]
    assert [line.replace("**", "`") for line in shown] == [line.removeprefix("<!here> ").strip() for line in posted]


TYPED_LINES = [words_of(line) for block in blocks("slack") for line in block.splitlines()]


def test_every_command_typed_in_slack_is_understood():
    now, zone = parse_time("2026-03-02T14:30:00Z"), ZoneInfo("Europe/Berlin")

    assert {words[0] for words in TYPED_LINES} == {"/bandwidth"}
    assert {words[1] for words in TYPED_LINES} >= {"why", "ack", "silence"}
    for _, *words in TYPED_LINES:
        assert words[0] in USAGES
        if words[0] == "silence":
            assert isinstance(parse_order(words, now, zone), Silence)


@pytest.mark.slow
def test_the_picture_is_drawn_anew_by_its_command(tmp_path):
    assert "](.github/picture.png)" in README
    drawn = tmp_path / "picture.png"
    subprocess.run([sys.executable, str(ROOT / ".github" / "picture.py"), str(drawn)], check=True, timeout=PATIENCE)
    with Image.open(drawn) as now, Image.open(ROOT / ".github" / "picture.png") as stored:
        assert now.size == stored.size


def test_both_set_up_lines_begin_alike_and_use_the_constraints():
    demo, tests = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)

    assert demo.endswith(".venv/bin/alertbot demo")
    assert ".venv/bin/pytest" in tests
    for line in (demo, tests):
        assert line.startswith("python3 -m venv .venv && .venv/bin/pip install -q -c .ci/constraints.txt ")


def test_the_checks_run_the_readmes_test_command_as_it_stands_there():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    pattern = re.search(r"line=\$\(grep -E '([^']+)' README\.md\)", script)

    assert pattern is not None
    assert re.findall(f"{pattern[1]}.*$", README, re.MULTILINE) == [
        line for line in README.splitlines() if line.startswith("python3") and "pytest" in line
    ]
    assert 'bash -c "$line $*"' in script


def test_the_documentation_is_short_enough_to_be_read():
    assert len(README.split()) <= 1500
    assert len(TEXT.split()) <= 8000


@pytest.mark.parametrize("name", pages.PAGES)
def test_a_page_fits_a_terminal_of_eighty_columns(name):
    prose = re.sub(r"^```.*?^```$", "", pages.PAGES[name], flags=re.MULTILINE | re.DOTALL)
    assert [line for line in prose.splitlines() if len(line) > 80] == []


DOCUMENTS = {ROOT / "README.md": README} | {pages.FOLDER / f"{name}.md": text for name, text in pages.PAGES.items()}


def headings(text):
    """What a link may point at within a page: its headings, as GitHub names them."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_link_within_the_repository_leads_somewhere(path):
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", DOCUMENTS[path])

    assert links
    for link in links:
        target, _, heading = link.partition("#")
        aim = (path.parent / target).resolve() if target else path
        assert aim.exists(), link
        assert not heading or headings(DOCUMENTS[aim]).count(heading) == 1, link


def test_the_readme_lists_the_pages_as_help_does():
    rows = re.findall(r"^- \[(\w+)\]\(alertbot/help/\1\.md\): (.*)$", README, re.MULTILINE)

    assert dict(rows) == PAGES
    assert PAGES.keys() == pages.PAGES.keys()


def printed(*words):
    result = CliRunner().invoke(main, ["help", *words])
    return result.exit_code, result.output


@pytest.mark.parametrize("topic", PAGES)
def test_help_prints_each_page_with_its_links_as_commands_that_can_be_typed(topic):
    code, shown = printed(topic)

    assert code == 0
    assert shown.startswith(pages.PAGES[topic].partition("\n")[0])
    assert set(headings(shown)) == set(headings(pages.PAGES[topic]))
    assert "](" not in shown
    assert max(map(len, re.sub(r"^```.*?^```$", "", shown, flags=re.MULTILINE | re.DOTALL).splitlines())) <= 80


@pytest.mark.parametrize("words", sorted({each.words for topic in PAGES for each in sections(topic)}), ids=" ".join)
def test_every_section_is_printed_by_the_command_that_points_to_it(words):
    (section,) = (each for each in sections(words[0]) if each.words == words)
    code, shown = printed(*words)

    assert (code, shown.startswith(section.text)) == (0, True)
    for aim in section.aims:
        assert aim.startswith("https:") or named(aim.split()[2:]) or aim.split()[2] in PAGES


def test_help_lists_the_pages_and_says_what_was_probably_meant():
    listed, wrong = CliRunner().invoke(main, ["help"]), CliRunner().invoke(main, ["help", "upgarde"])

    assert [line.split()[0] for line in listed.output.splitlines() if line.startswith("  ")] == list(PAGES)
    assert (wrong.exit_code, "did you mean upgrade?" in wrong.output) == (2, True)


QUESTIONS = """
silence a domain until 6         -> slack Silences
why did it fire                  -> commands Questions
why did incident fire            -> commands Questions
who silenced                     -> slack Silences
snooze                           -> slack Silences
quiet                            -> slack Silences
upgrade                          -> operations Upgrade
previous version                 -> operations Go back after an upgrade
escalation                       -> rules Keys of every rule
retention                        -> config [store]
it did not post                  -> troubleshooting False alert, or none
rollback                         -> operations Go back after an upgrade
downgrade                        -> operations Go back after an upgrade
go back                          -> operations Go back after an upgrade
restore                          -> operations Backup and restore
token refused                    -> troubleshooting The CDN refuses the token
slack token                      -> troubleshooting Slack refuses a token
slack refused the token          -> troubleshooting Slack refuses a token
invalid_auth                     -> troubleshooting Slack refuses a token
api key changed                  -> operations A new token
api key                          -> operations A new token
rotate the token                 -> operations A new token
renew                            -> operations A new token
secrets                          -> config Secrets
config secrets                   -> config Secrets
api_token                        -> config Secrets
encrypted secret                 -> operations Encrypted secrets
office hours                     -> rules Keys of every rule
business hours                   -> rules Keys of every rule
working hours                    -> rules Keys of every rule
monday to friday                 -> rules Keys of every rule
schedule hours                   -> rules Keys of every rule
yellow                           -> slack The colours
what does the color mean         -> slack The colours
alerted for nothing              -> troubleshooting False alert, or none
false alarm                      -> troubleshooting False alert, or none
no alert                         -> troubleshooting False alert, or none
it did not alert                 -> troubleshooting False alert, or none
missed outage                    -> troubleshooting False alert, or none
why was there no alert           -> troubleshooting False alert, or none
downtime                         -> config [[mute]]
config mute                      -> config [[mute]]
how fast                         -> rules How soon an alert comes
time to alert                    -> rules How soon an alert comes
delay                            -> rules How soon an alert comes
how long until an alert          -> rules How soon an alert comes
minutes late                     -> troubleshooting Is it zero, late, or failed?
lag                              -> config [feed]
max_lag                          -> config [feed]
for                              -> rules Keys of every rule
severity                         -> rules Keys of every rule
timezone                         -> rules Keys of every rule
floor                            -> rules day_over_day
where is the log                 -> operations The log
where are the logs               -> operations The log
noise                            -> slack One incident, one message
which rule pages most            -> commands Questions
the bot is red                   -> operations Health
how late is the data             -> troubleshooting Is it zero, late, or failed?
slack charts                     -> slack Charts
remove alertbot                  -> operations Uninstall
proxy                            -> operations Proxies and certificates
pagerduty                        -> scale PagerDuty
how many domains                 -> scale How many domains fit
two accounts                     -> operations Several accounts
95th percentile                  -> rules percentile
escalate                         -> rules Keys of every rule
ping                             -> slack Pings
who gets pinged                  -> slack Pings
mention                          -> config [slack]
flapping                         -> slack One incident, one message
service does not start           -> troubleshooting The service does not start
exit code                        -> commands
disk full                        -> runbook Nothing can be stored
slack is down                    -> runbook A message waits for Slack
total on weekdays                -> rules Keys of every rule
acknowledge                      -> slack One incident, one message
ack                              -> commands Orders
keep-posting                     -> commands Orders
daily report                     -> config [digest]
stop alerts for a domain tonight -> slack Silences
my slack token expired           -> troubleshooting Slack refuses a token
rules weekdays                   -> rules Keys of every rule
night pages for one rule         -> rules Keys of every rule
one rule only during the day     -> rules Keys of every rule
charge of last month             -> commands Questions
last month bill                  -> commands Questions
new domain                       -> troubleshooting A new domain is not watched
domain not watched               -> troubleshooting A new domain is not watched
domains no rule                  -> troubleshooting A new domain is not watched
domains without a rule           -> troubleshooting A new domain is not watched
not watched by any rule          -> troubleshooting A new domain is not watched
clocks disagree                  -> runbook The clocks disagree
move to another channel          -> config [slack]
"""


@pytest.mark.parametrize(("question", "section"), [re.split(r" +-> ", line) for line in QUESTIONS.strip().splitlines()])
def test_a_question_is_answered_by_the_section_that_is_about_it(question, section):
    best = search(question.split())[0]

    assert f"{best.page} {best.heading}".strip() == section


def test_an_answer_says_from_which_page_it_is_and_what_else_may_be_meant():
    code, shown = printed("who", "silenced")

    assert (code, shown.splitlines()[:3]) == (0, ["From `alertbot help slack`:", "", "## Silences"])
    head, *others = shown.partition("If that is not it:\n")[2].splitlines()
    assert len(others) == 2
    assert all(named(line.split()[2:]) for line in (head, *others))


def test_help_of_what_no_page_says_lists_the_pages():
    for words in (["xyzzy"], ["config", "xyzzy"]):
        code, shown = printed(*words)
        assert (code, "the pages are rules, config" in shown) == (2, True)


def test_the_scenario_in_the_guide_is_one_that_the_simulator_takes():
    (scenario,) = blocks("json", GUIDE)

    assert Scenario.from_json(scenario).events


def is_there(link):
    return link[1:] in headings(GUIDE) if link.startswith("#") else (GUIDE_PATH.parent / link).exists()


def test_what_the_guide_names_is_there():
    prose = re.sub(r"^```.*?^```$", "", GUIDE, flags=re.MULTILINE | re.DOTALL)
    named = {name for name in re.findall(r"`([\w./-]+(?:/|\.py|/run|\.txt))`", prose) if "KIND" not in name}
    linked = re.findall(r"\]\((?!https?:)([^)]+)\)", prose)

    assert len(named) > 10
    assert [name for name in named if not ((ROOT / name).exists() or (ROOT / "alertbot" / name).exists())] == []
    assert [link for link in linked if not is_there(link)] == []


def test_the_constraints_are_names_and_versions_of_all_that_is_needed():
    lines = (ROOT / ".ci" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower() for line in lines}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    direct = {
        re.match(r"[\w.-]+", requirement)[0]
        for requirement in project["dependencies"] + project["optional-dependencies"]["dev"]
    }

    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
    assert "alertbot" not in pinned
    assert direct <= pinned
