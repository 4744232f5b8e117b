//! The grammar of a schema, and its text for llguidance (a variant of Lark).
//!
//! Scalars are regular expressions ([`Rx`]), which the lexer matches. Arrays and objects are rules
//! ([`Node`]), which the parser matches.

use std::{collections::HashMap, fmt::Write as _};

use llguidance::derivre::{RegexAst, RegexBuilder};

/// A set of texts, as a regular expression with intersection and complement.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Rx {
    /// Exactly this text.
    Literal(String),
    /// The texts that a regular expression matches from end to end.
    Expression(String),
    /// Texts in all of these sets.
    And(Vec<Rx>),
    /// Texts in at least one of these sets.
    Or(Vec<Rx>),
    /// A text of each set, in this order.
    Then(Vec<Rx>),
    /// Texts that are not in the set.
    Not(Box<Rx>),
}

/// Maximum number of automaton states that [`Rx::is_empty`] explores.
const STATES: u64 = 2_000;

impl Rx {
    /// Whether the set is empty. Also false if that takes more than [`STATES`] states to find out.
    pub(super) fn is_empty(&self) -> bool {
        if !self.intersects() {
            return false;
        }
        let mut builder = RegexBuilder::new();
        let Ok(expression) = builder.mk(&self.ast()) else { return false };
        builder.to_regex_limited(expression, STATES).is_ok_and(|mut regex| regex.always_empty())
    }

    /// Whether the set contains an intersection or a complement; only these can make it empty.
    fn intersects(&self) -> bool {
        match self {
            Self::Literal(_) | Self::Expression(_) => false,
            Self::And(_) | Self::Not(_) => true,
            Self::Or(parts) | Self::Then(parts) => parts.iter().any(Self::intersects),
        }
    }

    fn ast(&self) -> RegexAst {
        let all = |parts: &[Self]| parts.iter().map(Self::ast).collect();
        match self {
            Self::Literal(text) => RegexAst::Literal(text.clone()),
            Self::Expression(text) => RegexAst::Regex(text.clone()),
            Self::And(parts) => RegexAst::And(all(parts)),
            Self::Or(parts) => RegexAst::Or(all(parts)),
            Self::Then(parts) => RegexAst::Concat(all(parts)),
            Self::Not(part) => RegexAst::Not(Box::new(part.ast())),
        }
    }

    fn write(&self, out: &mut String) {
        let list = |out: &mut String, parts: &[Self], between: &str| {
            out.push_str("( ");
            for (index, part) in parts.iter().enumerate() {
                if index > 0 {
                    out.push_str(between);
                }
                part.write(out);
            }
            out.push_str(" )");
        };
        match self {
            Self::Literal(text) => out.push_str(
                &serde_json::Value::from(text.as_str()).to_string().replace('\u{7f}', "\\u007f"),
            ),
            Self::Expression(text) => {
                out.push('/');
                out.push_str(text);
                out.push('/');
            }
            Self::And(parts) => list(out, parts, " & "),
            Self::Or(parts) => list(out, parts, " | "),
            Self::Then(parts) => list(out, parts, " "),
            Self::Not(part) => {
                out.push_str("~( ");
                part.write(out);
                out.push_str(" )");
            }
        }
    }
}

/// The number of a node.
pub(super) type Id = usize;

/// One rule of the grammar.
#[derive(Clone)]
pub(super) enum Node {
    /// Matches no text.
    Never,
    /// A text of the set.
    Text(Rx),
    /// A JSON schema that llguidance compiles itself; used only for `multipleOf`.
    Library(String),
    /// All nodes, in this order.
    Seq(Vec<Id>),
    /// One of the nodes.
    Alt(Vec<Id>),
    /// The node, repeated between a minimum and an optional maximum number of times.
    Repeat(Id, usize, Option<usize>),
}

/// All rules of a schema. The root is not stored here.
#[derive(Default)]
pub(super) struct Grammar {
    nodes: Vec<Node>,
    texts: HashMap<Rx, Id>,
}

impl Grammar {
    /// Adds a node. Equal texts share one node.
    pub(super) fn add(&mut self, node: Node) -> Id {
        let node = match node {
            Node::Text(rx) => {
                if let Some(&id) = self.texts.get(&rx) {
                    return id;
                }
                let id = self.nodes.len();
                self.texts.insert(rx.clone(), id);
                Node::Text(rx)
            }
            node => node,
        };
        self.nodes.push(node);
        self.nodes.len().saturating_sub(1)
    }

    /// Adds exactly this text.
    pub(super) fn literal(&mut self, text: &str) -> Id {
        self.add(Node::Text(Rx::Literal(text.to_owned())))
    }

    /// Adds a node that matches no text.
    pub(super) fn never(&mut self) -> Id {
        self.add(Node::Never)
    }

    /// Adds a sequence.
    pub(super) fn seq(&mut self, parts: Vec<Id>) -> Id {
        match parts.as_slice() {
            [one] => *one,
            _ => self.add(Node::Seq(parts)),
        }
    }

    /// Adds alternatives.
    pub(super) fn alt(&mut self, parts: Vec<Id>) -> Id {
        match parts.as_slice() {
            [one] => *one,
            _ => self.add(Node::Alt(parts)),
        }
    }

