import pytest

from homechain.crypto.errors import MalformedJson
from homechain.crypto.strict_json import decode_strict


def test_ordinary_json_is_read() -> None:
    text = '{"a":[1,-2,3.5,1e3,true,false,null,"é\\u00e9\\ud83d\\ude00"],"b":{"a":{}}}'
    assert decode_strict(text.encode()) == {
        "a": [1, -2, 3.5, 1000.0, True, False, None, "éé😀"],
        "b": {"a": {}},
    }


@pytest.mark.parametrize("number", [2**53 - 1, -(2**53 - 1), 0, -1])
def test_integers_up_to_the_safe_limit_are_exact(number: int) -> None:
    value = decode_strict(str(number).encode())
    assert value == number
    assert isinstance(value, int)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"a":1,"a":1}', "same key twice"),
        (b'[{"x":{"a":1,"b":2,"a":3}}]', "same key twice"),
        (b'{"a":1,"\\u0061":2}', "same key twice"),
        (b"NaN", "NaN is not JSON"),
        (b"[Infinity]", "Infinity is not JSON"),
        (b'{"a":-Infinity}', "Infinity is not JSON"),
        (b"1e999", "double"),
        (b"[-1e999]", "double"),
        (b"9007199254740992", "2\\^53"),
        (b"-9007199254740992", "2\\^53"),
        (b"1" * 60_000, "2\\^53"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\uDFFF":1}', "surrogate"),
        (b'["\\ude00\\ud83d"]', "surrogate"),
        (b'"\xed\xa0\x80"', "UTF-8 at byte 1"),
        (b'"\xff"', "UTF-8 at byte 1"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        ('{"a":1}'.encode("utf-16"), "UTF-8"),
        (b"", "not JSON"),
        (b" ", "not JSON"),
        (b"{", "not JSON"),
        (b"{}{}", "not JSON: Extra data"),
        (b"{'a':1}", "not JSON"),
        (b"[1,]", "not JSON"),
        (b"01", "not JSON"),
        (b"+1", "not JSON"),
        (b".5", "not JSON"),
        (b'"a\nb"', "not JSON"),
        (b'"\\x"', "not JSON"),
        (b"\x00", "not JSON"),
    ],
)
def test_text_with_more_than_one_meaning_is_refused(text: bytes, reason: str) -> None:
    with pytest.raises(MalformedJson, match=reason):
        decode_strict(text)


def test_nesting_is_allowed_up_to_the_limit_and_no_further() -> None:
    decode_strict(b"[" * 16 + b"]" * 16)
    decode_strict(b'{"a":' * 3 + b"1" + b"}" * 3, max_depth=3)
    for text in (b"[" * 17 + b"]" * 17, b'{"a":[' * 9 + b"]}" * 9):
        with pytest.raises(MalformedJson, match="nested deeper than 16"):
            decode_strict(text)


def test_brackets_in_strings_and_side_by_side_are_not_depth() -> None:
    decode_strict(b'{"a":"[[[[[[[[[[[[[[[[[[{{{\\"[[[[[[[[","b":"\\\\"}')
    decode_strict(b"[" + b",".join([b"[]"] * 1000) + b"]", max_depth=2)


@pytest.mark.parametrize(
    "text",
    [b"[" * 65_536, b'{"a":' * 13_000, b'"' + b'\\"' * 32_000 + b"[" * 20, b'"[\\' * 20_000],
)
def test_hostile_text_of_full_size_is_refused_without_effort(text: bytes) -> None:
    with pytest.raises(MalformedJson):
        decode_strict(text)
