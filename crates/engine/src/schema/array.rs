//! Compiles arrays: the schemas of their items, their length, `contains` and `uniqueItems`.

use std::rc::Rc;

use serde_json::Value;

use super::{
    compile::{Compiler, Facts, Made},
    grammar::{Id, Node},
    read::{Keywords, Says, Sub},
};

/// Maximum number of items that can have a schema of their own (`prefixItems`).
const PREFIX_MAX: usize = 256;
/// Maximum number of `enum` values with `uniqueItems`.
const UNIQUE_MAX: usize = 64;

impl Compiler<'_> {
    /// Compiles the arrays that match.
    pub(super) fn array(&mut self, facts: &Facts) -> Made<Id> {
        let (mut least, mut most) = (0_u64, None::<u64>);
        let (mut prefix, mut unique) = (0_usize, false);
        for keywords in facts.keywords() {
            least = least.max(keywords.min_items.unwrap_or(0));
            most = match (most, keywords.max_items) {
                (None, max) | (max, None) => max,
                (Some(a), Some(b)) => Some(a.min(b)),
            };
            prefix = prefix.max(keywords.prefix.len());
            unique |= keywords.unique;
        }
        if prefix > PREFIX_MAX {
            let place = facts.place_of(|keywords| keywords.prefix.len() > PREFIX_MAX);
            self.leave_out(&place, "prefixItems", "has more than 256 schemas; use fewer");
        }
        let (mut first, mut further) = (Vec::new(), Vec::new());
        for index in 0..prefix.min(PREFIX_MAX) {
            first.push(items(facts, index));
        }
        further.extend(items(facts, usize::MAX));
        if !self.trying {
            least = self.contained(facts, &mut first, &mut further, least)?;
        }
        let least = usize::try_from(least).unwrap_or(usize::MAX);
        let most = most.map(|most| usize::try_from(most).unwrap_or(usize::MAX));
        if most.is_some_and(|most| most < least) {
            return Ok(self.grammar.never());
        }
        if unique && most.is_none_or(|most| most > 1) && !self.trying {
            if first.is_empty()
                && let Some(values) = self.finite(&further)?
            {
                return self.different(&values, least, most);
            }
            let place = facts.place_of(|keywords| keywords.unique);
            self.leave_out(&place, "uniqueItems", "is supported only for items with an `enum` of at most 64 values; leave it out and remove duplicates yourself");
        }
        let open = self.grammar.literal("[");
        let close = self.grammar.literal("]");
        let inside = self.row(&first, &further, least, most)?;
        Ok(self.grammar.seq(vec![open, inside, close]))
    }

    /// Enforces `contains` by adding it to the schemas of the first items. This allows fewer arrays
    /// than the schema, but none that the schema does not allow. Returns the new minimum length.
    fn contained(
        &mut self,
        facts: &Facts,
        first: &mut Vec<Vec<Sub>>,
        further: &mut Vec<Sub>,
        mut least: u64,
    ) -> Made<u64> {
        for keywords in facts.keywords() {
            let Some(contains) = &keywords.contains else { continue };
            let count = keywords.min_contains.unwrap_or(1);
            if count > 64 {
                let place = facts.place_of(|keywords| keywords.min_contains.is_some());
                self.leave_out(&place, "minContains", "is more than 64; use a smaller number");
                continue;
            }
            for index in 0..usize::try_from(count).unwrap_or(0) {
                if first.len() <= index {
                    first.push(further.clone());
                }
                if let Some(item) = first.get_mut(index) {
                    item.push(Rc::clone(contains));
                }
            }
            least = least.max(count);
            if keywords.max_contains.is_some() {
                let not = Keywords { not: Some(Rc::clone(contains)), ..Keywords::default() };
                let not = self.document.made_of(&contains.place, not);
                for item in first.iter_mut().skip(usize::try_from(count).unwrap_or(0)) {
                    item.push(Rc::clone(&not));
                }
                further.push(not);
            }
            if keywords.max_contains.is_some_and(|max| max < count) {
                further.push(self.document.made(&contains.place, Says::Nothing));
                first
                    .iter_mut()
                    .for_each(|item| item.push(self.document.made(&contains.place, Says::Nothing)));
            }
        }
        Ok(least)
    }

    /// Returns one rule for each value that an item can have; `None` if they are not an `enum` of
    /// at most [`UNIQUE_MAX`] values.
    fn finite(&mut self, schemas: &[Sub]) -> Made<Option<Vec<Id>>> {
        let facts = self.gather(Facts::default(), schemas)?;
        if facts.is_never() || facts.has_choices() {
            return Ok(None);
        }
        let Some(values) = facts.keywords().iter().find_map(|keywords| keywords.values.clone())
        else {
            return Ok(None);
        };
        let place = facts.place_of(|keywords| keywords.values.is_some());
        if values.len() > UNIQUE_MAX {
            return Ok(None);
        }
        let mut nodes = Vec::new();
        let mut seen: Vec<&Value> = Vec::new();
        for value in &values {
            if seen.iter().any(|other| super::read::same(other, value)) {
                continue;
            }
            seen.push(value);
            let only = Keywords { values: Some(vec![value.clone()]), ..Keywords::default() };
            let only = self.document.made_of(&place, only);
            let facts = self.gather(facts.clone(), &[only])?;
            nodes.push(self.node(facts)?);
        }
        Ok(Some(nodes))
    }

    /// Compiles arrays that hold each value at most once, in the order of the `enum`.
    fn different(&mut self, values: &[Id], least: usize, most: Option<usize>) -> Made<Id> {
        let open = self.grammar.literal("[");
        let close = self.grammar.literal("]");
        let comma = self.grammar.literal(", ");
        let most = most.unwrap_or(values.len()).min(values.len());
        // From the last value to the first. `after[n]`: the rest of the array when it has n items.
        let nothing = self.grammar.add(Node::Seq(Vec::new()));
        let never = self.grammar.never();
        let mut after: Vec<Id> = (0..=values.len())
            .map(|written| if written >= least && written <= most { nothing } else { never })
            .collect();
        for &value in values.iter().rev() {
            let mut before = Vec::with_capacity(after.len());
            for (written, &skip) in after.iter().enumerate() {
                let Some(&next) = after.get(written.saturating_add(1)) else {
                    before.push(skip);
                    continue;
                };
                let parts = if written > 0 { vec![comma, value, next] } else { vec![value, next] };
                let take = self.grammar.seq(parts);
                before.push(self.grammar.alt(vec![take, skip]));
            }
            after = before;
        }
        let inside = after.first().copied().unwrap_or(never);
        Ok(self.grammar.seq(vec![open, inside, close]))
    }

    /// Compiles the items between the brackets: `first` has one list of schemas for each of the
    /// first items, `further` applies to all later ones.
    fn row(
        &mut self,
        first: &[Vec<Sub>],
        further: &[Sub],
        least: usize,
        most: Option<usize>,
    ) -> Made<Id> {
        let comma = self.grammar.literal(", ");
        let nothing = self.grammar.add(Node::Seq(Vec::new()));
        let count = first.len().min(most.unwrap_or(usize::MAX));
        let mut nodes = Vec::with_capacity(count);
        for schemas in first.iter().take(count) {
            nodes.push(self.all(schemas)?);
        }
        let (needed, room) =
            (least.saturating_sub(count), most.map(|most| most.saturating_sub(count)));
        let mut rest = nothing;
        if room != Some(0) {
            let item = self.all(further)?;
            let another = self.grammar.seq(vec![comma, item]);
            if count > 0 {
                rest = self.grammar.add(Node::Repeat(another, needed, room));
            } else {
                let more = Node::Repeat(
                    another,
                    needed.saturating_sub(1),
                    room.map(|room| room.saturating_sub(1)),
                );
                let more = self.grammar.add(more);
                rest = self.grammar.seq(vec![item, more]);
                if needed == 0 {
                    rest = self.grammar.alt(vec![nothing, rest]);
                }
            }
        } else if needed > 0 {
            rest = self.grammar.never();
        }
        for (index, node) in nodes.into_iter().enumerate().rev() {
            let parts = if index > 0 { vec![comma, node, rest] } else { vec![node, rest] };
            let with = self.grammar.seq(parts);
            rest = if index < least { with } else { self.grammar.alt(vec![nothing, with]) };
        }
        Ok(rest)
    }
}

/// Returns the schemas of the item at `index`.
fn items(facts: &Facts, index: usize) -> Vec<Sub> {
    facts
        .keywords()
        .into_iter()
        .filter_map(|keywords| keywords.prefix.get(index).or(keywords.items.as_ref()))
        .cloned()
        .collect()
}
