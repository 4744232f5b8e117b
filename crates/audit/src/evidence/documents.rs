//! Checks that the documents for auditors have the states of the bundle.

use serde_json::Value;
use tlog::bundle::{Seal, archive::Archive};

use super::{claims::States, path};
use crate::{report::Report, time::rfc3339};

/// Checks that each document is there, and that the map of controls has the states and the time of the bundle.
pub(super) fn check(report: &mut Report, archive: &Archive<'_>, seal: &Seal) {
    let read = |path: &str| {
        let text = archive.file(path).unwrap_or_default();
        serde_json::from_slice::<Value>(text).ok()
    };
    let missing = path::DOCUMENTS.into_iter().find(|path| read(path).is_none());
    if let Some(missing) = missing {
        return report.failed(format!("`{missing}` is missing, or is not JSON"));
    }
    let states = archive.file(path::STATES).unwrap_or_default();
    let Ok(states) = serde_json::from_slice::<States>(states) else { return };
    let controls = read(path::CONTROLS).unwrap_or_default();
    let state = |id: &str| {
        let found = states.promises.iter().find(|one| one.id == id);
        found.map(|one| one.state.as_str())
    };
    let list = |of: &Value, name: &str| {
        let list = of.get(name).and_then(Value::as_array);
        list.cloned().unwrap_or_default()
    };
    let promises: Vec<Value> = list(&controls, "frameworks")
        .iter()
        .flat_map(|framework| list(framework, "controls"))
        .flat_map(|control| list(&control, "promises"))
        .collect();
    let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
    let agrees = |one: &Value| {
        let own = text(one, "id").and_then(|id| state(&id));
        own.is_some() && own == text(one, "state").as_deref()
    };
    let same_time = text(&controls, "at") == Some(rfc3339(seal.made_ms / 1000));
    report.check(
        !promises.is_empty() && same_time && promises.iter().all(agrees),
        "the map of controls has the same states",
        "the map of controls has other states",
    );
}
