//! Compares the directory with the places that the configuration lists: regions of resources, and
//! addresses and regions of engines.

use store::Directory;

use crate::{config::Config, manage};

/// Returns a text for each resource and each engine that the configuration contradicts.
pub(super) fn contradictions(config: &Config, directory: &Directory) -> Vec<String> {
    let here = &config.regions.here;
    let elsewhere = directory.resources().into_iter().filter(|resource| resource.region != *here);
    let elsewhere = elsewhere.map(|resource| {
        format!(
            "the resource `{}` is in the region `{}`, and this service stores its data in `{here}`: \
             set `regions.here` if this machine is in `{}`, or move the resource to a service there",
            resource.name, resource.region, resource.region
        )
    });
    let engines = directory.engines().into_iter().filter_map(|engine| {
        let reason = manage::out_of_reach(engine, config)?;
        Some(format!("the engine `{}` gets no requests: {reason}; {}", engine.name, reason.help()))
    });
    elsewhere.chain(engines).collect()
}

/// Logs a warning for each contradiction.
pub(super) fn warn(config: &Config, directory: &Directory) {
    for contradiction in contradictions(config, directory) {
        tracing::warn!("{contradiction}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manage::tests::people::People;

    #[test]
    fn a_resource_in_another_region_is_named() {
        let people = People::new();
        let directory = people.management.store().directory().unwrap();
        assert_eq!(contradictions(&Config::default(), &directory), [""; 0]);
        let moved: Config = toml::from_str("[regions]\nhere = 'swedencentral'").unwrap();
        let found = contradictions(&moved, &directory);
        assert_eq!(found.len(), 3);
        let first = found.first().unwrap();
        assert!(first.contains("`acme-prod`") && first.contains("`local`"), "{first}");
    }
}
