"""Makes texts with personal data whose places are known, in the languages and scripts below.

A line is a text; `⟦kind⟧value⟦/⟧` marks a place, `␤` is a line break. `cargo run -p policy --example
personal -- score FILE` compares it with what the detectors find.

Needs `pip install faker python-stdnum` (MIT; LGPL-2.1-or-later: a tool beside the tests, nothing of it is
in what ships). `--templates FILE` takes templates of Presidio's evaluator (MIT, `presidio-evaluator` on
PyPI, presidio_evaluator/data_generator/raw_data/templates.txt) in place of these.
"""

import argparse
import base64
import hashlib
import importlib
import json
import random
import re
import string

from faker import Faker

LOCALES = {
    "en": ["en_US", "en_GB", "en_AU"], "de": ["de_DE", "de_AT"], "fr": ["fr_FR"], "es": ["es_ES"],
    "pt": ["pt_BR"], "it": ["it_IT"], "ru": ["ru_RU"], "el": ["el_GR"], "ar": ["ar_AE"], "he": ["he_IL"],
    "hi": ["hi_IN"], "zh": ["zh_CN"], "ja": ["ja_JP"], "ko": ["ko_KR"], "th": ["th_TH"], "bn": ["bn_BD"],
}

# By kind, then by language. The word of the field is part of the template, as in letters and forms.
TEMPLATES = {
    "email": {
        "en": ["Please write to {} before Friday.", "{} asked for a refund.", '{{"email": "{}"}}', "mailto:{}", "From: <{}>"],
        "de": ["Bitte schreiben Sie an {}.", "Meine Adresse lautet {}, danke."], "fr": ["Écrivez à {} s'il vous plaît."],
        "es": ["Mi correo es {}."], "ru": ["Моя почта: {}."], "el": ["Το email μου είναι {}."], "ar": ["بريدي الإلكتروني هو {} شكرا"],
        "he": ["הדוא״ל שלי הוא {} תודה"], "hi": ["मेरा ईमेल {} है"], "zh": ["我的邮箱是{}，谢谢"], "ja": ["メールは{}です"],
        "ko": ["이메일은 {} 입니다"], "th": ["อีเมลของฉันคือ {} ครับ"], "bn": ["আমার ইমেইল {}"],
    },
    "phone": {
        "en": ["Call me on {} after six.", "My phone number is {}.", "{} is my mobile, thanks.", "tel: {}", '"phone": "{}"', "You can reach me at {} today."],
        "de": ["Meine Telefonnummer ist {}.", "Rufen Sie mich an: {}", "Handy: {}"], "fr": ["Mon téléphone est le {}."],
        "es": ["Mi teléfono es {}."], "ru": ["Мой телефон: {}."], "el": ["Το τηλέφωνο μου: {}."], "ar": ["رقم هاتف {}"],
        "he": ["הטלפון שלי {}"], "hi": ["मेरा फ़ोन {} है"], "zh": ["我的电话是{}。"], "ja": ["電話は{}です"], "ko": ["전화: {}"], "th": ["โทร {} ครับ"],
    },
    "card": {
        "en": ["My card {} was declined.", "Charge {} please.", "card number: {}"], "de": ["Kreditkarte {} bitte belasten."],
        "ru": ["Карта {} не работает."], "zh": ["卡号{}"], "ar": ["بطاقة {}"], "hi": ["कार्ड {} है"], "ja": ["カード番号は{}です"],
    },
    "iban": {"en": ["Transfer it to {} today.", "IBAN: {}"], "de": ["Bitte auf {} überweisen."], "fr": ["Mon IBAN : {}."], "ru": ["Счёт {}."], "zh": ["账号{}。"]},
    "ip": {"en": ["The client {} connected.", "from {}: refused", "src={} dst=upstream"], "de": ["Anmeldung von {} aus."], "zh": ["地址{}登录"]},
    "mac": {"en": ["Device {} joined.", "mac={}"], "ru": ["Устройство {} в сети."]},
    "url": {"en": ["Open {} to continue.", "git clone {}"], "ja": ["{} を開く"]},
    "crypto": {"en": ["Send it to {} please.", "wallet: {}"], "ru": ["Кошелёк {}."]},
    "secret": {"en": ["{}", "use {} for now", 'key = "{}"']},
}

