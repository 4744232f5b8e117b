//! Parses a JSON schema strictly into [`Keywords`], and resolves the targets of `$ref`.
//!
//! A subschema is parsed together with its parent, the target of a `$ref` when it is first needed.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeSet, HashMap},
    hash::{Hash, Hasher},
    rc::Rc,
};

use serde_json::{Map, Number, Value};

use super::{Place, Problem};

/// The types of JSON. A number is either an integer or a fraction, so that `integer` is one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Type {
    Null,
    Boolean,
    Integer,
    /// A number that is not an integer.
    Fraction,
    String,
    Array,
    Object,
}

/// All types.
pub(super) const TYPES: [Type; 7] = [
    Type::Null,
    Type::Boolean,
    Type::Integer,
    Type::Fraction,
    Type::String,
    Type::Array,
    Type::Object,
];

/// The edition of JSON Schema. It decides which keywords exist and what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Edition {
    /// Draft 4.
    Draft4,
    /// Draft 6.
    Draft6,
    /// Draft 7.
    Draft7,
    /// 2019-09.
    Draft2019,
    /// 2020-12, which is also the default.
    Draft2020,
}

impl Edition {
    /// Reads the edition from `$schema`.
    pub(super) fn of(root: &Value) -> Self {
        let named = root.get("$schema").and_then(Value::as_str).unwrap_or_default();
        match named.trim_end_matches('#').rsplit_once("/draft") {
            Some((_, "-03/schema" | "-04/schema")) => Self::Draft4,
            Some((_, "-06/schema")) => Self::Draft6,
            Some((_, "-07/schema")) => Self::Draft7,
            Some((_, "/2019-09/schema")) => Self::Draft2019,
            _ => Self::Draft2020,
        }
    }
}

/// One parsed schema or subschema. Equality compares `id` only.
pub(super) struct Schema {
    /// Number within its [`Document`].
    pub(super) id: u32,
    /// Place to name in a [`Problem`].
    pub(super) place: Place,
    /// Parsed content.
    pub(super) says: Says,
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Schema {}

impl Hash for Schema {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

/// The content of a schema.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Says {
    /// `true`: every value matches.
    All,
    /// `false`: no value matches.
    Nothing,
    /// An object: a value matches if it satisfies every keyword.
    Keywords(Box<Keywords>),
}

/// A shared reference to a schema.
pub(super) type Sub = Rc<Schema>;

/// The keywords of one schema, after differences between editions are removed. Most fields carry
/// the value of the keyword of the same name.
#[derive(Default, Clone, PartialEq, Eq, Hash)]
pub(super) struct Keywords {
    /// `type`.
    pub(super) types: Option<BTreeSet<Type>>,
    /// `enum` and `const`: the values that satisfy both.
    pub(super) values: Option<Vec<Value>>,
    /// Strings that must not occur. No schema has this keyword; [`super::negate`] makes it.
    pub(super) not_strings: Vec<String>,
    /// `minimum` or `exclusiveMinimum`; true where the bound itself is excluded.
    pub(super) minimum: Option<(Number, bool)>,
    /// `maximum` or `exclusiveMaximum`; true where the bound itself is excluded.
    pub(super) maximum: Option<(Number, bool)>,
    pub(super) multiple_of: Option<Number>,
    pub(super) min_length: Option<u64>,
    pub(super) max_length: Option<u64>,
    pub(super) pattern: Option<String>,
    /// A pattern that must not match. No schema has this keyword; [`super::negate`] makes it.
    pub(super) not_pattern: Option<String>,
    pub(super) format: Option<String>,
    /// `prefixItems`, or `items` as an array before 2020-12.
    pub(super) prefix: Vec<Sub>,
    /// Schema of the items after `prefix`: `items`, `additionalItems` or `unevaluatedItems`.
    pub(super) items: Option<Sub>,
    pub(super) min_items: Option<u64>,
    pub(super) max_items: Option<u64>,
    /// `uniqueItems`.
    pub(super) unique: bool,
    pub(super) contains: Option<Sub>,
    pub(super) min_contains: Option<u64>,
    pub(super) max_contains: Option<u64>,
    pub(super) properties: Vec<(String, Sub)>,
    /// `patternProperties`.
    pub(super) patterns: Vec<(String, Sub)>,
    /// `additionalProperties` or `unevaluatedProperties`.
    pub(super) additional: Option<Sub>,
    /// `propertyNames`.
    pub(super) names: Option<Sub>,
    pub(super) required: Vec<String>,
    pub(super) min_properties: Option<u64>,
    pub(super) max_properties: Option<u64>,
    /// `dependentRequired`, `dependentSchemas` and `dependencies`: an object that has this key must
    /// match the schema.
    pub(super) dependent: Vec<(String, Sub)>,
    pub(super) all_of: Vec<Sub>,
    pub(super) any_of: Vec<Sub>,
    pub(super) one_of: Vec<Sub>,
    pub(super) not: Option<Sub>,
    /// `if`, `then` and `else`.
    pub(super) condition: Option<(Sub, Option<Sub>, Option<Sub>)>,
    /// JSON pointer to the target of `$ref`.
    pub(super) target: Option<String>,
    /// Keywords of this schema that cannot be enforced.
    pub(super) beyond: Vec<&'static str>,
}

/// A root schema with all subschemas that were parsed so far.
pub(super) struct Document<'a> {
    /// The whole schema as JSON.
    root: &'a Value,
    /// The edition that the root names.
    pub(super) edition: Edition,
    /// Parsed schemas by JSON pointer.
    read: HashMap<String, Sub>,
    /// Depth of the subschema that is parsed now.
    reading: u32,
    /// JSON pointers by `$id` and anchor.
    names: HashMap<String, String>,
    /// Next free [`Schema::id`].
    next: Cell<u32>,
    /// Schemas that the compiler made.
    made: RefCell<HashMap<Says, Sub>>,
    /// Whether keywords with impossible values are left out; see [`Self::new`].
    lenient: bool,
    /// Keywords that were left out for their impossible values.
    pub(super) left_out: Vec<Problem>,
}

