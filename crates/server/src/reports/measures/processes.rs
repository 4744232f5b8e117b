//! The confinement of the running processes.

use engine::protocol::Confinement;
use serde_json::json;

use super::super::{Facts, Line, Source};
use crate::board::Confined;

/// Returns one line for each process.
pub(super) fn lines(facts: &Facts) -> Vec<Line> {
    let Some(states) = &facts.states else {
        let value = "no service runs on this data now: start it, and make the report again";
        let line = Line::new("Confinement", value).source(Source::service("workers.json"));
        return vec![Line { missing: true, ..line }];
    };
    let mut lines: Vec<Line> = states.confined.iter().map(line).collect();
    let ready = states.workers.iter().filter(|worker| worker.state == "ready").count();
    lines.push(
        Line::new("Workers", format!("{ready} of {} ready", states.workers.len()))
            .source(Source::service("workers.json"))
            .check("GET /readyz on the operations listener"),
    );
    lines
}

fn line(confined: &Confined) -> Line {
    let Confinement { landlock_abi, seccomp, memory_locked, attempts } = &confined.confinement;
    let on = |on: bool| if on { "on" } else { "off" };
    let value = format!(
        "Landlock ABI {landlock_abi}, seccomp {}, memory {}; it tried to break out in {} ways, and each failed",
        on(*seccomp),
        if *memory_locked { "locked" } else { "not locked" },
        attempts.len()
    );
    let item = match confined.process.as_str() {
        "gateway" => "Process: gateway".to_owned(),
        worker => format!("Process: worker {worker}"),
    };
    Line::new(item, value)
        .source(Source::service("the process's own report at its start"))
        .check("GET /admin/v1/workers and /admin/v1/gateway show each attempt with its error")
        .data(json!({"landlock": landlock_abi, "seccomp": seccomp, "memory_locked": memory_locked,
                     "attempts": attempts.len()}))
}
