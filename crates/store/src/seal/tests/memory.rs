//! The attack on the memory of a gateway: reads its whole memory after it sealed records, and
//! searches it for secrets that open one of them.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{BufRead as _, BufReader},
    os::unix::fs::FileExt as _,
    process::{Child, Command, Stdio},
};

use super::*;

const RECORDS: u32 = 20;

/// Seals records, prints the stored parts, and waits with its span in memory.
#[test]
#[ignore = "the child process of the test below, which starts it"]
fn seals_and_waits() {
    let public = std::env::var(PUBLIC).unwrap();
    let key = PublicKey { bytes: unhex(&public), ..public_key() };
    // Run deep in the stack, so that later calls do not overwrite the stack that sealing used.
    let (span, sealed, records) = deep_down(64, &key);
    println!("\nspan {}", tlog::hex::encode(&sealed.bytes));
    for record in records {
        println!("record {}", tlog::hex::encode(&record.bytes));
    }
    println!("waiting");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    drop(span);
}

#[inline(never)]
fn deep_down(levels: u32, key: &PublicKey) -> (Span, SealedSpan, Vec<SealedRecord>) {
    let room = std::hint::black_box([0_u8; 4096]);
    if levels > 0 {
        let done = deep_down(levels - 1, key);
        std::hint::black_box(&room);
        return done;
    }
    let (mut span, sealed) = Span::begin(key, 0).unwrap();
    let mut seal = |n| span.seal(until(TENANT), &LABEL, format!("record {n}").as_bytes(), 0);
    let records = (0..RECORDS).map(|n| seal(n).unwrap()).collect();
    (span, sealed, records)
}

#[test]
fn the_memory_that_sealed_records_opens_none_of_them() {
    let (private, bytes) = key_pair().unwrap();
    let key = PublicKey { bytes, ..public_key() };
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["seal::tests::memory::seals_and_waits", "--ignored", "--exact", "--nocapture"])
        .env(PUBLIC, tlog::hex::encode(&key.bytes))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (span, records) = listen(&mut child, &key);
    let memory = memory_of(&child);
    drop(child.stdin.take());
    // Ignore the exit status: the child cannot report its result, because its pipe is closed.
    child.wait().unwrap();

    // Derive every secret that existed from the private key.
    let seed: [u8; 32] = open_span(&private, &span, BEGUN).unwrap().as_slice().try_into().unwrap();
    let agreed = shared_secret(&private, &span);
    let (hpke_key, nonce) = key_schedule(&agreed, &span);
    let mut secrets = vec![seed, agreed, hpke_key];
    let (mut chain, mut record_key) = ([0; 32], [0; 32]);
    expand(&seed, CHAIN, &mut chain);
    for (n, record) in records.iter().enumerate() {
        let content = open(&private, &span, record, &LABEL).unwrap();
        assert_eq!(content.as_slice(), format!("record {n}").as_bytes());
        secrets.push(chain);
        turn(&mut chain, &mut record_key);
        secrets.push(record_key);
    }

    assert_eq!(records.len(), usize::try_from(RECORDS).unwrap());
    assert!(
        !memory.found(&[chain]).is_empty(),
        "the search must find what is there: the chain as it is"
    );
    assert_eq!(
        memory.found(&secrets),
        vec![],
        "a secret of the past, in part or in a form that gives it"
    );
    // Check the key schedule above: the seed opens under the derived key.
    let sealed = Payload { msg: &span.bytes[ENCAPSULATED_BYTES..], aad: &[] };
    let opened = Aes256Gcm::new((&hpke_key).into()).decrypt(&nonce.into(), sealed).unwrap();
    assert_eq!(opened, seed.as_slice());
}

const PUBLIC: &str = "BAILIWICK_TEST_SEAL_TO";

fn public_key() -> PublicKey {
    let id = KeyId::from_random([4; 16]);
    PublicKey { id, tenant: TENANT, deadline_ms: 2 * DAY_MS, bytes: vec![] }
}

fn listen(child: &mut Child, key: &PublicKey) -> (SealedSpan, Vec<SealedRecord>) {
    let &PublicKey { id: key, tenant, deadline_ms, .. } = key;
    let (mut span, mut records) = (vec![], vec![]);
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some(bytes) = line.strip_prefix("span ") {
            span = unhex(bytes);
        } else if let Some(bytes) = line.strip_prefix("record ") {
            let position = u32::try_from(records.len()).unwrap();
            records.push(SealedRecord { key, deadline_ms, position, bytes: unhex(bytes) });
        } else if line == "waiting" {
            break;
        }
    }
    (SealedSpan { key, tenant, deadline_ms, bytes: span }, records)
}

/// All writable memory of a process.
struct Memory(Vec<(String, Vec<u8>)>);

