//! Servers with one behavior each, and a resolver with scripted answers.

use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex},
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    sync::mpsc::{Receiver, Sender, channel},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use crate::{ExchangeLimits, Resolve, Resolving};

/// The behavior of a server on each connection, after it has read a request.
#[derive(Debug, Clone)]
pub(super) enum Script {
    /// Sends this, and closes.
    Say(String),
    /// Sends this, and then a little again and again, with pauses.
    Drip(String, String),
    /// Sends this, and then this again and again, as fast as it is read.
    Flood(String, String),
    /// Reads and sends nothing.
    Silence,
}

pub(super) fn http(status: &str, body: &str) -> Script {
    let length = body.len();
    Script::Say(format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}"))
}

pub(super) fn limits() -> ExchangeLimits {
    ExchangeLimits { time: Duration::from_secs(20), body_bytes_max: 1 << 20 }
}

pub(super) fn loopback(last: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, last).into()
}

/// Serves on 127.0.0.1; returns the port, and each request as received.
pub(super) async fn serve(script: Script) -> (u16, Receiver<String>) {
    run(TcpListener::bind((loopback(1), 0)).await.unwrap(), None, script)
}

pub(super) async fn serve_on(address: IpAddr, port: u16, script: Script) -> Receiver<String> {
    run(TcpListener::bind((address, port)).await.unwrap(), None, script).1
}

pub(super) async fn secure(tls: TlsAcceptor, script: Script) -> (u16, Receiver<String>) {
    run(TcpListener::bind((loopback(1), 0)).await.unwrap(), Some(tls), script)
}

fn run(listener: TcpListener, tls: Option<TlsAcceptor>, script: Script) -> (u16, Receiver<String>) {
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = channel(16);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (sender, script, tls) = (sender.clone(), script.clone(), tls.clone());
            tokio::spawn(async move {
                match tls {
                    None => answer(socket, script, sender).await,
                    Some(tls) => match tls.accept(socket).await {
                        Ok(stream) => answer(stream, script, sender).await,
                        Err(_) => Ok(()),
                    },
                }
            });
        }
    });
    (port, receiver)
}

async fn answer<S>(mut stream: S, script: Script, seen: Sender<String>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if !matches!(script, Script::Silence) {
        let mut request = vec![0; 16_384];
        let read = stream.read(&mut request).await?;
        request.truncate(read);
        let _ = seen.send(String::from_utf8_lossy(&request).into_owned()).await;
    }
    match script {
        Script::Say(text) => {
            stream.write_all(text.as_bytes()).await?;
            stream.shutdown().await
        }
        Script::Drip(start, drop) => {
            stream.write_all(start.as_bytes()).await?;
            loop {
                stream.write_all(drop.as_bytes()).await?;
                stream.flush().await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Script::Flood(start, piece) => {
            stream.write_all(start.as_bytes()).await?;
            loop {
                stream.write_all(piece.as_bytes()).await?;
            }
        }
        Script::Silence => std::future::pending().await,
    }
}

/// Returns its answers in order, and records the questions.
#[derive(Debug, Default)]
pub(super) struct Scripted {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl Scripted {
    pub(super) fn new<const N: usize, const M: usize>(answers: [[IpAddr; M]; N]) -> Self {
        let answers = answers.into_iter().map(Vec::from).collect();
        Self { answers: Mutex::new(answers), asked: Mutex::default() }
    }

    pub(super) fn queries(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Resolve for Scripted {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        self.asked.lock().unwrap().push(host.to_owned());
        let answer = self.answers.lock().unwrap().pop_front();
        Box::pin(async move { answer.ok_or(io::ErrorKind::NotFound.into()) })
    }
}

pub(super) fn authority() -> (String, Issuer<'static, KeyPair>) {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    // Unlike the certificate's own name, which would make it look self-signed.
    parameters.distinguished_name.push(DnType::CommonName, "authority of the tests");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap().pem();
    (certificate, Issuer::new(parameters, key))
}

/// Returns the TLS side of a server named `name`.
pub(super) fn tls(name: &str, issuer: &Issuer<'static, KeyPair>) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = parameters.signed_by(&key, issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}
