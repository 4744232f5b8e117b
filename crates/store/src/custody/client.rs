//! The gateway's end of the line to the custodian.

use std::{io, os::unix::net::UnixStream, time::Duration};

use minicbor::bytes::ByteVec;
use policy::id::{KeyId, TenantId};
use tlog::canon::Digest;
use zeroize::Zeroizing;

use super::{
    Head, ListedKey, Named, Proven, ProvenGrant, RecordToOpen, Refusal, Request, Response, Shown,
    SpanToReseal, read, write,
};
use crate::seal::PublicKey;

/// The gateway's end of the line to the custodian.
///
/// A question and its answer belong together only by their order. So after anything but an answer
/// or a refusal the line is closed: the next question would be given the answer to this one.
#[derive(Debug)]
pub struct Client {
    stream: Option<UnixStream>,
}

/// How long the custodian may take to answer.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Why the custodian gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum CustodyError {
    /// It refused.
    #[error("the custodian refused: {0}")]
    Refused(Refusal),
    /// It cannot be reached.
    #[error("the custodian cannot be reached: {0}")]
    Unreachable(#[from] io::Error),
    /// It answered something else than was asked.
    #[error("the custodian gave an answer that makes no sense")]
    Nonsense,
}

impl Client {
    /// Talks over a connected socket; waits [`ANSWER_WITHIN`] for each answer.
    #[must_use]
    pub fn new(stream: UnixStream) -> Self {
        Self::patient(stream, ANSWER_WITHIN)
    }

    /// Without a limit on waiting, a custodian that hangs would hang its gateway: then rather none.
    pub(super) fn patient(stream: UnixStream, within: Duration) -> Self {
        let limited = stream
            .set_read_timeout(Some(within))
            .and_then(|()| stream.set_write_timeout(Some(within)));
        Self { stream: limited.is_ok().then_some(stream) }
    }

    fn ask<T>(
        &mut self,
        request: &Request,
        expected: impl FnOnce(Response) -> Option<T>,
    ) -> Result<T, CustodyError> {
        let mut stream =
            self.stream.take().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
        write(&mut stream, request)?;
        let response =
            read(&mut stream)?.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        let answer = match response {
            Response::Refused(refusal) => Err(CustodyError::Refused(refusal)),
            response => Ok(expected(response).ok_or(CustodyError::Nonsense)?),
        };
        self.stream = Some(stream);
        answer
    }

    /// The public key for a tenant's records of one deadline.
    ///
    /// # Errors
    /// When there is none to be had.
    pub fn public_key(
        &mut self,
        tenant: TenantId,
        deadline_ms: u64,
    ) -> Result<PublicKey, CustodyError> {
        self.ask(&Request::PublicKey { tenant, deadline_ms }, |response| match response {
            Response::PublicKey { id, bytes } => Some(PublicKey { id, tenant, deadline_ms, bytes }),
            _ => None,
        })
    }

    /// Destroys what is due, and says what that was.
    ///
    /// # Errors
    /// When that fails.
    pub fn destroy_due(&mut self) -> Result<Vec<ListedKey>, CustodyError> {
        self.ask(&Request::DestroyDue, keys)
    }

    /// Which keys there are.
    ///
    /// # Errors
    /// When that fails.
    pub fn keys(&mut self) -> Result<Vec<ListedKey>, CustodyError> {
        self.ask(&Request::Keys, keys)
    }

    /// Which keys were destroyed.
    ///
    /// # Errors
    /// When that fails.
    pub fn destroyed(&mut self) -> Result<Vec<ListedKey>, CustodyError> {
        self.ask(&Request::Destroyed, keys)
    }

    /// Which keys are damaged.
    ///
    /// # Errors
    /// When that fails.
    pub fn damaged(&mut self) -> Result<Vec<ListedKey>, CustodyError> {
        self.ask(&Request::Damaged, keys)
    }

    /// The newest checkpoint that the custodian has seen.
    ///
    /// # Errors
    /// When that fails.
    pub fn pinned(&mut self) -> Result<Head, CustodyError> {
        self.ask(&Request::Pinned, |response| match response {
            Response::Pinned(head) => Some(head),
            _ => None,
        })
    }

    /// Shows that the log succeeds the one that the custodian has seen.
    ///
    /// # Errors
    /// When it does not, or leaves out what was seen.
    pub fn succeed(&mut self, succeeded: Proven, proof: Vec<Digest>) -> Result<u64, CustodyError> {
        let succeeded = Box::new(succeeded);
        self.ask(&Request::Succeed { succeeded, proof }, |response| match response {
            Response::Seen(size) => Some(size),
            _ => None,
        })
    }

    /// Shows the log's newest checkpoint. Returns how many entries the newest has that the custodian
    /// has seen: where they are others than this one's, it was not taken, and the proof must begin
    /// there.
    ///
    /// # Errors
    /// When it is not signed as it must be, or continues another history.
    pub fn see(&mut self, shown: Shown) -> Result<u64, CustodyError> {
        self.ask(&Request::See(shown), |response| match response {
            Response::Seen(size) => Some(size),
            _ => None,
        })
    }

    /// Opens one record.
    ///
    /// # Errors
    /// When the grant does not allow it, or the record's key is gone.
    pub fn open(
        &mut self,
        grant: ProvenGrant,
        record: RecordToOpen,
    ) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
        let (grant, record) = (Box::new(grant), Box::new(record));
        self.ask(&Request::Open { grant, record }, content)
    }

    /// Opens one record for its owner.
    ///
    /// # Errors
    /// When the log does not tell of it, or the record's key is gone.
    pub fn open_own(
        &mut self,
        read: Proven,
        record: RecordToOpen,
    ) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
        let (read, record) = (Box::new(read), Box::new(record));
        self.ask(&Request::OpenOwn { read, record }, content)
    }

    /// The public key that takes another one's place.
    ///
    /// # Errors
    /// When there is none to be had.
    pub fn successor(&mut self, of: Named) -> Result<PublicKey, CustodyError> {
        let Named { tenant, deadline_ms, .. } = of;
        self.ask(&Request::Successor(of), |response| match response {
            Response::PublicKey { id, bytes } => Some(PublicKey { id, tenant, deadline_ms, bytes }),
            _ => None,
        })
    }

    /// Seals spans again; nothing comes of those that do not open.
    ///
    /// # Errors
    /// When one of the keys is gone.
    pub fn reseal(
        &mut self,
        from: Named,
        to: KeyId,
        spans: Vec<SpanToReseal>,
    ) -> Result<Vec<Option<Vec<u8>>>, CustodyError> {
        let asked = spans.len();
        let spans = self.ask(&Request::Reseal { from, to, spans }, |response| match response {
            Response::Resealed(spans) if spans.len() == asked => Some(spans),
            _ => None,
        })?;
        let opened = |span: ByteVec| Some(Vec::from(span)).filter(|span| !span.is_empty());
        Ok(spans.into_iter().map(opened).collect())
    }

    /// Destroys one key before its deadline, unless it is gone already.
    ///
    /// # Errors
    /// When the log does not tell of a deletion that takes it, or it fails.
    pub fn destroy(&mut self, key: Named, deletion: Proven) -> Result<(), CustodyError> {
        let deletion = Box::new(deletion);
        self.ask(&Request::Destroy { key, deletion }, keys).map(drop)
    }
}

fn content(response: Response) -> Option<Zeroizing<Vec<u8>>> {
    match response {
        Response::Opened { content } => Some(content),
        _ => None,
    }
}

fn keys(response: Response) -> Option<Vec<ListedKey>> {
    match response {
        Response::Keys(keys) => Some(keys),
        _ => None,
    }
}
