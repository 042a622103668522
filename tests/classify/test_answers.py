"""What mail systems print, and what it means."""

import pytest

from bounced.model import Advice
from bounced.pipeline import judge_answer


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("pipe delivery process timed out", "system_error"),
        ("Child process of local_filter transport returned 127 from command: /home/ann/filter", "system_error"),
        ("error in redirect data: missing local part", "system_error"),
        ("unknown mail transport error", "system_error"),
        ("unable to find primary relay for example.com", "system_error"),
        ("destination /var/mail/ann is not a regular file", "system_error"),
        ("450 Backend failure. Please, retry later", "system_error"),
        ("451 4.3.0 Message held: anti-virus engine unavailable", "system_error"),
        ("451 Could not complete recipient verify callout", "system_error"),
        ("452 Please retry soon", "system_error"),
        ("452 This host is not yet known; please retry in 10 minutes", "greylisted"),
        ("451 Try again in 300 seconds", "greylisted"),
        ("522 Recipient has exceeded mailbox limit", "mailbox_full"),
        ("554 message body exceeds limit", "message_too_large"),
        ("550 This mailbox has expired", "mailbox_disabled"),
        ("450 4.2.1 mailbox locked by administrator", "mailbox_disabled"),
        ("550 5.7.511 Access denied, banned sender[192.0.2.1]", "ip_blocklisted"),
        ("550 Sending domain listed in DBL", "domain_blocklisted"),
        ("550 example.com is not one of our domains", "relay_denied"),
        ("550 More than 50 recipients per message are not accepted", "too_many_recipients"),
        ("550 5.7.1 Your mailbox may not send: compromised account", "sender_account_limited"),
        ("554 5.7.1 Your host's name does not match its address", "ptr_missing"),
        ("Message is undeliverable after 3 days", "expired"),
        ("554 5.2.0 STOREDRV.Deliver.Exception:StoragePermanentException", "system_error"),
        ("550 Address ann@example.com is unsafe for mailing to programs", "system_error"),
        ("421 Too much load; please try again later.", "system_error"),
        ("503 No sender yet given", "protocol_error"),
        ("504 HELO requires a name", "protocol_error"),
        ("552 Message header not CRLF terminated", "rfc_noncompliant"),
        ("Temporary error in gethostbyname", "network_error"),
        ("450 4.7.0 Proxy session setup failed with 'Primary target IP address responded'", "network_error"),
        ("Delivery attempts timed out after 5 days", "expired"),
        ("Too many failures (Tried 13 times)", "expired"),
        ("550 5.7.0 Your TLS version too old", "tls_required"),
        ("554 5.0.0 MX list for example.com. points back to mx.example.net", "routing_loop"),
        ("550 We do not accept mail for this domain", "relay_denied"),
        ("451 4.1.8 Client IP address 192.0.2.1 does not resolve", "ptr_missing"),
        ("554 5.7.1 Connection from 192.0.2.1 not allowed", "ip_blocklisted"),
        ("550 Host 192.0.2.1 blocked: directory harvest attack", "bad_reputation"),
        ("550 link to a blacklisted website found", "domain_blocklisted"),
        ("550 5.7.1 Unauthorized host according to SPF", "auth_failure"),
        ("550 Domain example.net does not authorize 192.0.2.1", "auth_failure"),
        ("554 5.7.1 Blocked by antivirus", "virus"),
        ("571 Message refused, spam", "spam_content"),
        ("550 5.7.0 multi-valued From field detected", "rfc_noncompliant"),
        ("451 Bare line-feed; see https://help.example.com/", "rfc_noncompliant"),
        ("452 Too many recipients received this hour", "rate_limited"),
        ("421 Exceeded allowable connection time, disconnecting.", "rate_limited"),
        ("Message has more than 10 recipients", "too_many_recipients"),
        ("451 4.7.1 Gray listing, please retry", "greylisted"),
        ("553 5.5.4 <news>... Domain name required for sender address news", "sender_rejected"),
        ("550 5.7.27 Sender address has null MX", "sender_rejected"),
        ("550 Sender is on our blacklist: news@example.net", "sender_rejected"),
        ("550 Your account does not exist or is suspended", "sender_account_limited"),
        ("550 Mailbox ann@example.com accepts internal mail only", "recipient_filter"),
        ("550 5.7.1 Mail from news@example.net was refused because of recipient's settings", "recipient_filter"),
        ("550 ann@example.com has blocked you", "recipient_filter"),
        ("The message is not from a list member", "recipient_filter"),
        ("550 Only subscribed addresses may send messages to this address.", "recipient_filter"),
        ("550 User account is unavailable", "mailbox_disabled"),
        ("551 no such domain here", "relay_denied"),
        ("550 example.com is not handled by this server", "relay_denied"),
        ("554 Open relaying is disabled", "relay_denied"),
        ("554 mx.example.com: no SMTP service here", "not_accepting"),
        ("550 Your host name (192.0.2.1) is on our blacklist.", "ip_blocklisted"),
        ("550 A URL in this email (shop.example) is listed on https://lists.example.com/", "domain_blocklisted"),
        ("550 The domain example.net was registered less than 14 days ago", "bad_reputation"),
        ("450 Sender is sending too fast, quota exceeded", "rate_limited"),
        ("550 User news@example.net is over the limit of outgoing messages", "sender_account_limited"),
        ("554 Message rejected: Sending suspended for this account.", "sender_account_limited"),
        ("554 message has 61 recipients; only 50 are allowed", "too_many_recipients"),
        ("550 We cannot reply to <news@example.net>, so we do not take your message", "sender_rejected"),
        ("552 Mailbox for ann has no more space", "mailbox_full"),
        ("451 spamd is not running", "system_error"),
        ("all MX hosts for example.com are unavailable", "network_error"),
        ("503 HELO/EHLO first", "protocol_error"),
        ("554 We only accept mail over secure connections", "tls_required"),
        ("550 Encrypted attachments cannot be scanned and are refused", "content_policy"),
        ("550 The sending user does not exist on example.net", "sender_rejected"),
        ("553 the bounce address does not exist", "sender_rejected"),
        ("553 MAIL FROM domain example.net has no MX and no A record", "sender_rejected"),
        ("550 The user you authenticated as does not exist", "auth_required"),
        ("554 your IP sent to 40 unknown users today", "bad_reputation"),
        ("554 No such mail route for domain", "network_error"),
        ("450 mailbox being migrated, try again in an hour", "system_error"),
        ("451 policy service error", "system_error"),
        ("bounce or trace service failure", "system_error"),
        ("550 account ann@example.com hibernated", "mailbox_disabled"),
        ("550 5.7.1 The sender isn't on the recipient's Safe Senders list", "recipient_filter"),
        ("550 Outgoing user is blocked: news@example.net", "sender_account_limited"),
        ("550 The one who sent this is unknown to us", "sender_rejected"),
        ("550 no DNS name exists for the address you connect from", "ptr_missing"),
        ("550 ann@example.com takes mail from contacts only", "recipient_filter"),
        ("550 The list only lets subscribers post", "recipient_filter"),
        ("554 Access restricted to authenticated users", "auth_required"),
        ("550 example.com is not one of the domains we serve", "relay_denied"),
        ("551 we do not accept mail for example.com", "relay_denied"),
        ("451 Mail deferred, we have not seen you before", "greylisted"),
        ("421 You are connecting too often", "rate_limited"),
        ("550 link domain shop.example is on the domain block list", "domain_blocklisted"),
        ("554 5.6.0 Duplicate Subject lines", "rfc_noncompliant"),
        ("Could not deliver in five days. Giving up.", "expired"),
        ("27 Received headers found, limit is 25", "routing_loop"),
        ("no shared cipher with mx.example.com", "tls_required"),
        ("Server did not send a greeting within 300 seconds", "network_error"),
        ("554 recipient lookup failed because the directory replica is offline", "system_error"),
    ],
)
def test_what_systems_say_of_others_than_the_recipient(text, reason):
    verdict = judge_answer(text)
    assert (verdict.reason, verdict.advice is Advice.SUPPRESS) == (reason, False)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("511 sorry, can't find a valid MX for rcpt domain (#5.1.1)", "domain_unknown"),
        ("Domain nowhere.example has no A, AAAA, or MX record", "domain_unknown"),
        ("Nowhere to deliver mail to for domain: nowhere.example", "domain_unknown"),
        ("550 Recipient not found by SMTP address lookup. Please check it and try again", "user_unknown"),
        ("550 RESOLVER.ADR.ExRecipNotFound; not found", "user_unknown"),
        ("550 List unknown: nolist@example.com", "user_unknown"),
        ("550 No list found with this address: nolist@example.com", "user_unknown"),
        ("553 Recipient name not recognized", "user_unknown"),
        ("550 We do not have a mailbox for that address", "user_unknown"),
        ("550 Cannot find your recipient in our directory", "user_unknown"),
        ("550 Intended recipient does not work here any more", "user_unknown"),
        ("550 Sorry, ann isn't here anymore", "user_unknown"),
        ("550 ann is no longer an employee of this company", "user_unknown"),
        ("550 Mailbox for ann@example.com has been permanently removed", "user_unknown"),
        ("550 cuda_nsu ann@example.com recipient rejected", "user_unknown"),
        ("550 This address is no longer in use; please write to ann@example.net", "mailbox_moved"),
        ("550 Recipient not in our LDAP directory", "user_unknown"),
        ("550 The recipient is deceased", "user_unknown"),
        ("550 unable to deliver: no matching account", "user_unknown"),
        ("550 ann@example.com: this address has never existed", "user_unknown"),
        ("It was rejected by the recipient domain. The other server returned: 550 5.1.1 user unknown", "user_unknown"),
        ("550 We do not have a user called ann", "user_unknown"),
        ("550 There's no account under that name", "user_unknown"),
        ("550 moved: new address ann@example.net", "mailbox_moved"),
        ("550 Address is not assigned to any user", "user_unknown"),
        ("550 The mailbox you are trying to reach has been deleted by its owner", "user_unknown"),
        ("550 cannot find a mailbox matching ann@example.com", "user_unknown"),
        ("550 Mailbox relocated to ann@example.net", "mailbox_moved"),
        ("DNS: no MX or address records found for gone.example", "domain_unknown"),
        ("Message dropped: recipient is in the do-not-send list", "suppressed"),
    ],
)
def test_what_systems_say_of_a_recipient_who_is_gone(text, reason):
    verdict = judge_answer(text)
    assert (verdict.reason, verdict.advice) == (reason, Advice.SUPPRESS)


