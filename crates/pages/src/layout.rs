//! The frame of every page: head, navigation, landmarks, footer.

use maud::{DOCTYPE, Markup, html};
use serde::Serialize;

use crate::{
    assets,
    words::{Lang, Message as _, common::Common},
};

/// The facts about the page and the service that the frame shows.
#[derive(Debug, Clone)]
pub struct Frame<'a> {
    /// The language.
    pub lang: Lang,
    /// Whether the address names the language, so that links keep it.
    pub is_lang_named: bool,
    /// The service's name, for the head of the page: the name of its log.
    pub service: &'a str,
    /// Version of the program.
    pub version: &'a str,
    /// The page's own path and parameters without `lang` and `format`, for the links to its other
    /// languages and to its JSON: `/trust/log?kind=started`.
    pub here: &'a str,
}

/// The pages of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Home,
    Receipt,
    Log,
    /// A page that the navigation does not name.
    Other,
}

impl Place {
    const ALL: [(Self, &'static str, Common); 3] = [
        (Self::Home, "/trust", Common::NavHome),
        (Self::Receipt, "/trust/receipt", Common::NavReceipt),
        (Self::Log, "/trust/log", Common::NavLog),
    ];
}

impl Frame<'_> {
    /// Returns an address in the page's language.
    pub(crate) fn link(&self, path: &str) -> String {
        if self.is_lang_named {
            with(path, &format!("lang={}", self.lang.tag()))
        } else {
            path.to_owned()
        }
    }
}

/// Adds a parameter to an address.
fn with(path: &str, parameter: &str) -> String {
    let sign = if path.contains('?') { '&' } else { '?' };
    format!("{path}{sign}{parameter}")
}

/// Returns a public page as HTML. `scripts` are addresses of modules.
pub(crate) fn page(
    frame: &Frame<'_>,
    (place, title): (Place, &str),
    scripts: &[&str],
    body: &Markup,
) -> String {
    let lang = frame.lang;
    let links: Vec<_> = Place::ALL
        .into_iter()
        .map(|(one, path, name)| Link {
            path,
            name: name.text(lang),
            is_here: one == place,
            waiting: 0,
        })
        .collect();
    let around = Around {
        links: &links,
        aside: html! {},
        source: Common::Source.text(lang),
        has_json: place != Place::Other,
    };
    framed(frame, title, &around, scripts, body)
}

/// A link of the navigation.
pub(crate) struct Link<'a> {
    pub(crate) path: &'a str,
    pub(crate) name: &'a str,
    /// Whether it leads to this page, or to the pages that this one belongs to.
    pub(crate) is_here: bool,
    /// Number of things that wait for the visitor there.
    pub(crate) waiting: usize,
}

/// The parts of the frame that differ between public pages and those of signed-in people.
pub(crate) struct Around<'a> {
    /// The navigation; the brand leads to its first link.
    pub(crate) links: &'a [Link<'a>],
    /// What stands beside the languages.
    pub(crate) aside: Markup,
    /// What the footer says about the pages.
    pub(crate) source: &'a str,
    /// Whether the page has a form in JSON.
    pub(crate) has_json: bool,
}

/// Returns a page as HTML.
pub(crate) fn framed(
    frame: &Frame<'_>,
    title: &str,
    around: &Around<'_>,
    scripts: &[&str],
    body: &Markup,
) -> String {
    let lang = frame.lang;
    let first = around.links.first().map_or("/trust", |link| link.path);
    let page = html! {
        (DOCTYPE)
        html lang=(lang.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · " (frame.service) }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(assets::style().address());
                @for script in scripts { script type="module" src=(script) {} }
            }
            body {
                a class="skip" href="#main" { (Common::Skip.text(lang)) }
                header class="top" {
                    div class="wrap" {
                        p class="brand" { a href=(frame.link(first)) { (frame.service) } }
                        nav aria-label=(Common::Pages.text(lang)) {
                            ul {
                                @for link in around.links {
                                    li {
                                        a href=(frame.link(link.path)) aria-current=[link.is_here.then_some("page")] {
                                            (link.name)
                                            @if link.waiting > 0 {
                                                " " span class="badge" { (link.waiting) span class="heard" { " " (Common::Waiting.text(lang)) } }
                                            }
                                        }
                                    }
                                }
                            }
                        }
                        (around.aside)
                        nav class="languages" aria-label=(Common::Language.text(lang)) {
                            ul {
                                @for (other, name) in Lang::ALL {
                                    li {
                                        a href=(with(frame.here, &format!("lang={}", other.tag())))
                                            lang=(other.tag()) hreflang=(other.tag())
                                            aria-current=[(other == lang).then_some("true")] { (name) }
                                    }
                                }
                            }
                        }
                    }
                }
                main id="main" tabindex="-1" { div class="wrap" { (body) } }
                footer {
                    div class="wrap" {
                        p { (Common::Tagline.text(lang)) " Bailiwick " (frame.version) }
                        p { (around.source) }
                        @if around.has_json {
                            p { a href=(with(frame.here, "format=json")) { (Common::AsJson.text(lang)) } }
                        }
                    }
                }
            }
        }
    };
    page.into_string()
}

