//! Compiles a schema to a grammar.
//!
//! For each value, [`Compiler::gather`] collects all schemas that apply to it. Then
//! [`Compiler::node`] expands the choices among them (`anyOf`, `oneOf`, `not`, `if`), until each
//! alternative is a set of plain assertions, which [`Compiler::leaf`] turns into rules.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    rc::Rc,
};

use serde_json::{Number, Value};

use super::{
    Place, Problem,
    grammar::{Grammar, Id, Node, Rx},
    negate,
    number::{self, Bound, Decimal, Digits},
    pattern::{Bad, Pattern},
    read::{Document, Keywords, Says, Sub, TYPES, Type, same},
};

/// The use of a schema. It decides what happens if a keyword cannot be enforced exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    /// A response format with `strict`: enforced exactly, or refused.
    Strict,
    /// A response format without `strict`: a keyword that cannot be enforced is ignored.
    Plain,
    /// Arguments of a function without `strict`: always an object. A keyword that cannot be
    /// enforced is ignored. A schema that is too large or allows no object stands for any object.
    Tool,
    /// Arguments of a function with `strict`: an object, enforced exactly or refused.
    StrictTool,
}

impl Promise {
    fn is_strict(self) -> bool {
        matches!(self, Self::Strict | Self::StrictTool)
    }

    fn is_tool(self) -> bool {
        matches!(self, Self::Tool | Self::StrictTool)
    }
}

/// A compiled schema.
pub(crate) struct Compiled {
    grammar: Grammar,
    root: Id,
    /// Keywords that were ignored. If empty, every text of the grammar matches the schema.
    pub(crate) relaxed: Vec<Problem>,
}

impl Compiled {
    /// Returns the grammar's rules as text. The first rule is named `prefix`.
    pub(crate) fn rules(&self, prefix: &str) -> String {
        self.grammar.write(self.root, prefix).unwrap_or_default()
    }

    /// Returns an upper bound of the bytes that the grammar forces at once.
    pub(crate) fn forced_max(&self) -> usize {
        self.grammar.forced_max(self.root)
    }
}

/// Maximum number of rules of one schema.
const RULES_MAX: usize = 60_000;
/// Maximum recursion of the compiler.
const DEPTH_MAX: u32 = 300;
/// Maximum length of a chain of references that describe the same value.
const CHAIN_MAX: usize = 300;

/// Steps that the schemas of one request may cost together: about half a second.
const STEPS_MAX: u64 = 1_000_000;

/// The work that the schemas of one request may still cost, in steps. A step is a new rule, a rule
/// that is checked for values, or a state of a pattern.
#[derive(Debug)]
pub(crate) struct Budget(u64);

impl Default for Budget {
    fn default() -> Self {
        Self(STEPS_MAX)
    }
}

/// Compiles a schema.
///
/// # Errors
/// If the schema is invalid, or is strict and has a keyword that cannot be enforced exactly. Except
/// for [`Promise::Tool`], also if the schema is too large or matches no value.
pub(crate) fn compile(
    root: &Value,
    promise: Promise,
    budget: &mut Budget,
) -> Result<Compiled, Problem> {
    let (mut grammar, found, relaxed) = attempt(root, promise, budget)?;
    if let Some(root) = found {
        return Ok(Compiled { grammar, root, relaxed });
    }
    if promise != Promise::Tool {
        let what =
            "matches no value that can be generated; look for keywords that contradict each other";
        return Err(Problem::whole(what));
    }
    // A function is always called with an object, even if its schema allows none.
    let object = serde_json::json!({"type": "object"});
    let (any, root, _) = attempt(&object, Promise::Plain, &mut Budget::default())?;
    grammar = any;
    let mut relaxed = relaxed;
    relaxed.push(Problem::whole("does not allow an object"));
    Ok(Compiled { grammar, root: root.unwrap_or_default(), relaxed })
}

/// The grammar, its root unless no value matches, and the ignored keywords.
type Attempt = (Grammar, Option<Id>, Vec<Problem>);

