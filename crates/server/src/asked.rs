//! Requests for pages: which form and language a client asks for, and the headers of the answer.

use hyper::{
    HeaderMap, Uri,
    header::{
        ACCEPT, ACCEPT_LANGUAGE, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
        HeaderName, REFERRER_POLICY, X_FRAME_OPTIONS,
    },
};
use pages::{
    Frame,
    format::{Choice, Query},
};

/// What a client asked for.
pub(crate) struct Asked {
    /// Form and language.
    pub choice: Choice,
    /// The parameters.
    pub query: Query,
    /// The address without `lang` and `format`.
    pub here: String,
}

impl Asked {
    /// Reads address and headers.
    pub(crate) fn of(uri: &Uri, headers: &HeaderMap) -> Self {
        let query = uri.query().unwrap_or_default();
        let text = |name: HeaderName| headers.get(name)?.to_str().ok();
        let parsed = Query::parse(query);
        let choice = Choice::of(&parsed, text(ACCEPT), text(ACCEPT_LANGUAGE));
        let kept: Vec<_> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .filter(|pair| !["lang", "format"].contains(&pair.split('=').next().unwrap_or(pair)))
            .collect();
        let path = uri.path();
        let here =
            if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) };
        Self { choice, query: parsed, here }
    }

    /// Returns the frame of the page, with the service's name.
    pub(crate) fn frame<'a>(&'a self, service: &'a str) -> Frame<'a> {
        Frame {
            lang: self.choice.lang,
            is_lang_named: self.choice.is_lang_named,
            service,
            version: env!("CARGO_PKG_VERSION"),
            here: &self.here,
        }
    }

    /// Returns the headers of every page. The listener adds `no-store` and `nosniff`.
    pub(crate) fn headers(&self, kind: &str, policy: String) -> Vec<(HeaderName, String)> {
        vec![
            (CONTENT_TYPE, kind.to_owned()),
            (CONTENT_LANGUAGE, self.choice.lang.tag().to_owned()),
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

/// Media type of pages.
pub(crate) const HTML: &str = "text/html; charset=utf-8";
/// Media type of texts.
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";
/// Media type of JSON.
pub(crate) const JSON: &str = "application/json";

const PERMISSIONS: &str = "camera=(), geolocation=(), microphone=(), clipboard-read=()";
