"""Makes texts with names and addresses whose places are known, with and without words of context.

A line is a text; `⟦kind⟧value⟦/⟧` marks a place, `␤` is a line break. Templates, not lines, are held out:
`--part train` and `--part held` have no template in common. `scripts/ner-head.py` trains with the first,
and measures with the second.

Needs `pip install faker` (MIT). `--templates FILE` adds the templates of Presidio's evaluator (MIT,
`presidio-evaluator` on PyPI, presidio_evaluator/data_generator/raw_data/templates.txt).
"""

import argparse
import hashlib
import random
import re

from faker import Faker

# By language. {n} is a whole name, {f} a first name, {l} a last name, {a} an address; {c} is a company and {t} a
# town, which are neither.
OWN = {
    "en": """
{n} wants the invoice by Friday.
The report of {n} is late again.
Please summarise what {n} said in the meeting.
I had lunch with {f} and {f} yesterday.
{f} thinks that the design is too complicated.
Forward this to {n} and {n}.
Write a reply to {f}, who is angry about the delay.
{n} was born in {t} and works for {c}.
The contract between {c} and {n} ends in May.
Ask {f} whether the server in {t} is back.
{l} and {l} signed it on Monday.
Approved by {n}, 12 March.
Author: {n}
assignee = {n}
| {n} | 42 | open |
{{"customer": "{n}", "total": 12.5}}
{{"assigned_to": "{f}", "status": "done"}}
name,city,amount␤{n},{t},120
Minutes: {f} will call {c}; {n} prepares the slides.
According to {n}, the price in {t} rose by 4 %.
We hired {n} last year, and {f} is our best engineer now.
{n}'s laptop does not start.
Does {f} know about this?
Translate into French: {n} is on holiday until Tuesday.
Thanks, {f}
Best regards,␤{n}
On Tue, {n} wrote:
cc {n}, {n}
The patient {n} complains about headaches.
{n}, 54, has been seen in the clinic in {t}.
Draft a letter of recommendation for {n}.
Rewrite this e-mail so that {f} is not offended.
I never got on with {l}.
The judge asked {n} why the money was missing.
It was {f} who broke the build, not {f}.
Who is taller, {f} or {f}?
{n} lives at {a}.
Send the parcel to {a}.
The house at {a} has been sold.
Ship to: {n}, {a}
Our new office is {a}.
Delivery address␤{n}␤{a}
She moved from {a} to {t} in April.
Is {a} in the flood zone?
{{"street": "{a}", "country": "US"}}
Pick me up at {a} around nine.
The flat ({a}) costs 900 a month.
{n} ({c}) joined the call from {t}.
hi it is {f}, i lost my card
my boss {n} never answers
todo: ask {f} about the budget
{f} said hello to everybody in {t}.
Give the keys to {l} before you leave.
Interview with {n}: notes
Candidate {n} speaks three languages.
Tell {f} that {c} has cancelled.
{l}, {f}
{c} has opened a shop in {t}.
The price of {c} shares fell on Monday, and {t} celebrates in June.
Explain how {c} makes money, in five sentences.
Plan a weekend in {t} with two children.
What is the weather in {t} in January?
In Python, How do I sort a List of Dictionaries?
The Ministry of Finance in {t} published the Annual Report on Thursday.
Chapter 4: The French Revolution and the Rise of Europe
SELECT name FROM users WHERE country = 'Spain' AND city = '{t}';
Compare Kubernetes with Docker Swarm for {c}.
Dear Customer, Your Order 12345 has been shipped on Monday.
I use Windows at work and Linux at home.
ERROR Failed to open file C:\\Users\\Public\\Report.doc
""",
    "de": """
{n} hat das Angebot noch nicht bekommen.
Bitte fasse zusammen, was {n} geschrieben hat.
Mit {f} und {f} war ich gestern in {t}.
Der Vertrag mit {n} endet im Mai.
Gestern hat {l} den Server neu gestartet.
Wir liefern an {a}.
{n} wohnt in der {a}.
Die Wohnung {a} ist vermietet.
Viele Grüße␤{n}
Der Patient {n} klagt über Kopfschmerzen.
Die Firma {c} hat in {t} ein Lager eröffnet.
Wie wird das Wetter in {t} am Montag?
Der Bundestag hat am Donnerstag ein Gesetz beschlossen.
Erkläre mir bitte die Photosynthese in drei Sätzen.
""",
    "fr": """
{n} n'a pas reçu la facture.
J'ai mangé avec {f} et {f} hier à {t}.
Résume ce que {n} a dit.
Le contrat de {n} finit en mai.
Livrez le colis au {a}.
Cordialement,␤{n}
La société {c} a ouvert un magasin à {t}.
Quel temps fait-il à {t} en janvier ?
Explique la Révolution française en trois phrases.
""",
    "es": """
{n} no ha recibido la factura.
Ayer comí con {f} y {f} en {t}.
Resume lo que dijo {n}.
El contrato de {n} termina en mayo.
Envíe el paquete a {a}.
Saludos,␤{n}
La empresa {c} abrió una tienda en {t}.
¿Qué tiempo hace en {t} en enero?
""",
    "it": """
{n} non ha ricevuto la fattura.
Ieri ho pranzato con {f} e {f} a {t}.
Il contratto di {n} finisce a maggio.
Spedite il pacco a {a}.
La società {c} ha aperto un negozio a {t}.
""",
}
LOCALES = {"en": ["en_US", "en_GB", "en_AU", "en_IN", "de_DE", "fr_FR", "es_ES", "it_IT", "pl_PL", "nl_NL"],
           "de": ["de_DE", "de_AT", "tr_TR"], "fr": ["fr_FR"], "es": ["es_ES", "es_MX"], "it": ["it_IT"]}
