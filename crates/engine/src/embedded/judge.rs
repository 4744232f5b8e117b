//! Prompts of guard models: pieces of markup and of text become tokens, without a way from text to
//! markup.
//!
//! The pieces are tokenized as one text, because the tokens at a border depend on both sides, and
//! the model was trained on those. Only where the name of a markup token would cover a byte of a
//! customer's text, the text is cut inside of that name.

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::{
    ffi::Model,
    template::{ControlNames, MARKER},
};
use crate::request::{Judge, Piece, Refusal};

/// The names of markup tokens of a vocabulary.
#[derive(Debug)]
pub(crate) struct Markup {
    names: ControlNames,
    bos: String,
}

impl Markup {
    /// Collects the names: control tokens, and tokens in angle brackets that were added by name.
    pub(crate) fn of(model: &Model, pieces: &[Vec<u8>]) -> Self {
        let name = |piece: &Vec<u8>| String::from_utf8(piece.clone()).ok();
        let is_tag = |name: &str| name.starts_with('<') && name.ends_with('>');
        let names = (0_u32..).zip(pieces).filter_map(|(token, piece)| {
            let name = name(piece)?;
            let added = is_tag(&name) && model.is_user_defined(token);
            (added || model.is_control(token)).then_some(name)
        });
        let bos = model.bos().and_then(|bos| pieces.get(bos as usize)).and_then(name);
        Self { names: ControlNames::new(names), bos: bos.unwrap_or_default() }
    }

    /// Whether a prompt already begins with the beginning-of-text token.
    pub(crate) fn begins_text(&self, segments: &[String]) -> bool {
        !self.bos.is_empty() && segments.first().is_some_and(|first| first.starts_with(&self.bos))
    }

    /// Joins the pieces, and cuts the result so that no name of a markup token in a segment covers
    /// text of a customer.
    pub(crate) fn segments(&self, pieces: &[Piece]) -> Result<Zeroizing<Vec<String>>, Refusal> {
        if !matches!(pieces.last(), Some(Piece::Markup(last)) if !last.is_empty()) {
            return Err(unsupported("judge a prompt that does not end with markup"));
        }
        let mut joined = Zeroizing::new(String::new());
        let mut texts = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Markup(markup) => joined.push_str(markup),
                Piece::Text(text) => {
                    let start = joined.len();
                    // The marker has no meaning here, but templates and names never contain it.
                    joined.extend(text.0.reveal().chars().filter(|&letter| letter != MARKER));
                    texts.push(start..joined.len());
                }
            }
        }
        let mut segments = Zeroizing::new(Vec::new());
        let mut from = 0;
        for cut in self.cuts(&joined, &texts) {
            segments.push(joined.get(from..cut).unwrap_or_default().to_owned());
            from = cut;
        }
        segments.push(joined.get(from..).unwrap_or_default().to_owned());
        Ok(segments)
    }

    /// Returns the places of the cuts, in order.
    fn cuts(&self, joined: &str, texts: &[std::ops::Range<usize>]) -> Vec<usize> {
        let mut cuts = Vec::new();
        for (at, letter) in joined.char_indices() {
            let rest = joined.get(at..).unwrap_or_default();
            let Some(length) = self.names.longest_at(rest) else { continue };
            if texts.iter().any(|text| text.contains(&at)) {
                cuts.push(at.saturating_add(letter.len_utf8()));
            } else {
                // Markup that a text would complete to another name.
                let end = at.saturating_add(length);
                let into = texts.iter().find(|text| at < text.start && text.start < end);
                cuts.extend(into.filter(|text| !text.is_empty()).map(|text| text.start));
            }
        }
        cuts.sort_unstable();
        cuts.dedup();
        cuts
    }

    /// Returns the tokens of each label: the first tokens of its texts after the prompt. A token of
    /// two labels counts for neither.
    pub(crate) fn labels(
        &self,
        work: &Judge,
        tokenize: impl Fn(&str) -> Result<Vec<u32>, Refusal>,
    ) -> Result<Vec<Vec<u32>>, Refusal> {
        let Some(Piece::Markup(end)) = work.pieces.last() else { return Ok(Vec::new()) };
        let before = tokenize(end)?;
        let mut labels = Vec::new();
        let mut owners: HashMap<u32, usize> = HashMap::new();
        for (label, texts) in work.labels.iter().enumerate() {
            let mut tokens = Vec::new();
            for text in texts {
                let with = tokenize(&format!("{end}{text}"))?;
                // A text that melts into the end of the prompt has no first token of its own.
                let first = with.strip_prefix(before.as_slice()).and_then(<[u32]>::first);
                tokens.extend(first.filter(|first| !tokens.contains(*first)));
            }
            for token in &tokens {
                let owner = owners.entry(*token).or_insert(label);
                if *owner != label {
                    *owner = usize::MAX;
                }
            }
            labels.push(tokens);
        }
        for (label, tokens) in labels.iter_mut().enumerate() {
            tokens.retain(|token| owners.get(token) == Some(&label));
            if tokens.is_empty() {
                return Err(unsupported("tell the labels apart by their first token"));
            }
        }
        Ok(labels)
    }
}

fn unsupported(what: &str) -> Refusal {
    Refusal::Unsupported { what: what.to_owned() }
}
