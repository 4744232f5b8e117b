//! Makes the key of releases, and signs the checksums of one; `make dist` calls it. The result is a
//! C2SP signed note, which `bailiwick-audit verify release` checks.
//!
//!     release_key new NAME FILE     makes a key: FILE is secret, FILE.pub is public
//!     release_key sign FILE         signs standard input, and prints the note

use std::{
    error::Error,
    fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    process::ExitCode,
};

use tlog::{canon::Digest, note::Signer};
use zeroize::Zeroizing;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["new", name, file] => new(name, file),
        ["sign", file] => sign(file),
        _ => Err("usage: release_key new NAME FILE, or release_key sign FILE".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Makes a key. Never replaces one: releases that it signed would have another key.
fn new(name: &str, file: &str) -> Result<(), Box<dyn Error>> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed)?;
    let signer = Signer::new(name, &seed)?;
    let text = Zeroizing::new(format!("{name} {}\n", Digest(*seed)));
    let mut secret = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    secret.write_all(text.as_bytes())?;
    fs::write(format!("{file}.pub"), format!("{}\n", signer.verifier()))?;
    Ok(())
}

fn sign(file: &str) -> Result<(), Box<dyn Error>> {
    let text = Zeroizing::new(fs::read_to_string(file)?);
    let damaged = || format!("`{file}` is not a key that `release_key new` made");
    let (name, seed) = text.trim().split_once(' ').ok_or_else(damaged)?;
    let seed = Zeroizing::new(Digest::from_hex(seed).ok_or_else(damaged)?.0);
    let signer = Signer::new(name, &seed)?;
    let mut sums = String::new();
    io::stdin().read_to_string(&mut sums)?;
    io::stdout().write_all(signer.sign(&sums).as_bytes())?;
    Ok(())
}