IDS = {
    "us.ssn": ("SSN", lambda r, d: f"{r.choice([i for i in range(1, 899) if i != 666]):03}-{r.randint(1, 99):02}-{r.randint(1, 9999):04}"),
    "gb.nhs": ("NHS number", None), "de.idnr": ("Steuer-ID", None), "fr.nir": ("numéro de sécurité sociale", None),
    "es.dni": ("DNI", None), "es.nie": ("NIE", None), "it.codicefiscale": ("codice fiscale", None), "nl.bsn": ("BSN", None),
    "be.nn": ("rijksregisternummer", None), "pl.pesel": ("PESEL", None), "pl.nip": ("NIP", None), "se.personnummer": ("personnummer", None),
    "no.fodselsnummer": ("fødselsnummer", None), "dk.cpr": ("CPR", None), "fi.hetu": ("HETU", None), "ee.ik": ("isikukood", None),
    "lt.asmens": ("asmens kodas", None), "lv.pk": ("personas kods", None), "cz.rc": ("rodné číslo", None), "ro.cnp": ("CNP", None),
    "bg.egn": ("ЕГН", None), "hr.oib": ("OIB", None), "rs.jmbg": ("JMBG", None), "si.emso": ("EMŠO", None), "gr.amka": ("ΑΜΚΑ", None),
    "tr.tckimlik": ("T.C. kimlik", None), "pt.nif": ("NIF", None), "at.vnr": ("SVNR", None), "ch.ssn": ("AHV", None),
    "br.cpf": ("CPF", None), "br.cnpj": ("CNPJ", None), "ar.cuit": ("CUIT", None), "cl.rut": ("RUT", None), "mx.curp": ("CURP", None),
    "ca.sin": ("SIN", None), "cn.ric": ("身份证号", None), "in_.aadhaar": ("Aadhaar", None), "in_.pan": ("PAN", None), "id.nik": ("NIK", None),
    "il.idnr": ("ID number", None), "za.idnr": ("ID number", None), "au.tfn": ("TFN", None), "nz.ird": ("IRD", None), "my.nric": ("MyKad", None),
    "th.pin": ("ID card", None), "kr.rrn": ("주민등록번호", None), "jp.in_": ("マイナンバー", None), "tw.tid": ("身分證", None), "sg.nric": ("NRIC", None),
    "ie.pps": ("PPS", None), "is_.kennitala": ("kennitala", None), "hk.hkid": ("HKID", None), "ua.rntrc": ("РНОКПП", None), "ru.inn": ("ИНН", None),
}

DIGITS = {"ar": 0x660, "hi": 0x966, "bn": 0x9E6, "th": 0xE50, "wide": 0xFF10, "fa": 0x6F0, "my": 0x1040, "ta": 0xBE6}


def seeds(module):
    """Numbers that python-stdnum accepts, made by changing digits of the examples in its documents."""
    doc = module.__doc__ or ""
    found = re.findall(r"(?:validate|format)\('([^']+)'\)\n'", doc)
    return [one for one in found if is_valid(module, one)]


def is_valid(module, number):
    try:
        return module.is_valid(number)
    except Exception:  # a place that its tables do not know
        return False


def national(r, name):
    label, make = IDS[name]
    if make:
        return label, make(r, None)
    try:
        module = importlib.import_module("stdnum." + name)
    except ImportError:
        return None
    examples = seeds(module)
    if not examples:
        return None
    example = r.choice(examples)
    compact = getattr(module, "compact", lambda one: one)(example)
    for _ in range(4000):
        changed = list(compact)
        for place in r.sample(range(len(changed)), min(3, len(changed))):
            if changed[place].isdigit():
                changed[place] = r.choice(string.digits)
        # The last digits are most often the check: try all.
        for tail in range(100):
            one = "".join(changed)
            if one[-2:].isdigit():
                one = one[:-2] + f"{tail:02}"
            elif one[-1].isalpha():
                one = one[:-1] + r.choice(string.ascii_uppercase)
            else:
                break
            if one != compact and is_valid(module, one):
                form = getattr(module, "format", None)
                return label, form(one) if form and r.random() < 0.5 else one
    return label, example


