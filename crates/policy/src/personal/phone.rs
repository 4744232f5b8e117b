//! Telephone numbers: international ones by the numbering plans of all countries, national ones by
//! their form or by a word beside them.

mod plan;

use super::{
    Kind,
    bytes::{Bytes, is_alnum},
    scan::Scan,
    words::Word,
};

/// How near a word must stand, in bytes.
const NEAR: usize = 40;

/// Longest text between a word and its number, in bytes.
const GLUE: usize = 20;

/// A number as written.
struct Dialled {
    start: usize,
    digits: String,
    cuts: Vec<Cut>,
    /// It begins with `+`.
    plus: bool,
    /// Its area stands in brackets.
    bracket: bool,
}

/// A place where it may end.
#[derive(Clone, Copy)]
struct Cut {
    end: usize,
    digits: usize,
    groups: usize,
}

/// Looks for a number that begins with this digit, or with a sign before it.
pub(super) fn phone(scan: &mut Scan<'_>, digit: usize) {
    if !scan.kinds.contains(Kind::Phone)
        || digit < scan.phone_to
        || !scan.bytes.at(digit).is_ascii_digit()
    {
        return;
    }
    let bytes = scan.bytes;
    let bracket = bytes.before(digit) == b'(';
    let mut start = digit - usize::from(bracket);
    let plus = bytes.before(start) == b'+';
    start -= usize::from(plus);
    if plus && bytes.before(start) == b'(' {
        start -= 1;
    }
    let before = bytes.before(start);
    let joined = is_alnum(before)
        || matches!(
            before,
            b'-' | b'.' | b'_' | b'/' | b'#' | b'$' | b'+' | b'^' | b'~' | b'@' | b'\\' | b')'
        );
    // `tel.` and `/` end a word; a minus or a point belongs to a longer number.
    let word = matches!(before, b'.' | b'/' | b'-')
        && !bytes.before(start - 1).is_ascii_digit()
        && scan.near(start, 1, |word| word == Word::Phone);
    if joined && !word {
        return;
    }
    let dialled = read(bytes, start, digit, plus, bracket);
    scan.work += dialled.digits.len();
    // `0044` in the middle of a longer number in groups is no prefix of a country.
    let continued = before == b' ' && bytes.before(start - 1).is_ascii_digit();
    let found = match plus || (dialled.digits.starts_with("00") && !continued) {
        true => international(scan, &dialled),
        false => national(scan, &dialled),
    };
    if let Some(end) = found {
        let end = extension(bytes, end);
        let end = end
            + usize::from(
                bytes.at(end) == b')' && bytes.at(start) == b'(' && open(bytes, start, end),
            );
        scan.add(Kind::Phone, start..end);
        scan.phone_to = end;
    }
}

/// Returns true if a bracket at the begin is not closed before the end.
fn open(bytes: Bytes<'_>, start: usize, end: usize) -> bool {
    !bytes.slice(start..end).contains(&b')')
}

fn read(bytes: Bytes<'_>, start: usize, digit: usize, plus: bool, bracket: bool) -> Dialled {
    let mut dialled = Dialled { start, digits: String::new(), cuts: Vec::new(), plus, bracket };
    let (mut at, mut groups) = (digit, 1);
    while dialled.digits.len() <= 18 {
        let byte = bytes.at(at);
        if byte.is_ascii_digit() {
            dialled.digits.push(char::from(byte));
            at += 1;
            continue;
        }
        if ends(bytes, at) {
            dialled.cuts.push(Cut { end: at, digits: dialled.digits.len(), groups });
        }
        // One separator, or a bracket with spaces around it.
        let next = bytes.run(at, 3, |byte| matches!(byte, b' ' | b'-' | b'.' | b'/' | b'(' | b')'));
        let separators = bytes.slice(at..next);
        let one = matches!(
            separators,
            b" " | b"-"
                | b"."
                | b"/"
                | b")"
                | b") "
                | b" ("
                | b"("
                | b")-"
                | b") ("
                | b" - "
                | b")."
                | b"-("
        );
        if !one || !bytes.at(next).is_ascii_digit() || groups > 7 {
            break;
        }
        at = next;
        groups += 1;
    }
    dialled
}

