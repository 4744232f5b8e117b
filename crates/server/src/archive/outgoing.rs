//! The way of an archive from the thread that makes it to the connection that sends it: some pieces
//! wait in memory, and the thread waits for a slow reader.

use std::{
    io::{self, Write},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use tokio::sync::mpsc::{self, Receiver, Sender};

/// Bytes of one piece.
const PIECE_BYTES: usize = 64 * 1024;

/// Pieces that wait for the reader.
const PIECES_MAX: usize = 8;

/// The end that the archive is written into. It blocks, so it belongs on a thread that may.
pub(crate) struct Outgoing {
    pieces: Sender<io::Result<Bytes>>,
    piece: BytesMut,
}

/// The end that is sent to the client, as a stream of pieces.
pub(crate) struct Incoming(Receiver<io::Result<Bytes>>);

/// Makes both ends.
pub(crate) fn channel() -> (Outgoing, Incoming) {
    let (pieces, waiting) = mpsc::channel(PIECES_MAX);
    (Outgoing { pieces, piece: BytesMut::with_capacity(PIECE_BYTES) }, Incoming(waiting))
}

impl Outgoing {
    /// Ends the stream with an error: the client sees that the archive is cut short.
    pub(crate) fn fail(pieces: &Sender<io::Result<Bytes>>, error: io::Error) {
        // A client that is gone needs no error.
        let _ = pieces.blocking_send(Err(error));
    }

    /// Returns a handle that can end the stream with an error once the writer is gone.
    pub(crate) fn handle(&self) -> Sender<io::Result<Bytes>> {
        self.pieces.clone()
    }

    fn send(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, BytesMut::with_capacity(PIECE_BYTES));
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.pieces.blocking_send(Ok(piece.freeze())).map_err(gone)
    }
}

impl Write for Outgoing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PIECE_BYTES.saturating_sub(self.piece.len());
        let taken = bytes.get(..room.min(bytes.len())).unwrap_or(bytes);
        self.piece.extend_from_slice(taken);
        if self.piece.len() >= PIECE_BYTES {
            self.send()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

impl Stream for Incoming {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().0.poll_recv(context)
    }
}
