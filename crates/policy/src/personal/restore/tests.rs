use super::*;
use crate::personal::{Kind, vault::Filling};

/// Numbers that look random, and are the same in each run (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }

    fn of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}

const VALUES: [(Kind, &str); 8] = [
    (Kind::Email, "jane.doe@example.org"),
    (Kind::Card, "4111 1111 1111 1111"),
    (Kind::Phone, "+49 30 1234567"),
    (Kind::Secret, "a \"quoted\" \\ secret\nwith a line"),
    (Kind::NationalId, "١٢٣٤٥٦٧٨٩"),
    (Kind::Name, "王小明"),
    (Kind::Iban, "DE89 3704 0044 0532 0130 00"),
    (Kind::Address, "Rue de l'Église 5"),
];

fn vault(values: &[(Kind, &str)]) -> (Vault, Vec<String>) {
    let mut filling = Filling::begin(std::iter::empty(), [7; 8]).unwrap();
    let placeholders = values.iter().map(|(kind, value)| filling.placeholder(*kind, value));
    let placeholders = placeholders.collect();
    (filling.end().unwrap(), placeholders)
}

/// Restores a text in pieces, and checks how much is held back.
fn restored(vault: &Vault, form: Form, pieces: &[&str]) -> String {
    let mut restorer = vault.restorer(form);
    let mut out = String::new();
    for piece in pieces {
        out.push_str(restorer.push(piece).reveal());
        assert!(restorer.held() <= MAX_HELD, "{} bytes held", restorer.held());
    }
    out.push_str(restorer.end().reveal());
    out
}

/// The ways in which a model mangles a placeholder.
const MANGLINGS: [fn(&str) -> String; 14] = [
    str::to_owned,
    str::to_lowercase,
    |one| format!("**{one}**"),
    |one| format!("`{one}`"),
    |one| one.replace('<', "< ").replace('>', " >"),
    |one| one.replace('<', "\\u003c").replace('>', "\\u003e"),
    |one| one.replace('<', "\\u003C").replace('>', "\\u003E"),
    |one| one.replace('<', "&lt;").replace('>', "&gt;"),
    |one| one.replace('_', "\\_"),
    |one| one.replace('_', " "),
    |one| one.replace('_', "-"),
    |one| one.trim_matches(['<', '>']).to_owned(),
    |one| one.trim_end_matches('>').to_owned(),
    |one| one.trim_start_matches('<').to_owned(),
];

/// Text that stays around a value of each of them.
fn around(mangling: usize) -> (&'static str, &'static str) {
    match mangling {
        2 => ("**", "**"),
        3 => ("`", "`"),
        _ => ("", ""),
    }
}

fn escaped(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    quoted.get(1..quoted.len() - 1).unwrap().to_owned()
}

/// Ten thousand answers: random texts, manglings and cuts, plain and in JSON strings.
#[test]
fn every_placeholder_is_restored_however_it_is_mangled_and_cut() {
    let mut numbers = Numbers(1);
    let between = [
        " is ",
        ", ",
        "\n- ",
        " 是 ",
        "; а ",
        " <b>",
        ": \"",
        " Email card phone ",
        " < 3 & ",
        "(",
    ];
    for round in 0..10_000 {
        let (vault, placeholders) = vault(&VALUES);
        let json = numbers.below(3) == 0;
        let (mut text, mut expected) = (String::new(), String::new());
        for _ in 0..=numbers.below(5) {
            let plain = numbers.of(&between);
            let plain = if json { escaped(plain) } else { plain.to_owned() };
            let at = numbers.below(VALUES.len());
            let mangling = numbers.below(MANGLINGS.len());
            let (before, after) = around(mangling);
            let value = VALUES[at].1;
            let value = if json { escaped(value) } else { value.to_owned() };
            text += &format!("{plain}{} ", MANGLINGS[mangling](&placeholders[at]));
            expected += &format!("{plain}{before}{value}{after} ");
        }
        if json {
            (text, expected) =
                (format!("{{\"a\":\"{text}\"}}"), format!("{{\"a\":\"{expected}\"}}"));
        }
        let form = if json { Form::Json } else { Form::Text };
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let mut end = (1 + numbers.below(9)).min(rest.len());
            while !rest.is_char_boundary(end) {
                end += 1;
            }
            let (piece, after) = rest.split_at(end);
            pieces.push(piece);
            rest = after;
        }
        let got = restored(&vault, form, &pieces);
        assert_eq!(got, expected, "round {round} of {text:?} in {pieces:?}");
        if json {
            assert!(serde_json::from_str::<serde_json::Value>(&got).is_ok(), "{got}");
        }
    }
}

#[test]
fn what_is_no_placeholder_of_the_request_goes_on_unchanged_and_is_counted() {
    let (vault, placeholders) = vault(&VALUES[..1]);
    let ours = &placeholders[0];
    let nonce = ours.get(ours.len() - 3..ours.len() - 1).unwrap();
    let unsure = [
        "<EMAIL_1>".to_owned(),
        "<EMAIL_1_qq>".to_owned(),
        format!("<EMAIL_2_{nonce}>"),
        format!("<CARD_1_{nonce}>"),
        format!("<EMAIL_1_{nonce}9>"),
    ];
    for text in &unsure {
        for size in 1..text.len() {
            let pieces: Vec<_> = text.as_bytes().chunks(size).collect();
            let pieces: Vec<_> = pieces.iter().map(|one| str::from_utf8(one).unwrap()).collect();
            assert_eq!(restored(&vault, Form::Text, &pieces), *text);
        }
    }
    let sizes: usize = unsure.iter().map(|text| text.len() - 1).sum();
    assert_eq!(vault.tally().unsure(), u64::try_from(sizes).unwrap());
    assert_eq!(vault.tally().restored(), 0);
    let plain = ["Email me <b>now</b> & <i>call</i>", "myEMAIL_1_", "id: 5", "<", "\\", "a <EMAIL"];
    for text in plain {
        assert_eq!(restored(&vault, Form::Text, &[text]), text);
    }
    assert_eq!(vault.tally().unsure(), u64::try_from(sizes).unwrap(), "nothing of these");
}

#[test]
fn a_value_in_json_is_escaped_and_in_a_text_is_not() {
    let (vault, placeholders) = vault(&[(Kind::Secret, "a\"b\\c")]);
    let text = format!("{{\"k\": \"{}\"}}", placeholders[0]);
    for form in [Form::Text, Form::Json] {
        let got = restored(&vault, form, &[&text]);
        assert_eq!(got, r#"{"k": "a\"b\\c"}"#);
    }
    let text = format!("it is {}", placeholders[0]);
    assert_eq!(restored(&vault, Form::Text, &[&text]), r#"it is a"b\c"#);
    assert_eq!(vault.name(&format!("f_{}", &placeholders[0])).reveal(), "f_a\"b\\c");
}