def luhn_card(r):
    prefix, length = r.choice([("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("34", 15), ("37", 15), ("6011", 16), ("3530", 16), ("36", 14), ("62", 16)])
    body = prefix + "".join(r.choice(string.digits) for _ in range(length - len(prefix) - 1))
    total = sum(sum(divmod(int(d) * (2 - i % 2), 10)) for i, d in enumerate(reversed(body)))
    number = body + str(-total % 10)
    separator = r.choice(["", " ", "-"])
    groups = {16: [4, 4, 4, 4], 15: [4, 6, 5], 14: [4, 6, 4]}[length]
    parts, at = [], 0
    for size in groups:
        parts.append(number[at:at + size])
        at += size
    return separator.join(parts)


def base58check(version, r):
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    body = bytes([version]) + r.randbytes(20)
    whole = body + hashlib.sha256(hashlib.sha256(body).digest()).digest()[:4]
    number, text = int.from_bytes(whole, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = alphabet[digit] + text
    return "1" * (len(whole) - len(whole.lstrip(b"\0"))) + text


def token(r, alphabet, length):
    return "".join(r.choice(alphabet) for _ in range(length))


def secret(r):
    alnum = string.ascii_letters + string.digits
    part = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    return r.choice([
        lambda: "sk-" + token(r, alnum, 48), lambda: "sk-proj-" + token(r, alnum + "-_", 60) + "x",
        lambda: "AKIA" + token(r, string.ascii_uppercase + "234567", 16), lambda: "ghp_" + token(r, alnum, 36),
        lambda: "glpat-" + token(r, alnum, 20), lambda: "xoxb-" + token(r, string.digits, 12) + "-" + token(r, alnum, 24),
        lambda: "sk_live_" + token(r, alnum, 24), lambda: "AIza" + token(r, alnum, 35),
        lambda: ".".join([part(b'{"alg":"HS256","typ":"JWT"}'), part(json.dumps({"sub": token(r, alnum, 8)}).encode()), part(r.randbytes(32))]),
        lambda: "-----BEGIN PRIVATE KEY-----␤" + base64.b64encode(r.randbytes(48)).decode() + "␤-----END PRIVATE KEY-----",
    ])()


def value(r, fakers, kind):
    f = r.choice(fakers)
    if kind == "email":
        return f.email() if r.random() < 0.8 else Faker("en_US").company_email()
    if kind == "phone":
        return f.phone_number()
    if kind == "card":
        return luhn_card(r)
    if kind == "iban":
        iban = Faker(r.choice(["de_DE", "fr_FR", "en_GB", "es_ES", "it_IT", "nl_NL", "pl_PL"])).iban()
        return " ".join(iban[i:i + 4] for i in range(0, len(iban), 4)) if r.random() < 0.5 else iban
    if kind == "ip":
        return f.ipv4_public() if r.random() < 0.7 else f.ipv6()
    if kind == "mac":
        return f.mac_address().replace(":", r.choice([":", "-"]))
    if kind == "url":
        host = f.domain_name()
        host = host if host.isascii() else "example.com"
        return r.choice([f"https://ann:{token(r, string.ascii_letters, 9)}@{host}/x", f"https://{host}/login?token={token(r, string.ascii_lowercase + string.digits, 20)}&x=1",
                         f"postgres://app:{token(r, string.ascii_letters, 9)}@{host}:5432/app"])
    if kind == "crypto":
        return r.choice([base58check(0, r), base58check(5, r), "0x" + r.randbytes(20).hex()])
    return secret(r)


def digits_of(text, script):
    return "".join(chr(DIGITS[script] + int(c)) if c in string.digits else c for c in text)


def own(r, count):
    fakers = {language: [Faker(locale) for locale in locales] for language, locales in LOCALES.items()}
    for number, many in fakers.items():
        for f in many:
            f.seed_instance(r.randrange(1 << 30))
    ids = list(IDS)
    for n in range(count):
        if n % 5 == 0:
            made = national(r, ids[n // 5 % len(ids)])
            if made:
                label, number = made
                yield r.choice(["My {l} is {m}.", "{l}: {m}", "{l} {m} was entered"]).format(l=label, m=f"⟦national_id⟧{number}⟦/⟧")
                continue
        kind = r.choice(list(TEMPLATES))
        language = r.choice(list(TEMPLATES[kind]))
        one = value(r, fakers[language], kind)
        if kind in ("phone", "card") and r.random() < 0.15:
            script = language if language in DIGITS else r.choice(list(DIGITS))
            one = digits_of(one, script)
        if r.random() < 0.05 and kind == "email":
            one = one.replace("@", r.choice([" [at] ", "(at)", "%40", "\\u0040"]))
        yield r.choice(TEMPLATES[kind][language]).format(f"⟦{kind}⟧{one}⟦/⟧")


# Presidio's names of fields, and our kinds. Others are filled in without a mark.
FIELDS = {"credit_card_number": "card", "email": "email", "phone_number": "phone", "iban": "iban", "ipv4": "ip", "ipv6": "ip", "mac_address": "mac", "ssn": "national_id", "us_ssn": "national_id"}


def presidio(r, path, count):
    templates = [line.rstrip("\n") for line in open(path, encoding="utf-8") if "{{" in line]
    fakers = [Faker(one) for one in ("en_US", "en_GB", "de_DE", "es_ES", "fr_FR", "it_IT", "en_AU", "pl_PL")]
    ours = [one for one in templates if any("{{" + field + "}}" in one for field in FIELDS)]
    for _ in range(count):
        template, f = r.choice(ours if r.random() < 0.7 else templates), r.choice(fakers)
        def fill(match):
            field = match.group(1).strip()
            if field in ("ssn", "us_ssn"):
                return f"⟦national_id⟧{IDS['us.ssn'][1](r, None)}⟦/⟧"
            if field in FIELDS:
                if field == "credit_card_number":
                    one = f.credit_card_number()
                elif field == "iban":
                    one = f.iban()
                else:
                    one = getattr(f, field)()
                return f"⟦{FIELDS[field]}⟧{one}⟦/⟧"
            for name in (field, "name", ):
                try:
                    return str(getattr(f, name)()).replace("\n", "␤")
                except AttributeError:
                    continue
            return "Ann"
        yield re.sub(r"\{\{([^}]+)\}\}", fill, template).replace("\\n", "␤")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--count", type=int, default=500)
    arguments.add_argument("--templates")
    given = arguments.parse_args()
    r = random.Random(given.seed)
    Faker.seed(given.seed)
    lines = presidio(r, given.templates, given.count) if given.templates else own(r, given.count)
    for line in lines:
        print(line.replace("\n", "␤"))


if __name__ == "__main__":
    main()
