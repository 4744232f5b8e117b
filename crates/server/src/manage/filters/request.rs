//! The bodies that create and change content filters and blocklists: Azure's JSON. A refusal names
//! every wrong field.

use std::collections::BTreeSet;

use policy::{
    content::Content,
    guard::{
        blocklist::Term,
        filter::{Filter, Mode, Rule, Threshold, WhenDown},
        verdict::{BlocklistName, Category, Side},
    },
};
use serde::Deserialize;
use serde_json::{Map, Value};
use store::BlocklistItem;

use super::is_built_in;

/// Fields of answers that a body may have, so that an answer can be sent back. They change nothing.
const READ_ONLY: [&str; 11] = [
    "id",
    "name",
    "type",
    "etag",
    "systemData",
    "tags",
    "resource",
    "digest",
    "inForce",
    "deployments",
    "createdAt",
];

/// The body of a filter, not read yet.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct PolicyBody(Value);

/// Every wrong field of a body, each with its path and what it must be.
#[derive(Debug, thiserror::Error)]
#[error("the body has {}: {}", count(.0.len()), .0.join("; "))]
pub(crate) struct BadFields(Vec<String>);

fn count(fields: usize) -> String {
    if fields == 1 { "a wrong field".to_owned() } else { format!("{fields} wrong fields") }
}

/// The body of a blocklist.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BlocklistBody {
    #[serde(default)]
    properties: BlocklistBodyProperties,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct BlocklistBodyProperties {
    #[serde(default)]
    description: String,
}

/// The body of an item.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ItemBody {
    properties: ItemBodyProperties,
}

/// One of several items.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamedItemBody {
    name: String,
    properties: ItemBodyProperties,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ItemBodyProperties {
    #[serde(with = "policy::content::wire")]
    pattern: Content,
    #[serde(default)]
    is_regex: bool,
}

impl BlocklistBody {
    /// Returns the description.
    pub(crate) fn description(&self) -> &str {
        &self.properties.description
    }
}

impl ItemBody {
    /// Returns the item under its name.
    pub(crate) fn named(self, name: String) -> BlocklistItem {
        NamedItemBody { name, properties: self.properties }.into()
    }
}

impl From<NamedItemBody> for BlocklistItem {
    fn from(body: NamedItemBody) -> Self {
        let ItemBodyProperties { pattern, is_regex } = body.properties;
        let term = if is_regex { Term::Regex(pattern) } else { Term::Exact(pattern) };
        Self { name: body.name, term }
    }
}

impl PolicyBody {
    /// Takes a body that was read from a file.
    pub(crate) fn new(body: Value) -> Self {
        Self(body)
    }

    /// Reads the filter. Categories that the body does not list come from the built-in filter.
    ///
    /// # Errors
    /// [`BadFields`] with every field that is wrong.
    pub(crate) fn filter(&self) -> Result<Filter, BadFields> {
        let mut reader = Reader::default();
        let filter = reader.policy(&self.0);
        match (filter, reader.wrong) {
            (Some(filter), wrong) if wrong.is_empty() => Ok(filter),
            (_, wrong) => Err(BadFields(wrong)),
        }
    }
}

/// A rule of a category or of a list on a side.
type Rules = Vec<(Category, Side, Rule)>;

/// Reads a body, and collects what is wrong with it.
#[derive(Default)]
struct Reader {
    wrong: Vec<String>,
}

impl Reader {
    fn policy(&mut self, body: &Value) -> Option<Filter> {
        let body = self.object("", body, &[&READ_ONLY[..], &["properties"]].concat())?;
        let Some(properties) = body.get("properties") else {
            self.wrong.push("properties: is missing".to_owned());
            return None;
        };
        let fields =
            ["mode", "basePolicyName", "whenDown", "contentFilters", "customBlocklists", "type"];
        let properties = self.object("properties", properties, &fields)?;
        let modes = Mode::ALL.map(Mode::name).join(", ");
        let mode = self.word(properties, "properties.mode", Mode::from_name, &modes);
        let choices = WhenDown::ALL.map(WhenDown::name).join(", ");
        let when_down = self.word(properties, "properties.whenDown", WhenDown::from_name, &choices);
        let base = |name: &str| is_built_in(name).then_some(());
        self.word(properties, "properties.basePolicyName", base, &super::BUILT_IN_NAMES.join(", "));
        let filter = Filter::standard()
            .with_mode(mode.unwrap_or_default())
            .with_when_down(when_down.unwrap_or_default());
        let filter = self.each(properties, "contentFilters", filter, Self::content_filter);
        Some(self.each(properties, "customBlocklists", filter, Self::blocklist))
    }

    /// Adds the rules of an array to a filter.
    fn each(
        &mut self,
        properties: &Map<String, Value>,
        field: &str,
        mut filter: Filter,
        read: fn(&mut Self, &str, &Value) -> Option<Rules>,
    ) -> Filter {
        let Some(list) = properties.get(field).filter(|list| !list.is_null()) else {
            return filter;
        };
        let Some(list) = list.as_array() else {
            self.wrong.push(format!("properties.{field}: must be an array"));
            return filter;
        };
        let mut seen = BTreeSet::new();
        for (index, entry) in list.iter().enumerate() {
            let path = format!("properties.{field}[{index}]");
            for (category, side, rule) in read(self, &path, entry).unwrap_or_default() {
                if !seen.insert((category.clone(), side)) {
                    self.wrong.push(format!("{path}: repeats an earlier entry; remove one"));
                }
                match filter.clone().with(category, side, rule) {
                    Ok(with) => filter = with,
                    Err(error) => self.wrong.push(format!("{path}: {error}")),
                }
            }
        }
        filter
    }

