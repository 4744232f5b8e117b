//! `Content-Encoding` of requests: gzip (RFC 1952) and zstd (RFC 8878), decoded within a limit.
//!
//! It decodes at most one coding. The limit counts decoded bytes, so a small body cannot become a
//! large one.

use std::io::Read;

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

/// The codings that a sender may use, as `Accept-Encoding` names them.
pub const ACCEPTED: &str = "gzip, zstd";

/// The coding of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Not coded.
    Identity,
    /// RFC 1952; several members are one body.
    Gzip,
    /// RFC 8878; several frames are one body.
    Zstd,
}

/// The body cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRead {
    /// An unsupported coding, or several.
    #[error(
        "the `Content-Encoding` of the body is not supported; send one coding, `gzip` or `zstd`, or \
         none"
    )]
    Coding,
    /// The body is not valid in its coding.
    #[error(
        "the body is not complete, valid {0}, or other bytes follow it; send the complete output \
         of a {0} encoder, or leave `Content-Encoding` out"
    )]
    Damaged(&'static str),
    /// A zstd frame that needs more memory than RFC 9659 allows a sender to require.
    #[error(
        "the zstd window of the body is larger than 8 MiB; encode it with a window of at most 8 MiB, \
         as RFC 9659 requires"
    )]
    Window,
    /// The body is too long, as sent or decoded.
    #[error("the body is longer than {limit} bytes; send a shorter one")]
    TooLong {
        /// Bytes allowed.
        limit: usize,
    },
    /// The body ended early, or is not text where text is expected.
    #[error("{0}; send the whole body")]
    Unread(String),
}

impl Coding {
    /// Returns the coding that the lines of a request's `Content-Encoding` declare.
    ///
    /// # Errors
    /// If it is unknown, or there are several.
    pub fn of<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, NotRead> {
        let named = lines.into_iter().flat_map(|line| line.split(|byte| *byte == b','));
        let mut coding = Self::Identity;
        for name in named.map(<[u8]>::trim_ascii) {
            let next = match name.to_ascii_lowercase().as_slice() {
                b"" | b"identity" => continue,
                b"gzip" | b"x-gzip" => Self::Gzip,
                b"zstd" => Self::Zstd,
                _ => return Err(NotRead::Coding),
            };
            if coding != Self::Identity {
                return Err(NotRead::Coding);
            }
            coding = next;
        }
        Ok(coding)
    }

    /// Decodes a body to at most `limit` bytes.
    ///
    /// # Errors
    /// If the body is not valid in its coding, or becomes too long.
    pub fn decoded(self, body: &[u8], limit: usize) -> Result<Vec<u8>, NotRead> {
        match self {
            Self::Identity if body.len() > limit => Err(NotRead::TooLong { limit }),
            Self::Identity => Ok(body.to_vec()),
            Self::Gzip => gzip(body, limit),
            Self::Zstd => zstd(body, limit),
        }
    }
}

/// The largest window of a zstd frame: RFC 9659 §3.
const WINDOW_MAX: u64 = 8 * 1024 * 1024;

/// Number of bytes decoded between two checks of the length.
const STEP: usize = 128 * 1024;

fn gzip(body: &[u8], limit: usize) -> Result<Vec<u8>, NotRead> {
    let mut decoded = Vec::new();
    // The decoder reads one member after another, and refuses bytes that are not a member.
    drain(MultiGzDecoder::new(body), &mut decoded, limit, "gzip")?;
    Ok(decoded)
}

fn zstd(mut body: &[u8], limit: usize) -> Result<Vec<u8>, NotRead> {
    use FrameDecoderError::{ReadFrameHeaderError as Header, WindowSizeTooBig};
    const DAMAGED: NotRead = NotRead::Damaged("zstd");
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(WINDOW_MAX);
    let mut decoded = Vec::new();
    if body.is_empty() {
        return Err(DAMAGED);
    }
    while !body.is_empty() {
        match decoder.init(&mut body) {
            Ok(()) => {}
            Err(Header(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                let skipped = usize::try_from(length).ok().and_then(|length| body.get(length..));
                body = skipped.ok_or(DAMAGED)?;
                continue;
            }
            Err(WindowSizeTooBig { .. }) => return Err(NotRead::Window),
            Err(_) => return Err(DAMAGED),
        }
        while !decoder.is_finished() {
            let step = BlockDecodingStrategy::UptoBytes(STEP);
            decoder.decode_blocks(&mut body, step).map_err(|_| DAMAGED)?;
            drain(&mut decoder, &mut decoded, limit, "zstd")?;
        }
        let sum = decoder.get_checksum_from_data();
        if sum.is_some() && sum != decoder.get_calculated_checksum() {
            return Err(DAMAGED);
        }
    }
    Ok(decoded)
}

/// Reads the decoder's output up to the limit.
fn drain(
    decoder: impl Read,
    decoded: &mut Vec<u8>,
    limit: usize,
    name: &'static str,
) -> Result<(), NotRead> {
    let room = limit.saturating_sub(decoded.len()).saturating_add(1);
    let mut decoder = decoder.take(u64::try_from(room).unwrap_or(u64::MAX));
    decoder.read_to_end(decoded).map_err(|_| NotRead::Damaged(name))?;
    if decoded.len() > limit { Err(NotRead::TooLong { limit }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
