//! Negates a schema: returns schemas that together match exactly the values which it does not
//! match.
//!
//! `{"type": "integer", "minimum": 5}`, for example, gives two alternatives: all other types, and
//! numbers below 5.

use std::rc::Rc;

use serde_json::{Number, Value};

use super::{
    number::Decimal,
    read::{Document, Keywords, Says, Sub, TYPES, Type},
};

/// Negates `schema`: a value does not match it if the value matches one of the returned
/// alternatives. `None` if a keyword cannot be negated exactly. `target` is the target of its
/// `$ref`.
pub(super) fn refused(
    document: &Document<'_>,
    schema: &Sub,
    target: Option<&Sub>,
) -> Option<Vec<Sub>> {
    let place = &schema.place;
    let keywords = match &schema.says {
        Says::All => return Some(Vec::new()),
        Says::Nothing => return Some(vec![document.made(place, Says::All)]),
        Says::Keywords(keywords) => keywords,
    };
    if !keywords.beyond.is_empty()
        || !keywords.not_strings.is_empty()
        || keywords.not_pattern.is_some()
        || keywords.unique
        || keywords.contains.is_some()
        || keywords.names.is_some()
        || !keywords.one_of.is_empty()
        || !keywords.patterns.is_empty()
    {
        return None;
    }
    let mut out = Out { document, schema, all: Vec::new() };
    out.scalars(keywords);
    out.values(keywords)?;
    out.containers(keywords)?;
    out.applied(keywords);
    if let Some(target) = target {
        let not = out.not(target);
        out.all.push(not);
    }
    Some(out.all)
}

/// Collects the alternatives of one negation.
struct Out<'a, 'b> {
    document: &'a Document<'b>,
    schema: &'a Sub,
    all: Vec<Sub>,
}

impl Out<'_, '_> {
    /// Adds an alternative.
    fn push(&mut self, keywords: Keywords) {
        self.all.push(self.document.made_of(&self.schema.place, keywords));
    }

    /// Makes `{"not": schema}`, which is negated in turn when it is compiled.
    fn not(&self, schema: &Sub) -> Sub {
        let keywords = Keywords { not: Some(Rc::clone(schema)), ..Keywords::default() };
        self.document.made_of(&schema.place, keywords)
    }

    /// Restricts keywords to these types.
    fn of(types: &[Type], keywords: Keywords) -> Keywords {
        Keywords { types: Some(types.iter().copied().collect()), ..keywords }
    }

    /// Negates `type` and the keywords of numbers and strings.
    fn scalars(&mut self, keywords: &Keywords) {
        const NUMBER: [Type; 2] = [Type::Integer, Type::Fraction];
        if let Some(types) = &keywords.types {
            let others: Vec<Type> =
                TYPES.into_iter().filter(|kind| !types.contains(kind)).collect();
            if !others.is_empty() {
                self.push(Self::of(&others, Keywords::default()));
            }
        }
        if let Some((bound, out)) = &keywords.minimum {
            let maximum = Some((bound.clone(), !out));
            self.push(Self::of(&NUMBER, Keywords { maximum, ..Keywords::default() }));
        }
        if let Some((bound, out)) = &keywords.maximum {
            let minimum = Some((bound.clone(), !out));
            self.push(Self::of(&NUMBER, Keywords { minimum, ..Keywords::default() }));
        }
        if let Some(length) = keywords.min_length.filter(|length| *length > 0) {
            let max_length = length.checked_sub(1);
            self.push(Self::of(&[Type::String], Keywords { max_length, ..Keywords::default() }));
        }
        if let Some(length) = keywords.max_length {
            let min_length = length.checked_add(1);
            self.push(Self::of(&[Type::String], Keywords { min_length, ..Keywords::default() }));
        }
        if let Some(pattern) = &keywords.pattern {
            let not_pattern = Some(pattern.clone());
            self.push(Self::of(&[Type::String], Keywords { not_pattern, ..Keywords::default() }));
        }
    }

