//! Reads the heads of HTTP/2 frames in a byte stream, and computes the cost of each.
//!
//! The HTTP library answers control frames without a limit: a client that only sends PING or
//! SETTINGS keeps it busy. Frames are therefore counted before the library sees them. This module
//! is pure, and looks only at each frame's nine header bytes: length, type, flags and stream (RFC
//! 9113, section 4.1).

/// The position in a stream of frames.
#[derive(Debug)]
pub struct Frames {
    state: State,
}

#[derive(Debug)]
enum State {
    /// Remaining bytes of the client's preface, or of a frame's payload.
    Skip(usize),
    /// The received bytes of a frame's head, and their number.
    Head([u8; HEAD], usize),
}

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    length: usize,
    kind: u8,
    flags: u8,
}

impl Frames {
    /// The client's side: a preface, then frames.
    #[must_use]
    pub fn of_a_client() -> Self {
        Self { state: State::Skip(PREFACE) }
    }

    /// The server's side: frames only.
    #[must_use]
    pub fn of_a_server() -> Self {
        Self { state: State::Skip(0) }
    }

    /// Reads more bytes, and calls `each` with every complete head.
    pub fn read(&mut self, mut bytes: &[u8], mut each: impl FnMut(Frame)) {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Skip(0) => self.state = State::Head([0; HEAD], 0),
                State::Skip(left) => {
                    let skipped = bytes.len().min(*left);
                    *left -= skipped;
                    bytes = bytes.get(skipped..).unwrap_or_default();
                }
                State::Head(head, got) => {
                    for (to, from) in head.iter_mut().skip(*got).zip(bytes) {
                        *to = *from;
                    }
                    let taken = bytes.len().min(HEAD - *got);
                    *got += taken;
                    bytes = bytes.get(taken..).unwrap_or_default();
                    if *got == HEAD {
                        let frame = Frame::of(*head);
                        self.state = State::Skip(frame.length);
                        each(frame);
                    }
                }
            }
        }
    }

    /// Whether the next byte begins a frame.
    #[must_use]
    pub fn is_between(&self) -> bool {
        matches!(self.state, State::Skip(0) | State::Head(_, 0))
    }
}

impl Frame {
    fn of([a, b, c, kind, flags, ..]: [u8; HEAD]) -> Self {
        let length = u32::from_be_bytes([0, a, b, c]);
        Self { length: usize::try_from(length).unwrap_or(usize::MAX), kind, flags }
    }

    /// Returns the cost of a client's frame, in points. The limits on bodies already cover data
    /// frames with content. All other frames cost a point, and so do very small data frames, except
    /// the last of a stream.
    #[must_use]
    pub fn cost(self) -> u32 {
        let ends = self.flags & END_STREAM != 0;
        u32::from(self.kind != DATA || (self.length < CRUMB && !ends))
    }

    /// Returns the points that our frame earns the client. The client acknowledges each part of an
    /// answer with a frame or two (WINDOW_UPDATE), and these must not count against it.
    #[must_use]
    pub fn earns(self) -> u32 {
        if matches!(self.kind, DATA | HEADERS) { EARNED } else { 0 }
    }
}

/// The frame that ends a connection for too many frames: GOAWAY with ENHANCE_YOUR_CALM.
pub(super) const CALM: [u8; 17] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0b];

const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
const HEAD: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const END_STREAM: u8 = 1;
/// Data frames below this number of bytes cost more than they carry.
const CRUMB: usize = 64;
const EARNED: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
    }

    fn heads(frames: &mut Frames, bytes: &[u8]) -> Vec<(u8, usize)> {
        let mut seen = Vec::new();
        frames.read(bytes, |frame| seen.push((frame.kind, frame.length)));
        seen
    }

    #[test]
    fn frames_are_found_however_the_bytes_are_cut() {
        let wire = [
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
            frame(4, 0, &[0; 12]),
            frame(6, 0, b"12345678"),
            frame(4, 1, b""),
            frame(1, 5, &[7; 300]),
            frame(0, 1, b""),
        ]
        .concat();
        let expected = [(4, 12), (6, 8), (4, 0), (1, 300), (0, 0)];
        assert_eq!(heads(&mut Frames::of_a_client(), &wire), expected);
        for size in 1..40 {
            let mut frames = Frames::of_a_client();
            let seen: Vec<_> =
                wire.chunks(size).flat_map(|part| heads(&mut frames, part)).collect();
            assert_eq!(seen, expected, "in pieces of {size}");
            assert!(frames.is_between());
        }
        let mut frames = Frames::of_a_client();
        frames.read(&wire[..24 + 5], |_| panic!("no head is complete"));
        assert!(!frames.is_between());
    }

    #[test]
    fn control_frames_and_crumbs_cost_and_data_does_not() {
        let cost = |kind, flags, length| Frame { kind, flags, length }.cost();
        // HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE,
        // CONTINUATION, and unknown types.
        for kind in (1..=9).chain([0x10, 0xff]) {
            assert_eq!(cost(kind, 0, 0), 1, "{kind}");
            assert_eq!(cost(kind, 1, 16_384), 1, "{kind}");
        }
        assert_eq!(cost(DATA, 0, 0), 1);
        assert_eq!(cost(DATA, 0, CRUMB - 1), 1);
        assert_eq!(cost(DATA, END_STREAM, 0), 0);
        assert_eq!(cost(DATA, 0, CRUMB), 0);
    }

    #[test]
    fn answers_earn_and_replies_to_control_frames_do_not() {
        let earns = |kind| Frame { kind, flags: 0, length: 10 }.earns();
        assert_eq!((earns(DATA), earns(HEADERS)), (EARNED, EARNED));
        for kind in [3, 4, 6, 7, 8] {
            assert_eq!(earns(kind), 0, "{kind}");
        }
    }

    #[test]
    fn the_last_frame_is_a_goaway() {
        let mut seen = Vec::new();
        let mut frames = Frames::of_a_server();
        frames.read(&CALM, |frame| seen.push(frame));
        assert_eq!(seen, [Frame { length: 8, kind: 7, flags: 0 }]);
        assert!(frames.is_between());
    }
}