# Presidio's names of fields that are part of an address, and those without which it is only a town.
STREETS = {"address", "street_name", "street_address"}
ADDRESS = STREETS | {"building_number", "secondary_address", "city", "country", "postcode", "zipcode", "state_abbr", "state"}
NAMES = {"person": "name", "name": "name", "first_name": "first_name", "last_name": "last_name"}


def is_held(template):
    return hashlib.sha256(template.encode()).digest()[0] % 10 < 3


def mark(kind, value):
    return f"⟦{kind}⟧{value}⟦/⟧"


def own(r, f, template):
    def whole():
        # Without a title: the detectors by context find those.
        initial = f" {r.choice('ABCDEGHJKLMNPRST')}." if r.random() < 0.1 else ""
        return f"{f.first_name()}{initial} {f.last_name()}"

    fields = {"n": whole, "f": f.first_name, "l": f.last_name, "a": f.address, "c": f.company, "t": f.city}

    def fill(match):
        key = match.group(1)
        value = str(fields[key]()).replace("\n", r.choice([", ", "␤"]))
        if key in "nfl":
            value = r.choice([str.lower, str.upper])(value) if r.random() < 0.06 else value
            return mark("name", value)
        return mark("address", value) if key == "a" else value

    return re.sub(r"\{([nflact])\}", fill, template).replace("{{", "{").replace("}}", "}")


def presidio(r, f, template):
    def fill(match):
        field = match.group(1).strip()
        plain = re.sub(r"_(fe)?male$|_nonbinary$", "", field)
        if plain in NAMES:
            return mark("name", getattr(f, NAMES[plain])())
        if field in ADDRESS:
            value = str(getattr(f, field, f.city)()).replace("\n", ", ")
            return mark("street" if field in STREETS else "place", value)
        if field in ("organization", "company"):
            return f.company()
        other = {"credit_card_number": f.credit_card_number, "iban": f.iban, "age": lambda: r.randint(18, 90), "ip_address": f.ipv4,
                 "nationality": lambda: r.choice(["German", "Spanish", "Kenyan"]), "date_time": f.date, "date_of_birth": f.date,
                 "prefix_male": lambda: "Mr.", "prefix_female": lambda: "Mrs.", "prefix": lambda: "Dr."}
        try:
            return str(other.get(field, getattr(f, field, None) or f.word)()).replace("\n", " ")
        except Exception:  # a field that this locale lacks
            return f.word()

    text = re.sub(r"\{\{([^}]+)\}\}", fill, template).replace("\\n", "␤")
    # Parts of an address that follow each other are one; a town or a country alone is none.
    part = r"⟦(?:street|place)⟧[^⟦]*⟦/⟧"

    def join(match):
        bare = re.sub(r"⟦[^⟧]*⟧", "", match.group(0))
        return mark("address", bare) if "⟦street⟧" in match.group(0) else bare

    return re.sub(rf"{part}(?:[,\s␤]*{part})*", join, text)


def lines(part, count, seed, templates):
    r = random.Random(seed)
    Faker.seed(seed)
    fakers = {one: Faker(one) for locales in LOCALES.values() for one in locales}
    all_own = [(language, line) for language, text in OWN.items() for line in text.strip().split("\n")]
    chosen = [one for one in all_own if is_held(one[1]) == (part == "held")]
    theirs = []
    if templates:
        with open(templates, encoding="utf-8") as file:
            theirs = [line.rstrip("\n") for line in file if "{{" in line]
        theirs = [one for one in theirs if is_held(one) == (part == "held")]
    for _ in range(count):
        if theirs and r.random() < 0.5:
            yield "presidio", presidio(r, fakers[r.choice(LOCALES["en"])], r.choice(theirs))
        else:
            language, template = r.choice(chosen)
            yield language, own(r, fakers[r.choice(LOCALES[language])], template)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--part", choices=["train", "held"], required=True)
    arguments.add_argument("--count", type=int, default=2000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--templates")
    given = arguments.parse_args()
    for _, line in lines(given.part, given.count, given.seed, given.templates):
        print(line.replace("\n", "␤"))


if __name__ == "__main__":
    main()
