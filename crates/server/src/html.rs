//! Pages of HTML that are complete in one file: no script, nothing to fetch, and ready to print.
//!
//! `maud::html!` escapes every text that is put into it. A page's policy lets a browser load nothing,
//! so that a text that got in unescaped could not run or call anywhere.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use maud::{DOCTYPE, Markup, html};
use sha2::{Digest as _, Sha256};

/// The style of every page, on the screen and on paper.
const STYLE: &str = include_str!("html/page.css");

/// The policy of every page, as a header beside the page says it again.
#[must_use]
pub(crate) fn policy() -> String {
    let style = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!("default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'")
}

/// Returns a page as the text of one file.
#[must_use]
pub(crate) fn page(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="robots" content="noindex";
                title { (title) }
                style { (maud::PreEscaped(STYLE)) }
            }
            body { main { (body) } }
        }
    };
    page.into_string()
}

/// Returns a table with a head.
#[must_use]
pub(crate) fn table<const COLUMNS: usize>(
    head: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [Markup; COLUMNS]>,
) -> Markup {
    html! {
        table {
            thead { tr { @for name in head { th scope="col" { (name) } } } }
            tbody { @for row in rows { tr { @for cell in row { td { (cell) } } } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_text_stays_text() {
        let hostile = "</title></style><script>alert(1)</script><img src=x onerror='a()'>\"&";
        let rows = [[html! { (hostile) }, html! { span title=(hostile) { "x" } }]];
        let page = page(hostile, &table([hostile, "b"], rows));
        assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
        assert_eq!(page.matches("</title>").count(), 1);
        assert_eq!(page.matches("</style>").count(), 1);
        assert!(page.contains("title=\"&lt;/title&gt;"), "{page}");
    }

    #[test]
    fn the_style_is_the_one_that_the_policy_admits() {
        let page = page("t", &html! { p { "x" } });
        let (_, rest) = page.split_once("<style>").unwrap();
        let (style, _) = rest.split_once("</style>").unwrap();
        let hash = STANDARD.encode(Sha256::digest(style.as_bytes()));
        assert!(page.contains(&format!("style-src 'sha256-{hash}'")), "{page}");
        assert!(!style.contains("url(") && !style.contains("@import"), "a page fetches nothing");
    }
}