/// Returns true if a number may end here.
fn ends(bytes: Bytes<'_>, end: usize) -> bool {
    let after = bytes.at(end);
    let joined = matches!(after, b'-' | b'.' | b'/' | b':' | b',' | b'@' | b'=');
    let extension = matches!(after, b'x' | b'X');
    let goes_on = (is_alnum(after) && !extension) || matches!(after, b'_' | b'%' | b'$');
    !goes_on && (!joined || !is_alnum(bytes.at(end + 1)))
}

/// Returns the end of an extension: `x123`, `ext. 123`.
fn extension(bytes: Bytes<'_>, end: usize) -> usize {
    let space = bytes.run(end, 1, |byte| byte == b' ');
    let marks = ["extension ", "ext. ", "ext.", "ext ", "x", "#", "durchwahl ", "poste ", "доб. "];
    let Some(mark) = marks.iter().find(|mark| bytes.starts(space, mark)) else { return end };
    let from = space + mark.len();
    let to = bytes.run(from, 6, |byte| byte.is_ascii_digit());
    if to > from && !is_alnum(bytes.at(to)) { to } else { end }
}

fn international(scan: &mut Scan<'_>, dialled: &Dialled) -> Option<usize> {
    let prefix = if dialled.plus { 0 } else { 2 };
    let number = dialled.digits.get(prefix..)?;
    let grouped = dialled.cuts.last().is_some_and(|cut| cut.groups > 1);
    let named = || scan.near(dialled.start, NEAR, |word| word == Word::Phone);
    if number.starts_with('0') || !dialled.plus && !grouped && !named() {
        return None;
    }
    let cuts = dialled.cuts.iter().rev().copied();
    let fits: Vec<Cut> =
        cuts.filter(|cut| (7 + prefix..=15 + prefix).contains(&cut.digits)).take(3).collect();
    for cut in &fits {
        let number = number.get(..cut.digits - prefix)?;
        if plan::has(number) {
            return Some(cut.end);
        }
    }
    // A trunk zero in brackets: +44 (0)20 …
    for cut in &fits {
        let Some(place) = trunk(number) else { break };
        let mut number = number.get(..cut.digits - prefix)?.to_owned();
        number.remove(place);
        if plan::has(&number) {
            return Some(cut.end);
        }
    }
    // A number that the plans do not have, beside a word, or with the form of one.
    let cut = fits.iter().find(|cut| cut.digits >= 9 + prefix)?;
    let near = scan.near(dialled.start, NEAR, |word| word == Word::Phone);
    (near || dialled.plus && cut.groups >= 3 && cut.digits >= 10).then_some(cut.end)
}

/// Returns the place of a zero after the code of a country.
fn trunk(number: &str) -> Option<usize> {
    (1..=3).find(|place| number.as_bytes().get(*place) == Some(&b'0'))
}

fn national(scan: &mut Scan<'_>, dialled: &Dialled) -> Option<usize> {
    let cuts = || dialled.cuts.iter().rev().copied().filter(|cut| (7..=13).contains(&cut.digits));
    let longest = cuts().next()?;
    if is_other(scan, dialled, longest) {
        return None;
    }
    if let Some(end) = cuts().find_map(|cut| by_form(scan, dialled, cut)) {
        return Some(end);
    }
    let word = scan.nearest(dialled.start, NEAR, |word| word == Word::Phone);
    let after = cuts().find(|cut| {
        scan.bytes.at(cut.end) == b' ' && scan.follows(cut.end, 8, |word| word == Word::Phone)
    });
    let direct = word.is_some_and(|end| is_glue(scan.bytes.slice(end..dialled.start)));
    let cut = if direct { Some(longest) } else { after }?;
    (cut.digits <= 12).then_some(cut.end)
}

/// Returns true if only small words stand between a word and its number.
fn is_glue(glue: &[u8]) -> bool {
    let words = glue.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).count();
    let other = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b';' | b'{' | b'}' | b'<');
    glue.len() <= GLUE && words <= 3 && !glue.iter().any(other)
}

