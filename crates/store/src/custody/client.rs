//! The gateway's client for the custodian.

use std::{io, os::unix::net::UnixStream, time::Duration};

use minicbor::bytes::ByteVec;
use policy::id::{KeyId, ObjectId, TenantId};
use tlog::canon::Digest;
use zeroize::Zeroizing;

use super::{
    Head, ListedKey, ListedObject, Named, NewObjectKey, ObjectKey, ObjectToOpen, Proven,
    ProvenGrant, RecordToOpen, Refusal, Request, Response, Shown, SpanToReseal, SubjectHash,
    SubjectKeyOf, SubjectToFind, read, write,
};
use crate::seal::PublicKey;

/// The gateway's connection to the custodian.
///
/// Only their order connects a request to its answer. So the client closes the connection after
/// anything but an answer or a refusal; otherwise the next request would get the answer to this
/// one.
#[derive(Debug)]
pub struct Client {
    stream: Option<UnixStream>,
}

/// Longest time to wait for an answer.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// The reason that the custodian gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum CustodyError {
    /// The custodian refused.
    #[error("the custodian refused: {0}")]
    Refused(Refusal),
    /// The custodian cannot be reached.
    #[error("the custodian cannot be reached: {0}")]
    Unreachable(#[from] io::Error),
    /// The custodian's answer does not match the request.
    #[error("the custodian's answer does not match the request")]
    Nonsense,
}

impl Client {
    /// Wraps a connected socket; waits [`ANSWER_WITHIN`] for each answer.
    #[must_use]
    pub fn new(stream: UnixStream) -> Self {
        Self::patient(stream, ANSWER_WITHIN)
    }

    /// Without this timeout, a custodian that hangs would hang its gateway. So close the connection
    /// if the timeout cannot be set.
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

    /// Returns the public key for a tenant's records of one deadline.
    ///
    /// # Errors
    /// When the custodian refuses or cannot be reached.
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

    /// Destroys the keys whose deadline has passed, and returns them.
    ///
    /// # Errors
    /// When the custodian refuses or cannot be reached.
    pub fn destroy_due(&mut self) -> Result<Vec<ListedKey>, CustodyError> {
        self.ask(&Request::DestroyDue, keys)
    }

    /// Lists the keys in the key directory.
    ///
    /// # Errors
    /// When the custodian refuses or cannot be reached.
    pub fn keys(&mut self) -> Result<Vec<ListedKey>, CustodyError> {
        self.ask(&Request::Keys, keys)
    }

    /// Lists the keys that were destroyed.
    ///
    /// # Errors
    /// When the custodian refuses or cannot be reached.
    pub fn destroyed(&mut self) -> Result<Vec<ListedKey>, CustodyError> {
        self.ask(&Request::Destroyed, keys)
    }

    /// Lists the keys that are damaged.
    ///
    /// # Errors
    /// When the custodian refuses or cannot be reached.
    pub fn damaged(&mut self) -> Result<Vec<ListedKey>, CustodyError> {
        self.ask(&Request::Damaged, keys)
    }

    /// Returns the newest checkpoint that the custodian has seen.
    ///
    /// # Errors
    /// When the custodian refuses or cannot be reached.
    pub fn pinned(&mut self) -> Result<Head, CustodyError> {
        self.ask(&Request::Pinned, |response| match response {
            Response::Pinned(head) => Some(head),
            _ => None,
        })
    }

    /// Proves that the log succeeds the log that the custodian has seen.
    ///
    /// # Errors
    /// When the proof fails, or the new log leaves out entries that the custodian has seen.
    pub fn succeed(&mut self, succeeded: Proven, proof: Vec<Digest>) -> Result<u64, CustodyError> {
        let succeeded = Box::new(succeeded);
        self.ask(&Request::Succeed { succeeded, proof }, |response| match response {
            Response::Seen(size) => Some(size),
            _ => None,
        })
    }

    /// Shows the log's newest checkpoint, and entries to read before. Returns the number of entries
    /// that the custodian has read. If it is less than this checkpoint's, show the entries from there;
    /// if it is more, the custodian has seen a newer checkpoint.
    ///
    /// # Errors
    /// When a required signature is missing, or the entries do not lead to the checkpoint.
    pub fn see(&mut self, shown: Shown) -> Result<u64, CustodyError> {
        self.ask(&Request::See(shown), |response| match response {
            Response::Seen(size) => Some(size),
            _ => None,
        })
    }

