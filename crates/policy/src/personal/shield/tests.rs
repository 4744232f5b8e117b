use super::*;
use crate::personal::{Kind, Restorer, Terms, restore::Form};

/// A request with the texts that it has.
#[derive(Debug, Default)]
struct Request {
    texts: Vec<Content>,
    json: Vec<Content>,
    names: Vec<String>,
    image: bool,
}

impl Texts for Request {
    fn texts<'a>(&'a mut self, pieces: &mut Vec<Piece<'a>>) {
        pieces.extend(self.texts.iter_mut().map(Piece::Text));
        pieces.extend(self.json.iter_mut().map(Piece::Json));
        pieces.extend(self.names.iter_mut().map(Piece::Name));
        if self.image {
            pieces.push(Piece::Opaque("messages"));
        }
    }
}

fn request(texts: &[&str]) -> Request {
    let texts = texts.iter().map(|text| Content::new((*text).to_owned())).collect();
    Request { texts, ..Request::default() }
}

/// A setting that looks for words of the operator: their detection is exact.
fn setting(mode: Mode) -> Setting {
    let words = ["Heron", "jane@example.org", "4111111111111111"];
    let words = words.map(|word| Content::new(word.to_owned())).to_vec();
    let terms = Terms { words, patterns: Vec::new() };
    Setting { mode, terms, kinds: [Kind::Term].into_iter().collect(), ..Setting::of_processor() }
}

fn ruling(mode: Mode) -> Ruling {
    Ruling::new(&Setting::of_resource(), [("contoso", Cow::Owned(setting(mode)))])
}

fn looking(detector: Option<Arc<Detector>>) -> Option<Looking> {
    detector.map(|detector| Looking::new(detector, Names::by_context()))
}

fn shield(mode: Mode, request: Request) -> Result<Shielded<Request>, Stopped> {
    let ruling = ruling(mode);
    let detector = ruling.looks_for().map(|setting| Arc::new(setting.detector().unwrap()));
    ruling.shield(request, Ok(looking(detector)), [3; 8])
}

fn revealed(shielded: &Shielded<Request>) -> Vec<String> {
    let request = shielded.outgoing.get();
    request.texts.iter().map(|text| text.reveal().to_owned()).collect()
}

