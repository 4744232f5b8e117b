//! Issuers that point to other hosts, answer for other issuers, or answer with other documents.

use std::collections::HashMap;

use egress::Destination;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

const JWKS: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// Serves a page for each path, with status line and headers; `HERE` becomes the server's URL.
async fn issuer(pages: &[(&str, &str)]) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let here = format!("http://{}", listener.local_addr().unwrap());
    let page = |(path, page): &(&str, &str)| (path.to_string(), page.replace("HERE", &here));
    let pages: HashMap<String, String> = pages.iter().map(page).collect();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let read = socket.read(&mut request).await.unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            let path = request.split(' ').nth(1).unwrap_or_default();
            let missing = "404 Not Found\r\n\r\n".to_owned();
            let page = format!("HTTP/1.1 {}", pages.get(path).unwrap_or(&missing));
            let _ = socket.write_all(page.as_bytes()).await;
        }
    });
    here
}

async fn ask(here: &str, issuer: &str) -> Result<KeySet, DiscoveryError> {
    let egress = Egress::new([Destination::parse(here).unwrap()]).unwrap();
    keys(&egress, issuer).await
}

fn ok(body: &str) -> String {
    format!("200 OK\r\n\r\n{body}")
}

#[tokio::test]
async fn keys_are_found_where_the_issuer_says() {
    for end in ["", "/", "/tenant/v2.0"] {
        let document = ok(&format!(r#"{{"issuer":"HERE{end}","jwks_uri":"HERE/keys","x":1}}"#));
        let path = format!("{}{WELL_KNOWN}", end.trim_end_matches('/'));
        let here = issuer(&[(&path, &document), ("/keys", &ok(JWKS))]).await;
        assert!(ask(&here, &format!("{here}{end}")).await.is_ok(), "{end}");
    }
}

#[tokio::test]
async fn another_issuers_configuration_is_refused() {
    for name in ["HERE/", "HERE/other", "https://login.example.com", ""] {
        let document = ok(&format!(r#"{{"issuer":"{name}","jwks_uri":"HERE/keys"}}"#));
        let here = issuer(&[(WELL_KNOWN, &document), ("/keys", &ok(JWKS))]).await;
        let refused = ask(&here, &here).await;
        assert!(matches!(refused, Err(DiscoveryError::Issuer)), "{refused:?}");
    }
}

/// Neither the document nor a redirect leads to a place that is not listed.
#[tokio::test]
async fn an_issuer_does_not_point_elsewhere() {
    let other = issuer(&[("/keys", &ok(JWKS))]).await;
    for elsewhere in [other.as_str(), "http://169.254.169.254", "file://", "https://127.0.0.1"] {
        let document = ok(&format!(r#"{{"issuer":"HERE","jwks_uri":"{elsewhere}/keys"}}"#));
        let here = issuer(&[(WELL_KNOWN, &document)]).await;
        let refused = ask(&here, &here).await;
        assert!(matches!(refused, Err(DiscoveryError::NotListed { .. })), "{refused:?}");
    }
    let moved = format!("302 Found\r\nlocation: {other}/keys\r\n\r\n");
    let document = ok(r#"{"issuer":"HERE","jwks_uri":"HERE/keys"}"#);
    let here = issuer(&[(WELL_KNOWN, &document), ("/keys", &moved)]).await;
    let refused = ask(&here, &here).await;
    let Err(DiscoveryError::Egress { error: EgressError::Redirect(302), .. }) = refused else {
        panic!("{refused:?}")
    };
}

#[tokio::test]
async fn what_is_no_configuration_or_no_keys_is_refused() {
    let twice = r#"{"issuer":"HERE","issuer":"HERE","jwks_uri":"HERE/keys"}"#;
    for body in ["", "[]", "{}", r#"{"issuer":"HERE"}"#, r#"{"issuer":1,"jwks_uri":2}"#, twice] {
        let here = issuer(&[(WELL_KNOWN, &ok(body))]).await;
        let refused = ask(&here, &here).await;
        assert!(matches!(refused, Err(DiscoveryError::Document)), "{body}: {refused:?}");
    }
    let document = ok(r#"{"issuer":"HERE","jwks_uri":"HERE/keys"}"#);
    for body in ["", "{}", r#"{"keys":[]}"#, "<html>"] {
        let here = issuer(&[(WELL_KNOWN, &document), ("/keys", &ok(body))]).await;
        let refused = ask(&here, &here).await;
        assert!(matches!(refused, Err(DiscoveryError::Keys(_))), "{body}: {refused:?}");
    }
    let large = ok(&"x".repeat(KeySet::BYTES_MAX + 1));
    let here = issuer(&[(WELL_KNOWN, &document), ("/keys", &large)]).await;
    let refused = ask(&here, &here).await;
    let Err(DiscoveryError::Egress { error: EgressError::TooLarge(_), .. }) = refused else {
        panic!("{refused:?}")
    };
    let here = issuer(&[(WELL_KNOWN, &document)]).await;
    let refused = ask(&here, &here).await;
    let Err(DiscoveryError::Egress { error: EgressError::Status(404), .. }) = refused else {
        panic!("{refused:?}")
    };
}
