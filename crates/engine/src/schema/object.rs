//! Compiles objects: the keys that the schema names, in its order, then all other keys.

use std::rc::Rc;

use serde_json::Value;

use super::{
    compile::{Compiler, Facts, Made},
    grammar::{Id, Node, Rx},
    pattern::{self, Pattern},
    read::{Says, Sub},
};

/// A named key: the rule of the key with its value.
#[derive(Debug, Clone, Copy)]
struct Member {
    node: Id,
    required: bool,
}

/// Maximum number of properties of one object.
const MEMBERS_MAX: usize = 2000;
/// Maximum number of states for `minProperties` and `maxProperties`: named keys times the count.
const COUNTED_MAX: usize = 20_000;
/// Maximum number of combinations of patterns that the same key can match.
const OVERLAPS_MAX: usize = 48;

/// The conditions of `propertyNames`. If `listed` is set, it holds the only allowed keys. `sets`
/// decide about keys that the schema does not name, `tests` about those that it names.
#[derive(Default)]
struct Names {
    listed: Option<Vec<String>>,
    sets: Vec<Rx>,
    tests: Vec<Facts>,
}

impl Compiler<'_> {
    /// Compiles the objects that match.
    pub(super) fn object(&mut self, facts: &Facts) -> Made<Id> {
        let mut order: Vec<&str> = Vec::new();
        let mut required: Vec<&str> = Vec::new();
        let (mut least, mut most) = (0_u64, None::<u64>);
        for keywords in facts.keywords() {
            least = least.max(keywords.min_properties.unwrap_or(0));
            most = match (most, keywords.max_properties) {
                (None, max) | (max, None) => max,
                (Some(a), Some(b)) => Some(a.min(b)),
            };
            for name in keywords.properties.iter().map(|(name, _)| name).chain(&keywords.required) {
                if !order.contains(&name.as_str()) {
                    order.push(name);
                }
            }
            required.extend(keywords.required.iter().map(String::as_str));
        }
        let names = self.names(facts)?;
        let mut order: Vec<String> = order.into_iter().map(str::to_owned).collect();
        for name in names.listed.iter().flatten() {
            if !order.contains(name) {
                order.push(name.clone());
            }
        }
        let (patterns, exact) = self.key_patterns(facts);
        // A pattern with few strings: other keys could run out, and then no key could follow a
        // comma. So each of these strings becomes a named key.
        for name in patterns.iter().flat_map(|(_, pattern)| &pattern.listed) {
            if !order.contains(name) {
                order.push(name.clone());
            }
        }
        if order.len() > MEMBERS_MAX {
            let place = facts.place_of(|keywords| {
                !keywords.properties.is_empty() || !keywords.required.is_empty()
            });
            return Err(place.bad("names more than 2000 properties; use fewer"));
        }
        let mut members = Vec::with_capacity(order.len());
        for name in &order {
            let required = required.contains(&name.as_str());
            let value = if self.may_be_named(name, &names) {
                let schemas = value_schemas(facts, &|key| key == name, &|source| {
                    patterns.iter().any(|(known, pattern)| known == source && pattern.matches(name))
                });
                self.all(&schemas)?
            } else {
                self.grammar.never()
            };
            let key = self.grammar.literal(&format!("\"{}\": ", pattern::quoted(name)));
            let node = self.grammar.seq(vec![key, value]);
            members.push(Member { node, required });
        }
        let extra = if names.listed.is_some()
            || most == Some(u64::try_from(required.len()).unwrap_or(u64::MAX))
                && least == 0
                && members.iter().all(|member| member.required)
        {
            None
        } else {
            self.extra(facts, &order, &patterns, exact, &names)?
        };
        let (least, most) = (
            usize::try_from(least).unwrap_or(usize::MAX),
            most.map(|most| usize::try_from(most).unwrap_or(usize::MAX)),
        );
        self.members(facts, &members, extra, least, most)
    }

    /// Returns the patterns of `patternProperties`, and whether all of them are supported.
    fn key_patterns(&mut self, facts: &Facts) -> (Vec<(String, Rc<Pattern>)>, bool) {
        let mut all: Vec<(String, Rc<Pattern>)> = Vec::new();
        let mut exact = true;
        for keywords in facts.keywords() {
            for (source, _) in &keywords.patterns {
                if all.iter().any(|(known, _)| known == source) {
                    continue;
                }
                match self.pattern(source) {
                    Some(pattern) => all.push((source.clone(), pattern)),
                    None => exact = false,
                }
            }
        }
        if !exact {
            let place = facts.place_of(|keywords| !keywords.patterns.is_empty());
            self.leave_out(&place, "patternProperties", "has a pattern with unsupported syntax; write it without look-around and back references");
        }
        (all, exact)
    }

    /// Reads `propertyNames`.
    fn names(&mut self, facts: &Facts) -> Made<Names> {
        let mut names = Names::default();
        let all: Vec<Sub> =
            facts.keywords().into_iter().filter_map(|keywords| keywords.names.clone()).collect();
        for schema in all {
            let said = self.gather(Facts::default(), std::slice::from_ref(&schema))?;
            if said.is_never() {
                names.listed = Some(Vec::new());
                continue;
            }
            if said.has_choices() {
                self.leave_out(
                    &schema.place,
                    "propertyNames",
                    "is not supported with a choice such as `anyOf` in it; use one `pattern` or `enum`",
                );
                continue;
            }
            let mut listed: Option<Vec<Value>> = None;
            let mut kinds = true;
            for keywords in said.keywords() {
                if let Some(values) = &keywords.values {
                    listed = Some(match listed {
                        None => values.clone(),
                        Some(old) => old.into_iter().filter(|old| values.contains(old)).collect(),
                    });
                }
                kinds &= keywords
                    .types
                    .as_ref()
                    .is_none_or(|types| types.contains(&super::read::Type::String));
            }
            if !kinds {
                names.listed = Some(Vec::new());
            }
            if let Some(values) = listed {
                let fitting: Vec<String> = values
                    .iter()
                    .filter_map(Value::as_str)
                    .filter(|text| self.text(&said, Some(&[Value::from(*text)])).is_some())
                    .map(str::to_owned)
                    .collect();
                names.listed = Some(match names.listed.take() {
                    None => fitting,
                    Some(old) => old.into_iter().filter(|name| fitting.contains(name)).collect(),
                });
            } else if let Some(set) = self.text(&said, None) {
                names.sets.push(set);
            } else {
                names.listed = Some(Vec::new());
            }
            names.tests.push(said);
        }
        Ok(names)
    }

    /// Whether `propertyNames` allows this key.
    fn may_be_named(&mut self, name: &str, names: &Names) -> bool {
        if names.listed.as_ref().is_some_and(|listed| !listed.iter().any(|other| other == name)) {
            return false;
        }
        let value = [Value::from(name)];
        names.tests.iter().all(|facts| {
            let unlisted = facts.keywords().iter().all(|keywords| keywords.values.is_none());
            !unlisted || self.text(facts, Some(&value)).is_some()
        })
    }

    /// Compiles the keys that are not in `taken`, with their values. Keys are grouped by the
    /// patterns that they match, because these decide the schema of the value.
    fn extra(
        &mut self,
        facts: &Facts,
        taken: &[String],
        patterns: &[(String, Rc<Pattern>)],
        exact: bool,
        names: &Names,
    ) -> Made<Option<Id>> {
        let mut groups: Vec<Vec<usize>> = vec![Vec::new()];
        for (index, (_, pattern)) in patterns.iter().enumerate() {
            for group in groups.clone() {
                let mut sets: Vec<Rx> = group
                    .iter()
                    .filter_map(|&index| patterns.get(index))
                    .map(|(_, pattern)| pattern.set.clone())
                    .collect();
                sets.push(pattern.set.clone());
                if sets.len() == 1 || !Rx::And(sets).is_empty() {
                    groups.push(group.into_iter().chain([index]).collect());
                }
            }
            if groups.len() > OVERLAPS_MAX {
                let place = facts.place_of(|keywords| !keywords.patterns.is_empty());
                self.leave_out(
                    &place,
                    "patternProperties",
                    "has too many patterns that match the same keys; use fewer",
                );
                return self.free_member(Vec::new(), &[]).map(Some);
            }
        }
        let mut all = Vec::new();
        for group in groups {
            let inside = |source: &str| {
                group
                    .iter()
                    .any(|&index| patterns.get(index).is_some_and(|(known, _)| known == source))
            };
            let schemas = value_schemas(facts, &|_| false, &inside);
            if schemas.iter().any(|schema| matches!(schema.says, Says::Nothing)) {
                continue;
            }
            if group.is_empty() && !exact {
                // An unsupported pattern could match any key.
                continue;
            }
            let mut sets: Vec<Rx> = names.sets.clone();
            let mut others: Vec<Rx> = Vec::new();
            for (index, (_, pattern)) in patterns.iter().enumerate() {
                if group.contains(&index) {
                    sets.push(pattern.set.clone())
                } else {
                    others.push(pattern.set.clone())
                }
            }
            others.extend(
                taken
                    .iter()
                    .filter(|name| {
                        patterns.iter().enumerate().all(|(index, (_, pattern))| {
                            pattern.matches(name) == group.contains(&index)
                        })
                    })
                    .map(|name| Rx::Literal(pattern::quoted(name))),
            );
            if !others.is_empty() {
                sets.push(Rx::Not(Box::new(Rx::Or(others))));
            }
            all.push(self.free_member(sets, &schemas)?);
        }
        Ok(if all.is_empty() { None } else { Some(self.grammar.alt(all)) })
    }

    /// Compiles a key that is in all of `sets`, with a value that matches `schemas`.
    fn free_member(&mut self, mut sets: Vec<Rx>, schemas: &[Sub]) -> Made<Id> {
        if sets.is_empty() || sets.iter().all(|set| matches!(set, Rx::Not(_))) {
            sets.push(pattern::anything());
        }
        let set = match sets.as_slice() {
            [one] => one.clone(),
            _ => Rx::And(sets),
        };
        if set.is_empty() {
            return Ok(self.grammar.never());
        }
        let key = self.grammar.add(Node::Text(pattern::string(set)));
        let colon = self.grammar.literal(": ");
        let value = self.all(schemas)?;
        Ok(self.grammar.seq(vec![key, colon, value]))
    }

    /// Compiles the whole object from its named keys and the rule for other keys (`extra`).
    fn members(
        &mut self,
        facts: &Facts,
        members: &[Member],
        extra: Option<Id>,
        mut least: usize,
        mut most: Option<usize>,
    ) -> Made<Id> {
        let needed = members.iter().filter(|member| member.required).count();
        if most.is_some_and(|most| most < least.max(needed)) {
            return Ok(self.grammar.never());
        }
        if least <= needed {
            least = 0;
        }
        if most.is_some_and(|most| extra.is_none() && most >= members.len()) {
            most = None;
        }
        let counted = most.unwrap_or(0).max(least).min(members.len().saturating_add(1));
        if counted.saturating_mul(members.len()) > COUNTED_MAX {
            let place = facts.place_of(|keywords| {
                keywords.min_properties.is_some() || keywords.max_properties.is_some()
            });
            self.leave_out(
                &place,
                "minProperties",
                "and `maxProperties` are not supported with so many properties; leave them out",
            );
            (least, most) = (0, None);
        }
        let (open, close) = (self.grammar.literal("{"), self.grammar.literal("}"));
        let comma = self.grammar.literal(", ");
        let mut row = Row { compiler: self, members, extra, least, most, comma };
        let inside = row.all();
        Ok(self.grammar.seq(vec![open, inside, close]))
    }
}

