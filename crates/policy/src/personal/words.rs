//! Words that say the kind of the text beside them, and literal marks of secrets, searched in one
//! pass.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

/// Meaning of a word or a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// A telephone number stands near.
    Phone,
    /// A national id of this country stands near; `**` is any country.
    Id(&'static str),
    /// A payment card stands near.
    Card,
    /// The next value is a secret: `password`.
    Assign,
    /// The next token is a secret: `Bearer`.
    Bearer,
    /// A secret begins with this mark.
    Prefix(&'static super::secret::Mark),
    /// A private key in PEM.
    Pem,
    /// `eyJ`: JSON in base64, so perhaps a token.
    Jwt,
    /// `://`.
    Scheme,
    /// `@`.
    At,
    /// `(at)` and its kin.
    WrittenAt,
    /// A version stands near: four numbers are no address.
    Version,
    /// A title before a name: `Mrs`.
    Title,
    /// `My name is`.
    NameIs,
    /// `Dear`.
    Dear,
    /// A word for a street, behind its name: `Street`.
    StreetAfter,
    /// A word for a street, before its name: `rue`.
    StreetBefore,
}

/// A word at a place of the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) word: Word,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Finds all words of a text.
pub(super) fn hits(text: &str) -> Vec<Hit> {
    let Some((automaton, words)) = WORDS.as_ref() else { return Vec::new() };
    let found = automaton.find_iter(text);
    let hit = |one: aho_corasick::Match| {
        let word = *words.get(one.pattern().as_usize())?;
        Some(Hit { word, start: one.start(), end: one.end() })
    };
    found.filter_map(hit).collect()
}

/// Returns true if the automaton could be built. Without it nothing may be read.
pub(super) fn are_ready() -> bool {
    WORDS.is_some()
}

static WORDS: LazyLock<Option<(AhoCorasick, Vec<Word>)>> = LazyLock::new(|| {
    let (mut texts, mut words) = (Vec::new(), Vec::new());
    for (word, list) in LISTS {
        for text in list.iter() {
            // Case is folded in ASCII only.
            let capital = capital(text);
            words.push(*word);
            texts.push((*text).to_owned());
            if let Some(capital) = capital {
                words.push(*word);
                texts.push(capital);
            }
        }
    }
    for (country, list) in super::national::WORDS {
        for text in list.iter() {
            words.push(Word::Id(country));
            texts.push((*text).to_owned());
        }
    }
    for mark in super::secret::MARKS {
        words.push(Word::Prefix(mark));
        texts.push(mark.text.to_owned());
    }
    let automaton = AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::DFA))
        .match_kind(MatchKind::LeftmostLongest)
        .ascii_case_insensitive(true)
        .build(texts);
    automaton.ok().map(|automaton| (automaton, words))
});

/// Returns a word with its first letter in upper case, if that is no ASCII letter.
fn capital(text: &str) -> Option<String> {
    let first = text.chars().next().filter(|first| !first.is_ascii() && first.is_lowercase())?;
    Some(first.to_uppercase().chain(text.chars().skip(1)).collect())
}

