//! `[prices]`: prices of tokens, for `bailiwick usage`. They never refuse or limit a request.

use policy::price::{Price, Tariff};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Prices of tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PricesConfig {
    /// The currency of all prices, such as `EUR`.
    pub currency: String,
    /// Prices by model or deployment.
    pub list: Vec<PriceConfig>,
}

/// Prices of one model's or one deployment's tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceConfig {
    /// A model's name: the prices apply to all its deployments without prices of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// `RESOURCE/DEPLOYMENT`, instead of a model. For a deleted deployment: its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// Price of a million prompt tokens.
    #[serde(deserialize_with = "price", serialize_with = "text")]
    pub prompt: Price,
    /// Price of a million prompt tokens found in the tenant's cache; by default as `prompt`.
    #[serde(default, deserialize_with = "maybe_price", serialize_with = "maybe_text")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached: Option<Price>,
    /// Price of a million generated tokens.
    #[serde(deserialize_with = "price", serialize_with = "text")]
    pub completion: Price,
}

impl PricesConfig {
    /// Returns the prices of the deployment with this id. `path` (`RESOURCE/DEPLOYMENT`) and the
    /// model's name are given if they are known. `None` if no price is configured.
    #[must_use]
    pub(crate) fn tariff(
        &self,
        id: &str,
        path: Option<&str>,
        model: Option<&str>,
    ) -> Option<Tariff> {
        let own = |one: &&PriceConfig| {
            one.deployment.as_deref().is_some_and(|name| Some(name) == path || name == id)
        };
        let models = |one: &&PriceConfig| model.is_some() && one.model.as_deref() == model;
        let found = self.list.iter().find(own).or_else(|| self.list.iter().find(models))?;
        let PriceConfig { prompt, cached, completion, .. } = *found;
        Some(Tariff { prompt, cached: cached.unwrap_or(prompt), completion })
    }

    /// Returns the first contradiction in the prices.
    pub(super) fn wrong(&self) -> Option<String> {
        let currency =
            self.currency.len() == 3 && self.currency.bytes().all(|byte| byte.is_ascii_uppercase());
        if !self.list.is_empty() && !currency {
            return Some(
                "`prices.currency` must be a currency's three capital letters, such as EUR".into(),
            );
        }
        let one = |price: &&PriceConfig| price.model.is_some() == price.deployment.is_some();
        self.list.iter().find(one)?;
        Some("each of `prices.list` has either `model` or `deployment`, not both".into())
    }
}

fn price<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Price, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

fn maybe_price<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Price>, D::Error> {
    price(deserializer).map(Some)
}

fn text<S: Serializer>(price: &Price, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(price)
}

#[expect(clippy::ref_option, reason = "as serde passes it")]
fn maybe_text<S: Serializer>(price: &Option<Price>, serializer: S) -> Result<S::Ok, S::Error> {
    match price {
        Some(price) => text(price, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> PricesConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_deployments_own_price_wins_and_what_has_none_has_none() {
        let prices = read(
            "currency = 'EUR'
             list = [
                 { model = 'm', prompt = '1', completion = '2' },
                 { deployment = 'acme/chat', prompt = '3', cached = '0.5', completion = '4' },
             ]",
        );
        assert_eq!(prices.wrong(), None);
        let prompt = |id, path, model| {
            prices.tariff(id, path, model).map(|t| (t.prompt.to_string(), t.cached.to_string()))
        };
        let shown = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(prompt("dep_1", Some("acme/chat"), Some("m")), shown("3.00", "0.50"));
        assert_eq!(prompt("dep_2", Some("acme/other"), Some("m")), shown("1.00", "1.00"));
        assert_eq!(prompt("dep_3", Some("acme/other"), Some("n")), None);
        assert_eq!(prompt("dep_3", None, None), None, "it was deleted");
    }

    #[test]
    fn half_a_price_is_refused() {
        let list = "list = [{ model = 'm', prompt = '1', completion = '2' }]";
        for (text, wrong) in [
            (list, "prices.currency"),
            ("currency = 'EUR'\nlist = [{ prompt = '1', completion = '2' }]", "either"),
        ] {
            assert!(read(text).wrong().unwrap().contains(wrong), "{text}");
        }
        for text in [
            "list = [{ model = 'm', prompt = 1.5, completion = '2' }]",
            "list = [{ model = 'm', prompt = '1' }]",
            "list = [{ model = 'm', prompt = '-1', completion = '2' }]",
        ] {
            assert!(toml::from_str::<PricesConfig>(text).is_err(), "{text}");
        }
    }
}
