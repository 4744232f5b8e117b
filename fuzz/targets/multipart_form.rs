//! Forms that carry files: however the body is cut, the reader finds the same fields.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::multipart::{Event, Malformed, Reader};

/// The fields as names and bytes.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Result<Vec<(String, Vec<u8>)>, Malformed> {
    let mut reader = Reader::new(b"multipart/form-data; boundary=b")?;
    let mut fields = Vec::new();
    for piece in pieces {
        reader.push(piece);
        while let Some(event) = reader.event()? {
            match event {
                Event::Field(head) => fields.push((head.name.reveal().to_owned(), Vec::new())),
                Event::Data(bytes) => fields.last_mut().unwrap().1.extend_from_slice(&bytes),
                Event::End => {}
            }
        }
    }
    reader.finish()?;
    Ok(fields)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((size, body)) = bytes.split_first() else { return };
    let whole = read(std::iter::once(body));
    let cut = read(body.chunks(usize::from(*size).max(1)));
    assert_eq!(whole, cut);
});
