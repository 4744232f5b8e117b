//! How long each kind of data is kept.

use audit::rfc3339;
use policy::object::STATE_DAYS_MAX;
use serde_json::json;
use store::Resource;
use tlog::{entry::Subject, object::Class};

use super::{Facts, Line, Section, Source, history::At};

/// Returns the section about periods.
pub(super) fn section(facts: &Facts) -> Section {
    let mut lines = Vec::new();
    for resource in facts.resources() {
        lines.push(records(facts, resource));
        lines.extend(objects(facts, resource));
        lines.push(prefix_cache(facts, resource));
    }
    let retention = &facts.config.retention;
    lines.push(
        Line::new(
            "Receipts",
            format!("{} days; they have hashes, and no content", retention.receipts_days),
        )
        .source(Source::configuration("retention.receipts_days"))
        .data(json!({"days": retention.receipts_days})),
    );
    lines.push(
        Line::new(
            "Usage",
            format!("{} days; numbers of requests and tokens by hour", retention.usage_days),
        )
        .source(Source::configuration("retention.usage_days"))
        .data(json!({"days": retention.usage_days})),
    );
    let counts = store::abuse::COUNT_DAYS;
    lines.push(
        Line::new(
            "Abuse counts",
            format!("{counts} days; numbers of findings by day, end users only as keyed hashes"),
        )
        .source(Source::program("docs/operate/guard.md"))
        .data(json!({"days": counts})),
    );
    lines.push(
        Line::new(
            "Log",
            "for ever: salted commitments and random ids, from which no person can be told",
        )
        .source(Source::program("docs/spec/log.md"))
        .check("bailiwick verify log"),
    );
    Section::new("retention", "Periods and erasure", lines)
}

/// Returns the line about the stored prompts and answers of a resource.
pub(super) fn records(facts: &Facts, resource: &Resource) -> Line {
    let logging = resource.retention.content_logging;
    let days = resource.retention.days.get();
    let kept = facts.kept.get(&resource.id).map(|kept| kept.records).unwrap_or_default();
    let value = if logging.keeps(facts.now_ms) {
        format!(
            "{days} days, sealed, for review after abuse; then their key is destroyed. Now: {} records{}",
            kept.count,
            kept.until_ms
                .map_or_else(String::new, |ms| format!(", the last until {}", rfc3339(ms / 1000))),
        )
    } else {
        let until = logging
            .until_ms
            .map_or_else(String::new, |ms| format!(", approved until {}", rfc3339(ms / 1000)));
        let older = match kept.count {
            0 => String::new(),
            count => {
                format!(". {count} records from before are still stored until their deadlines")
            }
        };
        format!("not stored: zero retention is in force{until}{older}")
    };
    let stored = logging.keeps(facts.now_ms);
    let entry = facts.history.content_logging(resource.id.as_bytes());
    Line::new("Prompts and answers", value)
        .of(&resource.name)
        .sources(facts.setting(resource, "retention_days, ContentLogging", Subject::Resource))
        .sources(entry.map(At::source))
        .source(Source::receipt("retention_days"))
        .check("the receipt of any request states the days; `bailiwick verify log` shows each destroyed key")
        .data(json!({"stored": stored, "days": if stored { days } else { 0 }, "records": kept.count}))
}

/// Returns the lines about the objects that callers asked to keep.
fn objects(facts: &Facts, resource: &Resource) -> Vec<Line> {
    let Some(kept) = facts.kept.get(&resource.id) else { return Vec::new() };
    let line = |(name, objects): (&&'static str, &store::history::Objects)| {
        let class = Class::ALL.into_iter().find(|class| class.name() == *name);
        let limit = class.and_then(|class| policy::object::latest_ms(class, 0));
        let days = limit.map(|_| STATE_DAYS_MAX);
        let until = days.map_or_else(
            || "until the caller or the officer deletes them".to_owned(),
            |days| format!("at most {days} days, or until they are deleted"),
        );
        Line::new(
            format!("Kept objects: {name}"),
            format!("{} now, {} bytes; {until}", objects.count, objects.bytes),
        )
        .of(&resource.name)
        .source(Source::service("objects"))
        .check(format!("bailiwick desk inventory {}", resource.name))
        .data(json!({"class": name, "count": objects.count, "bytes": objects.bytes, "days": days}))
    };
    kept.objects.iter().map(line).collect()
}

fn prefix_cache(facts: &Facts, resource: &Resource) -> Line {
    let seconds = facts.config.engine.prefix_cache_s;
    let on = resource.prefix_cache && seconds > 0;
    let value = if on {
        format!(
            "the beginnings of prompts stay in a worker's memory for {seconds} s, for this tenant only"
        )
    } else {
        "no part of a prompt stays in a worker's memory after the request".to_owned()
    };
    Line::new("Prefix cache", value)
        .of(&resource.name)
        .sources(facts.setting(resource, "prefix_cache", Subject::Resource))
        .source(Source::configuration("engine.prefix_cache_s"))
        .data(json!({"on": on, "seconds": if on { seconds } else { 0 }}))
}