/// Builds the rules of one object, one for each named key and number of members before it.
struct Row<'a, 'b, 'c> {
    compiler: &'a mut Compiler<'b>,
    members: &'c [Member],
    extra: Option<Id>,
    least: usize,
    most: Option<usize>,
    comma: Id,
}

impl Row<'_, '_, '_> {
    /// Returns the rule for all keys. Works from the last named key to the first: for each number of
    /// members written so far, the rule for the rest. Without limits on the number, it is 0 or 1,
    /// which decides about the comma.
    fn all(&mut self) -> Id {
        let top = self.least.max(self.most.unwrap_or(0)).max(1).min(self.members.len());
        let mut after: Vec<Id> = (0..=top).map(|written| self.rest(written)).collect();
        for member in self.members.iter().rev() {
            let mut before = Vec::with_capacity(after.len());
            for (written, &skip) in after.iter().enumerate() {
                let mut all = Vec::new();
                let next = after.get(written.saturating_add(1)).or(after.last());
                if let Some(&next) = next.filter(|_| self.most.is_none_or(|most| written < most)) {
                    let mut parts = vec![member.node, next];
                    if written > 0 {
                        parts.insert(0, self.comma);
                    }
                    all.push(self.compiler.grammar.seq(parts));
                }
                if !member.required {
                    all.push(skip);
                }
                before.push(self.compiler.grammar.alt(all));
            }
            after = before;
        }
        after.first().copied().unwrap_or_default()
    }

    /// Returns the rule for the keys after the named ones.
    fn rest(&mut self, written: usize) -> Id {
        let grammar = &mut self.compiler.grammar;
        let least = self.least.saturating_sub(written);
        let most = self.most.map(|most| most.saturating_sub(written));
        let nothing = grammar.add(Node::Seq(Vec::new()));
        let Some(extra) = self.extra.filter(|_| most != Some(0)) else {
            return if least == 0 { nothing } else { grammar.never() };
        };
        let another = grammar.seq(vec![self.comma, extra]);
        if written > 0 {
            return grammar.add(Node::Repeat(another, least, most));
        }
        let more = grammar.add(Node::Repeat(
            another,
            least.saturating_sub(1),
            most.map(|most| most.saturating_sub(1)),
        ));
        let some = grammar.seq(vec![extra, more]);
        if least == 0 { grammar.alt(vec![nothing, some]) } else { some }
    }
}

/// Returns the schemas of a key's value: those of its name and of the patterns that it matches,
/// else `additionalProperties`.
fn value_schemas(
    facts: &Facts,
    named: &dyn Fn(&str) -> bool,
    matched: &dyn Fn(&str) -> bool,
) -> Vec<Sub> {
    let mut all = Vec::new();
    for keywords in facts.keywords() {
        let before = all.len();
        all.extend(
            keywords
                .properties
                .iter()
                .filter(|(name, _)| named(name))
                .map(|(_, schema)| Rc::clone(schema)),
        );
        all.extend(
            keywords
                .patterns
                .iter()
                .filter(|(source, _)| matched(source))
                .map(|(_, schema)| Rc::clone(schema)),
        );
        if all.len() == before {
            all.extend(keywords.additional.iter().cloned());
        }
    }
    all
}
