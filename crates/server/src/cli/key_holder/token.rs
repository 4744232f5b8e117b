//! A key-encryption key in a token of PKCS#11: an HSM, a smart card, SoftHSM. The key never leaves the
//! token: the token encrypts and decrypts (CKM_AES_GCM).

use std::{fs, path::Path};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    mechanism::{Mechanism, aead::GcmParams},
    object::{Attribute, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    slot::Slot,
    types::AuthPin,
};
use store::keys::holder::{Holder, NotUsed};
use zeroize::Zeroizing;

use crate::cli::output::Failure;

/// A token with the key. Each use opens a session of its own and looks for the key: a token that was
/// taken out, a changed PIN or a deleted key withholds it at once.
pub(super) struct TokenHolder {
    module: Pkcs11,
    token: String,
    key: String,
    pin: AuthPin,
}

impl TokenHolder {
    /// Loads the module, and reads the PIN.
    pub(super) fn open(module: &Path, token: &str, key: &str, pin: &Path) -> Result<Self, Failure> {
        let unusable = |error: &dyn std::fmt::Display| {
            Failure::new(
                format!("the module {} cannot be used: {error}", module.display()),
                "check its path, and that its own configuration names the token",
            )
        };
        let text = fs::read_to_string(pin).map_err(|error| {
            Failure::new(
                format!("the PIN in {} cannot be read: {error}", pin.display()),
                "write the PIN into a file that only this user can read",
            )
        })?;
        let text = Zeroizing::new(text);
        let pin = AuthPin::new(text.trim().to_owned().into_boxed_str());
        let module = Pkcs11::new(module).map_err(|error| unusable(&error))?;
        let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        module.initialize(arguments).map_err(|error| unusable(&error))?;
        Ok(Self { module, token: token.to_owned(), key: key.to_owned(), pin })
    }

    fn slot(&self) -> Result<Slot, NotUsed> {
        let slots = self.module.get_slots_with_token().map_err(|_| NotUsed::Withheld)?;
        let is_ours = |slot: &Slot| {
            self.module.get_token_info(*slot).is_ok_and(|token| token.label() == self.token)
        };
        slots.into_iter().find(is_ours).ok_or(NotUsed::Withheld)
    }

    fn session(&self) -> Result<(Session, ObjectHandle), NotUsed> {
        let withheld = |_| NotUsed::Withheld;
        let session = self.module.open_ro_session(self.slot()?).map_err(withheld)?;
        session.login(UserType::User, Some(&self.pin)).map_err(withheld)?;
        let wanted =
            [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Label(self.key.clone().into())];
        let found = session.find_objects(&wanted).map_err(withheld)?;
        // Two keys of one name: one of them would be chosen by chance.
        let [key] = found.as_slice() else { return Err(NotUsed::Withheld) };
        let key = *key;
        Ok((session, key))
    }
}

impl Holder for TokenHolder {
    fn present(&mut self) -> Result<(), NotUsed> {
        self.session().map(drop)
    }

    fn wrap(&mut self, purpose: &[u8], key: &[u8]) -> Result<Vec<u8>, NotUsed> {
        let (session, handle) = self.session()?;
        let nonce: [u8; NONCE_BYTES] = store::random().map_err(|_| NotUsed::Withheld)?;
        // A copy, because the module may write to it.
        let mut given = nonce;
        let parameters = GcmParams::new(&mut given, purpose, TAG_BITS.into());
        let mechanism = Mechanism::AesGcm(parameters.map_err(|_| NotUsed::Withheld)?);
        let sealed = session.encrypt(&mechanism, handle, key).map_err(|_| NotUsed::Withheld)?;
        Ok([&nonce[..], &sealed].concat())
    }

    fn unwrap(&mut self, purpose: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotUsed> {
        let (session, handle) = self.session()?;
        let (nonce, sealed) = wrapped.split_first_chunk::<NONCE_BYTES>().ok_or(NotUsed::Damaged)?;
        let mut given = *nonce;
        let parameters = GcmParams::new(&mut given, purpose, TAG_BITS.into());
        let mechanism = Mechanism::AesGcm(parameters.map_err(|_| NotUsed::Damaged)?);
        session
            .decrypt(&mechanism, handle, sealed)
            .map(Zeroizing::new)
            .map_err(|_| NotUsed::Damaged)
    }
}

const NONCE_BYTES: usize = 12;
const TAG_BITS: std::ffi::c_ulong = 128;
