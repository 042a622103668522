"""Return paths of other systems: each form reads what it makes, and its example before any other form does."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounced.errors import ConfigurationError
from bounced.identify import make_form, quoting, shipped_forms
from bounced.identify.forms import Found, read_form

FORMS = {form.name: form for form in shipped_forms()}
HEX = "0123456789abcdef"
IDS = {
    "sympa": st.from_regex(r"[a-z]{1,9}(==w)?", fullmatch=True),
    "sendgrid": st.text(HEX, min_size=1, max_size=8),
    "mailgun": st.from_regex(r"[0-9a-f]{1,6}\.[0-9a-f]{1,6}", fullmatch=True),
    "mailchimp": st.from_regex(r"us[0-9]{1,2}_[0-9]{1,8}\.[0-9]{1,8}", fullmatch=True),
    "mandrill": st.from_regex(r"[0-9]{1,8}\.[0-9a-f]{8}\.v1-[0-9a-f]{32}", fullmatch=True),
    "sparkpost": st.from_regex(r"[0-9A-Za-z_-]{8,20}", fullmatch=True),
    "ses": st.from_regex(r"[0-9a-f]{16}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-[0-9]{6}", fullmatch=True),
    "discourse": st.text(HEX, min_size=32, max_size=32),
    "ezmlm": st.from_regex(r"[0-9]{1,6}", fullmatch=True),
}
LISTS = {
    "sendgrid": st.from_regex("[0-9]{1,7}", fullmatch=True),
    "sparkpost": st.from_regex("[0-9]{1,4}-[0-9]{1,4}", fullmatch=True),
}
QMAIL_LISTS = ["news-bounces", "bounces", "dev-list-return", "team-owner"]
# Digits, spaces and quotes, signs of other scripts, and all that the forms use between their parts.
users = st.text(string.ascii_letters + string.digits + "=+-*.@\"\\ ,'üñ例", min_size=1, max_size=20)
# "team-owner-return-5=example.org": which word ends the list, nobody can tell.
TELLING = re.compile(r"(?:\A|-)(?:bounces?|returns?|errors?|verp)-", re.IGNORECASE)
users_of_qmail = users.filter(lambda user: not TELLING.search(user))
domains = st.sampled_from(["example.org", "sub.example.org", "bücher.example", "xn--bcher-kva.example"])


@st.composite
def addresses(draw, form):
    names = form.pattern.groupindex
    lists = st.sampled_from(QMAIL_LISTS) if form.name == "qmail" else st.from_regex("[a-z]{1,9}", fullmatch=True)
    parts = {
        "user": users_of_qmail if form.name == "qmail" else users,
        "domain": domains,
        "host": st.just("lists.example.com"),
        "id": IDS.get(form.name),
        "list": LISTS.get(form.name, lists),
    }
    return {name: draw(part) for name, part in parts.items() if name in names}


@pytest.mark.parametrize("name", FORMS)
@given(data=st.data())
def test_a_form_reads_what_it_makes(name, data):
    form = FORMS[name]
    parts = data.draw(addresses(form))
    address = form.make(**parts)
    assert form.read(address) == parts
    if "user" in parts:
        assert read_form(address, [form]).recipient == quoting.join(parts["user"], parts["domain"])


@pytest.mark.parametrize("form", shipped_forms(), ids=lambda form: form.name)
def test_a_form_reads_its_example_before_any_other(form):
    found = read_form(form.example, shipped_forms())
    assert found.form == form.name
    assert found.recipient in {None, "ann@example.org", "ann-marie@example.org"}
    assert form.make(**form.read(form.example)) == form.example
    assert read_form(form.example.upper(), shipped_forms()).form == form.name


@pytest.mark.parametrize("list_", ["news", "owner-news"])
def test_a_list_without_a_telling_word_is_read_where_there_is_no_other_hyphen(list_):
    address = f"{list_}-ann=example.org@lists.example.com"
    assert read_form(address, shipped_forms()) == Found("qmail", None, "ann@example.org")
    assert read_form(address.replace("ann", "ann-marie"), shipped_forms()) is None


@given(users, domains)
def test_quotes_are_where_they_must_be(user, domain):
    address = quoting.join(user, domain)
    assert quoting.split(address) == (user, domain)
    assert quoting.join(*quoting.split(address)) == address


@pytest.mark.parametrize(
    ("local_part", "written"),
    [("a b", '"a b"'), ("a.b", "a.b"), (".a", '".a"'), ('"', '"\\""'), ("a=b+c", "a=b+c"), ("ü", "ü")],
)
def test_a_local_part_is_quoted_only_where_it_must_be(local_part, written):
    assert quoting.join(local_part, "example.org") == f"{written}@example.org"


@pytest.mark.parametrize(
    "address",
    [
        "ann@example.org",
        "bounce@example.com",
        "bounces+4711@example.com",
        "bounces+key=value@example.com",
        "prvs=0123abcdef=ann@example.com",
        "my-list-ann=example.org@lists.example.com",
        "",
        "@",
        "news-bounces+ann=example.org@" + "x" * 300,
    ],
)
def test_what_could_mean_anything_is_not_read(address):
    assert read_form(address, shipped_forms()) is None


@given(st.text() | st.text('a-+=@*."', max_size=330))
def test_any_address_is_read_or_not(address):
    found = read_form(address, shipped_forms())
    assert found is None or isinstance(found, Found)


def test_a_pattern_of_ones_own_is_a_form():
    form = make_form("mine", r"news\.(?P<id>[0-9]+)\.(?P<user>[^@]+)=(?P<domain>[^@=]+)@(?P<host>.+)")
    assert read_form('"News.47.a b=example.org"@example.com', [form]) == Found("mine", "47", '"a b"@example.org')
    assert read_form("ann@example.org", [form]) is None


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(?P<id>[0-9+@x", "unterminated"),
        ("(?P<number>[0-9]+)@x", "no group 'number'"),
        ("(?P<user>.+)@x", "neither an id"),
        ("news@x", "neither an id"),
        ("(?P<id>x)" + "a" * 500, "longer than 500"),
        (r"(?P<id>x{4294967295})@x", "too large"),
        (r"(?P<id>x{321})@x", "321 times"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused(pattern, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        make_form("mine", pattern)
    assert (caught.value.where, bool(caught.value.remedy)) == ("verp.patterns", True)
