//! The keys that sign statements: `bailiwick signer`, and `--signer` of the desks' commands. The secret
//! key stays with its person; it is a file of our own, or a key of `ssh-keygen` and its agent.

use std::{
    fs::{self, OpenOptions},
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Subcommand;
use serde_json::json;
use store::{StoreError, random, signed::NotLogged};
use tlog::{
    hex,
    key::Key,
    secret::SecretKey,
    signature::{NAMESPACE, Signature, Signed, SshSigned},
    statement::Draft,
    succession::Mark,
};
use zeroize::Zeroizing;

use super::{
    args::SignerKeys,
    output::{Failure, fields, harmless, print},
};
use crate::{manage::ManageError, statement};

/// How a file with a secret key begins.
const SECRET: &str = "bailiwick-signer-key ";

/// How the name of an SSH key begins on the command line.
const SSH: &str = "ssh:";

/// How the blob of a public SSH key begins: the algorithm, and the length of the key.
const SSH_ED25519: &[u8] = b"\0\0\0\x0bssh-ed25519\0\0\0\x20";

#[derive(Debug, Subcommand)]
pub(crate) enum SignerCommand {
    /// Make a key that signs decisions. Its file is for you alone
    New {
        /// The new file
        file: PathBuf,
    },
    /// Show the public key and the fingerprint of a key
    Show {
        /// File of `bailiwick signer new`, or `ssh:FILE` for a key of `ssh-keygen -t ed25519`
        key: String,
    },
}

/// The keys that sign statements.
#[derive(Debug, clap::Args)]
pub(crate) struct Signers {
    /// Print JSON instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: SignerCommand,
}

pub(super) fn run(args: &Signers) -> Result<(), Failure> {
    let signer = match &args.command {
        SignerCommand::New { file } => Signer::create(file)?,
        SignerCommand::Show { key } => Signer::open(key)?,
    };
    let key = signer.public()?;
    let shown = json!({"public": public_text(&key), "fingerprint": key.fingerprint()});
    print(args.json, &shown, |out, _| {
        fields(
            out,
            &[("public", public_text(&key)), ("fingerprint", key.fingerprint().to_string())],
        )
    })
}

/// A key that signs statements.
#[derive(Debug)]
pub(super) enum Signer {
    /// A file of ours.
    File(SecretKey),
    /// A key of `ssh-keygen`: a file, or the public key of one that the agent holds.
    Ssh(PathBuf),
}

impl Signer {
    /// Makes a key, and writes it to a new file.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let seed = Zeroizing::new(random::<32>().map_err(|e| Failure::plain(e.to_string()))?);
        let mut file = OpenOptions::new();
        let file = file.write(true).create_new(true).mode(0o600).open(path);
        let unwritten = |error: io::Error| {
            Failure::new(
                format!("cannot write the key to `{}`: {error}", path.display()),
                "name a file that does not exist yet, in a folder of yours",
            )
        };
        let text = Zeroizing::new(format!("{SECRET}{}\n", hex::encode(&*seed)));
        let mut file = file.map_err(unwritten)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(unwritten)?;
        Ok(Self::File(SecretKey::from_seed(&seed)))
    }

    /// Opens a key by its name on the command line.
    pub(super) fn open(name: &str) -> Result<Self, Failure> {
        if let Some(path) = name.strip_prefix(SSH) {
            return Ok(Self::Ssh(path.into()));
        }
        let unusable = |why: &str| {
            Failure::new(
                format!("cannot use the key `{name}`: {why}"),
                "give a file of `bailiwick signer new FILE`, or `ssh:FILE` for a key of `ssh-keygen -t \
                 ed25519` or of your SSH agent",
            )
        };
        let text = fs::read_to_string(name).map_err(|error| unusable(&error.to_string()))?;
        let text = Zeroizing::new(text);
        let seed = text.trim().strip_prefix(SECRET).and_then(hex::decode::<32>).map(Zeroizing::new);
        let seed = seed.ok_or_else(|| unusable("it is not a key of `bailiwick signer new`"))?;
        Ok(Self::File(SecretKey::from_seed(&seed)))
    }

    /// Returns the public key.
    pub(super) fn public(&self) -> Result<Key, Failure> {
        match self {
            Self::File(secret) => Ok(secret.public()),
            Self::Ssh(path) => ssh_public(path),
        }
    }

    /// Signs a statement. The key of an SSH agent may ask its owner.
    fn sign(&self, statement: &[u8]) -> Result<(Key, Signature), Failure> {
        match self {
            Self::File(secret) => Ok((secret.public(), secret.sign(statement))),
            Self::Ssh(path) => ssh_sign(path, statement),
        }
    }
}

/// Reads the public key beside an SSH key.
fn ssh_public(path: &Path) -> Result<Key, Failure> {
    let mut public = path.to_owned();
    if public.extension().is_none_or(|end| end != "pub") {
        public.as_mut_os_string().push(".pub");
    }
    let unusable = || {
        Failure::new(
            format!("`{}` is not the public key of an `ssh-ed25519` key", public.display()),
            "make one with `ssh-keygen -t ed25519 -f FILE`, and give `ssh:FILE`",
        )
    };
    let text = fs::read_to_string(&public).map_err(|_| unusable())?;
    let blob = text.split_ascii_whitespace().nth(1).and_then(|word| STANDARD.decode(word).ok());
    let bytes = blob.as_deref().and_then(|blob| blob.strip_prefix(SSH_ED25519));
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(unusable)?;
    Key::ed25519(bytes, None).map_err(|_| unusable())
}

