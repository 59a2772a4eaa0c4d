"""The text of Prompt Travel: every form people have, and errors that name the place."""

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kinema.sampling.curves.timeline import TextError
from kinema.sampling.prompts.prompt_text import read_prompts


def read(source):
    return [(prompt.span.start, prompt.text) for prompt in read_prompts(source)]


def spans(source):
    return [(prompt.span.start, prompt.span.end, prompt.span.hold) for prompt in read_prompts(source)]


SEA = [("0", "a calm sea"), ("24", "a storm")]


@pytest.mark.parametrize(
    "source",
    [
        "0: a calm sea\n24: a storm",
        "  0 :a calm sea  \r\n\r\n 24  :  a storm\n",
        "0 = a calm sea\n24 = a storm",
        "0: a calm\nsea\n24: a\n  storm",
        '"0": "a calm sea",\n"24": "a storm"',
        '{"0": "a calm sea", "24": "a storm",}',
        '{\n  "0" : "a calm sea"\n,"24":"a storm"\n}\n',
        "0 = \"a calm sea\",\n24 = 'a storm',",
        '0: "a calm sea"\n24: "a storm"',
        "{'0': 'a calm sea', '24': 'a storm'}",
        '0="a calm sea", 24="a storm"',
        '"0" :"a calm sea" ,"24" :"a storm" ,',
    ],
)
def test_every_form_is_read(source):
    assert read(source) == SEA


@given(
    st.dictionaries(st.integers(0, 500), st.text(min_size=1).filter(lambda t: t.strip() and "`" not in t), min_size=1)
)
def test_json_is_read_as_json(prompts):
    source = json.dumps({str(frame): text for frame, text in prompts.items()})
    plain = {
        frame: text.replace("\b", "").replace("\f", "").replace("\r", " ").strip() for frame, text in prompts.items()
    }
    assert read(source) == [(str(frame), text) for frame, text in plain.items()]


def test_weights_colons_and_quotes_belong_to_the_text():
    source = '0: (a sea:1.3), 16:9, "Hello", \\(film\\) at 12:30\n8: [boats], {red|blue}'
    assert read(source) == [("0", '(a sea:1.3), 16:9, "Hello", \\(film\\) at 12:30'), ("8", "[boats], {red|blue}")]
    assert read('0: "stop" says a sign\n3: b') == [("0", '"stop" says a sign'), ("3", "b")]
    assert read(r'"0": "say \"stop\", \(film\), \\(film\\), \u00e9"') == [
        ("0", 'say "stop", \\(film\\), \\(film\\), é')
    ]


def test_frames_are_written_in_many_ways():
    starts = [start for start, _ in read("0: a\n-1: b\n0.5: c\n75%: d\n.25: e")]
    assert starts == ["0", "-1", "0.5", "75%", ".25"]


def test_the_ends_and_empty_prompts_of_animatediff_evolved():
    assert read('0. = "a",\n.5 = "",\n1. = "b"') == [("0.", "a"), (".5", ""), ("1.", "b")]
    assert read("0: a 1. b\n8: c") == [("0", "a 1. b"), ("8", "c")]


