//! The filter's decisions as annotations on the wire.

use policy::guard::{
    filter::{Annotation, Results, Unavailable},
    verdict::Category,
};
use wire::filter::{Checked, FilterResults, Finding, Value};

/// Converts a decision, or the reason why there is none, to an annotation.
pub(crate) fn checked(results: Result<&Results, &Unavailable>) -> Checked {
    match results {
        Ok(results) => Checked::Results(findings(results)),
        Err(_) => Checked::NotFiltered,
    }
}

/// Converts a decision to the fields of `content_filter_results`. All lists share one field.
pub(crate) fn findings(results: &Results) -> FilterResults {
    let list = |one: &Annotation| match &one.category {
        Category::Blocklist(name) => Some((name.as_str().to_owned(), one.filtered)),
        _ => None,
    };
    let all = results.annotations();
    let lists: Vec<_> = all.iter().filter(|one| one.detected()).filter_map(list).collect();
    let has_lists = all.iter().any(|one| matches!(one.category, Category::Blocklist(_)));
    let lists = has_lists.then(|| Finding {
        name: "custom_blocklists",
        filtered: lists.iter().any(|(_, filtered)| *filtered),
        value: Value::Lists(lists),
    });
    let built_in = all.iter().filter(|one| !matches!(one.category, Category::Blocklist(_)));
    built_in.map(finding).chain(lists).collect()
}

fn finding(one: &Annotation) -> Finding {
    let value = match one.category.is_graded() {
        true => Value::Severity(one.severity.name()),
        false => Value::Detected(one.detected()),
    };
    Finding { name: one.category.name(), filtered: one.filtered, value }
}
