"""The text of Prompt Travel: every form people have, and errors that name the place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.sampling.prompts.prompt_lines import PromptError, read_prompts


def read(source):
    return [(key.start, key.text) for key in read_prompts(source)]


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
    try:
        assert read(source) == [(str(frame), text) for frame, text in plain.items()]
    except PromptError as error:
        assert "is empty" in str(error) and not all(plain.values())


def test_weights_colons_and_quotes_belong_to_the_text():
    source = '0: (a sea:1.3), 16:9, "Hello", \\(film\\) at 12:30\n8: [boats], {red|blue}'
    assert read(source) == [("0", '(a sea:1.3), 16:9, "Hello", \\(film\\) at 12:30'), ("8", "[boats], {red|blue}")]
    assert read('0: "stop" says a sign\n3: b') == [("0", '"stop" says a sign'), ("3", "b")]
    assert read(r'"0": "say \"stop\", \(film\), \\(film\\), \u00e9"') == [
        ("0", 'say "stop", \\(film\\), \\(film\\), é')
    ]


def test_frames_are_written_in_many_ways():
    assert [k.start for k in read_prompts("0: a\n-1: b\n0.5: c\n75%: d\n.25: e")] == ["0", "-1", "0.5", "75%", ".25"]


def test_holding_and_ranges():
    for source in ('0: = "a",\n4:8 = "b"', '{"0:": "a", "4:8": "b"}', '"0": = "a", "4 : 8": "b"'):
        a, b = read_prompts(source)
        assert (a.start, a.hold, b.start, b.end, b.hold) == ("0", True, "4", "8", False)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "line 1, column 1: there is no prompt. Write lines such as 0: a calm sea and 24: a storm."),
        ("{ }", "line 1, column 1: there is no prompt."),
        ("\n  a calm sea", 'line 2, column 3: expected a frame number and a colon, but found "a calm sea". Write for'),
        ("0: a\n8:\n16: b", "line 2, column 1: the prompt for 8 is empty. Write its text after the colon."),
        ("0: a calm sea, 24: a storm", "line 1, column 16: put the prompt for 24 on a line of its own."),
        ('"0": "a",\n"x": "b"', 'line 2, column 1: expected a frame number and a colon, but found ""x": "b"".'),
        (
            '"0": "a"\n"8": "b',
            "line 2, column 6: this quote is never closed. Add another one at the end of the prompt.",
        ),
        ('"0": "a",\n"8": b', 'line 2, column 6: expected a prompt in quotes, but found "b". Put all prompts in'),
        ('"0": "a" "8": "b"', 'line 1, column 10: expected a comma after the prompt, but found ""8": "b"".'),
        ('{"0": "a"', "line 1, column 1: this brace is never closed. Add } at the end."),
        ('{"0": "a"} more', 'line 1, column 12: nothing may follow the closing brace, but found "more".'),
        ('"0": "  "', "line 1, column 6: the prompt for 0 is empty. Write its text between the quotes."),
        ("0: a (b:`pw_a`)", "line 1, column 1: `pw_a` is an expression, which Prompt Travel does not compute."),
    ],
)
def test_errors_name_line_and_column(source, message):
    with pytest.raises(PromptError) as error:
        read_prompts(source)
    assert str(error.value).startswith(f"Prompt Travel, {message}")


@given(st.text(alphabet="0123456789:=\"'{},\n .-%ab\\", max_size=40))
def test_any_text_is_read_or_refused(source):
    try:
        keys = read_prompts(source)
    except PromptError as error:
        assert str(error).startswith("Prompt Travel, line ")
    else:
        assert keys and all(key.text for key in keys)
