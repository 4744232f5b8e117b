//! Listens as a witness, on plain HTTP/1.1 or TLS. Serves one request per connection, within
//! limits.

use std::{
    convert::Infallible,
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    runtime::Builder,
    signal::unix::{SignalKind, signal},
    sync::Semaphore,
    time::timeout,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

use super::{args, note};
use crate::{
    Failure,
    witness::{self, BODY_BYTES_MAX, Reply, Witness},
};

/// Runs `witness`: cosigns other services' checkpoints until a signal ends it.
///
/// # Errors
/// If the key, the folder, the certificate or the address cannot be used.
pub fn witness(args: args::Witness) -> Result<ExitCode, Failure> {
    let (witness, key) = witness::open(&args)?;
    let tls = match (&args.certificate, &args.key) {
        (Some(certificate), Some(key)) => Some(acceptor(certificate, key)?),
        _ => None,
    };
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind(args.listen).await.map_err(|error| {
            Failure::new(
                format!("cannot listen on {}: {error}", args.listen),
                "choose another address with --listen, or stop the program that uses it",
            )
        })?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        note(&format!("witness at {scheme}://{}, with the key", listener.local_addr()?));
        note(&key.to_string());
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::select! {
            () = accept(&listener, tls, Arc::new(witness)) => {}
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Maximum number of connections at the same time. Further ones wait.
const CONNECTIONS_MAX: usize = 256;
/// Pause after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Maximum time of a connection, until the last byte of the answer.
const CONNECTION_TIME: Duration = Duration::from_secs(30);
/// Maximum time for the head of a request.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// Maximum length of a head, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

async fn accept(listener: &TcpListener, tls: Option<TlsAcceptor>, witness: Arc<Witness>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        // Cannot fail: the semaphore is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        // The client has disconnected, or there are too many open files: try again after a pause.
        let Ok((socket, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (tls, witness) = (tls.clone(), Arc::clone(&witness));
        tokio::spawn(async move {
            let served = async {
                match tls {
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(socket).await {
                            converse(stream, witness).await;
                        }
                    }
                    None => converse(socket, witness).await,
                }
            };
            // A slow client is disconnected, and can try again.
            let _ = timeout(CONNECTION_TIME, served).await;
            drop(place);
        });
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, witness: Arc<Witness>) {
    let service = service_fn(|request| answer(request, Arc::clone(&witness)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // Errors of the client (disconnects, invalid HTTP) need no handling.
    let _ = connection.await;
}

async fn answer(
    request: Request<Incoming>,
    witness: Arc<Witness>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    // Encoded bodies are refused: C2SP tlog-witness does not require them, and a proof is short.
    let coding = head.headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
    if coding.is_some_and(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
        let text = "send the body without a content encoding\n".to_owned();
        let mut refused = response(StatusCode::UNSUPPORTED_MEDIA_TYPE, text);
        refused.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        return Ok(refused);
    }
    let Ok(body) = Limited::new(body, BODY_BYTES_MAX).collect().await else {
        let text = format!("send a body of {BODY_BYTES_MAX} bytes at most\n");
        return Ok(response(StatusCode::PAYLOAD_TOO_LARGE, text));
    };
    let Ok(body) = String::from_utf8(body.to_bytes().to_vec()) else {
        let text = "the body is not UTF-8: send it as C2SP tlog-witness describes\n".to_owned();
        return Ok(response(StatusCode::BAD_REQUEST, text));
    };
    let time_s = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let time_s = time_s.map_or(0, |since| since.as_secs());
    // Blocks on the disk and on other requests.
    let replied = tokio::task::spawn_blocking(move || {
        witness.answer((head.method.as_str(), head.uri.path()), &body, time_s)
    });
    let Ok(Reply { status, content_type, body, remark }) = replied.await else {
        let text = "the witness failed: try again later\n".to_owned();
        return Ok(response(StatusCode::INTERNAL_SERVER_ERROR, text));
    };
    if let Some(remark) = remark {
        let kind = if remark.is_trouble { "error: " } else { "" };
        note(&format!("{kind}{}", crate::harmless(&remark.text)));
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut replied = response(status, body);
    replied.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    Ok(replied)
}

fn response(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, text);
    response
}

fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, Failure> {
    let unusable = |path: &Path, what: String| {
        Failure::new(
            format!("cannot use `{}` for TLS: {what}", path.display()),
            "give PEM files: --certificate with the certificate, --key with its private key",
        )
    };
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
    let chain = chain.map_err(|error| unusable(certificate, error.to_string()))?;
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, error.to_string()))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(certificate, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| unusable(certificate, error.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use tlog::note::Signer;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// Returns the listener's answer to these bytes.
    async fn answered(witness: &Arc<Witness>, request: &str) -> String {
        let (mut client, server) = tokio::io::duplex(1024 * 1024);
        client.write_all(request.as_bytes()).await.unwrap();
        converse(server, Arc::clone(witness)).await;
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn every_refusal_says_what_to_do() {
        let home = tempfile::tempdir().unwrap();
        let signer = Signer::new("witness.example", &[2; 32]).unwrap();
        let witness = Arc::new(Witness::open(home.path(), signer, Vec::new()).unwrap());
        let post = |headers: &str, length: usize| {
            let body = "x".repeat(length);
            format!(
                "POST /add-checkpoint HTTP/1.1\r\nhost: a\r\n{headers}content-length: {length}\r\n\r\n{body}"
            )
        };
        let get = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n".to_owned();
        for (request, status, text) in [
            (get, 200, "ok"),
            (post("content-encoding: gzip\r\n", 3), 415, "without a content encoding"),
            (post("content-encoding: identity\r\n", 3), 400, ""),
            (post("", BODY_BYTES_MAX + 1), 413, "131072 bytes at most"),
        ] {
            let answer = answered(&witness, &request).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
            assert!(answer.contains(text), "{answer}");
        }
    }
}
