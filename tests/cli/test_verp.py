import json

import pytest

KEY = "a:" + "QUFB" * 8
CONFIG = f'[verp]\ndomains = ["bounce.example.com"]\nkeys = ["{KEY}"]'


def answer(finished):
    return finished.returncode, json.loads(finished.stdout)


@pytest.mark.parametrize(
    ("options", "id_", "recipient"),
    [
        (["--id", "order-4711"], "order-4711", None),
        (["--id", "4711", "--recipient", "ann@example.org"], "4711", "ann@example.org"),
        (["--id", "4711", "--recipient", "ann@example.org", "--encrypted"], "4711", "ann@example.org"),
    ],
)
def test_an_address_is_made_and_checked(call, write_config, options, id_, recipient):
    config = write_config(CONFIG)
    made = call("verp", "make", *options, "--config", config)
    address = made.stdout.strip()
    assert (made.returncode, address.partition("@")[2]) == (0, "bounce.example.com")
    status, said = answer(call("verp", "check", address.upper(), "--config", config))
    assert status == 0
    assert (said["verified"], said["refusal"], said["id"]) == (True, None, id_)
    assert (said["recipient"], said["key"]) == (recipient, "a")
    assert said["expires"] > "2026"


def test_life_prefix_and_keys_come_from_the_configuration(call, write_config, tmp_path):
    (tmp_path / "new").write_text(f"b{KEY[1:]}\n")
    config = write_config(CONFIG.replace(f'keys = ["{KEY}"]', 'key_files = ["new"]\nprefix = "r"\ndays = 1'))
    address = call("verp", "make", "--id", "x", "--config", config).stdout.strip()
    assert address.startswith("r+b")
    assert answer(call("verp", "check", address, "--config", config))[1]["key"] == "b"


@pytest.mark.parametrize(
    ("address", "refusal"),
    [
        ("ann@example.org", "not_ours"),
        ("b+aaljtn5zgizlsfu2domjr4xja5pdknl5pkch2@bounce.example.com", "bad_mac"),
        ("b+7aljtn5zgizlsfu2domjr4xja5pdknl5pkch2@bounce.example.com", "unknown_key"),
    ],
)
def test_what_is_not_ours_is_said_and_exits_with_1(call, write_config, address, refusal):
    status, said = answer(call("verp", "check", address, "--config", write_config(CONFIG)))
    assert (status, said["verified"], said["refusal"], said["id"]) == (1, False, refusal, None)


def test_what_does_not_fit_is_said(call, write_config):
    finished = call("verp", "make", "--id", "x" * 60, "--config", write_config(CONFIG))
    assert (finished.returncode, finished.stdout) == (1, "")
    assert "octets too long" in finished.stderr


@pytest.mark.parametrize(
    ("config", "key"),
    [("", "verp.keys"), (f'[verp]\nkeys = ["{KEY}"]', "verp.domains"), ('[verp]\nkeys = ["a"]', "verp.keys")],
)
def test_without_keys_or_domains_the_remedy_is_said(call, write_config, config, key):
    finished = call("verp", "make", "--id", "x", "--config", write_config(config))
    assert finished.returncode == 78
    assert key in finished.stderr
    assert "remedy" in finished.stderr


def test_the_configured_keys_are_used_to_read_mail(call, write_config, tmp_path):
    config = write_config(CONFIG + '\nmode = "monitor"')
    address = call("verp", "make", "--id", "order-4711", "--config", config).stdout.strip()
    mail = tmp_path / "bounce.eml"
    mail.write_text(
        f"From: MAILER-DAEMON@mx.example.net\nTo: {address}\nContent-Type: message/delivery-status\n\n"
        "Reporting-MTA: dns; mx.example.net\n\nFinal-Recipient: rfc822; ann@example.org\nAction: failed\n"
    )
    [recipient] = json.loads(call("parse", "--jsonl", mail, "--config", config).stdout)["recipients"]
    assert recipient["verp"] == {"id": "order-4711", "verified": False, "form": "signed"}
