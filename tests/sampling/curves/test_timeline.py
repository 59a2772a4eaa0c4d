"""The tokenizer of curves and prompts: what it takes, in how many steps, and what it refuses."""

import re
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kinema.sampling.curves.curve_text import read_blocks, read_keys
from kinema.sampling.curves.timeline import NUMBER, Scanner, Span, TextError, read_span, share_of
from kinema.sampling.prompts.prompt_text import read_prompts
from tools.bench.texts import HOSTILE

MOST = 5  # steps for each character
SPARE = 20  # steps for any text


class Steps:
    """Counts a step for each token that is looked for and for each character that is taken."""

    def __init__(self):
        self.count = 0

    def counting(self, take):
        def counted(scanner, token):
            before = scanner.at
            taken = take(scanner, token)
            self.count += 1 + scanner.at - before
            return taken

        return counted

    def of(self, read, source):
        self.count = 0
        with suppress(TextError):
            read(source)
        return self.count


@pytest.fixture
def steps(monkeypatch):
    steps = Steps()
    monkeypatch.setattr(Scanner, "take", steps.counting(Scanner.take))
    return steps


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_read_in_linear_time(name, steps):
    read, text = HOSTILE[name]
    for length in (100, 1000, 10_000):
        source = text(length)
        assert length / 4 < len(source) <= length
        assert 0 < steps.of(read, source) <= MOST * len(source) + SPARE


@given(st.text(alphabet="01.:=\"'{}, \n%-ab\\`", max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the count begins anew for each text
def test_any_text_is_read_in_linear_time(steps, source):
    for read in (read_keys, read_blocks, read_prompts):
        assert steps.of(read, source) <= MOST * len(source) + SPARE


def test_the_count_sees_what_is_not_linear(steps):
    rest = re.compile(r"(.*)")

    def read_every_rest(source):
        for at in range(len(source)):
            Scanner("Curve", source, at).take(rest)

    assert steps.of(read_every_rest, "a" * 100) > MOST * 100 + SPARE


@pytest.mark.parametrize("read", [read_keys, read_blocks, read_prompts])
def test_texts_that_are_too_long_are_refused_with_both_lengths(read):
    title = "Prompt Travel" if read is read_prompts else "Curve"
    message = "the text has 100,001 characters, but at most 100,000 are read. Write a shorter one."
    with pytest.raises(TextError) as error:
        read("0: a\n" * 20_000 + "a")
    assert str(error.value) == f"{title}, line 20001, column 1: {message}"


def test_the_longest_text_is_read():
    assert len(read_prompts("0: a\n" * 20_000)) == 20_000
    assert len(read_blocks("up:1\n" * 20_000).rules) == 20_000


def test_each_character_is_taken_once():
    text = Scanner("Curve", " 12.5 % : -.5e3 'a\\'b' x", 0, 24)
    assert (text.frame(), text.sign(":="), text.take(NUMBER), text.string()) == ("12.5%", ":", "-.5e3", "'a\\'b'")
    assert text.at == text.end - 1 and text.next == "x"
    assert (text.frame(), text.sign("yz"), text.take(NUMBER), text.string(), text.rest) == ("", "", "", "", "x")


def test_a_part_ends_where_it_ends():
    text = Scanner("Curve", "1234: 'ab'", 0, 2)
    assert text.frame() == "12" and text.next == "" and text.sign(":3") == "" and text.string() == ""


@pytest.mark.parametrize(
    ("source", "expected", "rest"),
    [
        ("0: 1", Span("0", None, ":", 0), "1"),
        (" 50 %= 1", Span("50%", None, "=", 1), "1"),
        ("0: = 1", Span("0", None, ":=", 0), "1"),
        ("0\" : 'a'", Span("0", None, '":', 0), "'a'"),
        ("8:16 = 1", Span("8", "16", "=", 0), "1"),
        ("8:-1 := 1", Span("8", "-1", ":=", 0), "1"),
        ("8:16 1", Span("8", None, ":", 0), "16 1"),
        ("8 = 16 = 1", Span("8", None, "=", 0), "16 = 1"),
    ],
)
def test_spans(source, expected, rest):
    text = Scanner("Curve", source)
    assert read_span(text, '"', {":", "=", ":=", '":'}) == expected
    assert text.rest == rest


@pytest.mark.parametrize("source", ["", "a: 1", "0 1", "0' : 1", "0:: 1", '0:": 1', "+1: 1", "1e3: 1", "- 1: 1"])
def test_what_is_no_span(source):
    assert read_span(Scanner("Curve", source), '"', {":", "=", ":=", '":'}) is None


def test_a_value_is_held_by_one_sign_more():
    held = [Span("0", None, join, 0).hold for join in (":", "=", '":', "::", ":=", ':"=', '"::')]
    assert held == [False, False, False, True, True, True, True]


def test_shares():
    assert [share_of(written) for written in ("0", "-24", "0.5", ".25", "1.0", "50%", "12.5%")] == [
        *(None, None, 0.5, 0.25, 1.0, 0.5, 0.125)
    ]
