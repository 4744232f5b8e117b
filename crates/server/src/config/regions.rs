//! `[regions]`: the region of this service, and the zones.

use std::collections::{BTreeMap, BTreeSet};

use policy::residency::Zones;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The region of this service, and the zones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RegionsConfig {
    /// The region of this machine: the embedded engine runs here, and all data are stored here.
    pub here: String,
    /// The zones, by name: sets of regions.
    #[serde(deserialize_with = "read", serialize_with = "write")]
    pub zones: Zones,
    /// The countries of regions, by their ISO 3166 codes: for reports about transfers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub countries: BTreeMap<String, String>,
}

impl Default for RegionsConfig {
    fn default() -> Self {
        Self { here: "local".to_owned(), zones: Zones::default(), countries: BTreeMap::new() }
    }
}

impl RegionsConfig {
    /// Whether a request can be processed in this region at all: in no other region than this
    /// machine's and those of the zones.
    #[must_use]
    pub(crate) fn lists(&self, region: &str) -> bool {
        self.here == region || self.zones.of(region).is_some()
    }

    /// Returns the first mistake in the names.
    pub(super) fn wrong(&self) -> Option<String> {
        let region = |field: &str, name: &str| {
            let error = store::region_name(name).err()?;
            Some(format!("`{field}`: {error}; {}", error.help()))
        };
        let zone = |(zone, regions): (&String, &BTreeSet<String>)| {
            if store::region_name(zone).is_err() {
                return Some(format!(
                    "`regions.zones`: `{}` cannot be the name of a zone; write a name like a \
                     region's, such as `eu`",
                    zone.escape_default()
                ));
            }
            regions.iter().find_map(|name| region(&format!("regions.zones.{zone}"), name))
        };
        let country = |(name, code): (&String, &String)| {
            let is_code = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
            let wrong = || {
                format!(
                    "`regions.countries.{}` is not a country's code: write two capital letters, such as \
                     `SE`",
                    name.escape_default()
                )
            };
            let named = region("regions.countries", name);
            named.or_else(|| (!is_code).then(wrong))
        };
        region("regions.here", &self.here)
            .or_else(|| self.zones.iter().find_map(zone))
            .or_else(|| self.countries.iter().find_map(country))
    }
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zones, D::Error> {
    let lists = BTreeMap::<String, Vec<String>>::deserialize(deserializer)?;
    let mut zones = BTreeMap::new();
    for (zone, regions) in lists {
        let mut set = BTreeSet::new();
        for region in regions {
            if let Some(twice) = set.replace(region) {
                let message = format!("the zone `{zone}` lists the region `{twice}` twice");
                return Err(D::Error::custom(message));
            }
        }
        zones.insert(zone, set);
    }
    Zones::new(zones).map_err(D::Error::custom)
}

fn write<S: Serializer>(zones: &Zones, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(zones.iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RegionsConfig, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn zones_are_lists_of_regions() {
        let regions = parse(
            "here = 'swedencentral'
             [zones]
             eu = ['swedencentral', 'francecentral']
             us = ['eastus']",
        )
        .unwrap();
        assert_eq!(regions.wrong(), None);
        assert_eq!(regions.zones.of("francecentral"), Some("eu"));
        assert!(regions.lists("eastus") && !regions.lists("norwayeast"));
        // A service without zones has one region.
        let alone = parse("here = 'basement'").unwrap();
        assert!(alone.lists("basement") && !alone.lists("local"));
        // The written text is read again: overrides by variables depend on it.
        assert_eq!(parse(&toml::to_string(&regions).unwrap()).unwrap(), regions);
    }

    #[test]
    fn a_zone_that_contradicts_another_is_refused() {
        for (text, expected) in [
            ("[zones]\neu = ['a']\nnordic = ['a']", "`a` is in two zones, `eu` and `nordic`"),
            ("[zones]\neu = ['a', 'b', 'a']", "the zone `eu` lists the region `a` twice"),
            ("[zones]\neu = 'a'", "invalid type: string"),
            ("there = 'a'", "unknown field `there`"),
        ] {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{text}: {message}");
        }
        for (text, expected) in [
            ("here = 'The Basement'", "`regions.here`: "),
            ("here = ''", "`regions.here`: "),
            ("[zones]\neu = ['Sweden Central']", "`regions.zones.eu`: "),
            ("[zones]\nEU = []", "`regions.zones`: `EU` cannot"),
        ] {
            let wrong = parse(text).unwrap().wrong().unwrap();
            assert!(wrong.starts_with(expected), "{text}: {wrong}");
        }
    }
}