/// Maximum nesting of schemas.
const DEPTH_MAX: u32 = 128;

type Read<T> = Result<T, Problem>;

impl<'a> Document<'a> {
    /// Prepares a document; nothing is parsed yet except `$id`s and anchors.
    /// `lenient` leaves a keyword with an impossible value out, where it is an error otherwise.
    pub(super) fn new(root: &'a Value, lenient: bool) -> Self {
        let (edition, read) = (Edition::of(root), HashMap::new());
        let mut names = HashMap::new();
        name(root, edition, "", "", 0, &mut names);
        Self {
            root,
            edition,
            read,
            reading: 0,
            names,
            next: Cell::new(0),
            made: RefCell::default(),
            lenient,
            left_out: Vec::new(),
        }
    }

    /// Makes a schema that the document does not contain. Equal content gives the same schema, so
    /// that a recursion through made schemas ends.
    pub(super) fn made(&self, place: &Place, says: Says) -> Sub {
        if let Some(known) = self.made.borrow().get(&says) {
            return Rc::clone(known);
        }
        let made = self.fresh(place, says.clone());
        self.made.borrow_mut().insert(says, Rc::clone(&made));
        made
    }

    fn fresh(&self, place: &Place, says: Says) -> Sub {
        let id = self.next.get();
        self.next.set(id.saturating_add(1));
        Rc::new(Schema { id, place: place.clone(), says })
    }

    /// Makes a schema of keywords; see [`Self::made`].
    pub(super) fn made_of(&self, place: &Place, keywords: Keywords) -> Sub {
        self.made(place, Says::Keywords(Box::new(keywords)))
    }

    /// Returns the schema at a JSON pointer, and parses it on first use.
    pub(super) fn at(&mut self, pointer: &str) -> Read<Sub> {
        if let Some(known) = self.read.get(pointer) {
            return Ok(Rc::clone(known));
        }
        let place = Place::of(pointer);
        let root = self.root;
        let Some(value) = root.pointer(pointer) else {
            return Err(
                place.wrong("$ref", "finds no schema there; point it to a schema in this document")
            );
        };
        if self.reading >= DEPTH_MAX {
            return Err(place.wrong("$schema", "is nested too deeply; use fewer levels, or `$ref`"));
        }
        self.reading = self.reading.saturating_add(1);
        let says = self.says(value, pointer, &place);
        self.reading = self.reading.saturating_sub(1);
        let schema = self.fresh(&place, says?);
        self.read.insert(pointer.to_owned(), Rc::clone(&schema));
        Ok(schema)
    }

    /// Returns the target of a `$ref`, whose pointer is in [`Keywords::target`].
    pub(super) fn target(&mut self, pointer: &str) -> Read<Sub> {
        self.at(pointer)
    }