def test_holding_and_ranges():
    for source in ('0: = "a",\n4:8 = "b"', '{"0:": "a", "4:8": "b"}', '"0": = "a", "4 : 8": "b"'):
        assert spans(source) == [("0", None, True), ("4", "8", False)]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "line 1, column 1: there is no prompt. Write lines such as 0: a calm sea and 24: a storm."),
        ("{ }", "line 1, column 1: there is no prompt."),
        (
            "\n  a calm sea",
            'line 2, column 3: expected a frame number and a colon, but found "a calm sea". Write, for example',
        ),
        ("0: a\n8:\n16: b", "line 2, column 1: the prompt for 8 is empty. Write its text after the colon."),
        ("0: a calm sea, 24: a storm", "line 1, column 16: this line has a second prompt. Put the prompt for 24"),
        ('"0": "a",\n"x": "b"', 'line 2, column 1: expected a frame number and a colon, but found ""x": "b"".'),
        (
            '"0": "a"\n"8": "b',
            "line 2, column 6: this quote is never closed. Add a closing quote at the end of the prompt.",
        ),
        ('"0": "a",\n"8": b', 'line 2, column 6: expected a prompt in quotes, but found "b". Put all prompts in'),
        ('"0": "a" "8": "b"', 'line 1, column 10: expected a comma after the prompt, but found ""8": "b"".'),
        ('{"0": "a"', "line 1, column 1: this brace is never closed. Add } at the end."),
        ('{"0": "a"} more', 'line 1, column 12: nothing may follow the closing brace, but found "more".'),
        ('0 = "a" 4 = "b"', 'line 1, column 9: expected a comma after the prompt, but found "4 = "b"".'),
        ("0: a (b:`pw_a`)", "line 1, column 1: `pw_a` is an expression, which Prompt Travel does not compute."),
    ],
)
def test_errors_name_line_and_column(source, message):
    with pytest.raises(TextError) as error:
        read_prompts(source)
    assert str(error.value).startswith(f"Prompt Travel, {message}")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("0:8 a b\n4:8 = c", [("0", "8 a b"), ("4", "8 = c")]),
        ("0:: a\n8:= b", [("0", ": a"), ("8", "= b")]),
        ("12.5 % : a\n 8 %= b", [("12.5%", "a"), ("8%", "b")]),
        ("0: 'tis a sea\n8: '80s neon", [("0", "'tis a sea"), ("8", "'80s neon")]),
        ("0: a 12\" vinyl\n8: 5'", [("0", 'a 12" vinyl'), ("8", "5'")]),
        ('0: a calm sea\n24: "a storm",', [("0", "a calm sea"), ("24", '"a storm",')]),
        ("0: a, 8:b, (c:1.2), 12:30", [("0", "a, 8:b, (c:1.2), 12:30")]),
        ("0: a, 8: 5", [("0", "a, 8: 5")]),
        ("0: a\n0-5: b\n8.: c\n1e2: d", [("0", "a 0-5: b 8.: c 1e2: d")]),
        ("0: a\r24: b\r\n-1: c", [("0", "a"), ("24", "b"), ("-1", "c")]),
        ("0: `x y", [("0", "`x y")]),
        ("'0' : \"it's\", '8:': 'a \"b\"'", [("0", "it's"), ("8", 'a "b"')]),
        ('{"0": "a"\n,, "8": "b",}}', [("0", "a"), ("8", "b")]),
        ('{"0": "\\u00e9 \\ud83d\\ude00\\n\\t!"}', [("0", "é 😀\n\t!")]),
        ('0 = "a\nb", 8 = "c"', [("0", "a\nb"), ("8", "c")]),
        ('"0": "a\n8: b"', [("0", "a\n8: b")]),
    ],
)
def test_generated_texts_that_are_read(source, expected):
    """What differs from text to text in such a set: where frames end, what belongs to the prompt, line breaks."""
    assert read(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('"4 : 8" : "a"', [("4", "8", False)]),
        ('0:8: "a", 8:16:= "b"', [("0", "8", False), ("8", "16", True)]),
        ('0::: "a", 8::= "b"', [("0", None, True), ("8", None, True)]),
        ("'0:' : 'a'", [("0", None, True)]),
    ],
)
def test_generated_frames_that_are_read(source, expected):
    assert spans(source) == expected


@pytest.mark.parametrize(
    "source",
    ['"0:":= "a"\n"8"::: "b', '0:: "a"\n8:', '"0: "a"', "'0\": \"a\"", '{{"0": "a"}}', '{"0": "a"},', ",0: a", '0: "a", b',
     "{0: a}", "0: a, 8:  5", "0: `x\ny`", "0:", "\"0\": 'a\" ", '0: "a"}', "0-5: a", "+1: a", "8.: a"],
)  # fmt: skip
def test_generated_texts_that_are_refused(source):
    with pytest.raises(TextError, match="^Prompt Travel, line "):
        read_prompts(source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('0: "a calm sea\n24: a storm', "line 1, column 1: the prompt for 0 begins with a quote that is never closed."),
        (
            '0: a calm sea\n24: "a storm',
            "line 2, column 1: the prompt for 24 begins with a quote that is never closed.",
        ),
        (
            '0: "a\n8: b" c',
            "line 1, column 1: the prompt for 0 begins with a quote that is never closed. Add a closing quote",
        ),
        (
            '0: "a calm sea\n24: a storm"',
            "line 1, column 4: this prompt has no closing quote before frame 24. Add one at",
        ),
        (
            "0 = 'a',\n8 = 'b\n16 = c'",
            "line 2, column 5: this prompt has no closing quote before frame 16. Add one at",
        ),
        (
            '0: a calm sea\n"24": "a storm"',
            "line 2, column 1: frame 24 is in quotes, but frame 0 is not. Put all frames in",
        ),
    ],
)
def test_half_quoted_prompts_are_refused(source, message):
    """Each of them would swallow the line of another prompt, or keep a stray quote."""
    with pytest.raises(TextError) as error:
        read_prompts(source)
    assert str(error.value).startswith(f"Prompt Travel, {message}")


def test_a_prompt_may_have_many_lines():
    assert read("0:" + "\n a" * 1000) == [("0", " ".join("a" * 1000))]


@given(st.text(alphabet="0123456789:=\"'{},\n .-%ab\\", max_size=40))
@example("0:''")
def test_any_text_is_read_or_refused(source):
    try:
        prompts = read_prompts(source)
    except TextError as error:
        assert str(error).startswith("Prompt Travel, line ")
    else:
        quoted_nothing = re.search(r"""(["'])[\s\\]*\1""", source)
        assert prompts and all(prompt.text or quoted_nothing for prompt in prompts)
