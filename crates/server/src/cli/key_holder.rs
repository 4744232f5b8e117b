//! `bailiwick key-holder`: holds a customer's own key-encryption key, in a file or in a token of
//! PKCS#11, and answers the custodian over a Unix socket. `store::keys::holder` has the protocol.
//!
//! It runs as a user of the customer, apart from the service. It names each key that it unwraps on
//! standard error: the customer's own record, which the service cannot change.

mod token;

use std::{
    fs, io,
    os::unix::{
        fs::{FileTypeExt as _, PermissionsExt as _},
        net::{UnixListener, UnixStream},
    },
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use engine::confine;
use store::keys::holder::{FileHolder, Holder, NotUsed, serve};

use self::token::TokenHolder;
use super::{
    args::KeyHolder as Args,
    output::{Failure, note},
};
use crate::clock;

pub(crate) fn key_holder(args: &Args) -> Result<(), Failure> {
    confine::keep_private().map_err(|error| Failure::plain(error.to_string()))?;
    let mut holder = holder(args)?;
    holder.present().map_err(|error| {
        Failure::new(
            error.to_string(),
            "make the key first: `openssl rand 32 > FILE`, or with the token's own tool",
        )
    })?;
    let mode = u32::from_str_radix(args.socket_mode.trim_start_matches("0o"), 8);
    let mode = mode.ok().filter(|mode| *mode <= 0o777).ok_or_else(|| {
        Failure::new(
            "`--socket-mode` is not an octal number up to 0777",
            "use for example `--socket-mode 0660`",
        )
    })?;
    let listener = listen(&args.socket, mode).map_err(|error| {
        Failure::new(
            format!("cannot listen on {}: {error}", args.socket.display()),
            "choose a path in a folder that you may write to, and that no other holder uses",
        )
    })?;
    note(&format!("holding the key at {}", args.socket.display()));
    let holder = Arc::new(Mutex::new(holder));
    for stream in listener.incoming() {
        let (mut stream, holder) = (stream?, Arc::clone(&holder));
        // One thread for each connection: a new custodian connects before the old one has ended.
        thread::Builder::new().spawn(move || {
            if let Err(error) = answer(&holder, &mut stream) {
                note(&format!("a connection ended: {error}"));
            }
        })?;
    }
    Ok(())
}

type Shared = Mutex<Box<dyn Holder + Send>>;

/// Answers one connection.
fn answer(holder: &Shared, stream: &mut UnixStream) -> io::Result<()> {
    serve(&mut Turn(holder), stream, &mut |purpose, result| {
        let now_ms = clock::now_ms();
        let time = audit::rfc3339(now_ms);
        let name = purpose.split(|byte| *byte == 0).next_back().unwrap_or_default();
        // A purpose ends with the name of a file: ids, numbers and full stops.
        let name: String = name
            .iter()
            .map(|byte| char::from(*byte))
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
            .take(NAME_CHARACTERS_MAX)
            .collect();
        match result {
            Ok(()) => note(&format!("{time} unwrapped {name}")),
            Err(error) => note(&format!("{time} refused {name}: {error}")),
        }
    })
}

/// A holder that several connections take turns with.
struct Turn<'a>(&'a Shared);

impl Holder for Turn<'_> {
    fn present(&mut self) -> Result<(), NotUsed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).present()
    }

    fn wrap(&mut self, purpose: &[u8], key: &[u8]) -> Result<Vec<u8>, NotUsed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).wrap(purpose, key)
    }

    fn unwrap(
        &mut self,
        purpose: &[u8],
        wrapped: &[u8],
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, NotUsed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).unwrap(purpose, wrapped)
    }
}

fn holder(args: &Args) -> Result<Box<dyn Holder + Send>, Failure> {
    if let Some(file) = &args.file {
        return Ok(Box::new(FileHolder::new(file)));
    }
    let (Some(module), Some(token), Some(key), Some(pin)) =
        (&args.pkcs11, &args.token, &args.key, &args.pin_file)
    else {
        return Err(Failure::plain(
            "give `--file`, or `--pkcs11` with `--token`, `--key` and `--pin-file`",
        ));
    };
    TokenHolder::open(module, token, key, pin).map(|holder| Box::new(holder) as _)
}

/// Listens on a socket with these permissions; replaces the socket of an earlier run.
fn listen(path: &Path, mode: u32) -> io::Result<UnixListener> {
    if fs::symlink_metadata(path).is_ok_and(|there| there.file_type().is_socket()) {
        if UnixStream::connect(path).is_ok() {
            return Err(io::Error::other("another holder answers there"));
        }
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(listener)
}

/// Longest name of a key in the record of uses.
const NAME_CHARACTERS_MAX: usize = 200;