    fn says(&mut self, value: &Value, pointer: &str, place: &Place) -> Read<Says> {
        match value {
            Value::Bool(true) => Ok(Says::All),
            Value::Bool(false) => Ok(Says::Nothing),
            Value::Object(object) => {
                let keywords = self.keywords(object, pointer, place)?;
                Ok(Says::Keywords(Box::new(keywords)))
            }
            _ => Err(place.bad("is not a JSON schema; write an object, true or false")),
        }
    }

    fn keywords(
        &mut self,
        object: &Map<String, Value>,
        pointer: &str,
        place: &Place,
    ) -> Read<Keywords> {
        let mut keywords = Keywords::default();
        let alone =
            self.edition <= Edition::Draft7 && object.get("$ref").is_some_and(Value::is_string);
        for (keyword, value) in object {
            if alone && keyword != "$ref" {
                continue;
            }
            let before = self.lenient.then(|| keywords.clone());
            let read = self.keyword(&mut keywords, keyword, value, object, pointer, place);
            match (read, before) {
                (Ok(()), _) => {}
                (Err(problem), Some(before)) => {
                    keywords = before;
                    self.left_out.push(problem);
                }
                (Err(problem), None) => return Err(problem),
            }
        }
        if let (Some(condition), false) = (object.get("if"), alone) {
            let _ = condition;
            let condition = self.at(&format!("{pointer}/if"))?;
            let then = self.child(object, "then", pointer)?;
            let otherwise = self.child(object, "else", pointer)?;
            keywords.condition = Some((condition, then, otherwise));
        }
        Ok(keywords)
    }

    fn child(
        &mut self,
        object: &Map<String, Value>,
        keyword: &str,
        pointer: &str,
    ) -> Read<Option<Sub>> {
        if object.contains_key(keyword) {
            self.at(&format!("{pointer}/{keyword}")).map(Some)
        } else {
            Ok(None)
        }
    }

    fn keyword(
        &mut self,
        out: &mut Keywords,
        keyword: &str,
        value: &Value,
        object: &Map<String, Value>,
        pointer: &str,
        place: &Place,
    ) -> Read<()> {
        let modern = self.edition >= Edition::Draft2019;
        let count = || {
            count(value).ok_or_else(|| place.wrong(keyword, "must be a whole number, 0 or more"))
        };
        let number = || match value {
            Value::Number(number) => Ok(number.clone()),
            _ => Err(place.wrong(keyword, "must be a number")),
        };
        let text = || {
            value
                .as_str()
                .map(str::to_owned)
                .ok_or_else(|| place.wrong(keyword, "must be a string"))
        };
        let at = format!("{pointer}/{}", escaped(keyword));
        match keyword {
            "type" => out.types = Some(types(value, place, self.edition)?),
            "enum" => {
                let all = value
                    .as_array()
                    .ok_or_else(|| place.wrong(keyword, "must be an array of values"))?;
                narrow(out, all);
            }
            "const" if self.edition > Edition::Draft4 => narrow(out, std::slice::from_ref(value)),
            "minimum" => {
                tighten(&mut out.minimum, number()?, exclusive(object, "exclusiveMinimum"), true)
            }
            "maximum" => {
                tighten(&mut out.maximum, number()?, exclusive(object, "exclusiveMaximum"), false)
            }
            "exclusiveMinimum" if value.is_boolean() && self.edition == Edition::Draft4 => {}
            "exclusiveMaximum" if value.is_boolean() && self.edition == Edition::Draft4 => {}
            "exclusiveMinimum" => tighten(&mut out.minimum, number()?, true, true),
            "exclusiveMaximum" => tighten(&mut out.maximum, number()?, true, false),
            "multipleOf" => {
                let step = number()?;
                if step.as_f64().is_none_or(|step| step <= 0.0) {
                    return Err(place.wrong(keyword, "must be more than 0"));
                }
                out.multiple_of = Some(step);
            }
            "minLength" => out.min_length = Some(count()?),
            "maxLength" => out.max_length = Some(count()?),
            "pattern" => out.pattern = Some(text()?),
            "format" => out.format = Some(text()?),
            "minItems" => out.min_items = Some(count()?),
            "maxItems" => out.max_items = Some(count()?),
            "minContains" if modern => out.min_contains = Some(count()?),
            "maxContains" if modern => out.max_contains = Some(count()?),
            "minProperties" => out.min_properties = Some(count()?),
            "maxProperties" => out.max_properties = Some(count()?),
            "uniqueItems" => {
                out.unique =
                    value.as_bool().ok_or_else(|| place.wrong(keyword, "must be true or false"))?;
            }
            "prefixItems" if self.edition == Edition::Draft2020 => {
                out.prefix = self.list(value, &at, place, keyword)?
            }
            "items" if value.is_array() && self.edition < Edition::Draft2020 => {
                out.prefix = self.list(value, &at, place, keyword)?;
                if object.contains_key("additionalItems") {
                    out.items = Some(self.at(&format!("{pointer}/additionalItems"))?);
                }
            }
            "items" => out.items = Some(self.at(&at)?),
            "contains" if self.edition > Edition::Draft4 => out.contains = Some(self.at(&at)?),
            "properties" => out.properties = self.map(value, &at, place, keyword)?,
            "patternProperties" => out.patterns = self.map(value, &at, place, keyword)?,
            "additionalProperties" => out.additional = Some(self.at(&at)?),
            "propertyNames" if self.edition > Edition::Draft4 => out.names = Some(self.at(&at)?),
            "required" => out.required = strings(value, place, keyword)?,
            "dependentRequired" if modern => self.dependent_required(out, value, place, keyword)?,
            "dependentSchemas" if modern => {
                out.dependent.extend(self.map(value, &at, place, keyword)?)
            }
            "dependencies" => self.dependencies(out, value, &at, place)?,
            "allOf" => out.all_of = self.list(value, &at, place, keyword)?,
            "anyOf" => out.any_of = self.filled(value, &at, place, keyword)?,
            "oneOf" => out.one_of = self.filled(value, &at, place, keyword)?,
            "not" => out.not = Some(self.at(&at)?),
            "$ref" => match self.pointer(&text()?, pointer) {
                Some(target) => out.target = Some(target),
                None => out.beyond.push("$ref"),
            },
            "$dynamicRef" if self.edition == Edition::Draft2020 => out.beyond.push("$dynamicRef"),
            "$recursiveRef" if self.edition == Edition::Draft2019 => {
                out.beyond.push("$recursiveRef")
            }
            "unevaluatedProperties" if modern => {
                self.unevaluated(out, object, value, pointer, true)?
            }
            "unevaluatedItems" if modern => self.unevaluated(out, object, value, pointer, false)?,
            _ => {}
        }
        Ok(())
    }