    /// Negates `enum` and `const`. `None` if the values include an array, an object or a number
    /// with too many digits, and for `multipleOf`.
    fn values(&mut self, keywords: &Keywords) -> Option<()> {
        if keywords.multiple_of.is_some() {
            return None;
        }
        let Some(values) = &keywords.values else { return Some(()) };
        let mut numbers: Vec<&Number> = Vec::new();
        let mut not_strings = Vec::new();
        let (mut null, mut yes, mut no) = (true, true, true);
        for value in values {
            match value {
                Value::Null => null = false,
                Value::Bool(true) => yes = false,
                Value::Bool(false) => no = false,
                Value::Number(number) => numbers.push(number),
                Value::String(text) => not_strings.push(text.clone()),
                Value::Array(_) | Value::Object(_) => return None,
            }
        }
        let mut listed: Vec<Value> = Vec::new();
        if null {
            listed.push(Value::Null);
        }
        listed.extend(
            [(yes, true), (no, false)]
                .iter()
                .filter(|(keep, _)| *keep)
                .map(|(_, value)| Value::from(*value)),
        );
        if !listed.is_empty() {
            self.push(Keywords { values: Some(listed), ..Keywords::default() });
        }
        self.push(Self::of(&[Type::String], Keywords { not_strings, ..Keywords::default() }));
        self.push(Self::of(&[Type::Array], Keywords::default()));
        self.push(Self::of(&[Type::Object], Keywords::default()));
        numbers.iter().all(|number| Decimal::of(number).is_some()).then_some(())?;
        let comparable = numbers.iter().all(|a| {
            let order =
                |b: &&Number| Decimal::of(a).zip(Decimal::of(b)).and_then(|(a, b)| a.compare(b));
            numbers.iter().all(|b| order(b).is_some())
        });
        if !comparable {
            return None;
        }
        numbers.sort_by(|a, b| {
            let order = Decimal::of(a).zip(Decimal::of(b)).and_then(|(a, b)| a.compare(b));
            order.unwrap_or(std::cmp::Ordering::Equal)
        });
        let mut minimum = None;
        for number in numbers {
            let maximum = Some((number.clone(), true));
            let below = Keywords { minimum: minimum.take(), maximum, ..Keywords::default() };
            self.push(Self::of(&[Type::Integer, Type::Fraction], below));
            minimum = Some((number.clone(), true));
        }
        self.push(Self::of(
            &[Type::Integer, Type::Fraction],
            Keywords { minimum, ..Keywords::default() },
        ));
        Some(())
    }

    /// Negates the keywords of arrays and objects; `None` if one cannot be negated.
    fn containers(&mut self, keywords: &Keywords) -> Option<()> {
        let everything = |schema: &Sub| matches!(schema.says, Says::All);
        if keywords.additional.as_ref().is_some_and(|schema| !everything(schema))
            || !keywords.prefix.is_empty()
        {
            return None;
        }
        if let Some(items) = keywords.items.as_ref().filter(|schema| !everything(schema)) {
            let contains = Some(self.not(items));
            self.push(Self::of(&[Type::Array], Keywords { contains, ..Keywords::default() }));
        }
        if let Some(count) = keywords.min_items.filter(|count| *count > 0) {
            let max_items = count.checked_sub(1);
            self.push(Self::of(&[Type::Array], Keywords { max_items, ..Keywords::default() }));
        }
        if let Some(count) = keywords.max_items {
            let min_items = count.checked_add(1);
            self.push(Self::of(&[Type::Array], Keywords { min_items, ..Keywords::default() }));
        }
        if let Some(count) = keywords.min_properties.filter(|count| *count > 0) {
            let max_properties = count.checked_sub(1);
            self.push(Self::of(
                &[Type::Object],
                Keywords { max_properties, ..Keywords::default() },
            ));
        }
        if let Some(count) = keywords.max_properties {
            let min_properties = count.checked_add(1);
            self.push(Self::of(
                &[Type::Object],
                Keywords { min_properties, ..Keywords::default() },
            ));
        }
        for name in &keywords.required {
            let nothing = self.document.made(&self.schema.place, Says::Nothing);
            let properties = vec![(name.clone(), nothing)];
            self.push(Self::of(&[Type::Object], Keywords { properties, ..Keywords::default() }));
        }
        for (name, schema) in keywords.properties.iter().filter(|(_, schema)| !everything(schema)) {
            let (properties, required) =
                (vec![(name.clone(), self.not(schema))], vec![name.clone()]);
            self.push(Self::of(
                &[Type::Object],
                Keywords { properties, required, ..Keywords::default() },
            ));
        }
        for (name, schema) in &keywords.dependent {
            let (required, all_of) = (vec![name.clone()], vec![self.not(schema)]);
            self.push(Self::of(
                &[Type::Object],
                Keywords { required, all_of, ..Keywords::default() },
            ));
        }
        Some(())
    }

    /// Negates `allOf`, `anyOf`, `not` and `if`.
    fn applied(&mut self, keywords: &Keywords) {
        for schema in &keywords.all_of {
            self.all.push(self.not(schema));
        }
        if !keywords.any_of.is_empty() {
            let all_of = keywords.any_of.iter().map(|schema| self.not(schema)).collect();
            self.push(Keywords { all_of, ..Keywords::default() });
        }
        if let Some(schema) = &keywords.not {
            self.all.push(Rc::clone(schema));
        }
        if let Some((condition, then, otherwise)) = &keywords.condition {
            if let Some(then) = then {
                let all_of = vec![Rc::clone(condition), self.not(then)];
                self.push(Keywords { all_of, ..Keywords::default() });
            }
            if let Some(otherwise) = otherwise {
                let all_of = vec![self.not(condition), self.not(otherwise)];
                self.push(Keywords { all_of, ..Keywords::default() });
            }
        }
    }
}
