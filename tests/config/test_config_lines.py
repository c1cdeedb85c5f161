from __future__ import annotations

import json
import tomllib
from datetime import date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertbot.config.lines import find_lines


def paths_of(value, path=()):
    """Every key path and list position that tomllib sees."""
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        return
    for key, inner in items:
        yield (*path, key)
        yield from paths_of(inner, (*path, key))


DOCUMENT = """\
# rule = "not this"
title = "a # no comment"   # a comment with ] and } and "
"quoted.key" = 'C:\\'      # a literal text ends with a backslash
owner.name = "x"
owner . "full name" = '''
[not.a.table]
key = 1''''

[feed]
probe = "20s"
domains = [
    "a]",          # one ]
    # nothing here
    { name = "x", inner = { deep = [1,
        2] } },
  [ ],
]
text = \"\"\"
[[rule]]
name = "\\"\"\"no\"\"\\"
\"\"\"\"\"
[[rule]]
name = "one"
  [rule.extra]
  a.b = 1979-05-27 07:32:00
[[ rule ]]   # the second
name = "two"
[[rule.step]]
[[rule.step]]
x = +1e5
[ "we ird" . 'x' ]
"\\u0041" = inf
"""


def test_each_key_has_the_line_on_which_it_first_stands():
    lines = find_lines(DOCUMENT)

    assert set(lines) == set(paths_of(tomllib.loads(DOCUMENT)))
    expected = {
        ("title",): 2,
        ("quoted.key",): 3,
        ("owner",): 4,
        ("owner", "name"): 4,
        ("owner", "full name"): 5,
        ("feed",): 9,
        ("feed", "probe"): 10,
        ("feed", "domains", 0): 12,
        ("feed", "domains", 1): 14,
        ("feed", "domains", 1, "inner", "deep", 1): 15,
        ("feed", "domains", 2): 16,
        ("feed", "text"): 18,
        ("rule",): 22,
        ("rule", 0): 22,
        ("rule", 0, "name"): 23,
        ("rule", 0, "extra", "a", "b"): 25,
        ("rule", 1): 26,
        ("rule", 1, "name"): 27,
        ("rule", 1, "step", 0): 28,
        ("rule", 1, "step", 1, "x"): 30,
        ("we ird", "x"): 31,
        ("we ird", "x", "A"): 32,
    }
    assert {path: lines[path] for path in expected} == expected


def test_windows_line_endings_count_as_one():
    assert find_lines(DOCUMENT.replace("\n", "\r\n")) == find_lines(DOCUMENT)


def test_an_empty_text_has_no_keys():
    assert find_lines("") == {}
    assert find_lines("\n# only a comment") == {}


def test_a_text_that_is_not_toml_is_refused_and_never_scanned_for_ever():
    with pytest.raises(ValueError, match="line 2 is not TOML"):
        find_lines("a = 1\n= 2")


# Random valid documents. Keys are numbered, so that each stands in the text once and its true line can be found.

quote = st.sampled_from(['"{}"', "'{}'", "{}"])
noise = st.sampled_from(["", " ", "\t", "  "])
comment = st.sampled_from(["", "", "# a comment", '#] } " = [[x]] \'\'\' """'])
awkward = st.text(st.sampled_from(list("ab \t=[]{}#,.'\"\\\n")), max_size=12)


@st.composite
def strings(draw):
    text = draw(awkward)
    style = draw(st.sampled_from(["basic", "literal", "long basic", "long literal"]))
    if style == "literal" and not set("'\n") & set(text):
        return f"'{text}'"
    if style == "long literal" and "'''" not in text:
        return f"'''{text}'''" if not text.endswith("'''") else f"'''\n{text} '''"
    if style == "long basic":
        escaped = text.replace("\\", "\\\\").replace('"""', '""\\"')
        return f'"""{escaped}"""'
    return json.dumps(text)


scalars = st.one_of(
    strings(),
    st.integers(-(10**9), 10**9).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda number: f"{number:.3f}"),
    st.sampled_from(["true", "false", "inf", "-nan", "0xDEAD_beef", "1_000", "1e5"]),
    st.dates(date(1970, 1, 1)).map(date.isoformat),
    st.times().map(time.isoformat),
    st.datetimes(datetime(1970, 1, 1)).map(lambda moment: moment.isoformat(draw_separator(moment))),  # noqa: DTZ001 - TOML knows local times
)


