//! `[[notices]]`: the places that get notices of things that wait for a person.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{
    Config,
    destination::{Both, CredentialSource, source},
};

/// A place that gets notices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoticesConfig {
    /// URL of the webhook; its destination is listed, too.
    pub url: String,
    /// Name of the tenant that the notices are for; without it, they are for the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Kinds of notices; by default all that there are for this side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<NoticeKind>>,
    /// File with the secret that signs the notices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// Environment variable with the secret that signs the notices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_env: Option<String>,
}

/// The kind of a thing that waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum NoticeKind {
    /// A flagged record waits for a reviewer.
    #[serde(rename = "review.flagged")]
    Flagged,
    /// An access request waits for the manager.
    #[serde(rename = "review.approval")]
    Approval,
    /// An access request waits for the customer's consent.
    #[serde(rename = "review.consent")]
    Consent,
    /// An appeal against a penalty waits.
    #[serde(rename = "penalty.appeal")]
    Appeal,
    /// An application for an exemption waits.
    #[serde(rename = "exemption.application")]
    Application,
    /// The request of a data subject must be answered soon.
    #[serde(rename = "subject.deadline")]
    Deadline,
    /// A promise is broken, or its checks are stale.
    #[serde(rename = "promise.state")]
    Promise,
    /// The certificate of a listener expires soon.
    #[serde(rename = "certificate.expiry")]
    Certificate,
}

impl NoticeKind {
    /// All kinds.
    pub(crate) const ALL: [Self; 8] = [
        Self::Flagged,
        Self::Approval,
        Self::Consent,
        Self::Appeal,
        Self::Application,
        Self::Deadline,
        Self::Promise,
        Self::Certificate,
    ];

    /// Returns the kind's name.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Flagged => "review.flagged",
            Self::Approval => "review.approval",
            Self::Consent => "review.consent",
            Self::Appeal => "penalty.appeal",
            Self::Application => "exemption.application",
            Self::Deadline => "subject.deadline",
            Self::Promise => "promise.state",
            Self::Certificate => "certificate.expiry",
        }
    }

    /// Returns whether this side gets notices of this kind: it has the people that are needed.
    #[must_use]
    pub(crate) fn is_for(self, side: Side) -> bool {
        match self {
            Self::Consent | Self::Deadline => side == Side::Customer,
            Self::Flagged
            | Self::Approval
            | Self::Appeal
            | Self::Application
            | Self::Certificate => side == Side::Operator,
            Self::Promise => true,
        }
    }
}

/// The side that a destination of notices belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The operator.
    Operator,
    /// One customer.
    Customer,
}

impl NoticesConfig {
    /// Returns the side that the notices are for.
    #[must_use]
    pub(crate) fn side(&self) -> Side {
        if self.tenant.is_some() { Side::Customer } else { Side::Operator }
    }

    /// Returns the kinds of notices.
    #[must_use]
    pub(crate) fn kinds(&self) -> Vec<NoticeKind> {
        let all = || {
            let all = NoticeKind::ALL.into_iter();
            all.filter(|kind| kind.is_for(self.side())).collect()
        };
        self.kinds.clone().unwrap_or_else(all)
    }

    /// Returns the URL without its path, which may hold a secret.
    #[must_use]
    pub(crate) fn origin(&self) -> String {
        self.url.split('/').take(3).collect::<Vec<_>>().join("/")
    }

    /// Returns the place of the secret.
    ///
    /// # Errors
    /// If the settings name no place, or two.
    pub(crate) fn secret(&self) -> Result<CredentialSource<'_>, String> {
        let Self { secret_file, secret_env, .. } = self;
        let origin = self.origin();
        match source(secret_file.as_deref(), secret_env.as_deref()) {
            Ok(Some(source)) => Ok(source),
            Ok(None) => Err(format!(
                "`notices` has `{origin}` without a secret that signs its notices; set `secret_file` or \
                 `secret_env`"
            )),
            Err(Both) => Err(format!(
                "`notices` has `{origin}` with `secret_file` and `secret_env`; remove one of the two"
            )),
        }
    }

    fn wrong(&self) -> Option<String> {
        if let Err(wrong) = self.secret() {
            return Some(wrong);
        }
        let (side, kinds) = (self.side(), self.kinds());
        let origin = self.origin();
        if kinds.is_empty() {
            return Some(format!(
                "`notices` has `{origin}` with an empty list `kinds`; name some, or remove the destination"
            ));
        }
        let kind = kinds.into_iter().find(|kind| !kind.is_for(side))?.name();
        Some(match side {
            Side::Operator => format!(
                "`notices` has `{origin}` with the kind `{kind}`, which only a customer gets: set `tenant`, \
                 or remove the kind"
            ),
            Side::Customer => format!(
                "`notices` has `{origin}` with `tenant` and the kind `{kind}`, which only the operator gets: \
                 remove one of the two"
            ),
        })
    }
}

impl Config {
    /// Returns the mistake in `notices`, if there is one.
    pub(super) fn wrong_notices(&self) -> Option<String> {
        let twice = self.notices.iter().enumerate().find(|(at, one)| {
            let before = self.notices.iter().take(*at);
            before.into_iter().any(|other| (&other.url, &other.tenant) == (&one.url, &one.tenant))
        });
        if let Some((_, one)) = twice {
            let origin = one.origin();
            return Some(format!("`notices` has the same URL at `{origin}` twice; remove one"));
        }
        self.notices.iter().find_map(NoticesConfig::wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> Option<String> {
        let config: Config = toml::from_str(text).unwrap();
        config.wrong_notices()
    }

    #[test]
    fn a_side_gets_only_what_its_people_do() {
        let of = |kinds: &str, tenant: &str| {
            wrong(&format!(
                "[[notices]]\nurl = 'https://a.example/hook'\nsecret_env = 'S'\nkinds = [{kinds}]\n{tenant}"
            ))
        };
        assert_eq!(of("'review.flagged', 'promise.state'", ""), None);
        assert_eq!(of("'review.consent'", "tenant = 'acme'"), None);
        let flagged = of("'review.flagged'", "tenant = 'acme'").unwrap();
        assert!(flagged.contains("`review.flagged`, which only the operator gets"), "{flagged}");
        let consent = of("'review.consent'", "").unwrap();
        assert!(consent.contains("`review.consent`, which only a customer gets"), "{consent}");
        assert!(!consent.contains("hook"), "the path may be a secret: {consent}");
        assert!(of("", "").unwrap().contains("empty list"));
    }

    #[test]
    fn a_destination_has_one_secret_and_stands_once() {
        let one = "[[notices]]\nurl = 'https://a.example/hook'\n";
        assert!(wrong(one).unwrap().contains("without a secret"));
        let both = format!("{one}secret_env = 'S'\nsecret_file = 'f'\n");
        assert!(wrong(&both).unwrap().contains("remove one of the two"));
        let good = format!("{one}secret_env = 'S'\n");
        assert_eq!(wrong(&good), None);
        assert!(wrong(&good.repeat(2)).unwrap().contains("twice"));
        assert_eq!(wrong(&format!("{good}{good}tenant = 'acme'\n")), None);
    }

    #[test]
    fn a_kind_is_written_as_it_is_named() {
        for kind in NoticeKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
