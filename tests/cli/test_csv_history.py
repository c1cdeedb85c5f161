"""History as CSV: a zero is a zero, every slip is named with its line, and what is written reads back."""

from __future__ import annotations

import gzip
import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alertbot.cli.csv_history import CsvHistory, read_csv, write_csv
from alertbot.errors import HistoryError, UsageError
from alertbot.units import DAY, DAY_SLOTS, SLOT

START = 20_000 * DAY
NAN = math.nan


@pytest.fixture
def read(tmp_path):
    def reader(text, encoding="utf-8"):
        path = tmp_path / "history.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return read_csv(path)

    return reader


def refused(read, text):
    with pytest.raises(HistoryError) as caught:
        read(text)
    return str(caught.value).partition("history.csv")[2]


def test_rows_are_read_in_any_order_and_domains_in_order_of_appearance(read):
    histories = read(f"domain,time,bps\nb.com,{START + SLOT},2\na.com,{START},7.5\nb.com,{START},1e3\n")
    assert list(histories) == ["b.com", "a.com"]
    assert histories["b.com"].slots.tolist() == [START, START + SLOT]
    assert histories["b.com"].values.tolist() == [1000, 2]
    assert (histories["b.com"].first, histories["b.com"].last) == (START, START + SLOT)
    assert histories["a.com"].values.tolist() == [7.5]


def test_a_compressed_file_is_read_as_what_it_holds_and_a_broken_one_is_told(tmp_path):
    path = tmp_path / "history.csv.gz"
    path.write_bytes(gzip.compress(f"domain,time,bps\na.com,{START},7.5\n".encode()))
    assert read_csv(path)["a.com"].values.tolist() == [7.5]

    for broken in (b"domain,time,bps\n", path.read_bytes()[:-9]):
        path.write_bytes(broken)
        with pytest.raises(HistoryError, match="cannot be unpacked"):
            read_csv(path)


def test_times_are_epoch_seconds_or_iso_8601_in_utc_where_no_offset_is_given(read):
    rows = [f"{START}", "2024-10-04T00:05:00", "2024-10-04 00:10", "2024-10-04T00:15:00Z", "2024-10-04T08:20:00+08:00"]
    histories = read("domain,time,bps\n" + "".join(f"a.com,{time},1\n" for time in rows))
    assert histories["a.com"].slots.tolist() == [START + position * SLOT for position in range(5)]


def test_of_rows_for_the_same_slot_the_last_counts(read):
    histories = read(f"domain,time,bps\na.com,{START},1\na.com,{START + SLOT},5\na.com,{START},2\na.com,{START},3\n")
    assert histories["a.com"].values.tolist() == [3, 5]
    many = read("domain,time,bps\n" + "".join(f"a.com,{START + row % 2 * SLOT},{row}\n" for row in range(1000)))
    assert many["a.com"].values.tolist() == [998, 999]


def test_domains_that_differ_in_case_or_outer_spaces_are_one(read):
    histories = read(f"domain,time,bps\nA.com,{START},1\n a.COM ,{START + SLOT},2\n")
    assert list(histories) == ["a.com"]
    assert len(histories["a.com"].slots) == 2


@pytest.mark.parametrize(
    "text",
    [
        "domain,time,bps\r\na.com,{0},1\r\n",
        "\ufeffdomain,time,bps\na.com,{0},1",
        "Domain, Time ,BPS\na.com,{0},1\n",
        'domain,time,bps\n"a.com","{0}","1"\n',
        "domain,time,bps\n\na.com,{0},1\n\n",
    ],
)
def test_what_spreadsheets_make_of_a_csv_is_read(read, text):
    assert read(text.format(START))["a.com"].values.tolist() == [1]


