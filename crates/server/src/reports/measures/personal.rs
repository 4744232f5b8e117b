//! Personal data in requests, and the index of data subjects.

use std::collections::BTreeSet;

use policy::personal::{Kind, Mode, Opaque, Setting};
use serde_json::{Value, json};
use store::Resource;

use super::super::{Facts, Line, Source, history::At};

/// Returns the lines about personal data and data subjects.
pub(super) fn lines(facts: &Facts) -> Vec<Line> {
    let mut lines: Vec<Line> = facts.resources().map(|one| of_resource(facts, one)).collect();
    lines.extend(processors(facts).into_iter().map(|name| of_processor(facts, name)));
    lines.extend([index(), erasure(facts), restriction(facts)]);
    lines
}

/// Returns the names of the companies whose engines could serve the tenant.
pub(in crate::reports) fn processors(facts: &Facts) -> BTreeSet<&str> {
    let engines = facts.directory.engines().into_iter();
    let of_tenant = engines.filter(|engine| engine.prefix_cache.admits(facts.tenant));
    of_tenant.filter_map(|engine| Some(engine.processor.as_ref()?.name.as_str())).collect()
}

fn of_resource(facts: &Facts, resource: &Resource) -> Line {
    let setting = facts.directory.personal_of_resource(resource.id);
    let value = match (setting.mode, setting.everywhere) {
        (Mode::Off, _) => {
            "off: the settings of the companies decide; on the operator's own machines, nothing is looked for"
                .to_owned()
        }
        (_, true) => format!("{}; on all engines", in_words(&setting)),
        (_, false) => format!("{}; on engines of other companies only", in_words(&setting)),
    };
    Line::new("Personal data in requests", value)
        .of(&resource.name)
        .source(Source::directory(format!("resource {}: personal_data", resource.name)))
        .sources(facts.history.personal_of_resource(resource.id).map(At::source))
        .source(Source::receipt("personal_data"))
        .check(format!("bailiwick personal-data show --resource {}", resource.name))
        .data(data(&setting))
}

fn of_processor(facts: &Facts, name: &str) -> Line {
    let setting = facts.directory.personal_of_processor(name);
    let value = format!("{}; a resource can only make it stricter", in_words(&setting));
    Line::new(format!("Personal data in requests to {name}"), value)
        .source(Source::directory(format!("processor {name}: personal_data")))
        .sources(facts.history.personal_of_processor(name).map(At::source))
        .source(Source::receipt("personal_data"))
        .check(format!("bailiwick personal-data show --processor {name}"))
        .data(data(&setting))
}

/// Returns a setting in words. The operator's own words and patterns are a number.
fn in_words(setting: &Setting) -> String {
    let happens = match setting.mode {
        Mode::Off => return "off: nothing is looked for".to_owned(),
        Mode::Report => "report: what is found is counted, and goes on",
        Mode::Pseudonymise => "pseudonymise: a placeholder takes the place of what is found",
        Mode::Block => "block: a request with personal data is refused",
    };
    let kinds: Vec<String> =
        setting.kinds.iter().map(|kind: Kind| kind.name().replace('_', " ")).collect();
    let kinds = if kinds.is_empty() { "no kind".to_owned() } else { kinds.join(", ") };
    let unreadable = match (setting.mode, setting.opaque) {
        (Mode::Off | Mode::Report, _) => "",
        (_, Opaque::Refuse) => "; images, sounds and tokens are refused",
        (_, Opaque::Pass) => "; images, sounds and tokens go on unseen",
    };
    let own = own_terms(setting);
    format!("{happens} ({kinds}; own words and patterns: {own}){unreadable}")
}

fn own_terms(setting: &Setting) -> usize {
    setting.terms.words.len().saturating_add(setting.terms.patterns.len())
}

fn data(setting: &Setting) -> Value {
    let kinds: Vec<&str> = setting.kinds.iter().map(Kind::name).collect();
    json!({"mode": setting.mode.name(), "kinds": kinds, "ownTerms": own_terms(setting),
           "unreadable": setting.opaque.name(), "everywhere": setting.everywhere})
}

fn index() -> Line {
    Line::new(
        "Subject index",
        "names of people are stored as keyed hashes; the keys are the custodian's, and are destroyed with \
         what they lead to",
    )
    .source(Source::program("docs/spec/subject-index.md"))
    .check("`bailiwick verify log` lists each search (`SubjectRequest`)")
}

fn erasure(facts: &Facts) -> Line {
    let desk = facts.config.listen.desk.is_some();
    let value = if desk {
        "the customer's officer finds, exports and erases what is kept of one person; an erasure ends with a \
         signed certificate, whose digest is in the log"
    } else {
        "not possible: the service has no desk"
    };
    Line::new("Erasure of one person", value)
        .source(Source::configuration("listen.desk"))
        .source(Source::program("docs/operate/data-subjects.md"))
        .check("bailiwick verify erasure")
        .data(json!({"desk": desk}))
}

fn restriction(facts: &Facts) -> Line {
    let desk = facts.config.listen.desk.is_some();
    let value = if desk {
        "the customer's officer can stop that anything more is kept of one person"
    } else {
        "cannot be changed: the service has no desk"
    };
    Line::new("Restriction of one person", value)
        .source(Source::configuration("listen.desk"))
        .source(Source::program("docs/operate/data-subjects.md"))
        .check("`bailiwick verify log`: entries `SubjectRestricted`")
        .data(json!({"desk": desk}))
}
