//! Profanity in English, from two published lists (lexicon.txt has the sources and the licence).
//!
//! The list names strong and severe terms. Words of health and law are not profanity, and a
//! harmful text can do without any of these terms: this is Azure's category `profanity`, and no
//! measure of harm. Other languages need a classifier or a guard model.

use super::{
    normalise::{self, Readings},
    terms::Terms,
    verdict::{Category, Digest, Layer, Severity, Side, Source, Verdict},
};

/// The committed list.
const TERMS: &str = include_str!("lexicon.txt");

/// The list, ready for searching.
#[derive(Debug)]
pub struct Lexicon {
    terms: Terms,
    severities: Vec<Severity>,
    digest: Digest,
}

/// The committed list cannot be read. A test reads it, so no release has this error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the list of profanity in this program cannot be read; install another release")]
pub struct Unreadable;

impl Lexicon {
    /// Prepares the committed list. Takes some milliseconds: prepare it once.
    ///
    /// # Errors
    /// If the list cannot be read.
    pub fn built_in() -> Result<Self, Unreadable> {
        let mut severity = None;
        let (mut folded, mut severities) = (Vec::new(), Vec::new());
        for line in TERMS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line {
                "[strong]" => severity = Some(Severity::Medium),
                "[severe]" => severity = Some(Severity::High),
                term => {
                    folded.push(normalise::plain(term).map_err(|_| Unreadable)?);
                    severities.push(severity.ok_or(Unreadable)?);
                }
            }
        }
        let terms = Terms::new(folded.iter().map(|term| term.reveal())).map_err(|_| Unreadable)?;
        Ok(Self { terms, severities, digest: Digest::of(TERMS.as_bytes()) })
    }

    /// Returns the digest of the list.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Searches a text: severe terms are high, strong ones medium.
    #[must_use]
    pub fn verdict(&self, readings: &Readings<'_>, side: Side) -> Verdict {
        let views = readings.views().iter().map(|view| self.most(view.text().reveal()));
        self.found(views.max().unwrap_or_default(), side)
    }

    /// Searches a part of one reading.
    pub(in crate::guard) fn verdict_of(&self, folded: &str, side: Side) -> Verdict {
        self.found(self.most(folded), side)
    }

    fn most(&self, folded: &str) -> Severity {
        let found = self.terms.find(folded, 0..folded.len());
        let severities = found.filter_map(|(number, _)| self.severities.get(number).copied());
        severities.max().unwrap_or_default()
    }

    fn found(&self, severity: Severity, side: Side) -> Verdict {
        let source = Source { layer: Layer::Lexicon, digest: self.digest };
        Verdict::by(side).add(Category::Profanity, severity, source)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use base64::{Engine, engine::general_purpose::STANDARD};

    use super::*;
    use crate::guard::filter::{Filter, Rule, Threshold};

    fn severity(text: &str) -> Severity {
        let verdict =
            Lexicon::built_in().unwrap().verdict(&Readings::of(text).unwrap(), Side::Prompt);
        verdict.severity(&Category::Profanity).unwrap()
    }

    #[test]
    fn profanity_is_found_in_every_disguise() {
        for text in [
            "what the FUCK",
            "what the ｆｕｃｋ",
            "what the fuсk, in Cyrillic",
            "what the f\u{200b}u\u{ad}ck",
            "what the fūck",
            "what the f u c k",
            "a f.u.c.k for you",
            "a f u c k",
            "%66uc%6b this",
            "d2hhdCB0aGUgZnVjayBpcyB0aGlz",
        ] {
            assert_eq!(severity(text), Severity::Medium, "{text}");
        }
    }

    #[test]
    fn ordinary_words_are_no_profanity() {
        for text in [
            "The Scunthorpe classics association assembles in Essex.",
            "I need help after a rape; sexual health and HIV tests at a clinic.",
            "Please assess 455 assets, 800b bytes and hash a55f5c7.",
            "A magna cum laude degree, a cockpit, and a b c d e in the alphabet.",
        ] {
            assert_eq!(severity(text), Severity::Safe, "{text}");
        }
    }

    #[test]
    fn the_list_is_read_and_has_each_term_once() {
        let lexicon = Lexicon::built_in().unwrap();
        assert!(lexicon.severities.len() > 1_000);
        assert!(lexicon.severities.contains(&Severity::High));
        let terms: Vec<_> = TERMS.lines().filter(|line| !line.starts_with(['#', '['])).collect();
        let different: std::collections::BTreeSet<_> = terms.iter().collect();
        assert_eq!(
            terms.len() - terms.iter().filter(|term| term.is_empty()).count(),
            different.len() - 1
        );
        for term in terms {
            assert_eq!(normalise::plain(term).unwrap().reveal(), term);
        }
    }

    /// A text in disguise, by name.
    fn disguises(text: &str) -> Vec<(&'static str, String)> {
        let each = |change: fn(char) -> String| text.chars().map(change).collect::<String>();
        let swap = |from: &str, to: &str| {
            let pairs: Vec<_> = from.chars().zip(to.chars()).collect();
            let swapped = |one| pairs.iter().find(|pair| pair.0 == one).map_or(one, |pair| pair.1);
            text.chars().map(swapped).collect::<String>()
        };
        let spaced = text.split(' ').map(|word| {
            let letters: Vec<_> = word.chars().map(String::from).collect();
            letters.join(" ")
        });
        let rotated = |one: char| match one {
            'a'..='m' => char::from(one as u8 + 13),
            'n'..='z' => char::from(one as u8 - 13),
            other => other,
        };
        vec![
            ("plain", text.to_owned()),
            ("capitals", text.to_uppercase()),
            (
                "wide",
                each(|one| match one {
                    '!'..='~' => char::from_u32(one as u32 + 0xfee0).unwrap().to_string(),
                    other => other.to_string(),
                }),
            ),
            ("zero width", each(|one| format!("{one}\u{200b}"))),
            (
                "direction",
                format!("\u{202e}{}\u{202c}", each(|one| format!("\u{2066}{one}\u{2069}"))),
            ),
            ("look-alikes", swap("aceiopsxy", "асеіорѕху")),
            (
                "accents",
                each(|one| if one == ' ' { " ".into() } else { format!("{one}\u{335}\u{30d}") }),
            ),
            ("digits", swap("oieast", "013457")),
            ("spaced", spaced.collect::<Vec<_>>().join("  ")),
            ("percent", each(|one| format!("%{:02x}", one as u32))),
            ("base64", STANDARD.encode(text)),
            ("tags", each(|one| char::from_u32(0xe_0000 + one as u32).unwrap().to_string())),
            ("rot13", text.chars().map(rotated).collect()),
        ]
    }

    #[test]
    fn disguised_terms_are_found_as_the_plain_ones_are() {
        let lexicon = Lexicon::built_in().unwrap();
        let words = TERMS.lines().filter(|term| term.bytes().all(|one| one.is_ascii_lowercase()));
        let texts: Vec<_> = words
            .filter(|term| term.len() > 2)
            .map(|term| format!("yesterday they called him {term} and then left"))
            .collect();
        let mut found = BTreeMap::new();
        for (name, text) in texts.iter().flat_map(|text| disguises(text)) {
            let verdict = lexicon.verdict(&Readings::of(&text).unwrap(), Side::Prompt);
            *found.entry(name).or_insert(0) += usize::from(!verdict.detections().is_empty());
        }
        for (name, count) in found {
            println!("{name}: {count} of {}", texts.len());
            assert!(count * 100 >= texts.len() * 98, "{name}: {count} of {}", texts.len());
        }
    }

    #[test]
    fn a_filter_judges_profanity() {
        let filter = Filter::floor();
        let off = Category::GRADED.iter().try_fold(filter, |filter, category| {
            filter.with(category.clone(), Side::Prompt, Rule::OFF)
        });
        let block = Rule::block(Threshold::High);
        let filter = off.unwrap().with(Category::Profanity, Side::Prompt, block).unwrap();
        let readings = Readings::of("what the fuck").unwrap();
        let verdict = Lexicon::built_in().unwrap().verdict(&readings, Side::Prompt);
        let results = filter.judge(&verdict).unwrap();
        assert_eq!(results.blocked_by().collect::<Vec<_>>(), [&Category::Profanity]);
    }
}
