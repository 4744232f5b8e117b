//! Bounds the text that a grammar can force at once.
//!
//! Where a grammar leaves no choice, llguidance finds all bytes up to the next choice in one call.
//! This takes about 4 ms for 1,000 bytes, while the streams of other requests wait. A schema with a
//! long `const`, or with many items that must be there, could make it a long time.

use std::collections::{HashMap, HashSet};

use regex_syntax::hir::{Hir, HirKind};

use super::grammar::{Grammar, Id, Node, Rx};

impl Grammar {
    /// Returns an upper bound of the bytes under `root` that are forced at once: the length of a
    /// text in which each choice takes its longest alternative, and each repetition its smallest
    /// count. A rule inside itself counts once: each further level needs a choice of the model, which
    /// takes longer than the bytes of that level.
    pub(super) fn forced_max(&self, root: Id) -> usize {
        let mut lengths: HashMap<Id, usize> = HashMap::new();
        let mut seen = HashSet::new();
        let mut stack = vec![(root, false)];
        while let Some((id, parts_are_done)) = stack.pop() {
            let Some(node) = self.get(id) else { continue };
            if !parts_are_done {
                if seen.insert(id) {
                    stack.push((id, true));
                    match node {
                        Node::Seq(parts) | Node::Alt(parts) => {
                            stack.extend(parts.iter().map(|&part| (part, false)));
                        }
                        Node::Repeat(part, ..) => stack.push((*part, false)),
                        Node::Never | Node::Text(_) | Node::Library(_) => {}
                    }
                }
                continue;
            }
            let length = |part: &Id| lengths.get(part).copied().unwrap_or(0);
            let bound = match node {
                Node::Never => 0,
                Node::Text(rx) => rx.forced_max(),
                Node::Library(schema) => schema.len(),
                Node::Seq(parts) => sum(parts.iter().map(length)),
                Node::Alt(parts) => parts.iter().map(length).max().unwrap_or(0),
                Node::Repeat(part, least, _) => length(part).saturating_mul((*least).max(1)),
            };
            lengths.insert(id, bound);
        }
        lengths.get(&root).copied().unwrap_or(0)
    }
}

impl Rx {
    fn forced_max(&self) -> usize {
        match self {
            Self::Literal(text) => text.len(),
            Self::Expression(text) => regex_syntax::parse(text)
                .map_or(text.len(), |expression| in_expression(&expression)),
            // Counts that have no common divisor meet at their product.
            Self::And(parts) => {
                parts.iter().map(|part| part.forced_max().max(1)).fold(1, usize::saturating_mul)
            }
            Self::Or(parts) => parts.iter().map(Self::forced_max).max().unwrap_or(0),
            Self::Then(parts) => sum(parts.iter().map(Self::forced_max)),
            Self::Not(part) => part.forced_max(),
        }
    }
}

fn in_expression(expression: &Hir) -> usize {
    match expression.kind() {
        HirKind::Empty | HirKind::Look(_) => 0,
        HirKind::Literal(literal) => literal.0.len(),
        // Of several characters, at most the first bytes are the same.
        HirKind::Class(_) => 1,
        HirKind::Repetition(repetition) => {
            let least = usize::try_from(repetition.min).unwrap_or(usize::MAX).max(1);
            in_expression(&repetition.sub).saturating_mul(least)
        }
        HirKind::Capture(capture) => in_expression(&capture.sub),
        HirKind::Concat(parts) => sum(parts.iter().map(in_expression)),
        HirKind::Alternation(parts) => parts.iter().map(in_expression).max().unwrap_or(0),
    }
}

fn sum(lengths: impl Iterator<Item = usize>) -> usize {
    lengths.fold(0, usize::saturating_add)
}