#[test]
fn the_strictest_setting_decides_and_says_who() {
    let of = |resource: Setting, processors: &[(&'static str, Mode)]| {
        let processors = processors.iter().map(|(name, mode)| (*name, Cow::Owned(setting(*mode))));
        Ruling::new(&resource, processors).decided().clone()
    };
    let (off, block) = (Setting::of_resource(), setting(Mode::Block));
    let everywhere = Setting { everywhere: true, ..setting(Mode::Report) };
    let by = |name: &str| Decider::Processor(name.to_owned());
    for (got, mode, decider) in [
        (of(off.clone(), &[]), Mode::Off, Decider::Inside),
        (of(block.clone(), &[]), Mode::Off, Decider::Inside),
        (of(everywhere, &[]), Mode::Report, Decider::Resource),
        (of(off.clone(), &[("a", Mode::Off)]), Mode::Off, by("a")),
        (
            of(off.clone(), &[("a", Mode::Report), ("b", Mode::Pseudonymise)]),
            Mode::Pseudonymise,
            by("b"),
        ),
        (of(off, &[("a", Mode::Block), ("b", Mode::Block)]), Mode::Block, by("a")),
        (of(block, &[("a", Mode::Off), ("b", Mode::Pseudonymise)]), Mode::Block, Decider::Resource),
        (of(setting(Mode::Report), &[("a", Mode::Pseudonymise)]), Mode::Pseudonymise, by("a")),
    ] {
        assert_eq!(got, Decided { mode, by: decider });
    }
}

#[test]
fn a_text_without_personal_data_goes_on_to_the_byte() {
    let text = "a <b> {\"k\":  1.50} \u{200b} naïve";
    for mode in Mode::ALL {
        let shielded = shield(*mode, request(&[text])).unwrap();
        assert_eq!(revealed(&shielded), [text]);
        assert!(shielded.vault.is_none() && shielded.counts.is_empty());
    }
}

#[test]
fn a_value_has_one_placeholder_wherever_it_stands() {
    let mut request = request(&["Heron is here", r#"{"who":"Heron","n":4111111111111111}"#]);
    request.json = vec![Content::new(r#"{"a": "Heron \"x\"", "b": "{\"c\":\"Heron\"}"}"#.into())];
    request.names = vec!["tell-Heron".to_owned()];
    let shielded = shield(Mode::Pseudonymise, request).unwrap();
    let sent = shielded.outgoing.get();
    let text = sent.texts[0].reveal();
    let placeholder = text.split(' ').next().unwrap();
    assert!(placeholder.starts_with("<TERM_1_") && placeholder.ends_with('>'), "{text}");
    let whole: serde_json::Value = serde_json::from_str(sent.texts[1].reveal()).unwrap();
    assert_eq!(whole["who"], placeholder);
    assert!(whole["n"].as_str().unwrap().starts_with("<TERM_2_"), "a number becomes a string");
    let json: serde_json::Value = serde_json::from_str(sent.json[0].reveal()).unwrap();
    assert_eq!(json["a"], format!("{placeholder} \"x\""));
    let inner: serde_json::Value = serde_json::from_str(json["b"].as_str().unwrap()).unwrap();
    assert_eq!(inner["c"], placeholder);
    assert_eq!(sent.names[0], format!("tell-{}", placeholder.trim_matches(['<', '>'])));
    assert_eq!(shielded.counts.get(Kind::Term), 2);
    let vault = shielded.vault.unwrap();
    assert_eq!(vault.name(&sent.names[0]).reveal(), "tell-Heron");
}

#[test]
fn what_is_split_over_texts_is_found() {
    let halves = ["my card is 41111", "11111111111 and more"];
    let shielded = shield(Mode::Pseudonymise, request(&halves)).unwrap();
    let sent = revealed(&shielded);
    assert!(sent.iter().all(|text| !text.contains("111")), "{sent:?}");
    let vault = shielded.vault.unwrap();
    let mut restored = Vec::new();
    for text in &sent {
        let mut restorer: Restorer = vault.restorer(Form::Text);
        let begin = restorer.push(text).reveal().to_owned();
        restored.push(begin + restorer.end().reveal());
    }
    assert_eq!(restored, halves);
}

#[test]
fn the_placeholder_of_a_caller_is_never_restored() {
    // The drawn letters are never the caller's.
    let first = shield(Mode::Pseudonymise, request(&["Heron"])).unwrap();
    let drawn = revealed(&first)[0].clone();
    let both = shield(Mode::Pseudonymise, request(&["Heron", &drawn])).unwrap();
    let sent = revealed(&both);
    assert_ne!(sent[0], drawn);
    assert_eq!(sent[1], drawn, "the caller's text is as it was");
    let mut restorer = both.vault.unwrap().restorer(Form::Text);
    let got = restorer.push(&format!("{drawn} {} ", sent[0])).reveal().to_owned();
    assert_eq!(got + restorer.end().reveal(), format!("{drawn} Heron "));
}

#[test]
fn a_request_that_takes_all_letters_is_refused() {
    let mut text = String::from("Heron ");
    for first in 'a'..='z' {
        for second in ('a'..='z').chain('0'..='9') {
            text += &format!("<EMAIL_1_{first}{second}> ");
        }
    }
    let stopped = shield(Mode::Pseudonymise, request(&[&text])).unwrap_err();
    assert!(matches!(stopped, Stopped::Crowded(_)), "{stopped:?}");
}

#[test]
fn block_refuses_with_numbers_and_report_only_counts() {
    let stopped = shield(Mode::Block, request(&["Heron, Heron"])).unwrap_err();
    let Stopped::Blocked { counts, .. } = &stopped else { panic!("{stopped:?}") };
    assert_eq!(counts.get(Kind::Term), 1);
    assert!(!format!("{stopped:?}").contains("Heron"));
    let shielded = shield(Mode::Report, request(&["Heron"])).unwrap();
    assert_eq!(revealed(&shielded), ["Heron"]);
    assert_eq!((shielded.counts.get(Kind::Term), shielded.vault.is_none()), (1, true));
}

#[test]
fn what_cannot_be_looked_into_closes() {
    let image = || Request { image: true, ..request(&["look"]) };
    for mode in [Mode::Pseudonymise, Mode::Block] {
        let stopped = shield(mode, image()).unwrap_err();
        assert!(matches!(stopped, Stopped::Opaque { param: "messages", .. }), "{stopped:?}");
    }
    for mode in [Mode::Off, Mode::Report] {
        assert!(shield(mode, image()).is_ok(), "{mode}");
    }
    let pass = Setting { opaque: Opaque::Pass, ..setting(Mode::Block) };
    let ruling = Ruling::new(&Setting::of_resource(), [("contoso", Cow::Borrowed(&pass))]);
    let detector = Some(Arc::new(pass.detector().unwrap()));
    assert!(ruling.shield(image(), Ok(looking(detector)), [0; 8]).unwrap().unseen);
}

#[test]
fn without_a_detector_nothing_goes_on() {
    let late = NoDetector::Unread(Unread::Late);
    for detector in [Err(NoDetector::Broken), Err(late), Ok(None)] {
        let stopped = ruling(Mode::Report).shield(request(&["Heron"]), detector, [0; 8]);
        assert!(matches!(stopped.unwrap_err(), Stopped::Detector { .. }));
    }
}

#[test]
fn a_decision_covers_the_processors_that_it_counted_with() {
    let shielded = shield(Mode::Pseudonymise, request(&["x"])).unwrap();
    let covers = |name| shielded.outgoing.covers(name);
    assert!(covers(None) && covers(Some("contoso")));
    assert!(!covers(Some("fabrikam")));
}

#[test]
fn a_setting_is_read_as_it_was_written() {
    let one = Setting { everywhere: true, opaque: Opaque::Pass, ..setting(Mode::Block) };
    assert_eq!(Setting::from_json(one.to_json().reveal()), Ok(one.clone()));
    assert!(!one.in_words().contains("Heron"));
    assert!(!format!("{one:?}").contains("Heron"));
}
