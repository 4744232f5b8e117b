//! Sends a client the reason why its connection ends, if there is no request to answer.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy, sink},
    time::timeout,
};

use super::answering::{HSTS, NO_SNIFF, NO_STORE};
use crate::{
    ids::request_id,
    limits,
    openai::error::{ApiError, Retry},
};

/// Sends `error` as an HTTP/1.1 response and ends the connection.
pub(super) async fn say<I: AsyncRead + AsyncWrite + Unpin>(
    mut io: I,
    error: &ApiError,
    secure: bool,
) {
    let answer = error.answer();
    let body = serde_json::to_string(&answer.body).unwrap_or_default();
    let (status, length) = (answer.status, body.len());
    let reason = status.canonical_reason().unwrap_or_default();
    let id = request_id();
    let mut head = format!(
        "HTTP/1.1 {} {reason}\r\ncontent-type: application/json\r\nx-request-id: {id}\r\n\
         apim-request-id: {id}\r\nx-content-type-options: {NO_SNIFF}\r\n\
         cache-control: {NO_STORE}\r\nconnection: close\r\ncontent-length: {length}\r\n",
        status.as_u16()
    );
    if secure {
        head.push_str(&format!("strict-transport-security: {HSTS}\r\n"));
    }
    if let Retry::AfterMs(ms) = answer.retry {
        head.push_str(&format!("retry-after: {}\r\n", ms.div_ceil(1000)));
    }
    head.push_str("\r\n");
    let told = async {
        io.write_all(format!("{head}{body}").as_bytes()).await?;
        io.shutdown().await?;
        // A client that is still sending when its connection closes receives a reset, and may lose
        // the answer.
        let mut rest = io.take(limits::DISCARD_BYTES_MAX as u64);
        copy(&mut rest, &mut sink()).await?;
        io::Result::Ok(())
    };
    // The result does not matter: the connection ends here in any case.
    let _ = timeout(PATIENCE, told).await;
}

const PATIENCE: Duration = Duration::from_secs(1);