    fn content_filter(&mut self, path: &str, entry: &Value) -> Option<Rules> {
        let fields = ["name", "enabled", "severityThreshold", "blocking", "source"];
        let entry = self.object(path, entry, &fields)?;
        let names = Category::BUILT_IN.iter().filter_map(Category::policy_name);
        let names = names.collect::<Vec<_>>().join(", ");
        let category = self.needed(entry, path, "name", Category::from_policy_name, &names);
        let source = self.source(entry, path, category.as_ref());
        let thresholds = Threshold::ALL.map(Threshold::name).join(", ");
        let threshold = format!("{path}.severityThreshold");
        let threshold = self.word(entry, &threshold, Threshold::from_name, &thresholds);
        let enabled = self.flag(entry, path, "enabled");
        let blocking = self.flag(entry, path, "blocking");
        let threshold = threshold.unwrap_or(Threshold::Medium);
        let rule = match (enabled?, blocking?) {
            (false, _) => Rule::OFF,
            (true, false) => Rule::ANNOTATE,
            (true, true) => Rule::block(threshold),
        };
        Some(vec![(category?, source?, rule)])
    }

    fn blocklist(&mut self, path: &str, entry: &Value) -> Option<Rules> {
        let entry = self.object(path, entry, &["blocklistName", "blocking", "source"])?;
        let list = |name: &str| BlocklistName::new(name).ok().map(Category::Blocklist);
        let rule = "1 to 64 letters, digits, `_`, `.` and `-`";
        let category = self.needed(entry, path, "blocklistName", list, rule);
        let source = self.source(entry, path, category.as_ref());
        let rule = match self.flag(entry, path, "blocking")? {
            true => Rule::block(Threshold::Medium),
            false => Rule::ANNOTATE,
        };
        Some(vec![(category?, source?, rule)])
    }

    /// Reads the side. A category that has only one side needs no `source`.
    fn source(
        &mut self,
        entry: &Map<String, Value>,
        path: &str,
        category: Option<&Category>,
    ) -> Option<Side> {
        let sides = Side::BOTH.map(Side::name).join(", ");
        let mut has = Side::BOTH.into_iter();
        let only = category.and_then(|category| match entry.get("source") {
            None => has
                .clone()
                .find(|side| Filter::has(category, *side))
                .filter(|only| has.all(|side| side == *only || !Filter::has(category, side))),
            Some(_) => None,
        });
        only.or_else(|| self.needed(entry, path, "source", Side::from_name, &sides))
    }

    /// Returns an object that has no other fields than these.
    fn object<'v>(
        &mut self,
        path: &str,
        value: &'v Value,
        fields: &[&str],
    ) -> Option<&'v Map<String, Value>> {
        let place = if path.is_empty() { "the body" } else { path };
        let Some(object) = value.as_object() else {
            self.wrong.push(format!("{place}: must be an object"));
            return None;
        };
        let prefix = if path.is_empty() { String::new() } else { format!("{path}.") };
        let unknown = object.keys().filter(|key| !fields.contains(&key.as_str()));
        self.wrong.extend(unknown.map(|key| {
            format!(
                "{prefix}{}: is unknown; the fields are {}",
                key.escape_debug(),
                fields.join(", ")
            )
        }));
        Some(object)
    }

    /// Reads a word that may be absent.
    fn word<T>(
        &mut self,
        object: &Map<String, Value>,
        path: &str,
        read: impl Fn(&str) -> Option<T>,
        choices: &str,
    ) -> Option<T> {
        let field = path.rsplit('.').next().unwrap_or(path);
        let value = object.get(field).filter(|value| !value.is_null())?;
        let found = value.as_str().and_then(read);
        if found.is_none() {
            self.wrong.push(format!("{path}: write one of: {choices}"));
        }
        found
    }

    /// Reads a word that must be there.
    fn needed<T>(
        &mut self,
        object: &Map<String, Value>,
        path: &str,
        field: &str,
        read: impl Fn(&str) -> Option<T>,
        choices: &str,
    ) -> Option<T> {
        let path = format!("{path}.{field}");
        if object.get(field).is_none_or(Value::is_null) {
            self.wrong.push(format!("{path}: is missing; write one of: {choices}"));
            return None;
        }
        self.word(object, &path, read, choices)
    }

    /// Reads a switch that is on if it is absent.
    fn flag(&mut self, object: &Map<String, Value>, path: &str, field: &str) -> Option<bool> {
        match object.get(field) {
            None => Some(true),
            Some(value) => {
                if !value.is_boolean() {
                    self.wrong.push(format!("{path}.{field}: must be true or false"));
                }
                value.as_bool()
            }
        }
    }
}