fn memory_of(child: &Child) -> Memory {
    let folder = format!("/proc/{}", child.id());
    let memory = File::open(format!("{folder}/mem")).unwrap();
    let mut regions = Vec::new();
    for line in fs::read_to_string(format!("{folder}/maps")).unwrap().lines() {
        let mut words = line.split(' ');
        let (range, mode) = (words.next().unwrap(), words.next().unwrap());
        if !mode.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let start = u64::from_str_radix(start, 16).unwrap();
        let end = u64::from_str_radix(end, 16).unwrap();
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        memory.read_exact_at(&mut bytes, start).unwrap();
        regions.push((line.to_owned(), bytes));
    }
    Memory(regions)
}

impl Memory {
    /// Finds each half of each form of a secret: returns the secret, the form and the place.
    fn found(&self, secrets: &[[u8; 32]]) -> Vec<(usize, usize, String)> {
        let mut halves = HashMap::new();
        for (n, secret) in secrets.iter().enumerate() {
            halves.extend(
                forms(secret).into_iter().enumerate().map(|(form, half)| (half, (n, form))),
            );
        }
        let mut begins = vec![false; 1 << 16];
        let begin = |half: &[u8]| usize::from(u16::from_le_bytes([half[0], half[1]]));
        halves.keys().for_each(|half| begins[begin(half)] = true);
        let mut found = vec![];
        for (place, region) in &self.0 {
            for (at, window) in region.windows(16).enumerate().filter(|(_, w)| begins[begin(w)]) {
                if let Some(&(n, form)) = halves.get(window) {
                    found.push((
                        n,
                        form,
                        format!("{place}, {} bytes before its end", region.len() - at),
                    ));
                }
            }
        }
        found
    }
}

/// Returns a secret in the forms that libraries store: plain (AES's first round keys too), padded
/// for HMAC, and as SHA-256's state after that padding, both in memory and in two registers.
fn forms(secret: &[u8; 32]) -> Vec<[u8; 16]> {
    let padded = |pad: u8| secret.map(|byte| byte ^ pad);
    let mut forms = vec![];
    for pad in [0, 0x36, 0x5c] {
        forms.extend(padded(pad).chunks_exact(16).map(|half| <[u8; 16]>::try_from(half).unwrap()));
        let mut block = [pad; 64];
        block[..32].copy_from_slice(&padded(pad));
        let mut state = SHA256_INITIAL;
        sha2::block_api::compress256(&mut state, &[block]);
        let [a, b, c, d, e, f, g, h] = state;
        for words in [[a, b, c, d], [e, f, g, h], [f, e, b, a], [h, g, d, c]] {
            let mut half = [0; 16];
            for (slot, word) in half.chunks_exact_mut(4).zip(words) {
                slot.copy_from_slice(&word.to_ne_bytes());
            }
            forms.push(half);
        }
    }
    forms
}

const SHA256_INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// Computes the shared secret of X-Wing.
fn shared_secret(private: &[u8; 32], span: &SealedSpan) -> [u8; 32] {
    let private = <Kem as hpke::Kem>::PrivateKey::from_bytes(private).unwrap();
    let encapsulated = &span.bytes[..ENCAPSULATED_BYTES];
    let encapsulated = <Kem as hpke::Kem>::EncappedKey::from_bytes(encapsulated).unwrap();
    Kem::decap(&private, None, &encapsulated).unwrap().0.into()
}

/// HPKE's key schedule, RFC 9180 §5.1, mode base: returns the key and nonce that seal the seed.
fn key_schedule(shared_secret: &[u8; 32], span: &SealedSpan) -> ([u8; 32], [u8; 12]) {
    // X-Wing, HKDF-SHA256, AES-256-GCM.
    let suite = b"HPKE\x64\x7a\x00\x01\x00\x02";
    let extract = |salt: &[u8], label: &[u8], material: &[u8]| {
        let labeled = [b"HPKE-v1", suite.as_slice(), label, material].concat();
        Hkdf::<Sha256>::extract(Some(salt), &labeled)
    };
    let info = span_info(BEGUN, span.key, span.tenant, span.deadline_ms);
    let psk_id_hash = extract(b"", b"psk_id_hash", b"").0;
    let info_hash = extract(b"", b"info_hash", &info).0;
    let context = [&[0][..], &psk_id_hash, &info_hash].concat();
    let secret = extract(shared_secret, b"secret", b"").1;
    let expand = |label: &[u8], out: &mut [u8]| {
        let length = u16::try_from(out.len()).unwrap().to_be_bytes();
        let labeled = [&length[..], b"HPKE-v1", suite, label, &context].concat();
        secret.expand(&labeled, out).unwrap();
    };
    let (mut key, mut nonce) = ([0; 32], [0; 12]);
    expand(b"key", &mut key);
    expand(b"base_nonce", &mut nonce);
    (key, nonce)
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap());
    digits.collect::<Vec<_>>().chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