    /// Reads `unevaluatedProperties` or `unevaluatedItems`. Without another keyword that evaluates
    /// the same object or array, it means the same as `additionalProperties` or `items`.
    fn unevaluated(
        &mut self,
        out: &mut Keywords,
        object: &Map<String, Value>,
        value: &Value,
        pointer: &str,
        properties: bool,
    ) -> Read<()> {
        const APPLY: [&str; 10] = [
            "allOf",
            "anyOf",
            "oneOf",
            "not",
            "if",
            "$ref",
            "$dynamicRef",
            "$recursiveRef",
            "dependentSchemas",
            "dependencies",
        ];
        let (keyword, other) = if properties {
            ("unevaluatedProperties", "additionalProperties")
        } else {
            ("unevaluatedItems", "items")
        };
        if value == &Value::Bool(true) {
            return Ok(());
        }
        let alone = !APPLY.iter().any(|keyword| object.contains_key(*keyword))
            && (properties || !object.contains_key("contains"));
        if !alone {
            out.beyond.push(if properties { "unevaluatedProperties" } else { "unevaluatedItems" });
        } else if !object.contains_key(other)
            || (!properties
                && object.get("items").is_some_and(Value::is_array)
                && !object.contains_key("additionalItems"))
        {
            let schema = self.at(&format!("{pointer}/{keyword}"))?;
            if properties { out.additional = Some(schema) } else { out.items = Some(schema) }
        }
        Ok(())
    }

    fn list(&mut self, value: &Value, at: &str, place: &Place, keyword: &str) -> Read<Vec<Sub>> {
        let all =
            value.as_array().ok_or_else(|| place.wrong(keyword, "must be an array of schemas"))?;
        (0..all.len()).map(|index| self.at(&format!("{at}/{index}"))).collect()
    }

    fn filled(&mut self, value: &Value, at: &str, place: &Place, keyword: &str) -> Read<Vec<Sub>> {
        let all = self.list(value, at, place, keyword)?;
        if all.is_empty() {
            Err(place.wrong(keyword, "must hold at least one schema"))
        } else {
            Ok(all)
        }
    }

