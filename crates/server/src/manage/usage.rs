//! Usage by time and its cost, with names instead of ids where the things still exist.

use std::collections::{BTreeMap, HashMap};

use policy::{
    authz::facts::{ResourceFacts, Scope},
    id::{DeploymentId, ResourceId, TenantId},
    permit::ReadUsage,
    price::{Amount, Tokens},
};
use serde::{Deserialize, Serialize};
use store::{Directory, ledger::UsageRow};

use super::{Acting, ManageError};
use crate::config::PricesConfig;
pub(crate) use crate::period::{Period, Step};

/// A query for usage.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct UsageQuestion {
    /// Only this tenant.
    pub tenant: Option<String>,
    /// Only this resource.
    pub resource: Option<String>,
    /// Begins with this hour, day or month.
    pub from: Option<Period>,
    /// Ends with this hour, day or month.
    pub to: Option<Period>,
    /// Period by which usage is added up.
    pub by: Step,
}

/// One caller's use of one deployment in one hour, day or month.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UsageView {
    /// The hour, day or month, in UTC.
    pub period: String,
    /// Name of the tenant, or its id if it was deleted.
    pub tenant: String,
    /// Name of the resource, or its id if it was deleted.
    pub resource: String,
    /// Name of the deployment; empty for requests that named none.
    pub deployment: String,
    /// Credential of the caller.
    pub caller: String,
    /// Requests that were served: answered, or cut short by their client.
    pub requests: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// Requests that failed in the service.
    pub failed: u64,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Prompt tokens that the tenant's cache held.
    pub cached_tokens: u64,
    /// Tokens generated.
    pub completion_tokens: u64,
    /// Cost of the tokens; left out if no price is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// Currency of the amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    #[serde(skip)]
    pub(crate) exact: Option<Amount>,
}

impl UsageView {
    /// The columns of tables and of CSV.
    pub(crate) const COLUMNS: [&str; 13] = [
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
    pub(crate) fn cells(&self) -> [String; 13] {
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

    /// Formats the rows as CSV, with a header. No field needs quoting, because names are single
    /// words.
    #[must_use]
    pub(crate) fn csv(views: &[Self]) -> String {
        let mut text = format!("{}\n", Self::COLUMNS.join(","));
        for view in views {
            text.push_str(&view.cells().join(","));
            text.push('\n');
        }
        text
    }

    /// Adds the rows up.
    #[must_use]
    pub(crate) fn total(views: &[Self]) -> Self {
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

    /// Whether the row has tokens without a configured price.
    #[must_use]
    pub(crate) fn is_unpriced(&self) -> bool {
        self.exact.is_none() && (self.prompt_tokens > 0 || self.completion_tokens > 0)
    }
}

/// The key by which usage is added up.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    period: String,
    tenant: TenantId,
    resource: ResourceId,
    deployment: Option<DeploymentId>,
    caller: String,
}

/// The sums of one key.
#[derive(Debug, Default)]
struct Sum {
    requests: u64,
    refused: u64,
    failed: u64,
    tokens: Tokens,
}

impl Acting {
    /// Returns the usage of one tenant or resource, or of all that the caller may read.
    ///
    /// # Errors
    /// The tenant or resource does not exist, or the store cannot be read.
    pub(crate) fn usage(
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
        // One decision per resource.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// [`UsageView::csv`] quotes no cell: no allowed name contains a character that a reader of CSV
    /// or a spreadsheet would interpret.
    #[test]
    fn no_cell_of_the_table_needs_quotes() {
        for special in [",", "\"", "\n", "\r", "\t", ";", " ", "=", "+", "@"] {
            for name in [format!("a{special}b"), format!("{special}ab"), format!("ab{special}")] {
                let allowed = [
                    store::tenant_name(&name).is_ok(),
                    store::resource_name(&name).is_ok(),
                    store::deployment_name(&name).is_ok(),
                ];
                assert_eq!(allowed, [false; 3], "{name:?}");
            }
        }
        // A minus at the start would begin a formula.
        assert!(store::tenant_name("-a").is_err() && store::deployment_name("-a").is_err());
        assert!(UsageView::COLUMNS.iter().all(|name| !name.contains([',', '"', ' '])));
    }
}