/// Returns the page for an address without a page.
#[must_use]
pub fn not_found(frame: &Frame<'_>) -> String {
    let title = Common::NotFoundTitle.text(frame.lang);
    let body = html! {
        h1 { (title) }
        p { a href=(frame.link("/trust")) { (Common::NotFoundText.text(frame.lang)) } }
    };
    page(frame, (Place::Other, title), &[], &body)
}

/// The party that stands behind a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Voucher {
    /// Mathematics or a signature: the check can be repeated without trusting the operator.
    Proved,
    /// The reader checks it with a program or browser of their own.
    Reader,
    /// The running service reports it: the operator's word.
    Operator,
}

impl Voucher {
    const ALL: [Self; 3] = [Self::Proved, Self::Reader, Self::Operator];

    /// Returns its name for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.words().0
    }

    fn words(self) -> (&'static str, Common, Common) {
        match self {
            Self::Proved => ("proved", Common::Proved, Common::ProvedHelp),
            Self::Reader => ("reader", Common::ByYou, Common::ByYouHelp),
            Self::Operator => ("operator", Common::OperatorsWord, Common::OperatorsWordHelp),
        }
    }

    /// Returns the label that stands beside a figure.
    pub(crate) fn label(self, lang: Lang) -> Markup {
        let (class, name, _) = self.words();
        html! { span class={ "voucher " (class) } { (name.text(lang)) } }
    }
}

/// Explains the labels.
pub(crate) fn legend(lang: Lang) -> Markup {
    html! {
        section class="legend" aria-labelledby="legend" {
            h2 id="legend" { (Common::Legend.text(lang)) }
            dl {
                @for voucher in Voucher::ALL {
                    div {
                        dt { (voucher.label(lang)) }
                        dd { (voucher.words().2.text(lang)) }
                    }
                }
            }
        }
    }
}

/// Returns a number of entries in words.
pub(crate) fn entries(count: u64, lang: Lang) -> String {
    match count {
        1 => Common::OneEntry.text(lang).to_owned(),
        _ => Common::Entries.with(lang, &[("count", &grouped(count))]),
    }
}

/// Returns a number with thin blanks between groups of three digits: readable in both languages.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && digits.len().saturating_sub(place).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) const FRAME: Frame<'_> = Frame {
        lang: Lang::En,
        is_lang_named: false,
        service: "log.example/demo",
        version: "0.1.0",
        here: "/trust/log?kind=started",
    };

    #[test]
    fn a_hostile_text_stays_text() {
        let hostile = "</title></style><script>alert(1)</script><img src=x onerror='a()'>\"&";
        let frame = Frame { service: hostile, here: hostile, ..FRAME };
        let page =
            page(&frame, (Place::Log, hostile), &[], &html! { p title=(hostile) { (hostile) } });
        assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
        assert_eq!(page.matches("</title>").count(), 1);
    }

    #[test]
    fn links_keep_a_named_language_and_no_page_has_inline_code() {
        let named = Frame { lang: Lang::De, is_lang_named: true, ..FRAME };
        let german = page(&named, (Place::Log, "x"), &[], &html! {});
        assert!(german.contains("<html lang=\"de\">") && german.contains("/trust/receipt?lang=de"));
        let english = page(&FRAME, (Place::Log, "x"), &[], &html! {});
        assert!(english.contains("href=\"/trust/receipt\""));
        assert!(english.contains("/trust/log?kind=started&amp;format=json"));
        for page in [german, english] {
            assert!(
                !page.contains("<style") && !page.contains(" style=") && !page.contains("onclick")
            );
            assert_eq!(page.matches("aria-current=\"page\"").count(), 1);
        }
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(grouped),
            ["0", "999", "1\u{202f}000", "1\u{202f}234\u{202f}567"]
        );
    }
}