    /// Opens one record for a grant.
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
    /// When the log does not prove the owner's read, or the record's key is gone.
    pub fn open_own(
        &mut self,
        read: Proven,
        record: RecordToOpen,
    ) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
        let (read, record) = (Box::new(read), Box::new(record));
        self.ask(&Request::OpenOwn { read, record }, content)
    }

    /// Returns the public key that replaces another one.
    ///
    /// # Errors
    /// When the custodian refuses or cannot be reached.
    pub fn successor(&mut self, of: Named) -> Result<PublicKey, CustodyError> {
        let Named { tenant, deadline_ms, .. } = of;
        self.ask(&Request::Successor(of), |response| match response {
            Response::PublicKey { id, bytes } => Some(PublicKey { id, tenant, deadline_ms, bytes }),
            _ => None,
        })
    }

    /// Seals spans again. A span that does not open comes back empty.
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

    /// Destroys one key before its deadline, unless it was destroyed already.
    ///
    /// # Errors
    /// When the log does not prove a deletion that requires it, or the destruction fails.
    pub fn destroy(&mut self, key: Named, deletion: Proven) -> Result<(), CustodyError> {
        let deletion = Box::new(deletion);
        self.ask(&Request::Destroy { key, deletion }, keys).map(drop)
    }

    /// Makes the keys of new objects of one tenant, in this order.
    ///
    /// # Errors
    /// When the custodian refuses or cannot be reached.
    pub fn new_object_keys(
        &mut self,
        tenant: TenantId,
        objects: Vec<NewObjectKey>,
    ) -> Result<Vec<ObjectKey>, CustodyError> {
        let asked = objects.len();
        self.ask(&Request::NewObjectKeys { tenant, objects }, |response| match response {
            Response::NewObjectKeys(keys) if keys.len() == asked => Some(keys),
            _ => None,
        })
    }

    /// Returns the key of one object.
    ///
    /// # Errors
    /// When the custodian refuses, or the key was destroyed.
    pub fn object_key(&mut self, object: ObjectToOpen) -> Result<ObjectKey, CustodyError> {
        self.ask(&Request::ObjectKey(object), |response| match response {
            Response::ObjectKey(key) => Some(key),
            _ => None,
        })
    }

    /// Destroys the keys of objects. A key that is not there any more is no error.
    ///
    /// # Errors
    /// When the destruction fails, or the custodian cannot be reached.
    pub fn destroy_object_keys(&mut self, objects: Vec<ObjectId>) -> Result<(), CustodyError> {
        self.ask(&Request::DestroyObjectKeys(objects), names).map(drop)
    }

    /// Lists names of keys of objects: those after an object, in order; empty at the end.
    ///
    /// # Errors
    /// When the custodian refuses or cannot be reached.
    pub fn object_keys(
        &mut self,
        after: Option<ObjectId>,
    ) -> Result<Vec<ListedObject>, CustodyError> {
        self.ask(&Request::ObjectKeys(after), names)
    }

    /// Gives an object's key another end.
    ///
    /// # Errors
    /// When the custodian refuses, or the key was destroyed.
    pub fn move_object_key(&mut self, to: ListedObject) -> Result<(), CustodyError> {
        self.ask(&Request::MoveObjectKey(to), names).map(drop)
    }

    /// Returns a key of the subject index, to write.
    ///
    /// # Errors
    /// When the custodian refuses or cannot be reached.
    pub fn subject_key(&mut self, of: SubjectKeyOf) -> Result<ObjectKey, CustodyError> {
        self.ask(&Request::SubjectKey(of), |response| match response {
            Response::SubjectKey(key) => Some(key),
            _ => None,
        })
    }

    /// Returns the hashes of a data subject under every key of its tenant's index.
    ///
    /// # Errors
    /// When the log does not prove the search, or the custodian refuses.
    pub fn find_subject(
        &mut self,
        subject: SubjectToFind,
        searched: Proven,
    ) -> Result<Vec<SubjectHash>, CustodyError> {
        let searched = Box::new(searched);
        self.ask(&Request::FindSubject { subject, searched }, hashes)
    }

    /// Destroys a key of the subject index. A key that is not there any more is no error.
    ///
    /// # Errors
    /// When the destruction fails, or the custodian cannot be reached.
    pub fn destroy_subject_key(&mut self, of: SubjectKeyOf) -> Result<(), CustodyError> {
        self.ask(&Request::DestroySubjectKey(of), hashes).map(drop)
    }

    /// Returns whether a tenant's key-encryption key can be used.
    ///
    /// # Errors
    /// When the custodian refuses or cannot be reached.
    pub fn tenant_key(&mut self, tenant: TenantId) -> Result<bool, CustodyError> {
        self.ask(&Request::TenantKey(tenant), |response| match response {
            Response::TenantKey(usable) => Some(usable),
            _ => None,
        })
    }
}

fn content(response: Response) -> Option<Zeroizing<Vec<u8>>> {
    match response {
        Response::Opened { content } => Some(content),
        _ => None,
    }
}

fn hashes(response: Response) -> Option<Vec<SubjectHash>> {
    match response {
        Response::SubjectHashes(hashes) => Some(hashes),
        _ => None,
    }
}

fn names(response: Response) -> Option<Vec<ListedObject>> {
    match response {
        Response::ObjectNames(names) => Some(names),
        _ => None,
    }
}

fn keys(response: Response) -> Option<Vec<ListedKey>> {
    match response {
        Response::Keys(keys) => Some(keys),
        _ => None,
    }
}