def draw_separator(moment):
    return " " if moment.second % 2 else "T"


class Names:
    """Fresh keys, never used twice in one document."""

    def __init__(self):
        self.count = 0

    def key(self, draw):
        self.count += 1
        return draw(quote).format(f"k{self.count}k")

    def dotted(self, draw):
        dot = draw(noise) + "." + draw(noise)
        return dot.join(self.key(draw) for _ in range(draw(st.integers(1, 3))))


def value(draw, names, depth):
    kind = draw(st.sampled_from(["scalar", "scalar", "array", "table"] if depth else ["scalar"]))
    if kind == "scalar":
        return draw(scalars)
    elements = range(draw(st.integers(0, 3)))
    if kind == "table":
        pairs = [pair(draw, names, depth - 1) for _ in elements]
        return "{" + draw(noise) + f"{draw(noise)},{draw(noise)}".join(pairs) + draw(noise) + "}"
    parts = "[" + "".join(f"{gap(draw)}{value(draw, names, depth - 1)}{gap(draw)}," for _ in elements)
    return (parts if draw(st.booleans()) else parts.removesuffix(",")) + gap(draw) + "]"


def gap(draw):
    """What may stand between the elements of an array."""
    words = draw(comment)
    return draw(noise) + (f"{words}\n" if words or draw(st.booleans()) else "") + draw(noise)


def pair(draw, names, depth):
    return f"{names.dotted(draw)}{draw(noise)}={draw(noise)}{value(draw, names, depth)}"


@st.composite
def documents(draw):
    names, lines, arrays = Names(), [], []
    for _ in range(draw(st.integers(0, 8))):
        what = draw(st.sampled_from(["pair", "pair", "pair", "table", "array", "again", "below"]))
        if what == "pair":
            line = pair(draw, names, 3)
        elif what == "table":
            line = f"[{draw(noise)}{names.dotted(draw)}{draw(noise)}]"
        elif what == "again" and arrays:
            line = f"[[{draw(st.sampled_from(arrays))}]]"
        elif what == "below" and arrays:
            line = f"[{draw(st.sampled_from(arrays))}.{names.dotted(draw)}]"
        else:
            arrays.append(names.dotted(draw))
            line = f"[[{arrays[-1]}]]"
        lines.append(f"{draw(noise)}{line}{draw(noise)}{draw(comment)}")
        lines += [draw(comment)] * draw(st.integers(0, 2))
    return "\n".join(lines) + draw(st.sampled_from(["", "\n"]))


@given(documents(), st.sampled_from(["\n", "\r\n"]))
def test_random_documents_give_the_very_keys_that_tomllib_sees_each_on_its_line(text, newline):
    text = text.replace("\n", newline)
    written = text.split("\n")

    lines = find_lines(text)

    assert set(lines) == set(paths_of(tomllib.loads(text)))
    for path, line in lines.items():
        if isinstance(path[-1], str):
            assert path[-1] in written[line - 1]
            assert not any(path[-1] in earlier for earlier in written[: line - 1])


@given(st.recursive(st.integers(), lambda inner: st.lists(inner, min_size=1, max_size=2), max_leaves=30))
def test_each_element_of_an_array_has_the_line_it_starts_on(tree):
    lines = []

    def write(node, path):
        if isinstance(node, int):
            return str(node)
        parts = []
        for index, inner in enumerate(node):
            lines.append((*path, index))
            parts.append("\n" + write(inner, (*path, index)) + ",")
        return "[" + "".join(parts) + "]"

    found = find_lines("a = " + write(tree, ("a",)))

    # One element a line, written depth first: the n-th element stands on line n + 1.
    assert found == {("a",): 1, **{path: number for number, path in enumerate(lines, start=2)}}


@pytest.mark.parametrize("depth", [100, 300])
def test_deep_nesting_that_tomllib_reads_is_read_here_too(depth):
    text = "a = " + "[" * depth + "]" * depth

    assert len(find_lines(text)) == len(list(paths_of(tomllib.loads(text)))) == depth


def test_a_list_of_fifteen_thousand_domains_keeps_its_lines():
    text = "[watch]\ndomains = [\n" + "".join(f'  "d{number}.example.com",\n' for number in range(15_000)) + "]\n"

    assert find_lines(text)["watch", "domains", 14_999] == 15_002
