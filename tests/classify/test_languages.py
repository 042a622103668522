"""What servers print in other languages than English, with their accents and, as replies are ASCII, without."""

import pytest

from bounced.model import Advice
from bounced.pipeline import judge_answer


@pytest.mark.parametrize(
    "text",
    [
        "550 Užívateľ neexistuje",
        "550 Uzivatel nenalezen",
        "550 Няма такъв потребител",
        "550 Korisnik nije pronađen",
        "550 Uporabnik ne obstaja",
        "550 Kasutajat ei leitud",
        "550 Lietotājs nav atrasts",
        "550 Vartotojas neegzistuoja",
        "550 کاربر مورد نظر وجود ندارد",
        "550 המשתמש אינו קיים",
        "550 Polzovatel ne najden",
        "550 Kullanici bulunamadi",
        "550 Ismeretlen felhasznalo",
        "550 No se encontro el usuario",
        "550 Endereco nao foi encontrado",
        "550 Nie znaleziono uzytkownika",
        "550 Empfaenger nicht gefunden",
        "550 Anvandaren finns inte",
        "550 Das Postfach wurde gelöscht",
        "550 Cette personne ne fait plus partie de notre société",
        "550 La cuenta ha sido eliminada",
        "550 Skrzynka zostala usunieta",
        "550 Сотрудник больше не работает в компании",
        "550 该用户已离职",
        "No se pudo entregar el mensaje a ana@example.com. No se encontró ana en example.com.",
        "Uživatel petr nebyl v doméně example.com nalezen.",
    ],
)
def test_an_unknown_recipient_is_known_as_one_in_any_language(text):
    verdict = judge_answer(text)
    assert (verdict.reason, verdict.advice) == ("user_unknown", Advice.SUPPRESS)


@pytest.mark.parametrize(
    "text",
    [
        "550 Der Absender <news@example.net> existiert nicht",
        "451 Empfaenger wurde nicht gefunden, Verzeichnisdienst voruebergehend nicht erreichbar",
        "550 L'adresse IP de votre serveur n'existe pas dans le DNS",
        "550 L'utilisateur SMTP n'existe pas: authentification refusee",
        "550 El usuario de autenticacion no existe",
        "550 Su direccion no existe",
        "550 O endereco do remetente nao existe",
        "550 L'indirizzo del mittente non e stato trovato",
        "550 Brak uprawnien: odbiorca nie zostal znaleziony na liscie dozwolonych",
        "550 Hibas jelszo, felhasznalo nem talalhato",
        "550 Kullanici bulunamadi veya sifre hatali",
        "550 Anvandaren finns inte, fel losenord",
        "550 Adresa odesilatele neexistuje",
        "550 Neznama adresa serveru 192.0.2.1",
        "550 Adresa odosielatela neexistuje",
        "550 Домейнът на подателя не съществува",
        "550 Polzovatel ne najden: neverny parol",
        "550 آدرس فرستنده وجود ندارد",
        "550 Das Postfach des Absenders wurde gelöscht",
        "550 Ihr Konto wurde gelöscht",
        "550 Su cuenta ha sido eliminada",
        "550 Der Server arbeitet nicht mehr",
        "550 Der Name Ihres Servers wurde in DNS nicht gefunden",
        "550 Votre boîte a été supprimée",
        "550 HELOのドメイン example.jp が見つかりません",
        "550 发件人账号已删除",
        "550 Сервер больше не работает",
        "500 Comando desconocido",
        "550 Alamat pengirim tidak ditemukan",
        "550 Địa chỉ người gửi không tồn tại",
        "550-Requested action not taken: mailbox unavailable 550-Sender address is not allowed.",
    ],
)
def test_who_is_unknown_in_another_language_may_be_the_sender(text):
    assert judge_answer(text).advice is not Advice.SUPPRESS


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("554 Die Absenderdomain steht auf einer Blacklist", "domain_blocklisted"),
        ("554 La reputation de votre serveur est insuffisante", "bad_reputation"),
        ("550 Intestazione From mancante", "rfc_noncompliant"),
        ("554 Обнаружено зацикливание почты", "routing_loop"),
        ("530 Conexión cifrada obligatoria", "tls_required"),
        ("530 Authentification necessaire avant l'envoi", "auth_required"),
        ("452 Prilis mnoho prijemcu", "too_many_recipients"),
        ("421 För många anslutningar från din adress", "rate_limited"),
        ("550 5.7.1 Zakázaná příloha: setup.exe", "content_policy"),
        ("550 Votre compte a été suspendu pour envoi de spam", "sender_account_limited"),
        ("500 Неизвестная команда", "protocol_error"),
    ],
)
def test_causes_are_told_apart_in_other_languages_too(text, reason):
    verdict = judge_answer(text)
    assert (verdict.reason, verdict.advice is Advice.SUPPRESS) == (reason, False)
