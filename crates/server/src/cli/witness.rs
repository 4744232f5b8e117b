//! `bailiwick witness`: `audit`'s witness behind this service's listener, which resists more
//! attacks than the one of `bailiwick-audit`.

use std::sync::Arc;

use audit::{
    command::args::Witness as Args,
    witness::{self, BODY_BYTES_MAX, Reply, Witness},
};
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use hyper_util::service::TowerToHyperService;
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wire::coding::NotRead;

use super::{
    output::{Failure, note},
    serve,
};
use crate::{
    clock, coding,
    config::{HttpLimits, Log, Tls},
    listen::{Listener, Terms},
    tls::{self, Certificates},
};

pub(crate) fn witness(args: &Args) -> Result<(), Failure> {
    drop(serve::log(&Log::default()));
    let (witness, key) = witness::open(args)?;
    let tls = match (args.certificate.clone(), args.key.clone()) {
        (Some(certificate), Some(key)) => Some(
            tls::acceptor(&Tls { certificate, key })
                .map(Certificates::new)
                .map_err(|error| Failure::plain(error.to_string()))?,
        ),
        _ => None,
    };
    Runtime::new()?.block_on(async {
        let listener = Listener::bind(args.listen).await.map_err(|error| {
            Failure::new(
                format!("cannot listen on {}: {error}", args.listen),
                "choose another address with --listen, or stop what uses it",
            )
        })?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        note(&format!("witness at {scheme}://{}, with the key", listener.address()));
        note(&key.to_string());
        let terms = Terms {
            tls,
            connections: HttpLimits::default().operators_connections_max,
            limits: HttpLimits::default(),
            proxies: Arc::default(),
            stop: CancellationToken::new(),
            abort: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let service = TowerToHyperService::new(router(witness));
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::select! {
            () = listener.serve(move |_| service.clone(), terms.clone()) => {}
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        terms.stop.cancel();
        terms.tasks.close();
        terms.tasks.wait().await;
        Ok(())
    })
}

fn router(witness: Witness) -> Router {
    let limit = DefaultBodyLimit::max(BODY_BYTES_MAX);
    Router::new().fallback(answer).layer(limit).with_state(Arc::new(witness))
}

async fn answer(State(witness): State<Arc<Witness>>, request: Request) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let body = match text(request).await {
        Ok(body) => body,
        Err(error) => {
            let mut response = (coding::status(&error).0, format!("{error}\n")).into_response();
            coding::headers(&error, response.headers_mut());
            return response;
        }
    };
    let time_s = clock::read().wall_ms / 1000;
    // The witness waits for the disk and for other requests.
    let replied = tokio::task::spawn_blocking(move || {
        witness.answer((method.as_str(), uri.path()), &body, time_s)
    });
    let Ok(Reply { status, content_type, body, remark }) = replied.await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    if let Some(remark) = remark {
        match remark.is_trouble {
            true => tracing::error!("{}", remark.text),
            false => tracing::info!("{}", remark.text),
        }
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, content_type)], body).into_response()
}

async fn text(request: Request) -> Result<String, NotRead> {
    let body = coding::whole(request, &(), BODY_BYTES_MAX).await?;
    let not_text = |_| NotRead::Unread("the body is not UTF-8".to_owned());
    String::from_utf8(body.into()).map_err(not_text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn compressed_bodies_are_read_within_the_limit() {
        use std::io::Write as _;

        use flate2::{Compression, write::GzEncoder};
        let read = async |coding: &str, plain: &[u8]| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(plain).unwrap();
            let body = axum::body::Body::from(encoder.finish().unwrap());
            let request = Request::post("/").header("content-encoding", coding).body(body).unwrap();
            text(request).await.map_err(|error| coding::status(&error).0.as_u16())
        };
        assert_eq!(read("gzip", b"old 0\n").await.as_deref(), Ok("old 0\n"));
        assert_eq!(read("gzip", &vec![b' '; BODY_BYTES_MAX + 1]).await, Err(413));
        assert_eq!(read("deflate", b"old 0\n").await, Err(415));
        assert_eq!(read("gzip", b"\xff").await, Err(400));
    }
}