fn attempt(root: &Value, promise: Promise, budget: &mut Budget) -> Result<Attempt, Problem> {
    let mut document = Document::new(root, promise == Promise::Tool);
    let schema = match document.at("") {
        Err(problem) if promise == Promise::Tool => {
            return Ok((Grammar::default(), None, vec![problem]));
        }
        read => read?,
    };
    let mut compiler = Compiler {
        document,
        grammar: Grammar::default(),
        memo: HashMap::new(),
        open: HashSet::new(),
        patterns: HashMap::new(),
        refused: HashMap::new(),
        problems: Vec::new(),
        broken: None,
        trying: false,
        depth: 0,
        budget,
    };
    let mut all = vec![Rc::clone(&schema)];
    if promise.is_tool() {
        let types = Some([Type::Object].into_iter().collect());
        all.push(
            compiler.document.made_of(&schema.place, Keywords { types, ..Keywords::default() }),
        );
    }
    let made = compiler.no_circle(&schema).and_then(|()| compiler.all(&all));
    let root = match made {
        Ok(root) => root,
        Err(problem) if promise == Promise::Tool => {
            return Ok((Grammar::default(), None, vec![problem]));
        }
        Err(problem) => return Err(problem),
    };
    let Compiler { document, grammar, mut problems, broken, .. } = compiler;
    problems.extend(document.left_out);
    if promise.is_strict()
        && let Some(problem) = problems.first()
    {
        return Err(problem.clone());
    }
    if promise == Promise::Plain
        && let Some(problem) = broken
    {
        return Err(problem);
    }
    let fits = grammar.fits(root);
    Ok((grammar, fits.then_some(root), problems))
}

/// Result of a compilation step; the error ends the whole compilation.
pub(super) type Made<T> = Result<T, Problem>;

/// State of one compilation.
pub(super) struct Compiler<'a> {
    /// The schema, parsed on demand.
    pub(super) document: Document<'a>,
    /// The rules so far.
    pub(super) grammar: Grammar,
    /// The rule of each set of schemas (by id) and choices that was compiled, with `trying`.
    memo: HashMap<(bool, Vec<u32>, Vec<Choice>), Id>,
    /// Rules that are being compiled; a recursive schema refers to them.
    open: HashSet<Id>,
    /// Patterns by source; `None` for one with unsupported syntax.
    patterns: HashMap<String, Option<Rc<Pattern>>>,
    /// Negations by schema id; see [`Self::refused`].
    refused: HashMap<u32, Option<Vec<Sub>>>,
    /// Keywords that were ignored.
    problems: Vec<Problem>,
    /// The first pattern that is not a regular expression at all.
    broken: Option<Problem>,
    /// Set while [`Self::may_fit`] only asks whether a value exists. Problems are not recorded
    /// then, and the rules may allow too much, but never too little.
    pub(super) trying: bool,
    /// Nesting of [`Self::node`].
    depth: u32,
    budget: &'a mut Budget,
}

/// A keyword with a choice, by the id of its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Choice {
    /// `anyOf`.
    Any(u32),
    /// `oneOf`.
    One(u32),
    /// `not`, as the alternatives of its negation.
    Not(u32),
    /// `if`: either the condition and `then`, or its negation and `else`.
    If(u32),
    /// One entry of [`Keywords::dependent`]: the key is absent, or present and the schema applies.
    Dependent(u32, usize),
}

/// All schemas that apply to one value.
#[derive(Clone, Default)]
pub(super) struct Facts {
    /// Schemas whose plain keywords the value must satisfy, by id.
    pub(super) plain: BTreeMap<u32, Sub>,
    /// Choices that are still open. Each has alternatives, and an alternative is a list of schemas.
    choices: BTreeMap<Choice, Vec<Vec<Sub>>>,
    /// No value can match.
    never: bool,
}

impl Facts {
    /// Returns the keywords of all schemas in `plain`.
    pub(super) fn keywords(&self) -> Vec<&Keywords> {
        self.plain
            .values()
            .filter_map(|schema| match &schema.says {
                Says::Keywords(keywords) => Some(&**keywords),
                Says::All | Says::Nothing => None,
            })
            .collect()
    }

