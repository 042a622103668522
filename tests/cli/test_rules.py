import asyncio
import json
from datetime import UTC, datetime

import pytest

from bounced.event import describe_understanding
from bounced.model import Envelope, Kind, Message
from bounced.pipeline import understand
from bounced.store import Conclusion, Store
from tests.daemon.mail import dsn

RULE = """
[[rule]]
name = "mine"
pattern = ["{pattern}"]
reason = "{reason}"
source = "the operator"
example = "550 5.7.1 {example}"
"""


@pytest.fixture
def rules(tmp_path, write_config):
    """Write a rule file of the operator's and return the configuration that names it."""

    def write(*, pattern="purple elephants", reason="policy", example="No purple elephants here"):
        directory = tmp_path / "rules.d"
        directory.mkdir(exist_ok=True)
        (directory / "mine.toml").write_text(RULE.format(pattern=pattern, reason=reason, example=example))
        return write_config(f'[classify]\nrules = "{directory}"')

    return write


def test_the_shipped_rules_win_their_examples(call):
    finished = call("rules", "test")
    assert finished.returncode == 0
    assert "each wins its example" in finished.stdout


def test_the_operators_rules_are_proved_too_and_come_first(call, rules):
    assert call("rules", "test", "--config", rules()).returncode == 0
    finished = call("explain", "550 No purple elephants, user unknown", "--json", "--config", rules())
    [facts] = json.loads(finished.stdout).values()
    assert (facts["reason"], facts["why: rule"]) == ("policy", "mine/mine")


def test_a_rule_that_loses_its_example_is_named_with_the_winner(call, rules):
    finished = call("rules", "test", "--config", rules(example="mailbox is over quota"))
    assert finished.returncode == 1
    assert "mine/mine" in finished.stdout
    assert "mailbox_full/quota" in finished.stdout


def test_a_broken_rule_is_refused_with_file_and_reason(call, rules):
    config = rules(reason="because")
    for command in ("rules test", "check", "run", "parse", "explain 550"):
        finished = call(*command.split(), "--config", config)
        assert (finished.returncode, finished.stdout) == (78, "")
        assert "mine.toml, rule 'mine'" in finished.stderr
        assert "because" in finished.stderr
        assert "\n  remedy: " in finished.stderr


def test_a_rule_file_that_is_no_text_is_named(call, rules, tmp_path):
    config = rules()
    [file] = tmp_path.rglob("mine.toml")
    file.write_bytes(b"\xff")
    finished = call("check", "--config", config)
    assert finished.returncode == 78
    assert finished.stderr.startswith("bounced: classify.rules: ")
    assert "mine.toml: 'utf-8' codec" in finished.stderr


def test_unknown_diagnostics_are_grouped_by_what_they_share(call, write_config, tmp_path):
    said = [f"550 5.7.0 Purple elephant {number} at mx{number}.example.com" for number in range(3)]
    guessed = "550 5.7.0 No junk for the elephants"  # by a single word, which is weak evidence
    texts = [*said, "550 5.1.1 User unknown", guessed]

    async def fill():
        async with await Store.open(f"sqlite:///{tmp_path}/bounced.db", owner="test") as store:
            for number, text in enumerate(texts):
                raw = dsn(f"u{number}@example.com", status=text.split()[1], said=text)
                message = Message.of(Envelope("", ("bounce@example.com",), datetime.now(UTC)), raw)
                report = json.dumps(describe_understanding(understand(message.raw)))
                await store.accept(message, lease=False)
                await store.conclude(Conclusion(message.id, Kind.BOUNCE, report))

    asyncio.run(fill())
    finished = call("rules", "unknown", "--jsonl", "--config", write_config())
    group, weak = map(json.loads, finished.stdout.splitlines())
    assert (weak["times"], weak["example"]) == (1, f"smtp; {guessed}")
    assert (group["times"], group["code"]) == (3, "570")
    assert "elephant" in group["pattern"].lower()
    assert group["example"] in [f"smtp; {text}" for text in said]
