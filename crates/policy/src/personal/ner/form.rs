//! How a word is written. Many encoders do not see capitals, so a head can weigh this beside the vector.

/// The number of marks of a word's form.
pub const FORMS: usize = 12;

/// Returns the marks of a word, each 0 or 1. `starts` is true for the first word of a sentence.
/// `docs/personal-data.md` lists them: a head was trained with exactly these.
pub(super) fn form(word: &str, starts: bool) -> [f32; FORMS] {
    let letters = || word.chars().filter(|one| one.is_alphabetic());
    let (count, upper) = (letters().count(), letters().filter(|one| one.is_uppercase()).count());
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let first = word.chars().next();
    let capital = first.is_some_and(char::is_uppercase);
    let is_word = first.is_some_and(char::is_alphanumeric);
    let length = word.chars().count();
    [
        capital && !starts,
        capital && starts,
        count > 1 && upper == count,
        count == 1 && upper == 1 && length == 1,
        count > 0 && upper == 0 && first.is_some_and(char::is_lowercase),
        digits > 0 && digits == length,
        digits > 0 && digits < length,
        matches!(word, "." | "," | ";" | ":"),
        !is_word,
        word.contains(['-', '\'', '\u{2019}']) && is_word,
        letters().any(|one| one > '\u{24f}'),
        starts,
    ]
    .map(f32::from)
}

/// Returns true if the word after this one starts a sentence.
pub(super) fn ends_sentence(word: &str) -> bool {
    matches!(word, "." | "!" | "?" | "\u{3002}" | "\"" | "{" | "\u{2022}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(word: &str, starts: bool) -> Vec<usize> {
        (0..).zip(form(word, starts)).filter(|(_, mark)| *mark > 0.0).map(|(at, _)| at).collect()
    }

    #[test]
    fn a_word_has_its_marks() {
        assert_eq!(marks("Anna", false), [0]);
        assert_eq!(marks("Anna", true), [1, 11]);
        assert_eq!(marks("USA", false), [0, 2]);
        assert_eq!(marks("J", false), [0, 3]);
        assert_eq!(marks("anna", false), [4]);
        assert_eq!(marks("42", false), [5]);
        assert_eq!(marks("4b", false), [6]);
        assert_eq!(marks(".", false), [7, 8]);
        assert_eq!(marks("Jean-Luc", false), [0, 9]);
        assert_eq!(marks("王", false), [10]);
        assert_eq!(marks("👩", false), [8]);
    }
}
