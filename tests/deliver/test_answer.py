import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounced.deliver.answer import judge, read_retry_after
from bounced.model import Delivered, Failed

NOW = 784111777.0  # Sun, 06 Nov 1994 08:49:37 GMT
DAY = 86400


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_a_yes(status):
    assert judge(status, None, now=NOW) == Delivered()


@pytest.mark.parametrize(
    "status", [101, 301, 302, 304, 307, 308, 400, 401, 403, 404, 413, 422, 429, 500, 502, 503, 599]
)
def test_everything_else_is_tried_again(status):
    result = judge(status, None, now=NOW)
    assert isinstance(result, Failed)
    assert result.error.startswith(f"HTTP {status}")
    assert not result.is_final
    assert not result.is_gone


def test_410_is_the_last_no():
    assert judge(410, None, now=NOW) == Failed("HTTP 410 Gone", is_final=True, is_gone=True)


@pytest.mark.parametrize("status", [302, 404, 413, 429, 500, 503])
def test_retry_after_counts_with_every_failure(status):
    assert judge(status, "120", now=NOW).retry_after_seconds == 120


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        ("86401", DAY),
        ("9" * 8000, DAY),
        ("Sun, 06 Nov 1994 08:51:37 GMT", 120),
        ("Sunday, 06-Nov-94 08:51:37 GMT", 120),
        ("Sun Nov  6 08:51:37 1994", 120),
        ("Sun, 06 Nov 1994 08:51:37 -0000", 120),
        ("Sun, 06 Nov 1994 08:00:00 GMT", 0),
        ("Sun, 06 Nov 2094 08:49:37 GMT", DAY),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("١٢", None),
        ("Sun, 99 Nov 1994 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_at_most_a_day(text, seconds):
    assert read_retry_after(text, now=NOW) == seconds


@given(st.text())
def test_no_retry_after_breaks_the_reader(text):
    seconds = read_retry_after(text, now=NOW)
    assert seconds is None or 0 <= seconds <= DAY
