//! A tenant's key-encryption key that the customer holds: another process answers for it, and the
//! customer can stop that process. docs/spec/key-holder.md defines the messages to the byte.
//!
//! The custodian sends what it wants wrapped or unwrapped over a connected socket. It never learns the
//! key-encryption key. If the holder does not answer, nothing of the tenant opens.

use std::{
    collections::BTreeMap,
    fmt, io,
    os::unix::net::UnixStream,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use minicbor::{Decode, Encode};
use policy::id::TenantId;
use zeroize::Zeroizing;

use super::{FileVault, KeyError, Vault};
use crate::frames::{read, write};

mod file;
mod take_over;

pub use file::FileHolder;

/// A question to a key holder.
#[derive(Encode, Decode)]
pub enum Question {
    /// Can the key-encryption key be used?
    #[n(0)]
    Present,
    /// Wrap a key.
    #[n(1)]
    #[cbor(array)]
    Wrap {
        /// What the key is for; the wrapped key is bound to it.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        purpose: Vec<u8>,
        /// The key.
        #[n(1)]
        #[cbor(with = "crate::frames::secret")]
        key: Zeroizing<Vec<u8>>,
    },
    /// Unwrap a key.
    #[n(2)]
    #[cbor(array)]
    Unwrap {
        /// What the key was wrapped for.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        purpose: Vec<u8>,
        /// The wrapped key.
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        wrapped: Vec<u8>,
    },
}

/// A key holder's answer.
#[derive(Encode, Decode)]
pub enum Answer {
    /// The key-encryption key can be used.
    #[n(0)]
    Present,
    /// The wrapped key.
    #[n(1)]
    #[cbor(array)]
    Wrapped(
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        Vec<u8>,
    ),
    /// The key.
    #[n(2)]
    #[cbor(array)]
    Key(
        #[n(0)]
        #[cbor(with = "crate::frames::secret")]
        Zeroizing<Vec<u8>>,
    ),
    /// The customer withdrew the key-encryption key.
    #[n(3)]
    Withheld,
    /// The wrapped key is damaged, or was wrapped for another purpose or under another key.
    #[n(4)]
    Damaged,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Present => "Present",
            Self::Wrap { .. } => "Wrap(..)",
            Self::Unwrap { .. } => "Unwrap(..)",
        })
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Present => "Present",
            Self::Wrapped(_) => "Wrapped(..)",
            Self::Key(_) => "Key(..)",
            Self::Withheld => "Withheld",
            Self::Damaged => "Damaged",
        })
    }
}

/// Why a holder cannot wrap or unwrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotUsed {
    /// The key-encryption key is not there.
    #[error("the key-encryption key is not there, or cannot be used")]
    Withheld,
    /// The wrapped key does not open.
    #[error("the wrapped key is damaged, or belongs to another key-encryption key or purpose")]
    Damaged,
}

/// What holds a key-encryption key: a file, or a token of PKCS#11.
pub trait Holder {
    /// Checks that the key-encryption key can be used now. It is looked for anew each time.
    ///
    /// # Errors
    /// [`NotUsed::Withheld`] if it is not there.
    fn present(&mut self) -> Result<(), NotUsed>;

    /// Wraps a key, and binds it to one purpose: a nonce of 12 bytes, then AES-256-GCM.
    ///
    /// # Errors
    /// If the key-encryption key is not there.
    fn wrap(&mut self, purpose: &[u8], key: &[u8]) -> Result<Vec<u8>, NotUsed>;

    /// Unwraps a key.
    ///
    /// # Errors
    /// If the key-encryption key is not there, or the wrapped key does not open.
    fn unwrap(&mut self, purpose: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotUsed>;
}

/// Gets the purpose of a key that was to be unwrapped, and whether it was.
pub type Told<'a> = dyn FnMut(&[u8], Result<(), NotUsed>) + 'a;

/// Answers questions on a socket until the peer closes it. `told` gets the purpose of each key that is
/// unwrapped: the customer's own record of the uses of its key.
///
/// # Errors
/// When a message is malformed, or the socket fails.
pub fn serve(
    holder: &mut dyn Holder,
    stream: &mut UnixStream,
    told: &mut Told<'_>,
) -> io::Result<()> {
    while let Some(question) = read::<Question>(stream)? {
        let answer = match question {
            Question::Present => holder.present().map(|()| Answer::Present),
            Question::Wrap { purpose, key } => holder.wrap(&purpose, &key).map(Answer::Wrapped),
            Question::Unwrap { purpose, wrapped } => {
                let opened = holder.unwrap(&purpose, &wrapped);
                told(&purpose, opened.as_ref().map(drop).map_err(|error| *error));
                opened.map(Answer::Key)
            }
        };
        let answer = answer.unwrap_or_else(|error| match error {
            NotUsed::Withheld => Answer::Withheld,
            NotUsed::Damaged => Answer::Damaged,
        });
        write(stream, &answer)?;
    }
    Ok(())
}

/// The connection to the holder of one tenant's key-encryption key.
#[derive(Debug)]
pub struct Connection(Mutex<Option<UnixStream>>);

impl Connection {
    /// Takes a connected socket; `None` if the holder could not be reached. A holder that does not
    /// answer within [`ANSWER_WITHIN`] counts as gone.
    #[must_use]
    pub fn new(stream: Option<UnixStream>) -> Self {
        let stream = stream.filter(|stream| {
            stream
                .set_read_timeout(Some(ANSWER_WITHIN))
                .and_then(|()| stream.set_write_timeout(Some(ANSWER_WITHIN)))
                .is_ok()
        });
        Self(Mutex::new(stream))
    }

