//! Answers requests for pages.

use std::sync::Arc;

use bytes::Bytes;
use evidence::{AssessmentResults, ComponentDefinition, ControlMap, Live};
use hyper::{
    HeaderMap, StatusCode,
    header::{
        ACCEPT, ACCEPT_LANGUAGE, CONTENT_DISPOSITION, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY,
        CONTENT_TYPE, HeaderName, REFERRER_POLICY, X_FRAME_OPTIONS,
    },
    http::request::Parts,
};
use pages::{
    Frame, Lang, assets,
    format::{Choice, Format, Query},
    log::{Filter, Kind},
    receipt::Checker,
    trust::Home,
};
use serde::Serialize;
use store::tiles::LogError;
use tokio::task::spawn_blocking;

use super::{Seen, explore, home};
use crate::{
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
    let asked = Asked::of(head);
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
            asked.page(services, &home, assets::policy(), |frame| home.html(frame))
        }
        Page::Receipt => {
            let checker = Checker::new(&promises.key.to_string());
            asked
                .page(services, &checker, assets::policy_with_script(), |frame| checker.html(frame))
        }
        Page::SavedReceipt => {
            let saved = Checker::new(&promises.key.to_string()).saved(asked.choice.lang);
            let mut headers = asked.headers(HTML, assets::policy());
            let name = "attachment; filename=\"bailiwick-receipt-checker.html\"";
            headers.push((CONTENT_DISPOSITION, name.to_owned()));
            Ok(made(headers, saved))
        }
        Page::Log => {
            let (filter, older) = asked.filter();
            let lang = asked.choice.lang;
            let view = read(services, move |services| {
                let promises = &services.promises;
                match explore::Log::open(services.ledger.tiles(), &promises.key)? {
                    Some(log) => log.explore(&promises.witnesses, (filter, &older), lang),
                    None => Ok(explore::empty(filter)),
                }
            });
            let view = view.await?;
            asked.page(services, &view, assets::policy(), |frame| view.html(frame))
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
                    asked.page(services, &view, assets::policy(), |frame| view.html(frame))
                }
                None => Ok(asked.missing(services)),
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

/// Reads a number as links write it: without signs and zeros before it.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

/// What a client asked for.
struct Asked {
    choice: Choice,
    query: Query,
    /// The address without `lang` and `format`.
    here: String,
}

impl Asked {
    fn of(head: &Parts) -> Self {
        let query = head.uri.query().unwrap_or_default();
        let text = |name: HeaderName| header(&head.headers, &name);
        let parsed = Query::parse(query);
        let choice = Choice::of(&parsed, text(ACCEPT), text(ACCEPT_LANGUAGE));
        let kept: Vec<_> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .filter(|pair| !["lang", "format"].contains(&pair.split('=').next().unwrap_or(pair)))
            .collect();
        let path = head.uri.path();
        let here =
            if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) };
        Self { choice, query: parsed, here }
    }

    /// Returns the filter of the log's page, and the earlier checkpoint.
    fn filter(&self) -> (Filter, String) {
        let text = |name: &str| self.query.get(name).map(|text| text.chars().take(100).collect());
        let filter = Filter {
            kind: self.query.get("kind").and_then(Kind::named),
            day: text("day"),
            id: text("id"),
            before: self.query.get("before").and_then(number),
        };
        (filter, self.query.get("older").unwrap_or_default().to_owned())
    }

    /// Returns a page as HTML or as JSON, as the client asked.
    fn page(
        &self,
        services: &Services,
        view: &impl Serialize,
        policy: String,
        html: impl FnOnce(&Frame<'_>) -> String,
    ) -> Result<Reply, ApiError> {
        Ok(match self.choice.format {
            Format::Json => {
                let json = serde_json::to_string(view).map_err(|_| ApiError::Internal)?;
                made(self.headers(JSON, assets::policy()), json)
            }
            Format::Html => made(self.headers(HTML, policy), html(&self.frame(services))),
        })
    }

    fn missing(&self, services: &Services) -> Reply {
        let body = pages::not_found(&self.frame(services));
        let headers = self.headers(HTML, assets::policy());
        Reply::Made { status: StatusCode::NOT_FOUND, headers, body: body.into() }
    }

    fn frame<'a>(&'a self, services: &'a Services) -> Frame<'a> {
        Frame {
            lang: self.choice.lang,
            is_lang_named: self.choice.is_lang_named,
            service: services.promises.key.name(),
            version: env!("CARGO_PKG_VERSION"),
            here: &self.here,
        }
    }

    /// Returns the headers of every page. The listener adds `no-store` and `nosniff`.
    fn headers(&self, kind: &str, policy: String) -> Vec<(HeaderName, String)> {
        vec![
            (CONTENT_TYPE, kind.to_owned()),
            (CONTENT_LANGUAGE, language(self.choice.lang)),
            (CONTENT_SECURITY_POLICY, policy),
            (REFERRER_POLICY, "no-referrer".to_owned()),
            (X_FRAME_OPTIONS, "DENY".to_owned()),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin".to_owned()),
            (HeaderName::from_static("cross-origin-resource-policy"), "same-origin".to_owned()),
            (HeaderName::from_static("permissions-policy"), PERMISSIONS.to_owned()),
            (HeaderName::from_static("x-robots-tag"), "noindex".to_owned()),
        ]
    }
}

fn language(lang: Lang) -> String {
    lang.tag().to_owned()
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn made(headers: Vec<(HeaderName, String)>, body: String) -> Reply {
    Reply::Made { status: StatusCode::OK, headers, body: body.into() }
}

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const PERMISSIONS: &str = "camera=(), geolocation=(), microphone=(), clipboard-read=()";
