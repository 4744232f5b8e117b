//! Messages between the gateway, the custodian and key holders, as sent over a socket: a length and
//! canonical CBOR. The messages themselves stand with their protocols.

use std::io::{self, Read, Write};

use minicbor::{Decode, Encode};
use tlog::canon;
use zeroize::Zeroizing;

/// Most bytes of a message: a record can hold a request and a response of the largest size.
pub const MESSAGE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Writes one message: its length in 32 bits, big-endian, and its canonical CBOR.
///
/// # Errors
/// When the message is too long, or the socket fails.
pub fn write<T: Encode<()>>(stream: &mut impl Write, message: &T) -> io::Result<()> {
    let length = canon::encoded_bytes(message);
    let length = u32::try_from(length).ok().filter(|_| length <= MESSAGE_BYTES_MAX);
    let length = length.ok_or_else(too_long)?;
    let bytes = Zeroizing::new(canon::encode(message));
    stream.write_all(&length.to_be_bytes())?;
    stream.write_all(&bytes)
}

/// Reads one message; returns `None` if the peer closed the socket between two messages.
///
/// # Errors
/// When the message is too long, cut short, or not canonical.
pub fn read<T: for<'b> Decode<'b, ()> + Encode<()>>(
    stream: &mut impl Read,
) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    let (first, rest) = length.split_at_mut(1);
    // The end of the stream between two messages is normal; inside a message it is an error.
    if read_some(stream, first)? == 0 {
        return Ok(None);
    }
    stream.read_exact(rest)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > MESSAGE_BYTES_MAX {
        return Err(too_long());
    }
    let bytes = read_body(stream, length)?;
    canon::decode(&bytes, "a message over a socket").map(Some).map_err(io::Error::other)
}

/// Reads `length` bytes. Memory grows as they arrive, because the length alone is not trusted. Each
/// outgrown buffer is overwritten, because the bytes may be content.
fn read_body(stream: &mut impl Read, length: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    while bytes.len() < length {
        let more = length.min(bytes.len().saturating_mul(2).max(CHUNK_BYTES));
        let mut larger = Zeroizing::new(Vec::with_capacity(more));
        larger.extend_from_slice(&bytes);
        larger.resize(more, 0);
        if let Some(new) = larger.get_mut(bytes.len()..) {
            stream.read_exact(new)?;
        }
        bytes = larger;
    }
    Ok(bytes)
}

fn read_some(stream: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

fn too_long() -> io::Error {
    io::Error::other(format!("a message is longer than MESSAGE_BYTES_MAX ({MESSAGE_BYTES_MAX})"))
}

/// Bytes to allocate before the peer has sent any.
const CHUNK_BYTES: usize = 64 * 1024;

/// Content in a message: a byte string that is overwritten when it is dropped.
pub(crate) mod secret {
    use minicbor::{
        Decoder, Encoder,
        decode::Error,
        encode::{self, Write},
    };
    use zeroize::Zeroizing;

    pub(crate) fn encode<C, W: Write>(
        content: &Zeroizing<Vec<u8>>,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        encoder.bytes(content)?.ok()
    }

    pub(crate) fn decode<C>(
        decoder: &mut Decoder<'_>,
        _: &mut C,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        decoder.bytes().map(|bytes| Zeroizing::new(bytes.to_vec()))
    }
}
