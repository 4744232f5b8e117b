//! Finds the end of an HTTP/1.1 message: its head, and the length of its body.

/// Length of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// The head gives no length: there is no body.
    None,
    /// This many bytes.
    Bytes(usize),
    /// The body is chunked, and ends with an empty chunk.
    Chunked,
}

/// Returns the head, with the empty line that ends it; `None` until it has arrived completely.
pub(super) fn head(arrived: &[u8]) -> Option<&[u8]> {
    let end = arrived.windows(END.len()).position(|window| window == END)?;
    arrived.get(..end.saturating_add(END.len()))
}

/// Returns the body's length from the head.
pub(super) fn length(head: &[u8]) -> Length {
    let mut length = Length::None;
    for line in head.split(|byte| *byte == b'\n') {
        // The first letter is checked first, since most headers have another.
        match line.first() {
            Some(b'c' | b'C') => {
                if let Some(value) = value(line, b"content-length:") {
                    length = Length::Bytes(value.trim().parse().unwrap_or(0));
                }
            }
            Some(b't' | b'T') if value(line, b"transfer-encoding:").is_some() => {
                return Length::Chunked;
            }
            _ => {}
        }
    }
    length
}

fn value<'line>(line: &'line [u8], name: &[u8]) -> Option<&'line str> {
    let (start, value) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then(|| std::str::from_utf8(value).unwrap_or_default())
}

const END: &[u8] = b"\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_ends_where_its_head_says() {
        assert_eq!(head(b"GET / HTTP/1.1\r\nhost: a\r\n"), None);
        let whole = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 12\r\n\r\nabc";
        let head = head(whole).unwrap();
        assert_eq!(head.len(), whole.len() - 3);
        assert_eq!(length(head), Length::Bytes(12));
        assert_eq!(
            length(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
            Length::Chunked
        );
        assert_eq!(length(b"GET / HTTP/1.1\r\ncookie: a\r\n\r\n"), Length::None);
    }
}
