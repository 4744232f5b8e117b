//! What a record holds, before it is sealed and after it was opened. docs/spec/sealed-record.md
//! gives its bytes.

use minicbor::{Decode, Encode};
use policy::content::ContentBytes;
use tlog::{
    canon::{self, NotCanonical},
    id::{DeploymentId, RequestId},
    receipt::Outcome,
};

/// One request with its response, as they crossed the wire. It cannot be printed.
#[derive(PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Content {
    /// The request.
    #[n(0)]
    pub request: RequestId,
    /// Which credential called, by its name.
    #[n(1)]
    pub caller: String,
    /// The deployment, where one was found.
    #[n(2)]
    pub deployment: Option<DeploymentId>,
    /// Where it was processed.
    #[n(3)]
    pub region: String,
    /// The path that was called, as a template: a request's own path may hold anything.
    #[n(4)]
    pub route: String,
    /// When it began: milliseconds since 1970.
    #[n(5)]
    pub started_ms: u64,
    /// The HTTP status that was told.
    #[n(6)]
    pub status: u16,
    /// How it ended.
    #[n(7)]
    pub outcome: Outcome,
    /// The request's body.
    #[n(8)]
    #[cbor(with = "minicbor::bytes")]
    pub request_body: Vec<u8>,
    /// The response's body.
    #[n(9)]
    #[cbor(with = "minicbor::bytes")]
    pub response_body: Vec<u8>,
}

impl Content {
    /// The content's bytes, to be sealed.
    #[must_use]
    pub fn encode(&self) -> ContentBytes {
        ContentBytes::new(canon::encode(self))
    }

    /// Reads what was opened.
    ///
    /// # Errors
    /// When it is not a record's content.
    pub fn decode(bytes: &[u8]) -> Result<Self, NotCanonical> {
        canon::decode(bytes, "a record's content")
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (asked, answered) = (self.request_body.len(), self.response_body.len());
        write!(f, "Content({}, {asked} and {answered} bytes)", self.request)
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        use zeroize::Zeroize as _;
        self.request_body.zeroize();
        self.response_body.zeroize();
    }
}