def test_a_file_without_rows_holds_no_domain(read):
    assert read("domain,time,bps\n") == {}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.com,{0}", "2 fields, expected domain,time,bps"),
        ("a.com,{0},1,2", "4 fields, expected domain,time,bps"),
        ("a.com;{0};1", "1 fields, expected domain,time,bps"),
        (",{0},1", "the domain is empty"),
        ("  ,{0},1", "the domain is empty"),
        ("a.com,yesterday,1", '"yesterday" is not a time'),
        ("a.com,,1", '"" is not a time'),
        ("a.com,{1},1", "is not the start of a 5-minute slot (a multiple of 300 seconds)"),
        ("a.com,2024-10-04T00:01,1", "is not the start of a 5-minute slot"),
        ("a.com,99999999900,1", "is not the start of a 5-minute slot"),  # milliseconds
        ("a.com,1800-01-01,1", "is not the start of a 5-minute slot"),
        ("a.com,{0},8 Gbps", 'bps "8 Gbps" is not a number'),
        ('a.com,{0},"1,5"', 'bps "1,5" is not a number'),
        ("a.com,{0},-1", "bps -1 cannot be a bandwidth: write bit/s, 0 or more"),
        ("a.com,{0},nan", "bps nan cannot be a bandwidth"),
        ("a.com,{0},inf", "bps inf cannot be a bandwidth"),
        ("a.com,{0},1e999", "bps 1e999 cannot be a bandwidth"),
    ],
)
def test_a_row_that_is_wrong_is_named_with_its_line(read, row, message):
    text = f"domain,time,bps\nok.com,{START},1\n\n" + row.format(START, START + 1) + "\n"
    assert refused(read, text).startswith(":4: ")
    assert message in refused(read, text)


@pytest.mark.parametrize(
    "header", ["", "\n", "domain,time\n", "time,domain,bps\n", "a.com,1728000000,1\n", "domain;time;bps"]
)
def test_a_header_that_is_wrong_is_named_with_the_right_one(read, header):
    assert refused(read, header) == ":1: the header must be domain,time,bps"


def test_a_long_cell_is_cut_in_the_message(read):
    assert len(refused(read, f"domain,time,bps\na.com,{START},{'9' * 999}x\n")) < 150


@pytest.mark.parametrize(
    ("text", "told"),
    [("x" * 200_000, ":1: the header must be"), ("domain,time,bps\n" + "x" * 200_000, ":2: 1 fields, expected")],
)
def test_a_line_longer_than_any_is_refused_in_few_words(read, text, told):
    complaint = refused(read, text)
    assert complaint.startswith(told)
    assert len(complaint) < 200


@pytest.mark.parametrize("rows", [0, 50_000])
def test_a_file_that_is_no_utf_8_is_refused_wherever_that_shows(read, rows):
    good = b"domain,time,bps\n" + f"a.com,{START},1\n".encode() * rows
    assert refused(read, good + f"caf\xe9.com,{START},1\n".encode("latin-1")) == (
        ": not UTF-8 text: save the file as UTF-8 CSV"
    )