    /// Whether a choice is still open.
    pub(super) fn has_choices(&self) -> bool {
        !self.choices.is_empty()
    }

    /// Whether it is already known that no value matches.
    pub(super) fn is_never(&self) -> bool {
        self.never
    }

    /// Returns the types that every schema allows.
    fn types(&self) -> BTreeSet<Type> {
        let mut types: BTreeSet<Type> = TYPES.into_iter().collect();
        for keywords in self.keywords() {
            if let Some(allowed) = &keywords.types {
                types.retain(|kind| allowed.contains(kind));
            }
        }
        types
    }

    /// Returns a place to name in a problem.
    fn place(&self) -> Place {
        self.plain.values().next().map_or_else(|| Place::of(""), |schema| schema.place.clone())
    }

    /// Returns the place of the first schema for which `has` is true.
    pub(super) fn place_of(&self, has: impl Fn(&Keywords) -> bool) -> Place {
        let found = self.plain.values().find(|schema| match &schema.says {
            Says::Keywords(keywords) => has(keywords),
            Says::All | Says::Nothing => false,
        });
        found.map_or_else(|| self.place(), |schema| schema.place.clone())
    }
}

impl Compiler<'_> {
    /// Records that a keyword is ignored.
    pub(super) fn leave_out(&mut self, place: &Place, keyword: &str, advice: &str) {
        if !self.trying {
            let problem = place.wrong(keyword, advice);
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
    }

    /// Refuses a schema that refers to itself for the same value, as in `{"$ref": "#"}`: such a
    /// reference has no meaning, and expanding it would not end.
    fn no_circle(&mut self, root: &Sub) -> Made<()> {
        let (mut done, mut inside) = (HashSet::new(), vec![Rc::clone(root)]);
        while let Some(schema) = inside.pop() {
            self.walk(&schema, &mut Vec::new(), &mut done, &mut inside)?;
        }
        Ok(())
    }

    /// Follows the references from `schema` that apply to the same value; `path` holds the schemas
    /// on the way. Schemas of properties and items go to `inside`.
    fn walk(
        &mut self,
        schema: &Sub,
        path: &mut Vec<u32>,
        done: &mut HashSet<u32>,
        inside: &mut Vec<Sub>,
    ) -> Made<()> {
        let Says::Keywords(keywords) = &schema.says else { return Ok(()) };
        if done.contains(&schema.id) {
            return Ok(());
        }
        if path.contains(&schema.id) || path.len() > CHAIN_MAX {
            return Err(schema
                .place
                .bad("refers to itself for the same value; remove that reference"));
        }
        path.push(schema.id);
        let target = keywords.target.as_ref().map(|target| self.document.target(target));
        let condition = keywords.condition.iter().flat_map(|(condition, then, otherwise)| {
            [Some(condition), then.as_ref(), otherwise.as_ref()].into_iter().flatten()
        });
        let dependent = keywords.dependent.iter().map(|(_, schema)| schema);
        let here = keywords.all_of.iter().chain(&keywords.any_of).chain(&keywords.one_of);
        let here = here.chain(&keywords.not).chain(condition).chain(dependent);
        for schema in here.chain(&target.transpose()?) {
            self.walk(schema, path, done, inside)?;
        }
        let keyed = keywords.properties.iter().chain(&keywords.patterns).map(|(_, schema)| schema);
        let items = keywords.prefix.iter().chain(&keywords.items).chain(&keywords.contains);
        let values = keyed.chain(&keywords.additional).chain(&keywords.names).chain(items);
        inside.extend(values.cloned());
        path.pop();
        done.insert(schema.id);
        Ok(())
    }

    /// Compiles the values that match all of these schemas.
    pub(super) fn all(&mut self, schemas: &[Sub]) -> Made<Id> {
        let facts = self.gather(Facts::default(), schemas)?;
        self.node(facts)
    }

    /// Adds schemas to `facts`, with the targets of their `allOf` and `$ref`.
    pub(super) fn gather(&mut self, mut facts: Facts, schemas: &[Sub]) -> Made<Facts> {
        let mut left: Vec<Sub> = schemas.iter().rev().cloned().collect();
        while let Some(schema) = left.pop() {
            let keywords = match &schema.says {
                Says::All => continue,
                Says::Nothing => {
                    facts.never = true;
                    return Ok(facts);
                }
                Says::Keywords(keywords) => keywords,
            };
            if facts.plain.insert(schema.id, Rc::clone(&schema)).is_some() {
                continue;
            }
            for keyword in &keywords.beyond {
                let advice = match *keyword {
                    "$ref" => "has its target outside of this schema; copy the target into `$defs`",
                    "$dynamicRef" | "$recursiveRef" => "is not supported; use `$ref`",
                    "unevaluatedItems" => "is not supported here; use `items`",
                    _ => "is not supported here; use `additionalProperties`",
                };
                self.leave_out(&schema.place, keyword, advice);
            }
            left.extend(keywords.all_of.iter().rev().cloned());
            if let Some(target) = &keywords.target {
                match self.document.target(target) {
                    Ok(target) => left.push(target),
                    Err(problem) => return Err(problem),
                }
            }
            self.choices(&schema, keywords, &mut facts)?;
        }
        if facts.types().is_empty() {
            facts.never = true;
        }
        Ok(facts)
    }

    /// Adds the choices of one schema to `facts`.
    fn choices(&mut self, schema: &Sub, keywords: &Keywords, facts: &mut Facts) -> Made<()> {
        let each =
            |all: &[Sub]| all.iter().map(|schema| vec![Rc::clone(schema)]).collect::<Vec<_>>();
        if !keywords.any_of.is_empty() {
            facts.choices.insert(Choice::Any(schema.id), each(&keywords.any_of));
        }
        if !keywords.one_of.is_empty() {
            facts.choices.insert(Choice::One(schema.id), each(&keywords.one_of));
        }
        if let Some(not) = &keywords.not {
            match self.refused(not)? {
                Some(branches) => {
                    facts.choices.insert(Choice::Not(schema.id), each(&branches));
                }
                None => self.leave_out(
                    &schema.place,
                    "not",
                    "cannot be enforced exactly here; describe the allowed values instead",
                ),
            }
        }
        if let Some((condition, then, otherwise)) = &keywords.condition
            && (then.is_some() || otherwise.is_some())
        {
            if self.refused(condition)?.is_some() {
                let not = Keywords { not: Some(Rc::clone(condition)), ..Keywords::default() };
                let not = self.document.made_of(&condition.place, not);
                let yes = [Some(condition), then.as_ref()].into_iter().flatten().cloned().collect();
                let no = [Some(&not), otherwise.as_ref()].into_iter().flatten().cloned().collect();
                facts.choices.insert(Choice::If(schema.id), vec![yes, no]);
            } else {
                self.leave_out(
                    &schema.place,
                    "if",
                    "cannot be enforced exactly here; write the cases as `anyOf`",
                );
            }
        }
        if keywords.dependent.len() > 8 {
            self.leave_out(
                &schema.place,
                "dependencies",
                "has more than eight entries; write the cases as `anyOf`",
            );
            return Ok(());
        }
        for (index, (name, needs)) in keywords.dependent.iter().enumerate() {
            let nothing = self.document.made(&schema.place, Says::Nothing);
            let without =
                Keywords { properties: vec![(name.clone(), nothing)], ..Keywords::default() };
            let types = Some([Type::Object].into_iter().collect());
            let with = Keywords { types, required: vec![name.clone()], ..Keywords::default() };
            let without = vec![self.document.made_of(&schema.place, without)];
            let with = vec![self.document.made_of(&schema.place, with), Rc::clone(needs)];
            facts.choices.insert(Choice::Dependent(schema.id, index), vec![without, with]);
        }
        Ok(())
    }

    /// Negates a schema: returns alternatives that together match the values which the schema does
    /// not match. `None` if it cannot be negated exactly.
    fn refused(&mut self, schema: &Sub) -> Made<Option<Vec<Sub>>> {
        if let Some(known) = self.refused.get(&schema.id) {
            return Ok(known.clone());
        }
        if self.depth > DEPTH_MAX {
            return Ok(None);
        }
        self.spend(1)?;
        let target = match &schema.says {
            Says::Keywords(keywords) => keywords.target.clone(),
            Says::All | Says::Nothing => None,
        };
        let target = target.map(|target| self.document.target(&target)).transpose()?;
        let mut all = negate::refused(&self.document, schema, target.as_ref());
        // The subschemas must be negatable too. This first entry ends a recursion.
        self.refused.insert(schema.id, all.clone());
        if let Says::Keywords(keywords) = &schema.says {
            let mut behind: Vec<Sub> =
                keywords.all_of.iter().chain(&keywords.any_of).cloned().collect();
            behind.extend(keywords.properties.iter().map(|(_, schema)| Rc::clone(schema)));
            behind.extend(keywords.items.iter().cloned());
            behind.extend(keywords.dependent.iter().map(|(_, schema)| Rc::clone(schema)));
            behind.extend(target);
            self.depth = self.depth.saturating_add(1);
            for schema in behind {
                if self.refused(&schema)?.is_none() {
                    all = None;
                }
            }
            self.depth = self.depth.saturating_sub(1);
            let odd = [&keywords.pattern]
                .into_iter()
                .flatten()
                .any(|pattern| self.pattern(pattern).is_none());
            if odd {
                all = None;
            }
        }
        self.refused.insert(schema.id, all.clone());
        Ok(all)
    }

    /// Compiles the values that match `facts`. Equal facts give the same rule, so that recursive
    /// schemas become recursive rules.
    pub(super) fn node(&mut self, facts: Facts) -> Made<Id> {
        if facts.never {
            return Ok(self.grammar.never());
        }
        let plain: Vec<u32> = facts.plain.keys().copied().collect();
        let key = (self.trying, plain, facts.choices.keys().copied().collect::<Vec<_>>());
        if let Some(&known) = self.memo.get(&key) {
            return Ok(known);
        }
        if self.grammar.len() > RULES_MAX || self.memo.len() > RULES_MAX || self.depth > DEPTH_MAX {
            return Err(Problem::whole(
                "is too large with all its alternatives expanded; make it simpler",
            ));
        }
        self.spend(1)?;
        let id = self.grammar.add(Node::Never);
        self.memo.insert(key, id);
        self.open.insert(id);
        self.depth = self.depth.saturating_add(1);
        let made = self.alternatives(facts);
        self.depth = self.depth.saturating_sub(1);
        self.open.remove(&id);
        self.grammar.set(id, Node::Alt(vec![made?]));
        Ok(id)
    }

    /// Expands the first open choice.
    fn alternatives(&mut self, mut facts: Facts) -> Made<Id> {
        let Some((choice, branches)) = facts.choices.pop_first() else { return self.leaf(&facts) };
        if let Choice::One(_) = choice {
            return self.exactly_one(&facts, &branches);
        }
        let mut all = Vec::with_capacity(branches.len());
        for branch in &branches {
            let facts = self.gather(facts.clone(), branch)?;
            all.push(self.node(facts)?);
        }
        Ok(self.grammar.alt(all))
    }

    /// Whether the rule has a text. A rule that is being compiled counts as one that has.
    fn fits(&mut self, id: Id) -> Made<bool> {
        let (productive, steps) = self.grammar.productive(id, &|id| self.open.contains(&id));
        self.spend(steps)?;
        Ok(productive.get(&id).copied().unwrap_or(false))
    }

    /// Whether a value may match `facts` and `schemas`. The answer can be wrongly true, but never
    /// wrongly false.
    fn may_fit(&mut self, facts: &Facts, schemas: &[Sub]) -> Made<bool> {
        let before = std::mem::replace(&mut self.trying, true);
        let made = self.gather(facts.clone(), schemas).and_then(|facts| self.node(facts));
        self.trying = before;
        self.fits(made?)
    }

    /// Compiles `oneOf`: each alternative without the values of the alternatives that overlap it.
    fn exactly_one(&mut self, facts: &Facts, branches: &[Vec<Sub>]) -> Made<Id> {
        let mut viable: Vec<Sub> = Vec::new();
        for branch in branches.iter().flatten() {
            if self.may_fit(facts, std::slice::from_ref(branch))? {
                viable.push(Rc::clone(branch));
            }
        }
        let (mut all, mut plain) = (Vec::new(), Vec::new());
        for (index, branch) in viable.iter().enumerate() {
            let mut together = vec![Rc::clone(branch)];
            for (other_index, other) in viable.iter().enumerate() {
                if other_index == index
                    || !self.may_fit(facts, &[Rc::clone(branch), Rc::clone(other)])?
                {
                    continue;
                }
                if self.refused(other)?.is_some() {
                    let not = Keywords { not: Some(Rc::clone(other)), ..Keywords::default() };
                    together.push(self.document.made_of(&other.place, not));
                } else {
                    self.leave_out(&branch.place, "oneOf", "overlaps another alternative; make them exclude each other, or use `anyOf`");
                }
            }
            let alone = self.gather(facts.clone(), &together)?;
            all.push(self.node(alone)?);
            let any = self.gather(facts.clone(), std::slice::from_ref(branch))?;
            plain.push(any);
        }
        let exact = self.grammar.alt(all);
        if viable.is_empty() || self.trying || self.fits(exact)? {
            return Ok(exact);
        }
        let place = viable.first().map_or_else(|| Place::of(""), |branch| branch.place.clone());
        self.leave_out(
            &place,
            "oneOf",
            "allows no value that matches exactly one alternative; use `anyOf`",
        );
        let mut all = Vec::new();
        for facts in plain {
            all.push(self.node(facts)?);
        }
        Ok(self.grammar.alt(all))
    }

    /// Takes `steps` from the budget of the request.
    pub(super) fn spend(&mut self, steps: u64) -> Made<()> {
        match self.budget.0.checked_sub(steps) {
            Some(left) => {
                self.budget.0 = left;
                Ok(())
            }
            None => {
                self.budget.0 = 0;
                Err(Problem::whole(
                    "needs more work than one request may cost; use fewer alternatives and \
                     patterns, or smaller counts",
                ))
            }
        }
    }

    /// Parses a pattern, once. `None` if it is invalid or has unsupported syntax.
    pub(super) fn pattern(&mut self, source: &str) -> Option<Rc<Pattern>> {
        if let Some(known) = self.patterns.get(source) {
            return known.clone();
        }
        let read = Pattern::read(source);
        // A pattern that the budget does not cover is too large for it.
        let read = read.and_then(|read| match self.spend(read.states) {
            Ok(()) => Ok(read),
            Err(_) => Err(Bad::TooLarge),
        });
        if read.as_ref().is_err_and(|bad| *bad == Bad::Broken) && self.broken.is_none() {
            self.broken =
                Some(Place::of("").wrong("pattern", "is not a regular expression (ECMA-262)"));
        }
        let read = read.ok().map(Rc::new);
        self.patterns.insert(source.to_owned(), read.clone());
        read
    }

    /// Compiles plain assertions, without open choices.
    fn leaf(&mut self, facts: &Facts) -> Made<Id> {
        let types = facts.types();
        let mut values: Option<Vec<Value>> = None;
        for keywords in facts.keywords() {
            if let Some(listed) = &keywords.values {
                values = Some(match values {
                    None => listed.clone(),
                    Some(old) => old
                        .into_iter()
                        .filter(|old| listed.iter().any(|new| same(old, new)))
                        .collect(),
                });
            }
        }
        let mut all = Vec::new();
        let word = |compiler: &mut Self, value: Value, all: &mut Vec<Id>| {
            if values.as_ref().is_none_or(|values| values.contains(&value)) {
                all.push(compiler.grammar.literal(&value.to_string()));
            }
        };
        if types.contains(&Type::Null) {
            word(self, Value::Null, &mut all);
        }
        if types.contains(&Type::Boolean) {
            word(self, Value::Bool(true), &mut all);
            word(self, Value::Bool(false), &mut all);
        }
        if types.contains(&Type::Integer) || types.contains(&Type::Fraction) {
            self.number(facts, &types, values.as_deref(), &mut all);
        }
        if types.contains(&Type::String)
            && let Some(rx) = self.text(facts, values.as_deref())
        {
            all.push(self.grammar.add(Node::Text(super::pattern::string(rx))));
        }
        self.containers(facts, &types, values.as_deref(), &mut all)?;
        Ok(self.grammar.alt(all))
    }

    /// Compiles arrays and objects; `values` are the values of `enum` and `const`.
    fn containers(
        &mut self,
        facts: &Facts,
        types: &BTreeSet<Type>,
        values: Option<&[Value]>,
        all: &mut Vec<Id>,
    ) -> Made<()> {
        let Some(values) = values else {
            if types.contains(&Type::Array) {
                all.push(self.array(facts)?);
            }
            if types.contains(&Type::Object) {
                all.push(self.object(facts)?);
            }
            return Ok(());
        };
        let place = facts.place();
        for value in values {
            let only = |compiler: &Self, value: &Value| {
                compiler.document.made_of(
                    &place,
                    Keywords { values: Some(vec![value.clone()]), ..Keywords::default() },
                )
            };
            let nothing = self.document.made(&place, Says::Nothing);
            match value {
                Value::Array(items) if types.contains(&Type::Array) => {
                    let count = u64::try_from(items.len()).ok();
                    let prefix = items.iter().map(|item| only(self, item)).collect();
                    let exact = Keywords {
                        prefix,
                        items: Some(nothing),
                        min_items: count,
                        max_items: count,
                        ..Keywords::default()
                    };
                    let exact = self.document.made_of(&place, exact);
                    let facts = self.gather(facts.clone(), &[exact])?;
                    all.push(self.array(&facts)?);
                }
                Value::Object(members) if types.contains(&Type::Object) => {
                    let properties = members
                        .iter()
                        .map(|(name, value)| (name.clone(), only(self, value)))
                        .collect();
                    let required = members.keys().cloned().collect();
                    let exact = Keywords {
                        properties,
                        required,
                        additional: Some(nothing),
                        ..Keywords::default()
                    };
                    let exact = self.document.made_of(&place, exact);
                    let facts = self.gather(facts.clone(), &[exact])?;
                    all.push(self.object(&facts)?);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Compiles numbers; `values` are the values of `enum` and `const`.
    fn number(
        &mut self,
        facts: &Facts,
        types: &BTreeSet<Type>,
        values: Option<&[Value]>,
        all: &mut Vec<Id>,
    ) {
        let (mut low, mut high): (Bound, Bound) = (None, None);
        let mut step: Option<Decimal> = None;
        let mut exact = true;
        for keywords in facts.keywords() {
            let mut read = |bound: &Option<(Number, bool)>| match bound {
                None => None,
                Some((number, out)) => match Decimal::of(number) {
                    Some(value) => Some((value, *out)),
                    None => {
                        // A bound with so many digits can be ignored only if it is far away.
                        let far = number.as_f64().is_some_and(|value| value.abs() >= 1e30);
                        exact &= far;
                        None
                    }
                },
            };
            let new_low = tighter(low, read(&keywords.minimum), std::cmp::Ordering::Greater);
            let new_high = tighter(high, read(&keywords.maximum), std::cmp::Ordering::Less);
            exact &= new_low.is_some() && new_high.is_some();
            (low, high) = (new_low.unwrap_or(low), new_high.unwrap_or(high));
            // A lower bound above all numbers that are generated, or an upper bound below them.
            let above = keywords
                .minimum
                .as_ref()
                .is_some_and(|(number, _)| number.as_f64().is_some_and(|value| value >= 1e30));
            let below = keywords
                .maximum
                .as_ref()
                .is_some_and(|(number, _)| number.as_f64().is_some_and(|value| value <= -1e30));
            exact &= !above && !below;
            if let Some(number) = &keywords.multiple_of {
                match (Decimal::of(number), step) {
                    (Some(new), None) => step = Some(new),
                    (Some(new), Some(old)) => match old.common(new) {
                        Some(common) => step = Some(common),
                        None => exact = false,
                    },
                    (None, _) => exact = false,
                }
            }
        }
        if !exact {
            let place = facts.place_of(|keywords| {
                keywords.minimum.is_some()
                    || keywords.maximum.is_some()
                    || keywords.multiple_of.is_some()
            });
            self.leave_out(
                &place,
                "minimum",
                "or another number keyword here has too many digits; use at most 18 digits",
            );
        }
        if let Some(values) = values {
            for value in values {
                if let Value::Number(number) = value
                    && listed(number, types, low, high, step)
                {
                    all.push(self.grammar.literal(&number.to_string()));
                }
            }
            return;
        }
        let digits = match (types.contains(&Type::Integer), types.contains(&Type::Fraction)) {
            (true, false) => number::integers(low, high, step),
            (false, true) if step.is_some_and(Decimal::is_integer) => Digits::None,
            (false, true) if low.is_none() && high.is_none() && step.is_none() => {
                Digits::Expression(number::FRACTIONS.to_owned())
            }
            (false, true) => Digits::Inexact,
            _ => number::numbers(low, high, step),
        };
        match digits {
            Digits::None => {}
            Digits::Expression(text) => {
                all.push(self.grammar.add(Node::Text(Rx::Expression(text))))
            }
            Digits::Library(schema) => all.push(self.grammar.add(Node::Library(schema))),
            Digits::Inexact => {
                let place = facts.place_of(|keywords| {
                    keywords.multiple_of.is_some() || keywords.minimum.is_some()
                });
                let keyword = if step.is_some() { "multipleOf" } else { "minimum" };
                self.leave_out(
                    &place,
                    keyword,
                    "cannot be enforced exactly with these numbers; use fewer digits",
                );
                let free = if types.contains(&Type::Fraction) {
                    number::numbers(None, None, None)
                } else {
                    number::integers(None, None, None)
                };
                if let Digits::Expression(text) = free {
                    all.push(self.grammar.add(Node::Text(Rx::Expression(text))));
                }
            }
        }
    }
}

/// Returns the tighter of two bounds: of two lower bounds the greater, of two upper bounds the
/// less.
/// `None` if the two cannot be compared.
fn tighter(old: Bound, new: Bound, wins: std::cmp::Ordering) -> Option<Bound> {
    Some(match (old, new) {
        (None, bound) | (bound, None) => bound,
        (Some((a, a_out)), Some((b, b_out))) => match b.compare(a)? {
            std::cmp::Ordering::Equal => Some((a, a_out || b_out)),
            order if order == wins => Some((b, b_out)),
            _ => Some((a, a_out)),
        },
    })
}

/// Whether a number of `enum` or `const` satisfies the other assertions.
fn listed(
    number: &Number,
    types: &BTreeSet<Type>,
    low: Bound,
    high: Bound,
    step: Option<Decimal>,
) -> bool {
    let Some(value) = Decimal::of(number) else {
        return types.contains(&Type::Fraction)
            && low.is_none()
            && high.is_none()
            && step.is_none();
    };
    let kind = if value.is_integer() { Type::Integer } else { Type::Fraction };
    let within = |bound: Bound, order: std::cmp::Ordering| {
        bound.is_none_or(|(bound, out)| match value.compare(bound) {
            Some(std::cmp::Ordering::Equal) => !out,
            Some(found) => found == order,
            None => false,
        })
    };
    types.contains(&kind)
        && within(low, std::cmp::Ordering::Greater)
        && within(high, std::cmp::Ordering::Less)
        && step.is_none_or(|step| value.is_multiple(step).unwrap_or(false))
}