@pytest.mark.parametrize(
    "text",
    [
        "554 5.5.1 Error: no valid recipients",
        "Name service error for name=example.com type=MX: Malformed or unexpected name server reply",
        "Host or domain name not found. Name service error for name=example.com type=MX: Non-recoverable error",
        "550 5.7.1 Mail to unknown users will be logged; it violates our policy",
        "550 Unknown client: no such host in DNS",
        "550 domain example.net in MAIL FROM does not exist",
        "550 The address you mail from, news@example.net, does not exist",
        "550 reply address <news@example.net> unknown to mx.example.net",
        "550 Unknown user database backend error",
        "550 mail spool for user does not exist yet, creating failed",
        "550 alias expansion failed: invalid address",
        "550 invalid address in forward file of user",
        "550 relay host unknown: smarthost.example.com",
        "550 List members only; unknown address news@example.net",
        "550 Invalid user input in subject",
        "550 unknown users probed by your network",
        "550 If user unknown, contact us",
        "550 Client address unknown",
        "550 IP address was not found in list",
        "550 Cc address is invalid",
        "550 the user agent is unknown",
        "550 Your postmaster mailbox was not found",
        "550 Address rewriting failed: address is invalid",
        "550 mailbox database was not found",
        "550 no such user - temporary error",
        "554 5.3.5 Unknown address family 12",
        "550 No MX for your FROM address",
        "550 UID 8 is an unknown user: cannot mail to programs",
        "550 Invalid user settings. Refer to server log for more information.",
        "501 Invalid domain name",
        "550 From: domain not found",
        "550 lookup failed: no such user",
        '550 Message blocked as phishing: "no such mailbox"',
        "550 5.7.1 Message blocked; if you object please write to postmaster@example.com",
        "550 mailbox for bounces <b-71@example.net> does not exist",
        "Spam Reporting Address",
        "550 Mail from unsubscribed addresses is rejected",
        "550 address is not assigned to your tenant",
        "550 example.net has no DNS entries, so we reject your mail",
        "550 suppression table lookup failed",
        "550 Tracking domain not found for this account",
        "554 Mailbox unknown error 0x8004010f",
        "554 Local configuration error: 192.0.2.4 is not a valid recipient",
    ],
)
def test_what_only_sounds_like_an_unknown_recipient_suppresses_nobody(text):
    assert judge_answer(text).advice is not Advice.SUPPRESS


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("550 5.1.8 Dominio desconocido", "sender_rejected"),
        ("550 5.1.7 Benutzer unbekannt", "sender_rejected"),
        ("535 no mailbox of that name", "auth_required"),
        ("550 5.7.8 unknown user", "auth_required"),
        ("550 5.7.23 domain not found", "auth_failure"),
    ],
)
def test_a_code_about_the_sender_says_who_is_unknown(text, reason):
    verdict = judge_answer(text)
    assert (verdict.reason, verdict.advice) == (reason, Advice.FIX)