/// Returns true for dates, addresses of networks and numbers of one digit.
fn is_other(scan: &Scan<'_>, dialled: &Dialled, cut: Cut) -> bool {
    let text = scan.text.get(dialled.start..cut.end).unwrap_or_default();
    let groups: Vec<&str> =
        text.split(|one: char| !one.is_ascii_digit()).filter(|one| !one.is_empty()).collect();
    let sizes: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let year = |group: Option<&&str>| {
        group.is_some_and(|group| {
            group.len() == 4 && (group.starts_with("19") || group.starts_with("20"))
        })
    };
    let date = matches!(*sizes, [4, 1 | 2, 1 | 2, ..]) && year(groups.first())
        || matches!(*sizes, [1 | 2, 1 | 2, 4, ..]) && year(groups.get(2))
        || matches!(*sizes, [4, 4]) && year(groups.first()) && year(groups.get(1));
    let dots = text.bytes().filter(|byte| *byte == b'.').count();
    let network = dots == 3 && groups.len() == 4 && sizes.iter().all(|size| *size <= 3);
    let one = dialled.digits.bytes().all(|byte| Some(&byte) == dialled.digits.as_bytes().first());
    date || network || one && dialled.digits.len() > 4
}

/// Returns the end of a number that its form alone identifies.
fn by_form(scan: &mut Scan<'_>, dialled: &Dialled, cut: Cut) -> Option<usize> {
    let text = scan.text.get(dialled.start..cut.end)?;
    let groups: Vec<&str> =
        text.split(|one: char| !one.is_ascii_digit()).filter(|one| !one.is_empty()).collect();
    let sizes: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let digits = dialled.digits.get(..cut.digits)?;
    let separators = text.bytes().filter(|byte| !byte.is_ascii_digit());
    let mut kinds: Vec<u8> = separators.filter(|byte| !matches!(byte, b'(' | b')')).collect();
    kinds.dedup();
    if dialled.bracket && text.contains(')') {
        let area = sizes.first().is_some_and(|size| (2..=5).contains(size));
        return (area
            && (8..=11).contains(&digits.len())
            && sizes.len() >= 2
            && sizes.iter().skip(1).all(|size| *size >= 2))
        .then_some(cut.end);
    }
    let america = |area: &str, exchange: &str| {
        let first = |part: &str| part.starts_with(|one: char| matches!(one, '2'..='9'));
        first(area) && first(exchange)
    };
    match (&*sizes, &*groups) {
        ([3, 3, 4], [area, exchange, _]) | ([1, 3, 3, 4], [_, area, exchange, _])
            if kinds.len() == 1 && america(area, exchange) =>
        {
            let spaced = kinds.first() == Some(&b' ');
            let valid = !spaced || scan.near(dialled.start, NEAR, |word| word == Word::Phone);
            return valid.then_some(cut.end);
        }
        _ => {}
    }
    let trunk = digits.starts_with('0') && !digits.starts_with("00");
    if !trunk || sizes.len() < 2 || !(9..=12).contains(&digits.len()) || kinds.len() != 1 {
        return None;
    }
    if sizes.first().is_some_and(|size| *size < 2) || sizes.iter().skip(1).any(|size| *size < 2) {
        return None;
    }
    is_grouping(&sizes).then_some(cut.end)
}

/// Returns true if a national number with a zero before its area has such groups somewhere.
fn is_grouping(sizes: &[usize]) -> bool {
    matches!(
        sizes,
        [2, 2, 2, 2, 2]
            | [3, 3, 2, 2]
            | [2, 4, 4]
            | [4, 3, 3]
            | [3, 4, 4]
            | [3, 3, 4]
            | [5, 6]
            | [4, 3, 4]
            | [5, 3, 3]
            | [4, 6..=8]
            | [3, 6..=8]
            | [5, 5]
            | [2, 3, 4]
            | [3, 3, 3]
            | [2, 7 | 8]
            | [2, 3, 2, 2]
            | [4, 2, 2, 2]
            | [4, 3, 2, 2]
            | [3, 2, 2, 2]
            | [3, 3, 2, 3]
    )
}