    /// Replaces a node.
    pub(super) fn set(&mut self, id: Id, node: Node) {
        if let Some(slot) = self.nodes.get_mut(id) {
            *slot = node;
        }
    }

    /// Returns a node.
    pub(super) fn get(&self, id: Id) -> Option<&Node> {
        self.nodes.get(id)
    }

    /// Returns the number of nodes.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Returns, for each node under `root`, whether it matches some finite text. Nodes for which
    /// `open` is true count as ones that do.
    pub(super) fn productive(
        &self,
        root: Id,
        open: &dyn Fn(Id) -> bool,
    ) -> (HashMap<Id, bool>, u64) {
        let mut steps = 0_u64;
        let mut seen: HashMap<Id, bool> = HashMap::new();
        let mut order = Vec::new();
        let mut stack = vec![root];
        while let Some(id) = stack.pop() {
            if seen.insert(id, open(id)).is_some() {
                continue;
            }
            order.push(id);
            match self.get(id) {
                Some(Node::Seq(parts) | Node::Alt(parts)) => stack.extend(parts),
                Some(Node::Repeat(part, ..)) => stack.push(*part),
                _ => {}
            }
        }
        loop {
            let mut changed = false;
            steps = steps.saturating_add(u64::try_from(order.len()).unwrap_or(u64::MAX));
            for &id in order.iter().rev() {
                let fits = |part: &Id| seen.get(part).copied().unwrap_or(false);
                let now = fits(&id)
                    || match self.get(id) {
                        Some(Node::Text(_) | Node::Library(_)) => true,
                        Some(Node::Seq(parts)) => parts.iter().all(fits),
                        Some(Node::Alt(parts)) => parts.iter().any(fits),
                        Some(Node::Repeat(part, least, _)) => *least == 0 || fits(part),
                        Some(Node::Never) | None => false,
                    };
                if now && seen.insert(id, true) == Some(false) {
                    changed = true;
                }
            }
            if !changed {
                return (seen, steps);
            }
        }
    }

    /// Whether `root` matches some finite text.
    pub(super) fn fits(&self, root: Id) -> bool {
        self.productive(root, &|_| false).0.get(&root).copied().unwrap_or(false)
    }

    /// Returns the rules under `root` as text. Every rule name begins with `prefix`. `None` if no
    /// text matches.
    pub(super) fn write(&self, root: Id, prefix: &str) -> Option<String> {
        let (good, _) = self.productive(root, &|_| false);
        let fits = |id: Id| good.get(&id).copied().unwrap_or(false);
        if !fits(root) {
            return None;
        }
        let mut out = format!("{prefix}: ");
        self.mention(root, prefix, &mut out);
        out.push('\n');
        let mut ids: Vec<Id> = good.keys().copied().filter(|&id| fits(id)).collect();
        ids.sort_unstable();
        for id in ids {
            let Some(node) = self.get(id) else { continue };
            match node {
                Node::Never => continue,
                Node::Text(_) => {}
                _ => {
                    let _ = write!(out, "{prefix}{id}: ");
                }
            }
            match node {
                Node::Never => {}
                Node::Text(rx) => {
                    let _ = write!(out, "{}{id}: ", prefix.to_uppercase());
                    rx.write(&mut out);
                }
                Node::Library(schema) => {
                    let _ = write!(out, "%json {schema}");
                }
                Node::Seq(parts) if parts.is_empty() => out.push_str("\"\""),
                Node::Seq(parts) => {
                    for &part in parts {
                        self.mention(part, prefix, &mut out);
                        out.push(' ');
                    }
                }
                Node::Alt(parts) => self.write_alternatives(parts, &fits, prefix, &mut out),
                Node::Repeat(part, least, most) => {
                    if fits(*part) && *most != Some(0) {
                        self.mention(*part, prefix, &mut out);
                        match most {
                            None if *least == 0 => out.push('*'),
                            None => {
                                let _ = write!(out, "{{{least},}}");
                            }
                            Some(most) => {
                                let _ = write!(out, "{{{least},{most}}}");
                            }
                        }
                    } else {
                        out.push_str("\"\"");
                    }
                }
            }
            out.push('\n');
        }
        Some(out)
    }

    /// Writes the alternatives that match some text, each once.
    fn write_alternatives(
        &self,
        parts: &[Id],
        fits: &dyn Fn(Id) -> bool,
        prefix: &str,
        out: &mut String,
    ) {
        let mut first = true;
        let mut next = |out: &mut String| {
            if !std::mem::replace(&mut first, false) {
                out.push_str(" | ");
            }
        };
        let mut seen = Vec::new();
        for &part in parts.iter().filter(|&&part| fits(part)) {
            if seen.contains(&part) {
                continue;
            }
            seen.push(part);
            next(out);
            self.mention(part, prefix, out);
        }
    }

    /// Writes the name of a node. Lark requires upper case for names of texts.
    fn mention(&self, id: Id, prefix: &str, out: &mut String) {
        let _ = match self.get(id) {
            Some(Node::Text(_)) => write!(out, "{}{id}", prefix.to_uppercase()),
            _ => write!(out, "{prefix}{id}"),
        };
    }
}