const LISTS: &[(Word, &[&str])] = &[
    (Word::At, &["@"]),
    (
        Word::WrittenAt,
        &[
            "[at]",
            "(at)",
            "{at}",
            "<at>",
            "[@]",
            "(@)",
            "[ at ]",
            "( at )",
            "{ at }",
            "(ät)",
            "[ät]",
            "(arroba)",
            "[arroba]",
            "(arobase)",
            "[arobase]",
            "(собака)",
            "[собака]",
            " at ",
            " arroba ",
            " arobase ",
        ],
    ),
    (Word::Scheme, &["://"]),
    (Word::Pem, &["-----BEGIN "]),
    (Word::Jwt, &["eyJ"]),
    (Word::Bearer, &["bearer ", "authorization: basic ", "authorization: token ", "api-key: "]),
    (
        Word::Assign,
        &[
            "password",
            "passwd",
            "passphrase",
            "pwd",
            "passwort",
            "kennwort",
            "mot de passe",
            "motdepasse",
            "contraseña",
            "contrasena",
            "senha",
            "wachtwoord",
            "hasło",
            "пароль",
            "密码",
            "密碼",
            "パスワード",
            "비밀번호",
            "كلمة المرور",
            "पासवर्ड",
            "secret",
            "secret_key",
            "secretkey",
            "client_secret",
            "clientsecret",
            "api_key",
            "apikey",
            "api-key",
            "api key",
            "access_key",
            "accesskey",
            "access key",
            "accountkey",
            "sharedaccesskey",
            "auth_token",
            "authtoken",
            "access_token",
            "accesstoken",
            "refresh_token",
            "private_key",
            "secret access key",
            "aws_secret_access_key",
            "session_token",
            "encryption_key",
            "signing_key",
        ],
    ),
    (Word::Version, &["version", "release", "firmware", "build", "ver.", "oid"]),
    (
        Word::Card,
        &[
            "card",
            "visa",
            "mastercard",
            "amex",
            "karte",
            "kreditkarte",
            "carte",
            "tarjeta",
            "carta",
            "cartão",
            "kaart",
            "karta",
            "карта",
            "карты",
            "卡号",
            "信用卡",
            "カード",
            "카드",
            "بطاقة",
            "कार्ड",
            "kart",
        ],
    ),
    (
        Word::Phone,
        &[
            "phone",
            "telephone",
            "telefone",
            "phone number",
            "tel",
            "tel.",
            "tel:",
            "telefon",
            "telefonnummer",
            "téléphone",
            "telefono",
            "teléfono",
            "telefoon",
            "telefonu",
            "puhelin",
            "puh",
            "mobile",
            "mobil",
            "mobilnummer",
            "handy",
            "handynummer",
            "cell",
            "cellphone",
            "celular",
            "móvil",
            "movil",
            "cellulare",
            "portable",
            "gsm",
            "fax",
            "whatsapp",
            "signal",
            "sms",
            "text me",
            "call",
            "called",
            "call me",
            "calling",
            "dial",
            "ring",
            "reach me",
            "reach us",
            "hotline",
            "helpline",
            "rufen",
            "ruf",
            "anrufen",
            "appelez",
            "appeler",
            "llame",
            "llamar",
            "llámame",
            "chiamare",
            "chiama",
            "ligue",
            "bel",
            "komórka",
            "contact",
            "my number is",
            "телефон",
            "телефону",
            "тел",
            "тел.",
            "моб",
            "звоните",
            "позвоните",
            "позвонить",
            "мобильный",
            "电话",
            "電話",
            "手机",
            "手機",
            "联系",
            "致电",
            "携帯",
            "전화",
            "휴대폰",
            "연락처",
            "هاتف",
            "الهاتف",
            "جوال",
            "اتصل",
            "फ़ोन",
            "फोन",
            "मोबाइल",
            "नंबर",
            "טלפון",
            "נייד",
            "โทร",
            "โทรศัพท์",
            "điện thoại",
            "số điện thoại",
            "τηλέφωνο",
            "τηλ",
            "κινητό",
        ],
    ),
    (
        Word::Title,
        &[
            "mr",
            "mr.",
            "mrs",
            "mrs.",
            "ms",
            "ms.",
            "miss",
            "dr",
            "dr.",
            "prof",
            "prof.",
            "professor",
            "sir",
            "herr",
            "herrn",
            "frau",
            "monsieur",
            "madame",
            "mme",
            "mlle",
            "señor",
            "señora",
            "sr.",
            "sra.",
            "don",
            "doña",
            "signor",
            "signora",
            "sig.",
            "sig.ra",
            "dott.",
            "pan",
            "pani",
            "meneer",
            "mevrouw",
            "dhr.",
            "mevr.",
            "senhor",
            "senhora",
            "господин",
            "госпожа",
            "г-н",
            "г-жа",
        ],
    ),
    (
        Word::NameIs,
        &[
            "my name is",
            "my name's",
            "name is",
            "i am called",
            "this is",
            "full name:",
            "name:",
            "patient:",
            "customer:",
            "je m'appelle",
            "mon nom est",
            "ich heiße",
            "ich heisse",
            "mein name ist",
            "me llamo",
            "mi nombre es",
            "mi chiamo",
            "il mio nome è",
            "meu nome é",
            "me chamo",
            "ik heet",
            "mijn naam is",
            "jag heter",
            "mitt navn er",
            "jeg hedder",
            "nimeni on",
            "nazywam się",
            "mam na imię",
            "jmenuji se",
            "меня зовут",
            "моё имя",
            "我叫",
            "我的名字是",
            "私の名前は",
            "제 이름은",
            "내 이름은",
            "اسمي",
            "मेरा नाम",
            "benim adım",
            "με λένε",
            "signed,",
        ],
    ),
    (
        Word::Dear,
        &[
            "dear",
            "hello",
            "hi",
            "hey",
            "sehr geehrter",
            "sehr geehrte",
            "lieber",
            "liebe",
            "hallo",
            "cher",
            "chère",
            "bonjour",
            "estimado",
            "estimada",
            "querido",
            "querida",
            "hola",
            "caro",
            "cara",
            "gentile",
            "beste",
            "geachte",
            "kära",
            "hej",
            "kind regards,",
            "best regards,",
            "regards,",
            "sincerely,",
            "cheers,",
            "thanks,",
            "mit freundlichen grüßen",
            "viele grüße",
            "cordialement,",
            "saludos,",
        ],
    ),
    (
        Word::StreetAfter,
        &[
            "street",
            "st.",
            "st",
            "avenue",
            "ave",
            "ave.",
            "road",
            "rd",
            "rd.",
            "boulevard",
            "blvd",
            "blvd.",
            "lane",
            "ln",
            "drive",
            "court",
            "ct",
            "way",
            "place",
            "square",
            "terrace",
            "close",
            "crescent",
            "highway",
            "parkway",
            "straße",
            "strasse",
            "str.",
            "weg",
            "platz",
            "allee",
            "gasse",
            "straat",
            "laan",
            "gatan",
            "vägen",
            "gata",
            "veien",
            "vej",
            "gade",
            "katu",
            "tie",
            "utca",
            "caddesi",
            "sokak",
        ],
    ),
    (
        Word::StreetBefore,
        &[
            "rue ",
            "avenue ",
            "boulevard ",
            "place ",
            "chemin ",
            "impasse ",
            "calle ",
            "c/ ",
            "avenida ",
            "plaza ",
            "paseo ",
            "via ",
            "viale ",
            "piazza ",
            "corso ",
            "rua ",
            "praça ",
            "travessa ",
            "ul. ",
            "ulica ",
            "al. ",
            "ул. ",
            "улица ",
            "проспект ",
            "пр. ",
            "вул. ",
        ],
    ),
];
