//! The shapes of words and signs, and their runs as features.

/// Number of buckets: 4,096 for each length of a run, from one to four.
pub const BUCKETS: usize = 4 * 4096;

/// Words that join others in English. Prose has one in every two or three words, and a random row of
/// words hardly any.
const JOINING: [&str; 118] = [
    "a", "about", "after", "all", "am", "an", "and", "any", "are", "as", "at", "be", "been", "but",
    "by", "can", "could", "did", "do", "does", "down", "for", "from", "had", "has", "have", "he",
    "her", "here", "him", "his", "how", "i", "if", "in", "into", "is", "it", "its", "just", "may",
    "me", "might", "more", "most", "must", "my", "no", "not", "of", "on", "or", "other", "our",
    "out", "over", "please", "she", "should", "so", "some", "than", "that", "the", "their", "them",
    "then", "there", "these", "they", "this", "those", "to", "up", "us", "was", "we", "were",
    "what", "when", "where", "which", "who", "why", "will", "with", "would", "you", "your", "also",
    "because", "before", "being", "between", "both", "each", "even", "every", "get", "give", "go",
    "like", "make", "many", "much", "new", "now", "one", "only", "own", "same", "such", "too",
    "two", "under", "very", "way", "while",
];

/// Basis and prime of FNV-1a with 32 bits (RFC 9923).
const BASIS: u32 = 0x811c_9dc5;
const PRIME: u32 = 0x0100_0193;

/// Returns the features of a stretch, by ascending bucket: the root of how often each run of shapes
/// occurs, and the runs of each length divided by their length as a vector.
#[must_use]
pub fn weigh(stretch: &str) -> Vec<(u32, f32)> {
    let shapes = shapes(stretch);
    let mut values = Vec::new();
    for (length, base) in (1..=4_usize).zip((0_u32..).step_by(BUCKETS / 4)) {
        let mut found: Vec<u32> = shapes
            .windows(length)
            .map(|run| {
                base + bucket(run.iter().fold(step(BASIS, length_of(length)), |h, s| step(h, *s)))
            })
            .collect();
        found.sort_unstable();
        let counted = found.chunk_by(|one, other| one == other);
        let mut runs: Vec<(u32, f32)> =
            counted.filter_map(|same| Some((*same.first()?, root(same.len())))).collect();
        let size = runs.iter().map(|(_, value)| value * value).sum::<f32>().sqrt();
        runs.iter_mut().for_each(|(_, value)| *value /= size);
        values.append(&mut runs);
    }
    values
}

fn root(count: usize) -> f32 {
    f32::from(u16::try_from(count).unwrap_or(u16::MAX)).sqrt()
}

fn length_of(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(0)
}

/// Returns the hash of the shape of each word, each run of white space, and each other sign.
fn shapes(stretch: &str) -> Vec<u32> {
    let is_word = |one: char| one.is_ascii_alphanumeric() || !one.is_ascii();
    let mut shapes = Vec::new();
    let mut rest = stretch;
    while let Some(first) = rest.chars().next() {
        let kind: &dyn Fn(char) -> bool = if first.is_whitespace() {
            &char::is_whitespace
        } else if is_word(first) {
            &|one| is_word(one) && !one.is_whitespace()
        } else {
            &|_| false
        };
        let length = rest.find(|one| !kind(one)).unwrap_or(rest.len()).max(first.len_utf8());
        let (token, after) = rest.split_at(length);
        shapes.push(match first {
            _ if first.is_whitespace() => step(BASIS, if token.contains('\n') { 10 } else { 32 }),
            _ if is_word(first) => word(token),
            sign => step(BASIS, u32::from(sign)),
        });
        rest = after;
    }
    shapes
}

/// Returns the hash of a word's shape: its runs of one kind, with one letter for each.
fn word(token: &str) -> u32 {
    let lower = token.to_ascii_lowercase();
    if JOINING.contains(&lower.as_str()) {
        return step(step(BASIS, 1), u32::from(lower != token));
    }
    let mut hash = step(BASIS, 2);
    let mut last = Run::None;
    let mut length = 0;
    for one in token.chars() {
        let next = last.then(one, length);
        length = if next == last { length + 1 } else { 1 };
        // A run of small letters has one of two shapes: up to three letters, and more.
        let grew = next == Run::Small && last == Run::Small && length == 4;
        if next != last || grew {
            hash = step(hash, next.letter(grew));
        }
        last = next;
    }
    hash
}

/// A run of characters of one kind in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    None,
    Digits,
    Capitals,
    /// Small letters, also after one capital: `Word`.
    Small,
    /// Small letters after a capital.
    Title,
    Other,
}

impl Run {
    /// Returns the run that a character belongs to, after this one of a length.
    fn then(self, one: char, length: usize) -> Self {
        match one {
            'a'..='z' if self == Self::Title || (self == Self::Capitals && length == 1) => {
                Self::Title
            }
            'a'..='z' => Self::Small,
            'A'..='Z' => Self::Capitals,
            '0'..='9' => Self::Digits,
            _ => Self::Other,
        }
    }

    fn letter(self, long: bool) -> u32 {
        let letter = match self {
            Self::None => 0,
            Self::Digits => 1,
            Self::Capitals => 2,
            Self::Small => 3,
            Self::Title => 4,
            Self::Other => 5,
        };
        letter + if long { 8 } else { 0 }
    }
}

/// One step of FNV-1a, over a number instead of a byte.
const fn step(hash: u32, value: u32) -> u32 {
    (hash ^ value).wrapping_mul(PRIME)
}

/// Folds a hash to a bucket of one length: the 32-bit finalizer of MurmurHash3.
const fn bucket(hash: u32) -> u32 {
    let hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    let hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    (hash ^ (hash >> 16)) & 4095
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_forgotten_and_shapes_stay() {
        assert_eq!(shapes("similarlyNow write"), shapes("tomorrowBut drink"));
        assert_eq!(shapes("Paris 1789"), shapes("London 42"));
        assert_ne!(shapes("similarlyNow"), shapes("similarly Now"));
        assert_ne!(shapes("word.]("), shapes("word](."));
        assert_ne!(shapes("the word"), shapes("any word").into_iter().rev().collect::<Vec<_>>());
        assert_ne!(word("cat"), word("cathedral"));
        assert!(JOINING.iter().all(|one| *one == one.to_lowercase()));
    }

    #[test]
    fn features_have_length_one_for_each_length_of_run() {
        let values = weigh("Tell me, Thai^{\\textbf{bow; tie} please");
        assert!(values.is_sorted_by(|one, next| one.0 < next.0));
        assert!(values.iter().all(|(bucket, _)| usize::try_from(*bucket).unwrap() < BUCKETS));
        let square = values.iter().map(|(_, value)| value * value).sum::<f32>();
        assert!((square - 4.0).abs() < 1e-4, "{square}");
        assert!(weigh("").is_empty());
    }
}