@pytest.mark.parametrize("who", ["user", "recipient", "mailbox", "address"])
@pytest.mark.parametrize(
    "said",
    [
        "550 {who} was not found",
        "550 The {who} cannot be found",
        "550 {who} does not seem to exist",
        "550 {who} is unknown",
        "550 That {who} was removed",
        "550 We can't find that {who}",
        "550 no {who} by that name here",
        "550 nonexistent {who}",
    ],
)
def test_whoever_is_not_there_is_unknown(who, said):
    verdict = judge_answer(said.format(who=who))
    assert (verdict.reason, verdict.advice) == ("user_unknown", Advice.SUPPRESS)


@pytest.mark.parametrize(
    "what",
    [
        "journal mailbox", "forwarding address", "postmaster address", "abuse address", "session user", "relay user",
        "from domain", "envelope address", "proxy host", "cluster host", "user of this key", "owner of this list",
        "delegate mailbox", "SMTP account", "mailbox quota root",
    ],
)  # fmt: skip
@pytest.mark.parametrize("said", ["550 {what} does not exist", "550 {what} not found", "550 The {what} is unknown"])
def test_what_else_is_missing_on_a_server_suppresses_nobody(what, said):
    assert judge_answer(said.format(what=what)).advice is not Advice.SUPPRESS


@pytest.mark.parametrize(
    "text", ["502 unrecognized user command", "500 RCPT unknown", "503 no such user in this state"]
)
def test_an_answer_to_a_command_suppresses_nobody(text):
    assert judge_answer(text).advice is not Advice.SUPPRESS


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("550 inbox is closed", "mailbox_disabled"),
        ("550 recipient is on hold", "mailbox_disabled"),
        ("550 user has been blocked", "mailbox_disabled"),
        ("550 mailbox is out of space", "mailbox_full"),
        ("550 not enough space in the inbox", "mailbox_full"),
        ("550 mail folder full", "mailbox_full"),
        ("550 return path does not exist", "sender_rejected"),
        ("550 from address is unknown", "sender_rejected"),
        ("550 unknown return path", "sender_rejected"),
        ("550 invalid return path", "sender_rejected"),
        ("554 email over the limit", "message_too_large"),
        ("554 message body is too long", "message_too_large"),
        ("554 your mail server is not allowed", "ip_blocklisted"),
        ("554 network banned", "ip_blocklisted"),
    ],
)
def test_the_usual_words_meet_in_every_pair(text, reason):
    verdict = judge_answer(text)
    assert (verdict.reason, verdict.advice is Advice.SUPPRESS) == (reason, False)
