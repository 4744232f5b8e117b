use alloc::{string::String, vec};

use ed25519_dalek::{Signer as _, SigningKey};
use p256::ecdsa::{Signature as P256Signature, SigningKey as P256SigningKey};

use super::*;
use crate::canon;

const STATEMENT: &[u8] = b"bailiwick/statement/v1\0a statement";

fn raw(signature: [u8; 64]) -> Signature {
    Signature::Raw { signature }
}

#[test]
fn a_raw_signature_is_of_one_key_and_one_statement() {
    let private = SigningKey::from_bytes(&[1; 32]);
    let key = Key::ed25519(private.verifying_key().to_bytes(), None).unwrap();
    let other = SigningKey::from_bytes(&[2; 32]).verifying_key().to_bytes();
    let other = Key::ed25519(other, None).unwrap();
    let signature = raw(private.sign(STATEMENT).to_bytes());
    assert_eq!(signature.verify(&key, STATEMENT), Ok(()));
    assert_eq!(signature.verify(&key, b"another"), Err(BadSignature::Wrong));
    assert_eq!(signature.verify(&other, STATEMENT), Err(BadSignature::Wrong));
    let passkey = Key::ed25519(private.verifying_key().to_bytes(), Some(Digest([3; 32]))).unwrap();
    assert_eq!(signature.verify(&passkey, STATEMENT), Err(BadSignature::Form));
    let Signature::Raw { signature: bytes } = signature else { return };
    let as_ssh = Signature::Ssh { signature: bytes };
    assert_eq!(as_ssh.verify(&key, STATEMENT), Err(BadSignature::Wrong), "another form");
}

#[test]
fn of_two_ecdsa_signatures_the_low_one_counts() {
    let private = P256SigningKey::from_slice(&[7; 32]).unwrap();
    let public = private.verifying_key().to_sec1_point(true);
    let key = Key::p256(public.as_bytes().try_into().unwrap(), None).unwrap();
    let signature: P256Signature = private.sign(STATEMENT);
    let low = signature.normalize_s();
    let (r, s) = low.split_scalars();
    let high = P256Signature::from_scalars(r.to_bytes(), (-s).to_bytes()).unwrap();
    let verify =
        |signature: P256Signature| raw(signature.to_bytes().into()).verify(&key, STATEMENT);
    assert_eq!((verify(low), verify(high)), (Ok(()), Err(BadSignature::HighS)));
    assert_eq!(raw([0; 64]).verify(&key, STATEMENT), Err(BadSignature::Wrong));
}

#[test]
fn signatures_are_sorted_and_of_different_keys() {
    let signed = |n: u8| Signed {
        key: Digest([n; 32]),
        size: 1,
        root: Digest([9; 32]),
        signature: raw([n; 64]),
    };
    let signatures = Signatures::new(vec![signed(3), signed(1)]).unwrap();
    assert_eq!(signatures.as_slice(), [signed(1), signed(3)]);
    for bad in [vec![], vec![signed(1), signed(1)], (0..4).map(signed).collect()] {
        assert_eq!(Signatures::new(bad), Err(BadSignatures));
    }
    let bytes = canon::encode(&signatures);
    assert_eq!(canon::decode(&bytes, "signatures"), Ok(signatures));
    let reversed = canon::encode(&vec![signed(3), signed(1)]);
    assert!(canon::decode::<Signatures>(&reversed, "signatures").is_err());
}

#[test]
fn a_signature_by_openssh_is_read_and_checked() {
    // The last vector of `vectors/statements.py`, made by `ssh-keygen`.
    let text = include_str!("../../vectors/sshsig/good-ssh-keygen.hex");
    let digits: String = text.lines().filter(|line| !line.starts_with('#')).collect();
    let pairs = digits.as_bytes().chunks(2);
    let text: String = pairs
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap() as char)
        .collect();
    let SshSigned { key, signature } = SshSigned::parse(&text).unwrap();
    let draft = crate::statement::Draft {
        origin: "log.example".into(),
        seen: crate::succession::Mark { size: 0, root: crate::tree::empty_root() },
        event: crate::entry::Event::RootRecoveryStopped {
            party: crate::people::Party::Tenant {
                tenant: crate::id::TenantId::from_random([2; 16]),
            },
        },
    };
    assert_eq!(signature.verify(&key, &draft.bytes()), Ok(()));
    assert_eq!(signature.verify(&key, STATEMENT), Err(BadSignature::Wrong));
}
