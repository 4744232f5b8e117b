//! The receipt checker's page.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

use super::*;

const KEY: &str = "log.example/demo+01020304+AQID";

fn frame(lang: Lang) -> Frame<'static> {
    Frame {
        lang,
        is_lang_named: false,
        service: "log.example/demo",
        version: "0.1.0",
        here: "/trust/receipt",
    }
}

#[test]
fn a_page_is_small_and_names_its_parts() {
    let checker = Checker::new(&format!("{KEY}\n"));
    let page = checker.html(&frame(Lang::En));
    assert!(page.len() < 30_000, "{}", page.len());
    for part in [KEY, &spaced(&fingerprint(KEY)), &assets::checker().address()] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<style") && !page.contains(" style="));
}

/// The policy of the saved page admits exactly its own style and script.
#[test]
fn a_saved_page_admits_its_own_script_only() {
    for lang in [Lang::En, Lang::De] {
        let page = Checker::new(KEY).saved(lang);
        let part = |from: &str, to: &str| {
            let (_, rest) = page.split_once(from).unwrap();
            rest.split_once(to).unwrap().0.to_owned()
        };
        for text in [part("<style>", "</style>"), part("<script type=\"module\">", "</script>")] {
            let hash = STANDARD.encode(Sha256::digest(text.as_bytes()));
            assert!(
                page.contains(&format!("&#39;sha256-{hash}&#39;"))
                    || page.contains(&format!("'sha256-{hash}'")),
                "{hash}"
            );
        }
        assert!(!page.contains("src=") && !page.contains("href=\"/"), "it needs no other file");
        assert_eq!(page.matches("<script").count(), 1);
    }
}

#[test]
fn a_hostile_key_stays_text() {
    let page = Checker::new("</textarea><script>alert(1)</script>").html(&frame(Lang::De));
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("</textarea>").count(), 1);
}

#[test]
fn the_fingerprint_is_of_the_text_without_its_line_break() {
    assert_eq!(fingerprint("a\n"), fingerprint("a"));
    assert_eq!(spaced("0123456789"), "0123 4567 89");
}
