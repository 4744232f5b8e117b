//! Addresses of networks: IPv4, IPv6 and hardware.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Kind, bytes::is_alnum, scan::Scan, words::Word};

/// The longest run of hexadecimal digits, dots and colons that can be an address.
const LONGEST: usize = 64;

/// Looks at the address around a word with a digit. Returns the end of the part that was looked at.
pub(super) fn around(scan: &mut Scan<'_>, start: usize, end: usize) -> usize {
    let bytes = scan.bytes;
    dashed(scan, start, end);
    if !matches!(bytes.at(end), b'.' | b':') && !matches!(bytes.before(start), b'.' | b':') {
        return end;
    }
    let part = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':');
    let mut left = bytes.run_back(start, LONGEST, part);
    let mut right = bytes.run(start, usize::MAX, part);
    scan.work += right - left;
    let to = right.max(end);
    if right - left > LONGEST {
        return to;
    }
    while matches!(bytes.before(right), b'.' | b':')
        && !(bytes.before(right) == b':' && bytes.before(right - 1) == b':')
    {
        right -= 1;
    }
    while matches!(bytes.at(left), b'.' | b':')
        && left < right
        && !(bytes.at(left) == b':' && bytes.at(left + 1) == b':')
    {
        left += 1;
    }
    let word = |byte: u8| is_alnum(byte) || byte == b'_';
    if left >= right || word(bytes.before(left)) || word(bytes.at(right)) {
        return to;
    }
    let Some(text) = scan.text.get(left..right) else { return to };
    let colons = text.bytes().filter(|byte| *byte == b':').count();
    if colons >= 2 {
        six(scan, left, right);
    } else if let Some(length) = text.find(':') {
        four(scan, left, left + length);
    } else {
        four(scan, left, right);
    }
    to
}

fn four(scan: &mut Scan<'_>, start: usize, end: usize) {
    let bytes = scan.bytes;
    let address = scan.text.get(start..end).and_then(|text| text.parse::<Ipv4Addr>().ok());
    let joined = matches!(bytes.before(start), b'-' | b'_' | b'/' | b'=')
        && is_alnum(bytes.before(start.saturating_sub(1)))
        && bytes.before(start) != b'='
        && bytes.before(start) != b'/';
    let goes_on = bytes.at(end) == b'-' && bytes.at(end + 1).is_ascii_alphabetic();
    let Some(address) = address.filter(|_| !joined && !goes_on) else { return };
    let octets = address.octets();
    let special = address.is_unspecified()
        || address.is_loopback()
        || matches!(octets, [0 | 255, ..])
        || octets.iter().all(|octet| *octet < 10);
    let version = scan.near(start, 16, |word| word == Word::Version);
    if !special && !version && !is_network(scan, address, end) {
        scan.add(Kind::Ip, start..end);
    }
}

/// Returns true if the address names a network: `10.0.0.0/8`.
fn is_network(scan: &Scan<'_>, address: Ipv4Addr, end: usize) -> bool {
    let to = scan.bytes.run(end + 1, 2, |byte| byte.is_ascii_digit());
    let bits = scan.text.get(end + 1..to).and_then(|bits| bits.parse::<u32>().ok());
    let bits = bits.filter(|bits| scan.bytes.at(end) == b'/' && *bits < 32);
    bits.is_some_and(|bits| address.to_bits().checked_shl(bits).unwrap_or(0) == 0)
}

fn six(scan: &mut Scan<'_>, start: usize, end: usize) {
    let Some(text) = scan.text.get(start..end) else { return };
    if is_hardware(text, ':') {
        scan.add(Kind::Mac, start..end);
        return;
    }
    let Ok(address) = text.parse::<Ipv6Addr>() else { return };
    // `1::2` is more often a path in a program.
    let long = text.split(':').any(|group| group.len() >= 3);
    let network = scan.bytes.at(end) == b'/' && text.ends_with("::");
    if long && !address.is_loopback() && !address.is_unspecified() && !network {
        scan.add(Kind::Ip, start..end);
    }
}

/// `00-1B-63-84-45-E6`, `001b.6384.45e6`.
fn dashed(scan: &mut Scan<'_>, start: usize, end: usize) {
    let bytes = scan.bytes;
    let (groups, size, separator) = match (end - start, bytes.at(end), bytes.before(start)) {
        (2, b'-', _) | (2, _, b'-') => (6, 2, '-'),
        (4, b'.', _) | (4, _, b'.') => (3, 4, '.'),
        _ => return,
    };
    for before in 0..groups {
        let Some(from) = start.checked_sub(before * (size + 1)) else { return };
        let to = from + groups * (size + 1) - 1;
        let Some(text) = scan.text.get(from..to) else { continue };
        let edges = !is_alnum(bytes.before(from)) && !is_alnum(bytes.at(to));
        let apart = bytes.before(from) != separator as u8 && bytes.at(to) != separator as u8;
        if edges && apart && is_hardware(text, separator) {
            scan.add(Kind::Mac, from..to);
            return;
        }
    }
}

/// Returns true for six or eight groups of two digits, or three groups of four.
fn is_hardware(text: &str, separator: char) -> bool {
    let groups: Vec<&str> = text.split(separator).collect();
    let size = if separator == '.' { 4 } else { 2 };
    let hex =
        |group: &&str| group.len() == size && group.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digits = || groups.iter().flat_map(|group| group.bytes());
    let special =
        digits().all(|byte| byte == b'0') || digits().all(|byte| matches!(byte, b'f' | b'F'));
    let letters = digits().any(|byte| byte.is_ascii_alphabetic());
    let count = groups.len();
    (if size == 4 { count == 3 && letters } else { count == 6 || count == 8 })
        && groups.iter().all(hex)
        && !special
}
