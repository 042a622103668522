"""Where values come from, which of them wins, and what is said when they are wrong."""

import pytest

from bounced.config import JsonlSink, load
from bounced.errors import ConfigurationError
from bounced.escalate import DEFAULT_POLICY, Threshold


def problem_of(load_text, text):
    with pytest.raises(ConfigurationError) as caught:
        load_text(text)
    return caught.value


def test_no_configuration_at_all_is_a_valid_one():
    config = load(None)
    assert config.receive.listen == ["smtp://127.0.0.1:2525"]
    assert config.receive.recipients == ["*"]
    assert config.store.url.get_secret_value() == "sqlite:///bounced-data/bounced.db"
    [sink] = config.sink
    assert isinstance(sink, JsonlSink)
    assert sink.path == "-"


def test_the_host_name_is_the_lease_owner_unless_one_is_given(load_text):
    assert load_text('[receive]\nhostname = "mx1.example.com"').owner == "mx1.example.com"
    assert load_text('[receive]\nhostname = "mx1.example.com"\n[store]\ninstance = "b"').owner == "b"


def test_the_environment_wins_over_the_file(load_text, monkeypatch):
    monkeypatch.setenv("BOUNCED_RECEIVE__HOSTNAME", "from.environment")
    config = load_text('[receive]\nhostname = "from.file"\nmax_message_bytes = 1000')
    assert (config.receive.hostname, config.receive.max_message_bytes) == ("from.environment", 1000)


def test_a_secret_file_wins_over_the_file_and_yields_to_the_environment(load_text, credentials, monkeypatch):
    text = '[store]\nurl = "sqlite:///file.db"\nlease_seconds = 5'
    credentials("BOUNCED_STORE__URL", "sqlite:///credential.db\n")
    config = load_text(text)
    assert (config.store.url.get_secret_value(), config.store.lease_seconds) == ("sqlite:///credential.db", 5)
    monkeypatch.setenv("BOUNCED_STORE__URL", "sqlite:///environment.db")
    assert load_text(text).store.url.get_secret_value() == "sqlite:///environment.db"


def test_other_credentials_beside_ours_do_no_harm(credentials):
    credentials("tls.key", "not for us")
    assert load(None).receive.tls is None


def test_credentials_that_nobody_can_see_are_not_passed_over(monkeypatch, tmp_path):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigurationError, match=r"CREDENTIALS_DIRECTORY: .*nowhere: No such file"):
        load(None)


def test_a_byte_order_mark_does_no_harm(load_text):
    assert load_text('\ufeff[receive]\nhostname = "mx9.example.com"').receive.hostname == "mx9.example.com"


def test_a_sink_reads_secrets_from_credentials(load_text, credentials):
    credentials("app-old", "whsec_b2xk\n")
    credentials("app-new", "whsec_bmV3\n")
    text = '[[sink]]\nname = "app"\ntype = "webhook"\nurl = "https://a.example"\nsecrets = ["whsec_b25l"]\n'
    [sink] = load_text(text + 'secret_files = ["app-new", "app-old"]').sink
    assert sink.read_secrets() == ["whsec_b25l", "whsec_bmV3", "whsec_b2xk"]


def test_a_secret_file_that_is_missing_is_named_with_its_sink(load_text):
    text = '[[sink]]\nname = "app"\ntype = "webhook"\nurl = "https://a.example"\nsecret_files = ["nowhere"]'
    [sink] = load_text(text).sink
    with pytest.raises(ConfigurationError, match=r"sink 'app'.*nowhere: No such file"):
        sink.read_secrets()


def test_the_admin_server_reads_tokens_from_credentials(load_text, credentials):
    credentials("new", "token-of-the-new-one\n")
    admin = load_text('[admin]\ntokens = ["token-of-the-old-one"]\ntoken_files = ["new"]').admin
    assert admin.load_tokens() == ["token-of-the-old-one", "token-of-the-new-one"]


def test_a_token_file_that_is_missing_is_named(load_text):
    admin = load_text('[admin]\ntoken_files = ["nowhere"]').admin
    with pytest.raises(ConfigurationError, match=r"admin\.token_files: cannot read nowhere: No such file"):
        admin.load_tokens()


def test_what_a_reason_leaves_out_of_its_threshold_is_as_for_all(load_text):
    text = "[escalate]\nbounces = 6\ndays = 2\n[escalate.reasons.mailbox_full]\nbounces = 10"
    policy = load_text(text).policy
    assert policy.threshold == Threshold(6, 2, 30)
    assert policy.by_reason == {"mailbox_full": Threshold(10, 2, 30)}


def test_the_default_policy_is_that_of_the_store():
    assert load(None).policy == DEFAULT_POLICY


