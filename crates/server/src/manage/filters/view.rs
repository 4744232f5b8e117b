//! The views of content filters and blocklists: Azure's `raiPolicies` and `raiBlocklists` JSON, with
//! this service's own fields beside `properties`.

use audit::rfc3339;
use policy::{
    content::Content,
    guard::{
        blocklist::Term,
        filter::{Action, Filter, Rule},
        verdict::{BlocklistName, Category, Side},
    },
    id::{BlocklistId, ContentFilterId, ResourceId},
};
use serde::Serialize;
use store::{BUILT_IN, BlocklistItem, ContentFilter, Directory, OwnBlocklist, OwnFilter};

use crate::clock;

/// A content filter.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PolicyView {
    /// Id of the filter, as in the log; left out for the built-in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<ContentFilterId>,
    /// Name of the filter.
    pub name: String,
    /// Name of the resource that it belongs to.
    pub resource: String,
    /// Azure's object.
    pub properties: PolicyProperties,
    /// SHA-256 of the filter and its lists, as in receipts.
    pub digest: String,
    /// False if the filter is weaker than the operator allows: the built-in one takes its place.
    pub in_force: bool,
    /// Names of the deployments with this filter.
    pub deployments: Vec<String>,
    /// Time of creation; left out for the built-in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
}

/// Azure's `properties` of a filter, and `whenDown`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PolicyProperties {
    /// `UserManaged`, or `SystemManaged` for the built-in one.
    pub r#type: &'static str,
    /// The mode.
    pub mode: &'static str,
    /// The filter from which unlisted categories come.
    pub base_policy_name: &'static str,
    /// What happens while a detector is down: `refuse` or `unfiltered`.
    pub when_down: &'static str,
    /// Every category on each of its sides, also those that are off.
    pub content_filters: Vec<RuleView>,
    /// The blocklists.
    pub custom_blocklists: Vec<ListRuleView>,
}

/// The rule of one category on one side.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RuleView {
    /// Azure's name of the category.
    pub name: &'static str,
    /// False if nothing looks for it.
    pub enabled: bool,
    /// Severity from which it is blocked; left out for categories without severities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity_threshold: Option<&'static str>,
    /// False if findings are only annotated.
    pub blocking: bool,
    /// `Prompt` or `Completion`.
    pub source: &'static str,
}

/// The rule of one blocklist on one side.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListRuleView {
    /// Name of the list.
    pub blocklist_name: String,
    /// False if findings are only annotated.
    pub blocking: bool,
    /// `Prompt` or `Completion`.
    pub source: &'static str,
}

/// A blocklist, without its terms.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BlocklistView {
    /// Id of the list, as in the log.
    pub id: BlocklistId,
    /// Name of the list.
    pub name: String,
    /// Name of the resource that it belongs to.
    pub resource: String,
    /// Azure's object.
    pub properties: BlocklistProperties,
    /// Number of its terms.
    pub terms: u64,
    /// SHA-256 of its terms, as in the digest of filters.
    pub digest: String,
    /// Names of the filters that name it.
    pub filters: Vec<String>,
    /// Time of creation.
    pub created_at: String,
}

/// Azure's `properties` of a blocklist.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BlocklistProperties {
    /// The owner's description.
    pub description: String,
}

/// An item of a blocklist. It goes only to callers that may change the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ItemView {
    /// Name of the item.
    pub name: String,
    /// Azure's object.
    pub properties: ItemProperties,
}

/// Azure's `properties` of an item.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ItemProperties {
    /// The term.
    #[serde(with = "policy::content::wire")]
    pub pattern: Content,
    /// True if the term is a regular expression.
    pub is_regex: bool,
}

impl PolicyView {
    pub(super) fn of(own: &OwnFilter, directory: &Directory, floor: &Filter) -> Self {
        let uses = directory.deployments_of(own.resource).filter(|one| one.filter == Some(own.id));
        let allowed = own.filter.weaker(floor).is_empty()
            || directory.weakened_filter(own.resource, clock::now_ms()).is_some();
        Self {
            id: Some(own.id),
            name: own.name.clone(),
            resource: name_of(own.resource, directory),
            properties: PolicyProperties::of(&own.filter, "UserManaged"),
            digest: own.digest.to_string(),
            in_force: allowed,
            deployments: uses.map(|one| one.name.clone()).collect(),
            created_at: Some(rfc3339(own.created_at)),
        }
    }

    pub(super) fn built_in(of: ResourceId, directory: &Directory, floor: &Filter) -> Self {
        let filter = ContentFilter::built_in_above(floor);
        let uses = directory.deployments_of(of).filter(|one| one.filter.is_none());
        Self {
            id: None,
            name: filter.name,
            resource: name_of(of, directory),
            properties: PolicyProperties::of(&filter.filter, "SystemManaged"),
            digest: filter.digest.to_string(),
            in_force: true,
            deployments: uses.map(|one| one.name.clone()).collect(),
            created_at: None,
        }
    }
}

impl PolicyProperties {
    fn of(filter: &Filter, r#type: &'static str) -> Self {
        let pairs = Category::BUILT_IN
            .into_iter()
            .flat_map(|category| Side::BOTH.map(|side| (category.clone(), side)));
        let rules = pairs.filter(|(category, side)| Filter::has(category, *side));
        let rules = rules.map(|(category, side)| RuleView::of(filter, &category, side));
        let lists = Side::BOTH.into_iter().flat_map(|side| {
            filter.blocklists(side).map(move |(name, rule)| ListRuleView::of(name, rule, side))
        });
        Self {
            r#type,
            mode: filter.mode().name(),
            base_policy_name: BUILT_IN,
            when_down: filter.when_down().name(),
            content_filters: rules.collect(),
            custom_blocklists: lists.collect(),
        }
    }
}

impl RuleView {
    fn of(filter: &Filter, category: &Category, side: Side) -> Self {
        let rule = filter.rule(category, side);
        Self {
            name: category.policy_name().unwrap_or_default(),
            enabled: rule.action != Action::Off,
            severity_threshold: category.is_graded().then(|| rule.threshold.name()),
            blocking: rule.action == Action::Block,
            source: side.name(),
        }
    }
}

impl ListRuleView {
    fn of(name: &BlocklistName, rule: Rule, side: Side) -> Self {
        Self {
            blocklist_name: name.as_str().to_owned(),
            blocking: rule.action == Action::Block,
            source: side.name(),
        }
    }
}

impl BlocklistView {
    pub(super) fn of(own: &OwnBlocklist, directory: &Directory) -> Self {
        let filters = directory.content_filters_of(own.resource).filter(|one| one.names(own));
        Self {
            id: own.id,
            name: own.name.as_str().to_owned(),
            resource: name_of(own.resource, directory),
            properties: BlocklistProperties { description: own.description.clone() },
            terms: own.terms,
            digest: own.digest.to_string(),
            filters: filters.map(|one| one.name.clone()).collect(),
            created_at: rfc3339(own.created_at),
        }
    }
}

impl From<BlocklistItem> for ItemView {
    fn from(item: BlocklistItem) -> Self {
        let (pattern, is_regex) = match item.term {
            Term::Exact(text) => (text, false),
            Term::Regex(text) => (text, true),
        };
        Self { name: item.name, properties: ItemProperties { pattern, is_regex } }
    }
}

fn name_of(resource: ResourceId, directory: &Directory) -> String {
    directory.resource(resource).map_or_else(String::new, |resource| resource.name.clone())
}