    fn map(
        &mut self,
        value: &Value,
        at: &str,
        place: &Place,
        keyword: &str,
    ) -> Read<Vec<(String, Sub)>> {
        let all = value
            .as_object()
            .ok_or_else(|| place.wrong(keyword, "must be an object of schemas"))?;
        all.keys()
            .map(|key| Ok((key.clone(), self.at(&format!("{at}/{}", escaped(key)))?)))
            .collect()
    }

    fn dependent_required(
        &mut self,
        out: &mut Keywords,
        value: &Value,
        place: &Place,
        keyword: &str,
    ) -> Read<()> {
        let all =
            value.as_object().ok_or_else(|| place.wrong(keyword, "must be an object of arrays"))?;
        for (key, names) in all {
            let required = strings(names, place, keyword)?;
            out.dependent.push((
                key.clone(),
                self.made_of(place, Keywords { required, ..Keywords::default() }),
            ));
        }
        Ok(())
    }

    fn dependencies(
        &mut self,
        out: &mut Keywords,
        value: &Value,
        at: &str,
        place: &Place,
    ) -> Read<()> {
        let all =
            value.as_object().ok_or_else(|| place.wrong("dependencies", "must be an object"))?;
        for (key, what) in all {
            let schema = match what {
                Value::Array(_) => {
                    let required = strings(what, place, "dependencies")?;
                    self.made_of(place, Keywords { required, ..Keywords::default() })
                }
                Value::String(name) => self.made_of(
                    place,
                    Keywords { required: vec![name.clone()], ..Keywords::default() },
                ),
                _ => self.at(&format!("{at}/{}", escaped(key)))?,
            };
            out.dependent.push((key.clone(), schema));
        }
        Ok(())
    }

    /// Resolves a `$ref` in the schema at `from` to a JSON pointer; `None` if the target is outside
    /// of this document.
    fn pointer(&self, reference: &str, from: &str) -> Option<String> {
        let (document, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let fragment = unescaped(fragment)?;
        let base = self.base(from);
        let absolute = join(&base.0, document);
        let start =
            if document.is_empty() { base.1 } else { self.names.get(&absolute).cloned()? };
        if fragment.is_empty() {
            return Some(start);
        }
        if fragment.starts_with('/') {
            return Some(format!("{start}{fragment}"));
        }
        let anchored = format!("{absolute}#{fragment}");
        self.names.get(&anchored).cloned()
    }

    /// Returns the innermost `$id` that encloses a place, and the JSON pointer of its schema.
    fn base(&self, from: &str) -> (String, String) {
        let mut best = (String::new(), String::new());
        for (uri, at) in &self.names {
            let inside = from == at
                || from.strip_prefix(at.as_str()).is_some_and(|rest| rest.starts_with('/'));
            if !uri.contains('#')
                && inside
                && (at.len() > best.1.len() || best.0.is_empty() && at.len() == best.1.len())
            {
                best = (uri.clone(), at.clone());
            }
        }
        best
    }
}

/// Collects the JSON pointers of all `$id`s and anchors.
fn name(
    value: &Value,
    edition: Edition,
    base: &str,
    pointer: &str,
    depth: u32,
    names: &mut HashMap<String, String>,
) {
    let Some(object) = value.as_object() else {
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            if depth < DEPTH_MAX {
                let pointer = format!("{pointer}/{index}");
                name(item, edition, base, &pointer, depth.saturating_add(1), names);
            }
        }
        return;
    };
    // Up to draft 7, `$ref` disables all keywords beside it.
    let hidden = edition <= Edition::Draft7 && object.get("$ref").is_some_and(Value::is_string);
    let name_of_draft = if edition == Edition::Draft4 { "id" } else { "$id" };
    let id = object.get(name_of_draft).and_then(Value::as_str);
    let id = id.filter(|_| !hidden);
    let mut base = base.to_owned();
    if let Some(id) = id {
        match id.split_once('#') {
            Some(("", anchor)) if !anchor.is_empty() => {
                names.insert(format!("{base}#{anchor}"), pointer.to_owned());
            }
            _ => {
                base = join(&base, id.trim_end_matches('#'));
                names.entry(base.clone()).or_insert_with(|| pointer.to_owned());
            }
        }
    }
    for keyword in ["$anchor", "$dynamicAnchor"] {
        if let Some(anchor) = object.get(keyword).and_then(Value::as_str) {
            names.insert(format!("{base}#{anchor}"), pointer.to_owned());
        }
    }
    for (key, child) in object {
        if depth < DEPTH_MAX && !matches!(key.as_str(), "enum" | "const" | "default" | "examples") {
            let pointer = format!("{pointer}/{}", escaped(key));
            name(child, edition, &base, &pointer, depth.saturating_add(1), names);
        }
    }
}