def test_a_threshold_that_no_recipient_can_reach_is_refused(load_text):
    text = "[escalate.reasons.mailbox_full]\nbounces = 2"
    assert "mailbox_full: 2 bounces cannot come on 3 distinct days" in str(problem_of(load_text, text))


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ("[receive]\nhostnam = 1", "receive.hostnam", "there is no such key"),
        ("[recieve]\nhostname = 'a'", "recieve", "there is no such key"),
        ("[receive]\nhostname = ''", "receive.hostname", "at least 1 character"),
        ("[receive]\nhostname = 'mx 1'", "receive.hostname", "match"),
        ("[classify]\nheaders = ['X-Campaign:']", "classify.headers.0", "match"),
        ("[admin]\ncampaign_header = 'X Campaign'", "admin.campaign_header", "match"),
        ("[escalate.reasons.mailbox_ful]\nbounces = 9", "escalate", "reasons.mailbox_ful: there is no such reason"),
        ("[receive]\nshutdown_seconds = inf", "receive.shutdown_seconds", "less than or equal"),
        ("[receive]\nlisten = []", "receive.listen", "at least 1 item"),
        ("[receive]\nmax_message_bytes = 'many'", "receive.max_message_bytes", "integer"),
        ("[receive]\nshutdown_seconds = 0", "receive.shutdown_seconds", "greater than 0"),
        ("[receive.tls]\nkey = 'a'", "receive.tls.certificate", "required"),
        ("[verp]\nprefix = 'B+'", "verp.prefix", "match"),
        ("[verp]\ndomains = ['bücher.example']", "verp.domains.0", "match"),
        ("[log]\nlevel = 'loud'", "log.level", "'debug', 'info', 'warning' or 'error'"),
        ("[classify]\nprofile = 'guess'", "classify.profile", "'rules' or 'table'"),
        ("[[sink]]\nname = 'a'\ntype = 'pigeon'", "sink.0", "'jsonl', 'webhook'"),
        ("[[sink]]\nname = 'a'\ntype = 'webhook'", "sink.0.url", "required"),
        ("[[sink]]\nname = 'a'\ntype = 'jsonl'\nurl = 'b'", "sink.0.url", "there is no such key"),
        ("[[sink]]\nname = 'a b'\ntype = 'jsonl'", "sink.0.name", "match"),
        ("[[sink]]\nname = 'a'\ntype = 'jsonl'\ntypes = ['bounce']", "sink.0.types.0", "'bounced.bounce'"),
        ("[[sink]]\nname = 'a'\ntype = 'jsonl'\n" * 2, "sink", "two sinks are called 'a'"),
        ("[receive]\nkeep_bytes = 9\nmax_message_bytes = 8", "receive.keep_bytes", "more than"),
        ("[receive]\nhostname = \n[log]", "line 2", ""),
    ],
)
def test_what_is_wrong_is_said_with_file_key_and_remedy(text, key, said, load_text):
    error = problem_of(load_text, text)
    assert key in str(error)
    assert said in str(error)
    assert "bounced.toml" in str(error)
    assert error.remedy


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("mode = 'monitor'", "verp.mode"),
        ("mode = 'enforce'\nkeys = ['a:MDEyMzQ1Njc4OWFiY2RlZg==']", "verp.mode"),
        ("mode = 'enforce'\nkeys = ['a:MDEyMzQ1Njc4OWFiY2RlZg==', 'a:YWJjZGVmMDEyMzQ1Njc4OQ==']", "verp.keys"),
        ("mode = 'enforce'\nkeys = ['verysecret']", "verp.keys"),
        ("mode = 'enforce'\nkey_files = ['nowhere']", "verp.key_files"),
        ("patterns = ['(']", "verp.patterns"),
        ("batv_keys = ['verysecret']", "verp.batv_keys"),
    ],
)
def test_return_paths_that_cannot_be_read_as_configured_are_named(text, where, load_text):
    section = load_text(f"[verp]\n{text}").verp
    with pytest.raises(ConfigurationError) as caught:
        section.read_settings()
    assert caught.value.where == where
    assert caught.value.remedy
    assert "verysecret" not in str(caught.value)


def test_in_mode_off_nothing_counts_as_signed(load_text):
    keys = "domains = ['bounce.example.com']\nkeys = ['a:MDEyMzQ1Njc4OWFiY2RlZg==']"
    assert load_text(f"[verp]\n{keys}").verp.read_settings().keys == ()
    assert len(load_text(f"[verp]\nmode = 'monitor'\n{keys}").verp.read_settings().keys) == 1


def test_all_that_is_wrong_is_said_at_once(load_text):
    said = str(problem_of(load_text, "[receive]\nhostnam = 1\n[log]\nlevel = 'loud'"))
    assert "receive.hostnam" in said
    assert "log.level" in said


def test_no_error_repeats_a_value_that_may_be_a_secret(load_text):
    sink = "[[sink]]\nname = 'app'\ntype = 'webhook'\nurl = 'https://app.example'\n"
    for broken in ("secrets = 'whsec_verysecret'", "secrets = [['whsec_verysecret']]", "secret = 'whsec_verysecret'"):
        error = problem_of(load_text, sink + broken)
        assert "verysecret" not in f"{error} {error.remedy} {error.__cause__}"


def test_a_list_in_the_environment_that_is_not_json_is_explained(load_environment):
    with pytest.raises(ConfigurationError) as caught:
        load_environment(BOUNCED_RECEIVE__HOSTNAME="mx1.example.com", BOUNCED_RECEIVE__LISTEN="smtp://127.0.0.1:25")
    assert str(caught.value) == "BOUNCED_RECEIVE__LISTEN: this is no JSON"
    assert "JSON" in caught.value.remedy


def test_a_list_in_a_secret_file_that_is_not_json_is_explained(credentials):
    credentials("BOUNCED_ADMIN__TOKENS", "verysecret")
    with pytest.raises(ConfigurationError) as caught:
        load(None)
    assert "admin" in str(caught.value)
    assert "verysecret" not in f"{caught.value} {caught.value.remedy}"


def test_a_key_that_does_not_exist_is_named_in_the_environment_too(load_environment):
    with pytest.raises(ConfigurationError, match=r"receive\.hostnam: there is no such key"):
        load_environment(BOUNCED_RECEIVE__HOSTNAM="mx1.example.com")


def test_a_file_that_is_missing_or_not_text_is_named(load_text, tmp_path):
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml: No such file"):
        load(tmp_path / "nowhere.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"binary\.toml"):
        load(tmp_path / "binary.toml")
