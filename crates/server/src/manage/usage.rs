//! Usage by time, with names in place of ids where the things still exist, and what it costs.

mod period;

use std::collections::{BTreeMap, HashMap};

use policy::{
    authz::facts::{ResourceFacts, Scope},
    id::{DeploymentId, ResourceId, TenantId},
    permit::ReadUsage,
    price::{Amount, Tokens},
};
use serde::{Deserialize, Serialize};
use store::{Directory, ledger::UsageRow};

pub use self::period::{BadPeriod, Period, Step};
use super::{Acting, ManageError};
use crate::config::PricesConfig;

/// Which usage is asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UsageQuestion {
    /// Of one tenant only.
    pub tenant: Option<String>,
    /// Of one resource only.
    pub resource: Option<String>,
    /// From the beginning of this hour, day or month on.
    pub from: Option<Period>,
    /// Until the end of this hour, day or month.
    pub to: Option<Period>,
    /// Added up by what.
    pub by: Step,
}

/// What one caller used of one deployment in one hour, day or month.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageView {
    /// The hour, day or month, in UTC.
    pub period: String,
    /// The tenant: its name, or its id where it was deleted.
    pub tenant: String,
    /// The resource.
    pub resource: String,
    /// The deployment; empty for requests that named none.
    pub deployment: String,
    /// Which credential.
    pub caller: String,
    /// Requests that were served: answered, or cut short by their client.
    pub requests: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// Requests that failed here.
    pub failed: u64,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Of these, tokens that the tenant's cache held.
    pub cached_tokens: u64,
    /// Tokens generated.
    pub completion_tokens: u64,
    /// What the tokens cost; left out where no price is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// The amount's currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    #[serde(skip)]
    pub(crate) exact: Option<Amount>,
}

impl UsageView {
    /// The columns of tables and of CSV.
    pub const COLUMNS: [&str; 13] = [
        "period",
        "tenant",
        "resource",
        "deployment",
        "caller",
        "requests",
        "refused",
        "failed",
        "prompt_tokens",
        "cached_tokens",
        "completion_tokens",
        "amount",
        "currency",
    ];

    /// The row's cells.
    #[must_use]
    pub fn cells(&self) -> [String; 13] {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        [
            self.period.clone(),
            self.tenant.clone(),
            self.resource.clone(),
            self.deployment.clone(),
            self.caller.clone(),
            self.requests.to_string(),
            self.refused.to_string(),
            self.failed.to_string(),
            self.prompt_tokens.to_string(),
            self.cached_tokens.to_string(),
            self.completion_tokens.to_string(),
            text(&self.amount),
            text(&self.currency),
        ]
    }

    /// The rows as CSV, with a header. No field needs quoting: names are words.
    #[must_use]
    pub fn csv(views: &[Self]) -> String {
        let mut text = format!("{}\n", Self::COLUMNS.join(","));
        for view in views {
            text.push_str(&view.cells().join(","));
            text.push('\n');
        }
        text
    }

    /// All of them together.
    #[must_use]
    pub fn total(views: &[Self]) -> Self {
        let mut total = Self {
            period: "total".to_owned(),
            tenant: String::new(),
            resource: String::new(),
            deployment: String::new(),
            caller: String::new(),
            requests: 0,
            refused: 0,
            failed: 0,
            prompt_tokens: 0,
            cached_tokens: 0,
            completion_tokens: 0,
            amount: None,
            currency: None,
            exact: None,
        };
        for view in views {
            total.requests += view.requests;
            total.refused += view.refused;
            total.failed += view.failed;
            total.prompt_tokens += view.prompt_tokens;
            total.cached_tokens += view.cached_tokens;
            total.completion_tokens += view.completion_tokens;
            if let Some(amount) = view.exact {
                total.exact = Some(total.exact.unwrap_or_default().plus(amount));
                total.currency.clone_from(&view.currency);
            }
        }
        total.amount = total.exact.map(|amount| amount.to_string());
        total
    }

    /// Whether tokens were used that no price is configured for.
    #[must_use]
    pub fn is_unpriced(&self) -> bool {
        self.exact.is_none() && (self.prompt_tokens > 0 || self.completion_tokens > 0)
    }
}

