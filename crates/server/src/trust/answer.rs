//! Answers requests for pages.

use std::sync::Arc;

use bytes::Bytes;
use evidence::{AssessmentResults, ComponentDefinition, ControlMap, Live};
use hyper::{
    StatusCode,
    header::{CONTENT_DISPOSITION, HeaderName},
    http::request::Parts,
};
use pages::{
    Frame, assets,
    format::{Format, Query},
    log::{Filter, Kind},
    receipt::Checker,
    trust::Home,
};
use serde::Serialize;
use store::tiles::LogError;
use tokio::task::spawn_blocking;

use super::{Seen, explore, home};
use crate::{
    asked::{Asked, HTML, JSON, TEXT},
    clock,
    live::Current,
    openai::{error::ApiError, reply::Reply, routes::Page},
    services::Services,
};

/// Answers a request for a page. `named` is the variable segment of its path.
///
/// # Errors
/// If there is no such page, or the store or the log cannot be read.
pub(crate) async fn answer(
    services: &Arc<Services>,
    current: &Current,
    (seen, page): (Seen, Page),
    (head, named): (&Parts, &str),
) -> Result<Reply, ApiError> {
    let Seen { .. } = seen;
    let asked = Asked::of(&head.uri, &head.headers);
    let promises = &services.promises;
    match page {
        Page::Home => {
            let directory = services.store.directory().map_err(|error| {
                tracing::error!(%error, "the store cannot be read");
                ApiError::Store
            })?;
            let service = home::service(services, current, &directory);
            let (found, changes) = (promises.found(), promises.changes());
            let home = Home::new(asked.choice.lang, clock::now_ms(), &found, &changes, service);
            shown(&asked, services, &home, assets::policy(), |frame| home.html(frame))
        }
        Page::Receipt => {
            let checker = Checker::new(&promises.key.to_string());
            let policy = assets::policy_with_script();
            shown(&asked, services, &checker, policy, |frame| checker.html(frame))
        }
        Page::SavedReceipt => {
            let saved = Checker::new(&promises.key.to_string()).saved(asked.choice.lang);
            let mut headers = asked.headers(HTML, assets::policy());
            let name = "attachment; filename=\"bailiwick-receipt-checker.html\"";
            headers.push((CONTENT_DISPOSITION, name.to_owned()));
            Ok(made(headers, saved))
        }
        Page::Log => {
            let (filter, older) = filter(&asked.query);
            let lang = asked.choice.lang;
            let view = read(services, move |services| {
                let promises = &services.promises;
                match explore::Log::open(services.ledger.tiles(), &promises.key)? {
                    Some(log) => log.explore(&promises.witnesses, (filter, &older), lang),
                    None => Ok(explore::empty(filter)),
                }
            });
            let view = view.await?;
            shown(&asked, services, &view, assets::policy(), |frame| view.html(frame))
        }
        Page::Entry => {
            let index: u64 = number(named).ok_or(ApiError::RouteNotFound)?;
            let lang = asked.choice.lang;
            let view = read(services, move |services| {
                match explore::Log::open(services.ledger.tiles(), &services.promises.key)? {
                    Some(log) => log.entry(index, lang),
                    None => Ok(None),
                }
            });
            match view.await? {
                Some(view) => {
                    shown(&asked, services, &view, assets::policy(), |frame| view.html(frame))
                }
                None => Ok(missing(&asked, services)),
            }
        }
        Page::Evidence => {
            let (service, found) = (promises.key.name(), promises.found());
            let live = Live {
                service,
                version: env!("CARGO_PKG_VERSION"),
                now_ms: clock::now_ms(),
                found: &found,
            };
            let document = match named {
                "controls.json" => serde_json::to_string_pretty(&ControlMap::new(&live)),
                "component-definition.json" => {
                    serde_json::to_string_pretty(&ComponentDefinition::new(&live))
                }
                "assessment-results.json" => {
                    serde_json::to_string_pretty(&AssessmentResults::new(&live))
                }
                _ => return Err(ApiError::RouteNotFound),
            };
            let document = document.map_err(|_| ApiError::Internal)?;
            Ok(made(asked.headers(JSON, assets::policy()), document))
        }
        Page::File => {
            let asset = assets::find(named).ok_or(ApiError::RouteNotFound)?;
            let headers = asked.headers(asset.kind, assets::policy());
            Ok(Reply::Made {
                status: StatusCode::OK,
                headers,
                body: Bytes::from_static(asset.bytes),
            })
        }
        Page::SecurityTxt => {
            let text = home::security_txt(&current.config, clock::now_ms());
            Ok(made(asked.headers(TEXT, assets::policy()), text.ok_or(ApiError::RouteNotFound)?))
        }
    }
}

/// Reads the log on a thread that may block.
async fn read<T: Send + 'static>(
    services: &Arc<Services>,
    read: impl FnOnce(&Services) -> Result<T, LogError> + Send + 'static,
) -> Result<T, ApiError> {
    let services = Arc::clone(services);
    let read = spawn_blocking(move || read(&services)).await.map_err(|_| ApiError::Internal)?;
    read.map_err(|error| {
        tracing::error!(%error, help = error.help(), "a page of the log cannot be made");
        ApiError::LogUnavailable
    })
}

/// Returns the filter of the log's page, and the earlier checkpoint.
fn filter(query: &Query) -> (Filter, String) {
    let text = |name: &str| query.get(name).map(|text| text.chars().take(100).collect());
    let filter = Filter {
        kind: query.get("kind").and_then(Kind::named),
        day: text("day"),
        id: text("id"),
        before: query.get("before").and_then(number),
    };
    (filter, query.get("older").unwrap_or_default().to_owned())
}

/// Reads a number as links write it: without signs and zeros before it.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

/// Returns a page as HTML or as JSON, as the client asked.
fn shown(
    asked: &Asked,
    services: &Services,
    view: &impl Serialize,
    policy: String,
    html: impl FnOnce(&Frame<'_>) -> String,
) -> Result<Reply, ApiError> {
    Ok(match asked.choice.format {
        Format::Json => {
            let json = serde_json::to_string(view).map_err(|_| ApiError::Internal)?;
            made(asked.headers(JSON, assets::policy()), json)
        }
        Format::Html => {
            made(asked.headers(HTML, policy), html(&asked.frame(services.promises.key.name())))
        }
    })
}

fn missing(asked: &Asked, services: &Services) -> Reply {
    let body = pages::not_found(&asked.frame(services.promises.key.name()));
    let headers = asked.headers(HTML, assets::policy());
    Reply::Made { status: StatusCode::NOT_FOUND, headers, body: body.into() }
}

fn made(headers: Vec<(HeaderName, String)>, body: String) -> Reply {
    Reply::Made { status: StatusCode::OK, headers, body: body.into() }
}
