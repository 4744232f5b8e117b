//! Addresses of cryptocurrencies, by their checksums where they have one.

use sha2::{Digest, Sha256};

use super::{Kind, bytes::is_alnum, scan::Scan};

/// Looks at a word with a digit.
pub(super) fn wallet(scan: &mut Scan<'_>, start: usize, end: usize) {
    let length = end - start;
    if !(26..=110).contains(&length) || is_alnum(scan.bytes.before(start)) {
        return;
    }
    let Some(text) = scan.text.get(start..end) else { return };
    scan.work += length;
    if is_ethereum(text) || is_bech32(text) || is_base58check(text) || is_monero(text) {
        scan.add(Kind::Crypto, start..end);
    }
}

fn is_ethereum(text: &str) -> bool {
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 40);
    digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Bitcoin, Litecoin, Dogecoin, Dash and Tron: base 58 with a double SHA-256.
fn is_base58check(text: &str) -> bool {
    let first = text.as_bytes().first().copied().unwrap_or(0);
    if text.len() > 35 || !b"123mnLMDX9AT".contains(&first) {
        return false;
    }
    let mut bytes = [0_u8; 25];
    for digit in text.bytes() {
        let Some(value) = BASE58.iter().position(|one| *one == digit) else { return false };
        let mut carry = u32::try_from(value).unwrap_or(0);
        for byte in bytes.iter_mut().rev() {
            carry += u32::from(*byte) * 58;
            *byte = u8::try_from(carry & 0xff).unwrap_or(0);
            carry >>= 8;
        }
        if carry > 0 {
            return false;
        }
    }
    let (body, check) = bytes.split_at(21);
    let digest = Sha256::digest(Sha256::digest(body));
    digest.iter().zip(check).take(4).all(|(one, other)| one == other)
}

/// Without its checksum, which is Keccak's: length and first digits.
fn is_monero(text: &str) -> bool {
    let second = text.as_bytes().get(1).copied().unwrap_or(0);
    (text.len() == 95 || text.len() == 106)
        && (text.starts_with('4') || text.starts_with('8'))
        && (second.is_ascii_digit() || b"AB".contains(&second))
        && text.bytes().all(|byte| BASE58.contains(&byte))
}

const BASE58: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// BIP 173 and BIP 350.
fn is_bech32(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    if lower != text && text.to_ascii_uppercase() != text {
        return false;
    }
    let Some((prefix, data)) = lower.rsplit_once('1') else { return false };
    if !matches!(prefix, "bc" | "tb" | "ltc" | "addr" | "stake" | "cosmos" | "osmo" | "erd" | "bnb")
    {
        return false;
    }
    let high = prefix.bytes().map(|byte| u32::from(byte >> 5));
    let low = prefix.bytes().map(|byte| u32::from(byte & 31));
    let mut check = high.chain([0]).chain(low).fold(1, polymod);
    for byte in data.bytes() {
        let Some(value) = BECH32.iter().position(|one| *one == byte) else { return false };
        check = polymod(check, u32::try_from(value).unwrap_or(0));
    }
    matches!(check, 1 | 0x2bc8_30a3)
}

fn polymod(check: u32, value: u32) -> u32 {
    let top = check >> 25;
    let next = ((check & 0x1ff_ffff) << 5) ^ value;
    let generators = [0x3b6a_57b2_u32, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    generators.iter().enumerate().fold(next, |check, (bit, generator)| {
        if top >> bit & 1 == 1 { check ^ generator } else { check }
    })
}

const BECH32: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