/// Whose usage, when: what is added up.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    period: String,
    tenant: TenantId,
    resource: ResourceId,
    deployment: Option<DeploymentId>,
    caller: String,
}

/// What is added up.
#[derive(Debug, Default)]
struct Sum {
    requests: u64,
    refused: u64,
    failed: u64,
    tokens: Tokens,
}

impl Acting {
    /// Usage, of one tenant or resource or of all whose usage the caller may read.
    ///
    /// # Errors
    /// When there is no such tenant or resource, or the store cannot be read.
    pub fn usage(
        &self,
        question: &UsageQuestion,
        prices: &PricesConfig,
    ) -> Result<Vec<UsageView>, ManageError> {
        let directory = self.store.directory()?;
        let of = match &question.resource {
            Some(name) => match self.resource_for::<ReadUsage>(&directory, name)?.spend() {
                Scope::Resource(of) => Some(of.resource),
                Scope::Service | Scope::Tenant(_) | Scope::Deployment(_) => None,
            },
            None => None,
        };
        let hours = Period::hours(question.from, question.to);
        let rows = self.store.usage(of, hours)?;
        // The permit for each resource, asked for once.
        let mut shown = HashMap::new();
        let mut shows = |row: &UsageRow| {
            let facts = ResourceFacts { tenant: row.tenant, resource: row.resource };
            let ask = || self.shows::<ReadUsage>(Scope::Resource(facts));
            shown.entry(facts).or_insert_with(ask).is_some()
        };
        let of_tenant = |row: &UsageRow| {
            let name = directory.tenant(row.tenant).map(|tenant| tenant.name.as_str());
            question.tenant.as_deref().is_none_or(|asked| {
                name == Some(asked) || (name.is_none() && row.tenant.to_string() == asked)
            })
        };
        let mut sums: BTreeMap<Key, Sum> = BTreeMap::new();
        for row in rows.into_iter().filter(|row| of_tenant(row) && shows(row)) {
            let sum = sums.entry(key(&row, question.by)).or_default();
            sum.requests += row.requests;
            sum.refused += row.refused;
            sum.failed += row.failed;
            sum.tokens.prompt += row.prompt_tokens;
            sum.tokens.cached += row.cached_tokens;
            sum.tokens.completion += row.completion_tokens;
        }
        Ok(sums.into_iter().map(|(key, sum)| view(&directory, prices, key, &sum)).collect())
    }
}

fn key(row: &UsageRow, by: Step) -> Key {
    Key {
        period: by.of(row.hour),
        tenant: row.tenant,
        resource: row.resource,
        deployment: row.deployment,
        caller: row.caller.clone(),
    }
}

fn view(directory: &Directory, prices: &PricesConfig, key: Key, sum: &Sum) -> UsageView {
    let Key { period, tenant, resource, deployment: id, caller } = key;
    let named = |name: Option<&String>, id: String| name.cloned().unwrap_or(id);
    let found = id.and_then(|id| directory.deployments_of(resource).find(|d| d.id == id));
    let tenant = named(directory.tenant(tenant).map(|t| &t.name), tenant.to_string());
    let resource = named(directory.resource(resource).map(|r| &r.name), resource.to_string());
    let path = found.map(|found| format!("{resource}/{}", found.name));
    let model = found.and_then(|found| directory.model(found.model)).map(|m| m.name.as_str());
    let tariff = id.and_then(|id| prices.tariff(&id.to_string(), path.as_deref(), model));
    let exact = tariff.map(|tariff| tariff.amount(sum.tokens));
    UsageView {
        period,
        tenant,
        resource,
        deployment: id.map_or_else(String::new, |id| named(found.map(|d| &d.name), id.to_string())),
        caller,
        requests: sum.requests,
        refused: sum.refused,
        failed: sum.failed,
        prompt_tokens: sum.tokens.prompt,
        cached_tokens: sum.tokens.cached,
        completion_tokens: sum.tokens.completion,
        amount: exact.map(|amount| amount.to_string()),
        currency: exact.map(|_| prices.currency.clone()),
        exact,
    }
}
