"""Reports in other languages than English: who is meant, and why. All mail here is invented."""

# ruff: noqa: RUF001 - letters of other scripts, and wide punctuation, are the subject

from email.message import EmailMessage
from email.policy import SMTP

import pytest

from bounced.model import Kind
from bounced.pipeline import understand


def message(
    body, *, subject="Undelivered Mail Returned to Sender", sender="MAILER-DAEMON@mx.example.net", subtype="plain"
):
    """Build a message that says `body` to people, and nothing to machines."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = "news@example.net"
    mail["Subject"] = subject
    mail["Date"] = "Mon, 16 Nov 2026 10:00:00 +0000"
    mail.set_content(body, subtype=subtype)
    return mail.as_bytes()


def read(body, **fields):
    """Say what kind of message this is, and each recipient with its reason."""
    found = understand(message(body, **fields))
    return found.report.kind, {one.recipient: one.verdict and one.verdict.reason for one in found.outcomes}


FAILURES = {
    "German, Exchange": (
        (
            "Fehler bei der Nachrichtenzustellung an folgende Empfänger oder Gruppen:\n\nann@example.com\n"
            "Die eingegebene E-Mail-Adresse konnte nicht gefunden werden. Überprüfen Sie die Adresse.\n"
        ),
        {"ann@example.com": "user_unknown"},
    ),
    "German, qmail": (
        (
            "Hallo, hier ist das Mailprogramm von mx.example.net.\n"
            "Ihre Mail konnte an die folgenden Adressen nicht gehen.\n\n"
            "<ann@example.com>:\nDas Postfach ist voll.\n\n<bob@example.com>:\nBenutzer unbekannt.\n\n"
            "--- Es folgt eine Kopie der Nachricht.\n\nFrom: news@example.net\nTo: eve@example.com\n"
        ),
        {"ann@example.com": "mailbox_full", "bob@example.com": "user_unknown"},
    ),
    "French, Office 365": (
        (
            "La remise à ces destinataires ou groupes a échoué :\n\nann@example.com\n"
            "La boîte aux lettres du destinataire est pleine et ne peut pas accepter de messages pour le moment.\n"
        ),
        {"ann@example.com": "mailbox_full"},
    ),
    "French, a group": (
        (
            "Échec de la remise à ces destinataires ou groupes :\n\nstaff@example.com\n"
            "Le groupe Staff n'accepte que les messages provenant de membres de son organisation.\n"
        ),
        {"staff@example.com": "recipient_filter"},
    ),
    "Spanish": (
        (
            "No se pudo entregar el mensaje a los siguientes destinatarios:\n\nann@example.com\n"
            "El dominio no existe; compruebe la dirección.\n"
        ),
        {"ann@example.com": "domain_unknown"},
    ),
    "Portuguese": (
        "Não foi possível entregar sua mensagem ao seguinte destinatário:\n\n<ann@example.com>: caixa postal cheia\n",
        {"ann@example.com": "mailbox_full"},
    ),
    "Italian": (
        (
            "Recapito non riuscito ai seguenti destinatari o gruppi:\n\nann@example.com\n"
            "Il messaggio è troppo grande per il destinatario.\n"
        ),
        {"ann@example.com": "message_too_large"},
    ),
    "Dutch": (
        (
            "Uw bericht kon niet worden bezorgd bij de volgende geadresseerden:\n\nann@example.com\n"
            "De server heeft geprobeerd het bericht te bezorgen en is gestopt met proberen.\n"
        ),
        {"ann@example.com": "expired"},
    ),
    "Polish": (
        "Nie można dostarczyć wiadomości do następujących adresatów:\n\nann@example.com\nKonto nie istnieje.\n",
        {"ann@example.com": "user_unknown"},
    ),
    "Russian": (
        (
            "Ваше письмо не может быть доставлено следующим получателям:\n\nann@example.com\n"
            "Почтовый ящик получателя переполнен.\n\nbob@example.com\nНет такого пользователя.\n"
        ),
        {"ann@example.com": "mailbox_full", "bob@example.com": "user_unknown"},
    ),
    "Japanese": (
        "次の宛先にメールを配信できませんでした。\n\n<ann@example.com>\n\nメールボックスが一杯です。\n",
        {"ann@example.com": "mailbox_full"},
    ),
    "simplified Chinese": (
        "很抱歉，您的邮件无法投递到以下收件人：\n\nann@example.com\n\n退信原因：收件人不存在，请检查地址。\n",
        {"ann@example.com": "user_unknown"},
    ),
    "traditional Chinese": (
        "無法傳遞給下列收件者或群組:\n\nann@example.com\n\n收件者的信箱已滿，請稍後再試。\n",
        {"ann@example.com": "mailbox_full"},
    ),
    "Korean": (
        "다음 수신자에게 메일을 전달하지 못했습니다.\n\nann@example.com\n\n실패 사유: 존재하지 않는 메일 주소입니다.\n",
        {"ann@example.com": "user_unknown"},
    ),
    "Turkish": (
        "Bu alıcılara veya gruplara teslim edilemedi:\n\nann@example.com\nAlıcının posta kutusu dolu.\n",
        {"ann@example.com": "mailbox_full"},
    ),
    "Swedish": (
        (
            "Det gick inte att leverera till följande mottagare eller grupper:\n\nann@example.com\n"
            "Det gick inte att hitta e-postadressen som du angav.\n"
        ),
        {"ann@example.com": "user_unknown"},
    ),
    "Hungarian": (
        "A levél nem kézbesíthető a következő címzetteknek:\n\nann@example.com: a postafiók megtelt\n",
        {"ann@example.com": "mailbox_full"},
    ),
    "Indonesian": (
        "Pesan Anda tidak dapat dikirim ke alamat berikut:\n\nann@example.com\nPengguna tidak ditemukan.\n",
        {"ann@example.com": "user_unknown"},
    ),
    "Vietnamese": (
        "Không thể gửi thư của bạn đến người nhận sau:\n\nann@example.com\nHộp thư đã đầy.\n",
        {"ann@example.com": "mailbox_full"},
    ),
    "Thai": (
        "ไม่สามารถส่งข้อความของคุณถึงผู้รับต่อไปนี้:\n\nann@example.com\nไม่พบผู้ใช้\n",
        {"ann@example.com": "user_unknown"},
    ),
}


@pytest.mark.parametrize("language", FAILURES)
def test_a_failure_is_understood(language):
    body, expected = FAILURES[language]
    assert read(body) == (Kind.BOUNCE, expected)


def test_a_failure_in_html_is_understood():
    body = "<html><body><p>Ihre Nachricht an <b>ann@example.com</b> kam nicht an.</p><p>Die Mailbox ist voll.</p>"
    assert read(body, subtype="html", subject="Unzustellbar: Rundbrief") == (
        Kind.BOUNCE,
        {"ann@example.com": "mailbox_full"},
    )


def test_an_address_within_a_sentence_is_a_recipient():
    body = "Votre message à ann@example.com n'a pas pu être remis : l'expéditeur est sur une liste noire.\n"
    assert read(body) == (Kind.BOUNCE, {"ann@example.com": "ip_blocklisted"})


def test_an_address_that_may_be_unknown_for_another_reason_costs_nobody_his_mail():
    body = "次の宛先へは、アドレスが見つからないか、サーバの事由により送信できませんでした。\n\n<ann@example.com>\n"
    assert read(body) == (Kind.BOUNCE, {"ann@example.com": "undefined"})


@pytest.mark.parametrize(
    "body",
    [
        "Dies ist nur eine Warnung: Ihre Nachricht an ann@example.com wurde noch nicht zugestellt.\n",
        "Ceci est un simple avertissement : votre message à ann@example.com n'a pas encore été remis.\n",
        "Esto es solo una advertencia: todavía no se ha podido entregar su mensaje a ann@example.com hoy.\n",
        "次の宛先への配信が遅延しています。\n\n<ann@example.com>\n",
    ],
    ids=["German", "French", "Spanish", "Japanese"],
)
def test_a_warning_is_a_delay(body):
    kind, recipients = read(body, subject="Warnung")
    assert (kind, list(recipients)) == (Kind.DELAY, ["ann@example.com"])


@pytest.mark.parametrize(
    "subject",
    [
        "Ich bin abwesend",
        "Re: 休暇中です",
        "Estoy de vacaciones",
        "Poissaolo: Ann",
        "Automatické odpovědi",
        "Αυτόματη απάντηση: News",
    ],
)
def test_an_absence_is_an_automatic_reply(subject):
    assert read("…", subject=subject, sender="ann@example.com")[0] is Kind.AUTO_REPLY


@pytest.mark.parametrize(
    "subject",
    [
        "Urlaub in Dänemark",
        "Vos billets pour les vacances",
        "Confirmação de envio do pedido 17",
        "Automatikuhren im Angebot",
    ],
)
def test_ordinary_mail_is_no_report(subject):
    body = "Wir haben Ihre Bestellung erhalten; die Adresse ann@example.com wurde nicht gefunden.\n"
    assert read(body, subject=subject, sender="shop@example.com")[0] is Kind.NOT_BOUNCE
