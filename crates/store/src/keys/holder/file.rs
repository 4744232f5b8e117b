//! A key-encryption key in a file of the customer.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use aes_gcm::{
    Aes256Gcm, KeyInit as _,
    aead::{Aead as _, Payload},
};
use zeroize::Zeroizing;

use super::{Holder, NotUsed};
use crate::random::random;

/// Holds a key-encryption key in a file of 32 bytes. The file is read for each use: without the file,
/// nothing is wrapped or unwrapped.
#[derive(Debug)]
pub struct FileHolder {
    path: PathBuf,
}

impl FileHolder {
    /// Uses the file at this path.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    fn cipher(&self) -> Result<Aes256Gcm, NotUsed> {
        let mut key = Zeroizing::new([0; 32]);
        let read = || -> std::io::Result<bool> {
            let mut file = File::open(&self.path)?;
            file.read_exact(key.as_mut_slice())?;
            Ok(file.read(&mut [0])? == 0)
        };
        match { read }() {
            // A key of zeros is half destroyed.
            Ok(true) if *key != [0; 32] => Ok(Aes256Gcm::new((&*key).into())),
            Ok(_) | Err(_) => Err(NotUsed::Withheld),
        }
    }
}

impl Holder for FileHolder {
    fn present(&mut self) -> Result<(), NotUsed> {
        self.cipher().map(drop)
    }

    fn wrap(&mut self, purpose: &[u8], key: &[u8]) -> Result<Vec<u8>, NotUsed> {
        let cipher = self.cipher()?;
        let nonce: [u8; 12] = random().map_err(|_| NotUsed::Withheld)?;
        let sealed = cipher
            .encrypt(&nonce.into(), Payload { msg: key, aad: purpose })
            .map_err(|_| NotUsed::Damaged)?;
        Ok([&nonce[..], &sealed].concat())
    }

    fn unwrap(&mut self, purpose: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotUsed> {
        let (nonce, sealed) = wrapped.split_first_chunk::<12>().ok_or(NotUsed::Damaged)?;
        self.cipher()?
            .decrypt(&(*nonce).into(), Payload { msg: sealed, aad: purpose })
            .map(Zeroizing::new)
            .map_err(|_| NotUsed::Damaged)
    }
}
