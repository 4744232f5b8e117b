//! Undoes one escape: of JSON and programs (`\u0040`, `\n`), of URLs (`%40`), of HTML (`&#64;`), of
//! Markdown (`\_`).

/// How many times an escape may be escaped again.
const DEEPEST: usize = 8;

/// Returns the character that an escape at the begin of a text stands for, and the escape's length.
pub(super) fn undo(text: &str) -> Option<(char, usize)> {
    let bytes = text.as_bytes();
    match bytes.first()? {
        b'\\' => backslash(bytes),
        b'%' => percent(bytes),
        _ => entity(text),
    }
}

/// An escape with a backslash. JSON in JSON has several.
fn backslash(bytes: &[u8]) -> Option<(char, usize)> {
    let many = bytes.iter().take(DEEPEST).take_while(|byte| **byte == b'\\').count();
    let end = many + 1;
    Some(match bytes.get(many)? {
        b'n' => ('\n', end),
        b'r' => ('\r', end),
        b't' => ('\t', end),
        b'x' => (char::from_u32(hex(bytes, end, 2)?)?, end + 2),
        b'u' => return unicode(bytes, many),
        // Letters after a backslash are no escape otherwise; a sign stands for itself.
        sign if sign.is_ascii_punctuation() => (char::from(*sign), end),
        _ => return None,
    })
}

/// `\u0040`, or two halves of a pair.
fn unicode(bytes: &[u8], slashes: usize) -> Option<(char, usize)> {
    let start = slashes + 1;
    let first = hex(bytes, start, 4)?;
    let end = start + 4;
    if !(0xd800..0xdc00).contains(&first) {
        return Some((char::from_u32(first)?, end));
    }
    let again = bytes.get(end..end + slashes)?.iter().all(|byte| *byte == b'\\');
    let second = hex(bytes, end + slashes + 1, 4)?;
    let whole = again && bytes.get(end + slashes) == Some(&b'u');
    let low = second.checked_sub(0xdc00).filter(|low| whole && *low < 0x400)?;
    let code = 0x1_0000 + ((first - 0xd800) << 10) + low;
    Some((char::from_u32(code)?, end + slashes + 1 + 4))
}

/// `%40`, or the bytes of one character of UTF-8. `%2540` is escaped twice.
fn percent(bytes: &[u8]) -> Option<(char, usize)> {
    let (first, mut end) = percent_byte(bytes, 0)?;
    let length = match first {
        ..0x80 => return Some((char::from(first), end)),
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let mut character = vec![first];
    while character.len() < length {
        let (next, after) = percent_byte(bytes, end)?;
        character.push(next);
        end = after;
    }
    Some((std::str::from_utf8(&character).ok()?.chars().next()?, end))
}

fn percent_byte(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    (bytes.get(at) == Some(&b'%')).then_some(())?;
    let mut at = at + 1;
    for _ in 0..DEEPEST {
        let again = bytes.get(at..at + 2) == Some(b"25") && hex(bytes, at + 2, 2).is_some();
        if !again {
            break;
        }
        at += 2;
    }
    Some((u8::try_from(hex(bytes, at, 2)?).ok()?, at + 2))
}

/// `&#64;`, `&#x40;`, `&amp;`.
fn entity(text: &str) -> Option<(char, usize)> {
    let length = text.bytes().take(11).position(|byte| byte == b';')?;
    let name = text.get(1..length)?;
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "commat" => '@',
        "period" => '.',
        "colon" => ':',
        "hyphen" | "dash" => '-',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((character, length + 1))
}

fn hex(bytes: &[u8], at: usize, digits: usize) -> Option<u32> {
    let digits = bytes.get(at..at + digits)?;
    digits.iter().try_fold(0, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))
}