def test_a_file_that_is_not_there_or_no_file_is_refused(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(UsageError, match="name a readable file with the header domain,time,bps"):
            read_csv(path)


def test_a_digit_that_is_missing_makes_no_decades_of_zeros(read):
    said = refused(read, "domain,time,bps\na.com,177249900,1\na.com,2026-03-02T00:00:00Z,1\n")
    reach = "a.com has rows from 1975-08-14T12:05:00Z to 2026-03-02T00:00:00Z"
    assert said == f": {reach}, over 10 years: mend the time that is wrong"


def test_an_absent_slot_between_first_and_last_row_is_a_zero_and_outside_it_is_unknown(read):
    history = read(f"domain,time,bps\na.com,{START + 2 * SLOT},5\na.com,{START + DAY + SLOT},7\n")["a.com"]
    today, tomorrow = history.day(START // DAY), history.day(START // DAY + 1)
    np.testing.assert_array_equal(today[:5], [NAN, NAN, 5, 0, 0])
    np.testing.assert_array_equal(today[5:], np.zeros(DAY_SLOTS - 5))
    np.testing.assert_array_equal(tomorrow[:4], [0, 7, NAN, NAN])
    assert np.isnan(history.day(START // DAY - 1)).all()
    assert np.isnan(history.day(START // DAY + 2)).all()


def test_a_written_zero_extends_what_is_known(read):
    history = read(f"domain,time,bps\na.com,{START},5\na.com,{START + 3 * SLOT},0\n")["a.com"]
    np.testing.assert_array_equal(history.day(START // DAY)[:5], [5, 0, 0, 0, NAN])


def written(*series):
    file = io.StringIO()
    rows = write_csv(file, [(name, first, np.array(values, dtype=float)) for name, first, values in series])
    return rows, file.getvalue()


def test_zeros_are_written_and_an_unknown_slot_between_known_ones_is_empty():
    rows, text = written(("a.com", START, [NAN, 1.5, 0, NAN, 3e9, NAN]), ("b.com", START, [NAN]))
    assert rows == 4
    assert text.splitlines() == [
        "domain,time,bps",
        "a.com,2024-10-04T00:05:00Z,1.5",
        "a.com,2024-10-04T00:10:00Z,0",
        "a.com,2024-10-04T00:15:00Z,",
        "a.com,2024-10-04T00:20:00Z,3000000000",
    ]


@pytest.mark.parametrize("empty", ["", " ", '""'])
def test_an_empty_rate_is_unknown_and_no_zero(read, empty):
    rows = f"domain,time,bps\na.com,{START},5\na.com,{START + SLOT},{empty}\na.com,{START + 3 * SLOT},6\n"
    np.testing.assert_array_equal(read(rows)["a.com"].day(START // DAY)[:5], [5, NAN, 0, 6, NAN])


def test_what_is_unknown_between_rows_lies_within_the_history_and_what_is_outside_does_not(read):
    histories = read(f"domain,time,bps\na.com,{START},5\na.com,{START + SLOT},\na.com,{START + 2 * SLOT},6\n")
    values, within = CsvHistory(histories).day(START // DAY)
    np.testing.assert_array_equal(values[:4, 0], [5, NAN, 6, NAN])
    assert within[:4, 0].tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    "name", ["\u00e4.example.com", "\u00c4.Example.COM", "a\u0308.example.com", "xn--4ca.example.com."]
)
def test_a_domain_is_named_as_the_configuration_names_it(read, name):
    assert list(read(f"domain,time,bps\n{name},{START},5\n")) == ["xn--4ca.example.com"]


def test_minus_zero_is_zero(read):
    (value,) = read(f"domain,time,bps\na.com,{START},-0\n")["a.com"].values
    assert (value, math.copysign(1, value)) == (0, 1)


def test_a_value_is_written_with_the_digits_it_was_read_with():
    assert written(("a.com", START, [208_706_182.29]))[1].endswith(",208706182.29\n")


@settings(deadline=None, max_examples=60)
@given(
    series=st.dictionaries(
        st.sampled_from(["a.com", "b.com", "sum:downloads", "total", 'odd,"name'.lower()]),
        st.tuples(
            st.integers(-400, 400),
            st.lists(st.floats(0, 1e13) | st.just(0.0) | st.just(NAN), max_size=400).map(
                lambda inner: [1.0, *inner, 1.0]
            ),
        ),
        min_size=1,
    )
)
def test_what_is_written_reads_back_the_same(series, tmp_path_factory):
    _, text = written(*((name, START + first * SLOT, values) for name, (first, values) in series.items()))
    path = tmp_path_factory.mktemp("csv") / "history.csv"
    path.write_text(text, encoding="utf-8")
    histories = read_csv(path)
    assert list(histories) == list(series)
    for name, (first, values) in series.items():
        slots = START + SLOT * (first + np.arange(len(values)))
        np.testing.assert_array_equal(histories[name].slots, slots)
        np.testing.assert_array_equal(histories[name].values, values)


def test_no_name_is_a_formula_or_moves_a_terminals_cursor():
    file = io.StringIO()
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "a\x1b[2J", "\t=1", "a=b", "sum:video"]
    write_csv(file, [(name, START, np.array([1.0])) for name in names])
    written = [line.partition(",")[0] for line in file.getvalue().splitlines()[1:]]
    assert written == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "a\\x1b[2J", "\\t=1", "a=b", "sum:video"]
