//! Reading words: texts are cut into windows, and each window is one sequence of tokens.
//!
//! A word becomes tokens alone, and the vector of its first token is the word's. So the gateway knows
//! the place of each vector in its text, also if the tokenizer changes characters.

use zeroize::Zeroizing;

use super::{
    item::{Item, Wants},
    prepare::Preparer,
};
use crate::request::{Label, Refusal};

/// The tokens that the model expects before and after each text, such as `[CLS]` and `[SEP]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    before: Option<u32>,
    after: Option<u32>,
}

impl Preparer {
    /// Returns the tokens around each text.
    ///
    /// # Errors
    /// If the vocabulary puts more than two tokens around a text.
    pub(super) fn frame(&self) -> Result<Frame, String> {
        let tokens = self.tokenize("", true, false).map_err(|refusal| refusal.to_string())?;
        match *tokens.as_slice() {
            [] => Ok(Frame { before: None, after: None }),
            [before] => Ok(Frame { before: Some(before), after: None }),
            [before, after] => Ok(Frame { before: Some(before), after: Some(after) }),
            _ => Err("its vocabulary puts more than two tokens around a text; use another encoder to read words".into()),
        }
    }

    /// Prepares the windows of some texts.
    ///
    /// # Errors
    /// If a word cannot be tokenized.
    pub(super) fn label(&self, work: &Label, frame: &Frame) -> Result<Vec<Item>, Refusal> {
        let mut items = Vec::new();
        for (text, words) in (0..).zip(&work.texts) {
            let tokens = words.iter().map(|word| {
                let tokens = Zeroizing::new(self.tokenize(word.0.reveal(), false, false)?);
                Ok(tokens)
            });
            let tokens = tokens.collect::<Result<Vec<_>, Refusal>>()?;
            items.extend(windows(text, &tokens, frame, self.context() as usize));
        }
        Ok(items)
    }
}

/// The most tokens of one word: the others of a long word say little about it.
const WORD_TOKENS_MAX: usize = 24;

/// Tokens of context that a window has before and after the words whose vectors are taken.
const MARGIN_TOKENS: usize = 64;

/// Cuts a text into windows. The vector of each word is taken once, from a window in which the word
/// has context on both sides, where the text has any.
fn windows(text: u32, words: &[Zeroizing<Vec<u32>>], frame: &Frame, context: usize) -> Vec<Item> {
    let around = usize::from(frame.before.is_some()) + usize::from(frame.after.is_some());
    let room = context.saturating_sub(around).max(1);
    let longest = WORD_TOKENS_MAX.min(room.div_ceil(4));
    let margin = MARGIN_TOKENS.min(room / 4);
    let length = |word: usize| words.get(word).map_or(0, |tokens| tokens.len().min(longest));
    let mut items = Vec::new();
    let mut next = 0;
    while next < words.len() {
        // The words before that fit into the margin.
        let (mut start, mut used) = (next, 0);
        while start > 0 && used + length(start - 1) <= margin {
            start -= 1;
            used += length(start);
        }
        let mut end = next;
        while end < words.len() && used + length(end) <= room {
            used += length(end);
            end += 1;
        }
        // The words at the end that are context alone. At least one word's vector is taken: `next`
        // fits, because the margin and the longest word are half of the room.
        let (mut taken, mut after) = (end, 0);
        while end < words.len() && taken > next + 1 && after + length(taken - 1) <= margin {
            taken -= 1;
            after += length(taken);
        }
        let mut tokens = Zeroizing::new(Vec::with_capacity(used + around));
        tokens.extend(frame.before);
        let mut rows = Vec::new();
        for word in start..end {
            if (next..taken).contains(&word) {
                rows.push((length(word) > 0).then_some(tokens.len()));
            }
            let own = words.get(word).map(|own| own.iter().take(longest)).into_iter().flatten();
            tokens.extend(own);
        }
        tokens.extend(frame.after);
        let first = u32::try_from(next).unwrap_or(u32::MAX);
        items.push(Item { tokens, wants: Wants::Words { text, first, rows } });
        next = taken.max(next + 1);
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Frame = Frame { before: Some(2), after: Some(3) };

    /// Words of some lengths; the tokens of each are its number.
    fn words(lengths: &[usize]) -> Vec<Zeroizing<Vec<u32>>> {
        let word = |(number, length): (u32, &usize)| Zeroizing::new(vec![100 + number; *length]);
        (0..).zip(lengths).map(word).collect()
    }

    /// The words whose vectors are taken, with the token at the row of each.
    fn taken(items: &[Item]) -> Vec<(u32, Option<u32>)> {
        let mut taken = Vec::new();
        for Item { tokens, wants } in items {
            let Wants::Words { text: 7, first, rows } = wants else { panic!("{wants:?}") };
            let row = |row: &Option<usize>| row.map(|row| tokens[row]);
            taken.extend((*first..).zip(rows.iter().map(row)));
        }
        taken
    }

    #[test]
    fn a_short_text_is_one_window_in_its_frame() {
        let items = windows(7, &words(&[1, 2, 0, 1]), &FRAME, 64);
        assert_eq!(*items[0].tokens, [2, 100, 101, 101, 103, 3]);
        assert_eq!(taken(&items), [(0, Some(100)), (1, Some(101)), (2, None), (3, Some(103))]);
        assert!(windows(7, &[], &FRAME, 64).is_empty());
        let bare = Frame { before: None, after: None };
        assert_eq!(*windows(7, &words(&[1]), &bare, 64)[0].tokens, [100]);
    }

    #[test]
    fn each_word_of_a_long_text_is_taken_once_and_has_context() {
        for lengths in [vec![1; 1000], [3, 1, 7, 2].repeat(90), vec![50; 40], vec![0; 300]] {
            let items = windows(7, &words(&lengths), &FRAME, 66);
            let all = (0..)
                .zip(&lengths)
                .map(|(word, length)| (word, (*length > 0).then_some(100 + word)));
            let all: Vec<(u32, Option<u32>)> = all.collect();
            assert_eq!(taken(&items), all);
            assert!(items.iter().all(|item| item.tokens.len() <= 66));
        }
        let items = windows(7, &words(&vec![1; 1000]), &FRAME, 66);
        assert_eq!(items[1].tokens[1], 100 + 48 - 16, "16 words before the first that is taken");
        assert_eq!(items.len(), 31);
    }

    #[test]
    fn a_context_that_is_much_too_small_still_ends() {
        for context in 0..8 {
            assert_eq!(taken(&windows(7, &words(&[5; 9]), &FRAME, context)).len(), 9);
        }
    }
}
