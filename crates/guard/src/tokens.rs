//! The vocabulary of a language model out of its GGUF file, and suffixes made of random tokens.

use std::{fs, path::Path};

use crate::fit::{Random, below, pick};

/// The tokens of small numbers are common ones.
const COMMON: usize = 6000;

/// Reads the tokens of printable ASCII.
pub(crate) fn read(model: &Path) -> Result<Vec<String>, String> {
    let bad = || format!("`{}` has no vocabulary that can be read", model.display());
    let bytes = fs::read(model).map_err(|error| format!("{}: {error}", bad()))?;
    let key = b"tokenizer.ggml.tokens";
    let at = bytes.windows(key.len()).position(|window| window == key).ok_or_else(bad)?;
    // After the key: the types of the value and of its items, and the number of items.
    let mut rest = bytes.get(at + key.len() + 8..).ok_or_else(bad)?;
    let number = length(&mut rest).ok_or_else(bad)?;
    let mut tokens = Vec::new();
    for _ in 0..number {
        let length = length(&mut rest).ok_or_else(bad)?;
        let (token, after) = rest.split_at_checked(length).ok_or_else(bad)?;
        rest = after;
        let token = String::from_utf8_lossy(token).replace('Ġ', " ");
        if token.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            tokens.push(token);
        }
    }
    Ok(tokens)
}

fn length(rest: &mut &[u8]) -> Option<usize> {
    let (number, after) = rest.split_first_chunk::<8>()?;
    *rest = after;
    usize::try_from(u64::from_le_bytes(*number)).ok()
}

/// Returns twenty tokens. Of a hundred, `common` are common ones, and `glued` have no space before
/// them or are signs.
pub(crate) fn suffix(random: &mut Random, tokens: &[String], common: u64, glued: u64) -> String {
    let all: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let frequent = all.get(..COMMON.min(all.len())).unwrap_or_default();
    let mut text = String::new();
    for _ in 0..20 {
        let from = if random.next() % 100 < common { frequent } else { all.as_slice() };
        let token = pick(random, from);
        match random.next() % 100 {
            chance if chance * 2 < glued => text.push_str(token.trim()),
            chance if chance < glued => {
                (0..1 + below(random, 3)).for_each(|_| text.push(sign(random)));
            }
            _ => text.push_str(token),
        }
    }
    text
}

/// Returns a random sign.
pub(crate) fn sign(random: &mut Random) -> char {
    const SIGNS: &[u8] = b".,:;!?()[]{}<>\"'`\\/+=*&^%$#@-_|~";
    SIGNS.get(below(random, SIGNS.len())).copied().map_or('.', char::from)
}
