//! The errors of the last hour, by code.

use maud::{Markup, html};
use serde::Deserialize;

use crate::{
    layout::grouped,
    person::console::parts::{ROWS, moment},
    words::{Lang, Message as _, build::Build, console::Console, errors::Errors},
};

/// The errors of a resource, and the period in which they were counted.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Recent {
    from: String,
    minutes: u64,
    since_start: bool,
    data: Vec<Counted>,
    others_count: u64,
}

/// Errors of one kind.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counted {
    /// The deployment that was called, once the call had found it.
    deployment: Option<String>,
    status: u16,
    code: String,
    count: u64,
    last_at: String,
}

/// Shows the errors, with the next step for each code that is well known.
pub(super) fn shown(errors: &Recent, lang: Lang) -> Markup {
    let minutes = errors.minutes.to_string();
    // The API sends no more rows than this; further errors are in `others_count`.
    let rows = errors.data.get(..ROWS).unwrap_or(&errors.data);
    html! {
        p {
            @if errors.since_start {
                (Errors::Start.text(lang)) " " (moment(&errors.from)) "."
            } @else {
                (Errors::Hour.with(lang, &[("minutes", &minutes)]))
            }
        }
        @if rows.is_empty() { p { (Errors::Nothing.text(lang)) } } @else { (table(rows, lang)) }
        @if errors.others_count > 0 {
            p { (Errors::Others.with(lang, &[("count", &grouped(errors.others_count))])) "." }
        }
        p class="help" { (Errors::Help.text(lang)) }
    }
}

fn table(rows: &[Counted], lang: Lang) -> Markup {
    html! {
        table class="wide" {
            thead { tr {
                th scope="col" { (Errors::Code.text(lang)) }
                th scope="col" class="number" { (Errors::Status.text(lang)) }
                th scope="col" { (Console::Deployment.text(lang)) }
                th scope="col" class="number" { (Errors::Count.text(lang)) }
                th scope="col" { (Errors::Last.text(lang)) }
            } }
            tbody { @for row in rows { tr {
                th scope="row" {
                    code { (row.code) }
                    @if let Some(next) = next_step(&row.code, row.status) {
                        p class="help" { (next.text(lang)) }
                    }
                }
                td class="number" { span class="unit" { (Errors::Status.text(lang)) " " } (row.status) }
                td {
                    @match &row.deployment {
                        Some(name) => code { (name) },
                        None => (Build::NoneNamed.text(lang)),
                    }
                }
                td class="number" { (grouped(row.count)) " " span class="unit" { (Errors::Times.text(lang)) } }
                td { (moment(&row.last_at)) }
            } } }
        }
    }
}

/// Returns what to do next about a code of the API.
fn next_step(code: &str, status: u16) -> Option<Errors> {
    Some(match (code, status) {
        ("DeploymentNotFound" | "model_not_found", _) => Errors::Deployment,
        ("OperationNotSupported", _) => Errors::Task,
        ("context_length_exceeded", _) => Errors::Context,
        ("request_too_large", _) => Errors::Large,
        ("content_filter", _) => Errors::Filter,
        ("PermissionDenied", _) => Errors::Role,
        ("ResourceBlocked", _) => Errors::Penalty,
        ("not_found" | "ReceiptNotFound", _) => Errors::Object,
        ("zero_data_retention" | "data_subject_restricted", _) => Errors::Kept,
        ("ModelFailed", _) => Errors::Model,
        ("no_engine_in_region", _) => Errors::Region,
        ("CustomerKeyWithdrawn", _) => Errors::Key,
        ("ClientClosedRequest", _) => Errors::Gone,
        ("408", _) => Errors::Slow,
        ("413" | "file_too_large", _) => Errors::Body,
        ("429", _) => Errors::Busy,
        ("500" | "502", _) => Errors::Failed,
        (_, 503) => Errors::Wait,
        (code, 400) if code.starts_with("personal_data") => Errors::Personal,
        (code, 400) if is_of_a_field(code) => Errors::Field,
        _ => return None,
    })
}

/// Whether a code is one of OpenAI's for fields.
fn is_of_a_field(code: &str) -> bool {
    let families =
        ["invalid_", "unsupported_", "integer_", "decimal_", "array_", "string_", "object_"];
    families.iter().any(|family| code.starts_with(family))
        || matches!(
            code,
            "missing_required_parameter" | "unknown_parameter" | "empty_array" | "empty_string"
        )
}