/// Has `ssh-keygen` sign: it reads the key's file, or asks the agent.
fn ssh_sign(path: &Path, statement: &[u8]) -> Result<(Key, Signature), Failure> {
    let failed = |why: &str| {
        Failure::new(
            format!("`ssh-keygen` did not sign with `{}`: {why}", path.display()),
            "OpenSSH 8.2 or newer signs; `ssh-add -l` shows the keys of your agent",
        )
    };
    let mut command = Command::new("ssh-keygen");
    command.args(["-Y", "sign", "-n", NAMESPACE, "-f"]).arg(path);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(statement).map_err(|error| failed(&error.to_string()))?;
    }
    let output = child.wait_with_output().map_err(|error| failed(&error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim()));
    }
    let signed = SshSigned::parse(&String::from_utf8_lossy(&output.stdout));
    let SshSigned { key, signature } = signed.map_err(|error| failed(&error.to_string()))?;
    Ok((key, signature))
}

/// Writes a public key as the desk reads it.
pub(super) fn public_text(key: &Key) -> String {
    let (form, public, passkey) = match key {
        Key::Ed25519 { public, passkey } => ("ed25519", public.as_slice(), passkey),
        Key::P256 { public, passkey } => ("p256", public.as_slice(), passkey),
    };
    let website = passkey.map(|website| format!("@{website}")).unwrap_or_default();
    format!("{form}:{}{website}", hex::encode(public))
}

/// Shows a statement, asks the person once, and signs it with every key. Returns the values of the
/// header with the signatures.
pub(super) fn sign(bytes: &[u8], signers: &[Signer], yes: bool) -> Result<Vec<String>, Failure> {
    // The words come from the bytes, and not from the server that wants them signed.
    let draft = Draft::read(bytes).map_err(|error| {
        Failure::new(format!("the server asks to sign something else: {error}"), "do not sign it")
    })?;
    let form = |Signed { key, signature, .. }: Signed| {
        let text = |bytes: &[u8]| STANDARD.encode(bytes);
        let form = match &signature {
            Signature::Raw { signature } => format!("raw {}", text(signature)),
            Signature::Ssh { signature } => format!("ssh {}", text(signature)),
            Signature::Passkey { authenticator_data, client_data_json, signature } => format!(
                "passkey {} {} {}",
                text(authenticator_data),
                text(client_data_json),
                text(signature)
            ),
        };
        format!("{key} {form}")
    };
    Ok(sign_draft(&draft, signers, yes)?.into_iter().map(form).collect())
}

/// Shows a statement, asks the person once, and signs it with every key.
pub(super) fn sign_draft(
    draft: &Draft,
    signers: &[Signer],
    yes: bool,
) -> Result<Vec<Signed>, Failure> {
    if !yes {
        confirm(draft)?;
    }
    let bytes = draft.bytes();
    let Mark { size, root } = draft.seen;
    signers
        .iter()
        .map(|signer| {
            let (key, signature) = signer.sign(&bytes)?;
            signature.verify(&key, &bytes).map_err(|error| Failure::plain(error.to_string()))?;
            Ok(Signed { key: key.fingerprint(), size, root, signature })
        })
        .collect()
}

/// Takes a step that may need signatures: if it does, asks the person, signs its statement, and takes
/// it again.
pub(super) fn signing<T>(
    keys: &SignerKeys,
    step: impl Fn(Vec<Signed>) -> Result<T, ManageError>,
) -> Result<T, Failure> {
    let unsigned = match step(Vec::new()) {
        Err(ManageError::Store(StoreError::NotLogged(error))) => match *error {
            NotLogged::Unsigned(unsigned) => unsigned,
            error => return Err(ManageError::Store(StoreError::NotLogged(Box::new(error))).into()),
        },
        other => return Ok(other?),
    };
    let signers: Vec<_> =
        keys.signer.iter().map(|name| Signer::open(name)).collect::<Result<_, _>>()?;
    if signers.is_empty() {
        return Err(Failure::new(
            "this decision needs a signature, because the operator has a root",
            "name the key of an enroller: --signer FILE, or BAILIWICK_SIGNER; \
             docs/operate/signing.md",
        ));
    }
    Ok(step(sign_draft(&unsigned.draft, &signers, keys.yes)?)?)
}

fn confirm(draft: &Draft) -> Result<(), Failure> {
    let mut err = anstream::stderr();
    writeln!(err, "You sign, for the log {}:", harmless(&draft.origin))?;
    for line in statement::in_words(&draft.event) {
        writeln!(err, "  {}", harmless(&line))?;
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::new(
            "nothing was signed: this needs your consent, and there is no terminal to ask at",
            "`--yes` signs without asking",
        ));
    }
    write!(err, "Sign this? Type `yes`: ")?;
    err.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    if line.trim() == "yes" { Ok(()) } else { Err(Failure::plain("nothing was signed")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_written_once_and_read_again() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("key");
        let made = Signer::create(&path).unwrap();
        let name = path.to_str().unwrap();
        let read = Signer::open(name).unwrap();
        assert_eq!(made.public().unwrap(), read.public().unwrap());
        assert!(Signer::create(&path).is_err(), "it is not written over");
        fs::write(&path, "something else").unwrap();
        assert!(Signer::open(name).is_err());
    }

    #[test]
    fn only_a_statement_is_signed() {
        let signer = Signer::File(SecretKey::from_seed(&[1; 32]));
        let refused = sign(b"anything else", &[signer], true).unwrap_err();
        assert!(refused.message().contains("something else"), "{}", refused.message());
    }
}
