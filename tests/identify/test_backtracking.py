"""Which patterns of an operator are taken: none that an address can make search for long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounced.errors import ConfigurationError
from bounced.identify import make_form


def make(pattern):
    return make_form("mine", f"{pattern}(?P<id>[0-9]+)@x")


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?P<user>[^@]+)=(?P<domain>[^@=]+)@lists\.example\.com",
        r"(?P<list>.+)-bounces\+(?P<user>[^=]+)=(?P<domain>[^@]+)@(?P<host>.+)",
        r"(?P<id>.+)-bounces\+.+@.+",
        r"(?:news|shop)-(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3})(?:-re)?@(?:[a-z]{2}\.)?example\.com",
        r"(?P<user>[a-z0-9.]+)(?:=at=)+(?P<domain>[a-z0-9.-]+)\+(?P<id>\d+)@(?P<host>(?:ab)*[a-z.]+)",
        r"(?P<id>[0-9]++)(?P<list>(?>a|b))@(?P<host>.*)",
        r"(?P<user>[\w]+)-(?P<id>\d+)=\s+(?P<list>[^\w]+)z(?P<domain>\D*)@(?P<host>[a-z\d]+)",
        r"(?P<id>(?!0)[^ü@]*)ü@\b(?P<host>x)(?P=host)$",
    ],
)
def test_a_pattern_that_tells_its_parts_apart_is_taken(pattern):
    assert make_form("mine", pattern).name == "mine"


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(?:a+)+", "within a repetition"),
        ("(?:a|ab)*", "within a repetition"),
        ("(?:ab?){2,}", "within a repetition"),
        ("(?:(?:x.*y){3})+", "within a repetition"),
        ("(?:a+)++", "within a repetition"),
        ("(?=(?:a*)*b)", "within a repetition"),
        ("(?>(?:a*)*b)", "within a repetition"),
        (".*.*.*", "too many ways"),
        ("[^@]+=.+-.+", "too many ways"),
        ("(?:.*a){3}", "too many ways"),
        ("(?:(?:(?:.?){300}){300}){300}", "too many ways"),
        ("a?" * 30, "too many ways"),
        ("(?:a|b|ab)" * 20, "too many ways"),
        ("(?=.*a.*b.*c)", "too many ways"),
        ("(a)?(?(1)b|c)", "groupref_exists"),
    ],
)
def test_a_pattern_that_could_search_for_long_is_refused(pattern, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        make(pattern)
    assert (caught.value.where, bool(caught.value.remedy)) == ("verp.patterns", True)


def test_the_remedy_helps():
    with pytest.raises(ConfigurationError, match="too many ways"):
        make(".+=.+=.+=")
    assert make("[^=]+=[^=]+=[^=]+=")


_atoms = st.sampled_from(["a", "b", "[^@]", ".", "[a-z]", "@", "="])
_parts = st.builds("{}{}".format, _atoms, st.sampled_from(["", "+", "*", "?", "{2,9}", "+?"]))
_groups = st.builds("(?:{}){}".format, st.lists(_parts, max_size=3).map("".join), st.sampled_from(["", "+", "*"]))


@given(st.lists(_parts | _groups, max_size=8).map("".join), st.text("ab=@-", max_size=160))
def test_whatever_is_taken_answers_at_once(pattern, text):
    """Hypothesis's deadline for one example is the assertion: the worst that is taken needs milliseconds."""
    try:
        form = make(pattern)
    except ConfigurationError:
        return
    form.read(f"{text}x@x")
    form.read(text * 2)
