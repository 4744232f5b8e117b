//! The content of a record, before it is sealed and after it was opened.
//! docs/spec/sealed-record.md defines its bytes.

use minicbor::{Decode, Encode};
use policy::content::ContentBytes;
use tlog::{
    canon::{self, NotCanonical},
    id::{DeploymentId, RequestId},
    receipt::Outcome,
};

/// One request with its response, as received and sent. `Debug` prints only id and lengths.
#[derive(PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Content {
    /// Id of the request.
    #[n(0)]
    pub request: RequestId,
    /// Kind of the caller's credential: `Key1`, `Key2`, `person` or `workload`.
    #[n(1)]
    pub caller: String,
    /// The deployment; `None` if the request named no existing one.
    #[n(2)]
    pub deployment: Option<DeploymentId>,
    /// Region in which the request was processed.
    #[n(3)]
    pub region: String,
    /// Template of the called path: the path itself may hold any text.
    #[n(4)]
    pub route: String,
    /// Time at which the request began, in Unix milliseconds.
    #[n(5)]
    pub started_ms: u64,
    /// HTTP status of the response.
    #[n(6)]
    pub status: u16,
    /// Outcome of the request.
    #[n(7)]
    pub outcome: Outcome,
    /// Body of the request.
    #[n(8)]
    #[cbor(with = "minicbor::bytes")]
    pub request_body: Vec<u8>,
    /// Body of the response.
    #[n(9)]
    #[cbor(with = "minicbor::bytes")]
    pub response_body: Vec<u8>,
}

impl Content {
    /// Returns the content's bytes, ready to be sealed.
    #[must_use]
    pub fn encode(&self) -> ContentBytes {
        ContentBytes::new(canon::encode(self))
    }

    /// Decodes the bytes of an opened record.
    ///
    /// # Errors
    /// When the bytes are not the canonical encoding of a record's content.
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
