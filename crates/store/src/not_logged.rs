//! The reasons why a decision of people is not logged.

use policy::id::PersonId;
use tlog::{key::Key, roll::Wrong, signature::BadSignatures, statement::Draft};

/// A decision that needs a signature and has none. Nothing was written.
#[derive(Debug)]
pub struct Unsigned {
    /// The statement to sign.
    pub draft: Draft,
    /// The log's time, in milliseconds since 1970. The ends in the statement are counted from it.
    pub now_ms: u64,
    /// The entry of the same act that is in the log already: the search before an erasure.
    pub logged: Option<u64>,
    /// The passkeys of the party that may sign it, each with its person; a key of a root has none. A
    /// browser does not know with which key its authenticator signed.
    pub passkeys: Vec<(Option<PersonId>, Key)>,
}

/// The reason why a signed decision was not written.
#[derive(Debug, thiserror::Error)]
pub enum NotLogged {
    /// A signature is missing. Nothing was written.
    #[error("the decision needs a signature")]
    Unsigned(Box<Unsigned>),
    /// The signatures do not count, or the entry breaks a rule.
    #[error("the statement does not count: {0}")]
    Wrong(#[from] Wrong),
    /// A person of another party signed.
    #[error("the statement does not count: people of another party signed it")]
    OtherParty,
    /// There are too many signatures, or two of one key.
    #[error("the statement does not count: {0}")]
    Signatures(#[from] BadSignatures),
}

impl NotLogged {
    /// Notes the entry of the same act that is in the log already.
    pub(crate) fn after(mut self, entry: Option<u64>) -> Self {
        if let Self::Unsigned(unsigned) = &mut self {
            unsigned.logged = entry;
        }
        self
    }

    /// Returns the remedy.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Unsigned(_) => {
                "sign the statement with a key that is enrolled: `--signer FILE`; docs/operate/signing.md"
            }
            Self::Wrong(_) | Self::OtherParty | Self::Signatures(_) => {
                "ask for a new statement and sign it with an enrolled key: `bailiwick desk signer list` \
                 shows the keys; docs/operate/signing.md"
            }
        }
    }
}