    /// Returns true if the holder can use the key-encryption key now.
    #[must_use]
    pub fn is_present(&self, tenant: TenantId) -> bool {
        matches!(self.ask(tenant, &Question::Present), Ok(Answer::Present))
    }

    /// Asks the holder. Only their order connects an answer to its question, so the connection is
    /// dropped after anything but an answer.
    fn ask(&self, tenant: TenantId, question: &Question) -> Result<Answer, KeyError> {
        let withheld = || KeyError::Withheld { tenant };
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stream = held.take().ok_or_else(withheld)?;
        write(&mut stream, question).map_err(|_| withheld())?;
        let answer: Option<Answer> = read(&mut stream).map_err(|_| withheld())?;
        let answer = answer.ok_or_else(withheld)?;
        *held = Some(stream);
        match answer {
            Answer::Withheld => Err(withheld()),
            Answer::Damaged => Err(KeyError::Damaged { key: tenant.to_string() }),
            answer => Ok(answer),
        }
    }
}

/// Key-encryption keys of all tenants: some are held by their customers, the others are in files.
///
/// A tenant whose customer takes its key over may still have keys that were wrapped under the file.
/// `KeyDirectory::hand_over` wraps them again at the start.
#[derive(Debug)]
pub struct Vaults {
    pub(super) files: FileVault,
    pub(super) held: BTreeMap<TenantId, Connection>,
}

impl Vault for Vaults {
    fn make(&self, tenant: TenantId) -> Result<(), KeyError> {
        match self.held.get(&tenant) {
            Some(holder) => holder.ask(tenant, &Question::Present).map(drop),
            None => self.files.make(tenant),
        }
    }

    fn wrap(&self, tenant: TenantId, purpose: &[u8], key: &[u8; 32]) -> Result<Vec<u8>, KeyError> {
        let Some(holder) = self.held.get(&tenant) else {
            return self.files.wrap(tenant, purpose, key);
        };
        let key = Zeroizing::new(key.to_vec());
        match holder.ask(tenant, &Question::Wrap { purpose: purpose.to_vec(), key })? {
            Answer::Wrapped(wrapped) => Ok(wrapped),
            _ => Err(KeyError::Withheld { tenant }),
        }
    }

    fn unwrap(
        &self,
        tenant: TenantId,
        purpose: &[u8],
        wrapped: &[u8],
    ) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        let Some(holder) = self.held.get(&tenant) else {
            return self.files.unwrap(tenant, purpose, wrapped);
        };
        let (purpose, wrapped) = (purpose.to_vec(), wrapped.to_vec());
        let Answer::Key(opened) = holder.ask(tenant, &Question::Unwrap { purpose, wrapped })?
        else {
            return Err(KeyError::Withheld { tenant });
        };
        let mut key = Zeroizing::new([0; 32]);
        if opened.len() != key.len() {
            return Err(KeyError::Damaged { key: tenant.to_string() });
        }
        key.copy_from_slice(&opened);
        Ok(key)
    }

    fn destroy(&self, tenant: TenantId) -> Result<(), KeyError> {
        match self.held.get(&tenant) {
            // It is the customer's. The wrapped keys are destroyed here all the same.
            Some(_) => Ok(()),
            None => self.files.destroy(tenant),
        }
    }

    fn usable(&self, tenant: TenantId) -> Result<bool, KeyError> {
        match self.held.get(&tenant) {
            Some(holder) => Ok(holder.is_present(tenant)),
            None => self.files.usable(tenant),
        }
    }

    fn is_held(&self, tenant: TenantId) -> bool {
        self.held.contains_key(&tenant)
    }

    fn to_hand_over(&self) -> Vec<TenantId> {
        let in_file = |tenant: &&TenantId| self.files.path(**tenant).exists();
        self.held.keys().filter(in_file).copied().collect()
    }

    fn hand_over(
        &self,
        tenant: TenantId,
        purpose: &[u8],
        wrapped: &[u8],
    ) -> Result<Option<Vec<u8>>, KeyError> {
        match self.files.unwrap(tenant, purpose, wrapped) {
            Ok(key) => self.wrap(tenant, purpose, &key).map(Some),
            // Wrapped again before a crash: it opens under the customer's key. Otherwise it is
            // damaged.
            Err(KeyError::Damaged { .. }) => self.unwrap(tenant, purpose, wrapped).map(|_| None),
            Err(error) => Err(error),
        }
    }

    fn handed_over(&self, tenant: TenantId) -> Result<(), KeyError> {
        self.files.destroy(tenant)
    }
}

/// Longest time to wait for a holder's answer.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