/// Resolves a URI reference against a base, for the forms that occur in schemas.
fn join(base: &str, reference: &str) -> String {
    if reference.is_empty() || reference.contains("://") || reference.starts_with("urn:") {
        return if reference.is_empty() { base.to_owned() } else { reference.to_owned() };
    }
    let (scheme, rest) = base.split_once("://").map_or(("", base), |(scheme, rest)| (scheme, rest));
    let (host, path) =
        rest.find('/').and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, ""));
    let prefix = if scheme.is_empty() { host.to_owned() } else { format!("{scheme}://{host}") };
    if reference.starts_with('/') {
        return format!("{prefix}{reference}");
    }
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    if prefix.is_empty() && folder.is_empty() {
        reference.to_owned()
    } else {
        format!("{prefix}{folder}/{reference}")
    }
}

/// Escapes a key for a JSON pointer (RFC 6901).
pub(super) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Decodes the percent escapes of a URI's fragment.
fn unescaped(fragment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn count(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let float = value.as_f64()?;
        (float >= 0.0 && float.fract() == 0.0 && float < 9e15).then_some(float as u64)
    })
}

fn exclusive(object: &Map<String, Value>, keyword: &str) -> bool {
    object.get(keyword) == Some(&Value::Bool(true))
}

fn tighten(bound: &mut Option<(Number, bool)>, value: Number, out: bool, low: bool) {
    use super::number::Decimal;
    let tighter = match bound {
        None => true,
        Some((old, old_out)) => {
            let order = match (Decimal::of(&value), Decimal::of(old)) {
                (Some(value), Some(old)) => value.compare(old),
                _ => None,
            };
            let order = order.or_else(|| value.as_f64().partial_cmp(&old.as_f64()));
            match order {
                Some(std::cmp::Ordering::Equal) | None => out && !*old_out,
                Some(std::cmp::Ordering::Greater) => low,
                Some(std::cmp::Ordering::Less) => !low,
            }
        }
    };
    if tighter {
        *bound = Some((value, out));
    }
}

/// Keeps the values that satisfy both `enum` and `const`.
fn narrow(out: &mut Keywords, values: &[Value]) {
    out.values = Some(match out.values.take() {
        None => values.to_vec(),
        Some(old) => {
            old.into_iter().filter(|old| values.iter().any(|new| same(old, new))).collect()
        }
    });
}

/// Compares JSON values: numbers by value, objects without regard to order.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    use super::number::Decimal;
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (Decimal::of(a), Decimal::of(b)) {
            (Some(a), Some(b)) => a == b,
            _ => a.as_f64() == b.as_f64(),
        },
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

fn strings(value: &Value, place: &Place, keyword: &str) -> Read<Vec<String>> {
    let wrong = || place.wrong(keyword, "must be an array of strings");
    let all = value.as_array().ok_or_else(wrong)?;
    let mut names: Vec<String> = Vec::new();
    for name in all {
        let name = name.as_str().ok_or_else(wrong)?;
        if !names.iter().any(|other| other == name) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

fn types(value: &Value, place: &Place, edition: Edition) -> Read<BTreeSet<Type>> {
    let wrong = || {
        place.wrong(
            "type",
            "must be null, boolean, integer, number, string, array or object, or an array of these",
        )
    };
    let names: Vec<&Value> = match value {
        Value::String(_) => vec![value],
        Value::Array(names) if !names.is_empty() => names.iter().collect(),
        _ => return Err(wrong()),
    };
    let mut types = BTreeSet::new();
    for name in names {
        match name.as_str() {
            Some("null") => drop(types.insert(Type::Null)),
            Some("boolean") => drop(types.insert(Type::Boolean)),
            Some("integer") => drop(types.insert(Type::Integer)),
            Some("number") => types.extend([Type::Integer, Type::Fraction]),
            Some("string") => drop(types.insert(Type::String)),
            Some("array") => drop(types.insert(Type::Array)),
            Some("object") => drop(types.insert(Type::Object)),
            Some("any") if edition == Edition::Draft4 => types.extend(TYPES),
            _ => return Err(wrong()),
        }
    }
    Ok(types)
}
