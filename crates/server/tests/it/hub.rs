//! `model add` from a mirror that answers like the Hugging Face Hub, from mirrors that misbehave,
//! and from the on-disk cache of Hugging Face's libraries.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader, Read, Write},
    net::TcpListener,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
    thread,
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::Value;
use tokio_rustls::rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

use crate::{
    process::{Process, eventually, model, signal, succeed},
    service::Files,
};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A file with a valid start.
const BODY: &[u8] = b"GGUF and then what is no model";

/// A certificate authority, and servers with its certificates.
struct Net {
    issuer: Issuer<'static, KeyPair>,
    authority: String,
}

/// A server's answer: a head, then its body.
struct Reply(String, Vec<u8>);

/// A running server: its origin, and the heads of the received requests.
struct Server {
    origin: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Net {
    fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, "authority of the tests");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = parameters.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(parameters, key), authority }
    }

    fn serve(&self, answer: impl Fn(&str) -> Reply + Send + 'static) -> Server {
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let (config, seen) = (Arc::new(config), Arc::new(Mutex::new(Vec::new())));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let requests = Arc::clone(&seen);
        thread::spawn(move || {
            for socket in listener.incoming() {
                let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut stream = StreamOwned::new(tls, socket.unwrap());
                let mut head = String::new();
                let mut reader = BufReader::new(&mut stream);
                while !head.ends_with("\r\n\r\n") {
                    if reader.read_line(&mut head).unwrap_or(0) == 0 {
                        break;
                    }
                }
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                requests.lock().unwrap().push(head);
                let Reply(head, body) = answer(&path);
                // A client may disconnect in the middle.
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
                if path.ends_with("/endless.gguf") {
                    // The rest never arrives: wait until the client disconnects.
                    let _ = stream.flush();
                    let _ = stream.read_to_end(&mut Vec::new());
                }
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        });
        Server { origin, seen }
    }

    /// Writes a configuration that uses the first server as the mirror and lists all servers.
    fn configure(&self, folder: &Path, listed: &[&Server], bytes_max: usize) -> PathBuf {
        let ca = folder.join("authority.pem");
        fs::write(&ca, &self.authority).unwrap();
        let mirror = &listed[0].origin;
        let mut text = format!("[models]\nmirror = '{mirror}/'\nfile_bytes_max = {bytes_max}\n");
        for Server { origin, .. } in listed {
            write!(text, "[[egress]]\nurl = '{origin}'\nca_file = '{}'\n", ca.display()).unwrap();
        }
        let path = folder.join("bailiwick.toml");
        fs::write(&path, text).unwrap();
        path
    }
}

impl Server {
    fn paths(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|head| head.split(' ').nth(1).unwrap().to_owned()).collect()
    }
}

fn reply(status: &str, headers: &str, body: impl Into<Vec<u8>>) -> Reply {
    let body = body.into();
    let length = body.len();
    Reply(format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n"), body)
}

/// The Hub's answer for a large file: its location, digest and size.
fn linked(to: &str, sha256: &str, bytes: usize) -> Reply {
    let headers = format!(
        "location: {to}\r\nx-repo-commit: {COMMIT}\r\nx-linked-size: {bytes}\r\n\
         x-linked-etag: \"{sha256}\"\r\netag: \"{sha256}\"\r\n"
    );
    reply("302 Found", &headers, "Found. Redirecting")
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    tlog::canon::Digest::of(&[bytes]).to_string()
}

fn add(files: &Files, config: &Path, arguments: &str) -> Command {
    let mut command = files.command();
    command.args(["model", "add"]).args(arguments.split(' ')).arg("--config").arg(config);
    command
}

fn kept(files: &Files) -> usize {
    fs::read_dir(files.data().join("models")).map_or(0, Iterator::count)
}

#[test]
fn a_file_of_a_repository_comes_from_the_mirror_and_from_nowhere_else() {
    let (net, files) = (Net::new(), Files::new());
    let bytes = fs::read(model()).unwrap();
    let (digest, length) = (sha256(&bytes), bytes.len());
    let cdn = net.serve(move |_| reply("200 OK", "etag: \"of-the-cdn\"\r\n", bytes.clone()));
    let signed = format!("{}/blobs/1?Signature=x~y&Expires=1", cdn.origin);
    let told = digest.clone();
    let mirror = net.serve(move |path| match path.rsplit_once('/').unwrap() {
        (_, "small-Q4_1.gguf") => linked(&signed, &told, length),
        // As the Hub sends small files: a redirect within the host, with only a path.
        ("/acme/small-GGUF/resolve/0123456789abcdef0123456789abcdef01234567", "README.md") => {
            reply("307 Temporary Redirect", "location: /cache/README\r\n", "")
        }
        ("/cache", "README") => reply("200 OK", "", "---\nlicense: apache-2.0\n---\n# Small\n"),
        _ => reply("404 Not Found", "", ""),
    });
    let folder = files.data().parent().unwrap().to_owned();
    let config = net.configure(&folder, &[&mirror, &cdn], 1 << 30);
    let line = "hf:acme/small-GGUF --file Q4/small-Q4_1.gguf --name small --json";
    let added: Value = serde_json::from_str(&succeed(&mut add(&files, &config, line))).unwrap();
    let source = format!(
        "hf:acme/small-GGUF@{COMMIT}/Q4/small-Q4_1.gguf, from {} by {}",
        mirror.origin, cdn.origin
    );
    assert_eq!(added["source"], source);
    assert_eq!((&added["license"], &added["sha256"]), (&"apache-2.0".into(), &digest.into()));
    assert_eq!(added["template"][0]["what"], "texts", "its template was looked at: {added}");
    assert_eq!(kept(&files), 1);
    assert_eq!(
        mirror.paths(),
        [
            "/acme/small-GGUF/resolve/main/Q4/small-Q4_1.gguf".to_owned(),
            format!("/acme/small-GGUF/resolve/{COMMIT}/README.md"),
            "/cache/README".to_owned(),
        ]
    );
    assert_eq!(cdn.paths(), ["/blobs/1?Signature=x~y&Expires=1"]);
    for head in [&mirror, &cdn].iter().flat_map(|one| one.seen.lock().unwrap().clone()) {
        let head = head.to_ascii_lowercase();
        assert!(!head.contains("authorization") && !head.contains("cookie"), "{head}");
    }
    // The model is shown alone and in the list; the toy model is marked as one.
    let shown = succeed(files.command().args(["model", "show", "small"]));
    assert!(shown.contains(&source) && shown.contains("apache-2.0"), "{shown}");
    assert!(shown.contains("not for quality"), "{shown}");
    let listed = succeed(files.command().args(["model", "list"]));
    assert!(listed.contains("apache-2.0") && listed.contains("not for quality"), "{listed}");
}

/// Faults of a mirror or a network. Each is refused with the next step, and leaves no files.
#[test]
fn a_mirror_that_does_not_keep_to_it_leaves_nothing() {
    let (net, files) = (Net::new(), Files::new());
    let folder = files.data().parent().unwrap().to_owned();
    let right = sha256(BODY);
    let whole = net.serve(|_| reply("200 OK", "", BODY));
    let long = net.serve(|_| reply("200 OK", "", [BODY, b"and more"].concat()));
    let chunked = net.serve(|_| {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
        Reply(head, [b"1000\r\n".to_vec(), vec![b'x'; 4096], b"\r\n".to_vec()].concat())
    });
    let cut = net.serve(|_| {
        let Reply(head, _) = reply("200 OK", "", BODY);
        Reply(head, BODY[..10].to_vec())
    });
    let unlisted = net.serve(|_| reply("200 OK", "", BODY));
    let at = |server: &Server| format!("{}/blob", server.origin);
    let (inside, plain) = (at(&unlisted), at(&unlisted).replace("https", "http"));
    let (whole_at, long_at, chunked_at, cut_at) = (at(&whole), at(&long), at(&chunked), at(&cut));
    let digest = right.clone();
    let mirror = net.serve(move |path| {
        let wrong = "0".repeat(64);
        let direct = |headers: String| reply("200 OK", &headers, BODY);
        let commit = format!("x-repo-commit: {COMMIT}\r\n");
        match path.rsplit_once('/').unwrap().1 {
            "unlisted.gguf" => linked(&inside, &digest, BODY.len()),
            "plain.gguf" => linked(&plain, &digest, BODY.len()),
            "scheme.gguf" => linked("//localhost/blob", &digest, BODY.len()),
            "file.gguf" => linked("file:///etc/passwd", &digest, BODY.len()),
            "wrong.gguf" => linked(&whole_at, &wrong, BODY.len()),
            "long.gguf" => linked(&long_at, &digest, BODY.len()),
            "chunked.gguf" => linked(&chunked_at, &digest, BODY.len()),
            "short.gguf" => linked(&whole_at, &digest, BODY.len() + 1),
            "cut.gguf" => linked(&cut_at, &digest, BODY.len()),
            "huge.gguf" => linked(&whole_at, &digest, 1 << 30),
            "loop.gguf" => linked("/a/b/resolve/main/loop.gguf", &digest, BODY.len()),
            "nodigest.gguf" => direct(commit),
            "nocommit.gguf" => direct(format!("etag: \"{digest}\"\r\n")),
            "twice.gguf" => {
                direct(format!("{commit}x-repo-commit: {wrong}\r\netag: \"{digest}\"\r\n"))
            }
            "closed.gguf" => reply("401 Unauthorized", "", ""),
            "junk.gguf" => linked(&whole_at, &digest, BODY.len()),
            _ => reply("404 Not Found", "", ""),
        }
    });
    let servers = [&mirror, &whole, &long, &chunked, &cut];
    let config = net.configure(&folder, &servers, 1 << 20);
    let with_digest = format!("hf:a/b --file junk.gguf --sha256 {}", "f".repeat(64));
    for (line, said) in [
        ("hf:a/b --file unlisted.gguf", "a redirect of the mirror leads to a destination"),
        ("hf:a/b --file plain.gguf", "a redirect of the mirror leads to a destination"),
        ("hf:a/b --file scheme.gguf", "a redirect of the mirror leads to a destination"),
        ("hf:a/b --file file.gguf", "a redirect of the mirror leads to a destination"),
        ("hf:a/b --file wrong.gguf", "but the mirror says 0000"),
        ("hf:a/b --file long.gguf", "were announced"),
        ("hf:a/b --file chunked.gguf", "were announced"),
        ("hf:a/b --file short.gguf", "were announced"),
        ("hf:a/b --file cut.gguf", "the download from"),
        ("hf:a/b --file huge.gguf", "larger than 1048576 bytes"),
        ("hf:a/b --file loop.gguf", "more than 4 redirects"),
        ("hf:a/b --file nodigest.gguf", "names no SHA-256"),
        ("hf:a/b --file nocommit.gguf", "does not say which commit `main` is"),
        ("hf:a/b --file twice.gguf", "does not say which commit `main` is"),
        (
            "hf:a/b@ffffffffffffffffffffffffffffffffffffffff --file junk.gguf",
            "answered from the commit",
        ),
        ("hf:a/b --file closed.gguf", "sends no tokens"),
        ("hf:a/b --file absent.gguf", "answered 404"),
        ("hf:a/b --file junk.gguf", "not a model that can be run"),
        (&with_digest, "`--sha256` says"),
    ] {
        let output = add(&files, &config, &format!("{line} --name m")).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{line}: {error}");
        assert!(error.contains(said) && error.contains("help:"), "{line}: {error}");
        assert!(!error.contains("panicked"), "{error}");
        assert_eq!(kept(&files), 0, "{line}");
    }
    assert_eq!(unlisted.paths(), Vec::<String>::new(), "nothing was asked there");
    let models = files.cli(&["model", "list"]);
    assert_eq!(models.as_array().map(Vec::len), Some(1), "only the one that was there: {models}");
}

/// Names that would lead elsewhere, and a missing mirror, cause no request.
#[test]
fn a_bad_name_reaches_no_server() {
    let (net, files) = (Net::new(), Files::new());
    let folder = files.data().parent().unwrap().to_owned();
    let mirror = net.serve(|_| reply("404 Not Found", "", ""));
    let config = net.configure(&folder, &[&mirror], 1 << 20);
    let refused = |config: &Path, line: &str, said: &str| {
        let output = add(&files, config, &format!("{line} --name m")).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(said), "{line}: {error}");
    };
    for file in
        ["../../x.gguf", "/x.gguf", "a/../x.gguf", "x.gguf?a", "x%2f..%2fy.gguf", "a//x.gguf"]
    {
        refused(&config, &format!("hf:a/b --file {file}"), "not the path of a GGUF file");
    }
    refused(&config, "hf:a/b", "no file of it is named");
    refused(&config, "hf:a/../b --file x.gguf", "is not a repository");
    refused(&config, "hf:a/b --file model.safetensors", "convert_hf_to_gguf.py");
    refused(&config, "hf:a/b --file m-00001-of-00002.gguf", "llama-gguf-split --merge");
    refused(&config, "hf:a/b --file x.gguf --in-place", "--in-place");
    refused(&config, "hf:a/b --file x.gguf --sha256 12", "is not a SHA-256");
    let written = fs::read_to_string(&config).unwrap();
    let (models, _) = written.split_once("[[egress]]").unwrap();
    let unlisted = folder.join("unlisted.toml");
    fs::write(&unlisted, models).unwrap();
    refused(&unlisted, "hf:a/b --file x.gguf", "list it under `[[egress]]`");
    let none = folder.join("none.toml");
    fs::write(&none, "").unwrap();
    refused(&none, "hf:a/b --file x.gguf", "no mirror is configured");
    assert_eq!(mirror.paths(), Vec::<String>::new());
}

#[test]
fn a_download_that_is_stopped_leaves_nothing() {
    let (net, files) = (Net::new(), Files::new());
    let folder = files.data().parent().unwrap().to_owned();
    let mirror = net.serve(|_| {
        let digest = "0".repeat(64);
        let head = format!(
            "HTTP/1.1 200 OK\r\nx-repo-commit: {COMMIT}\r\netag: \"{digest}\"\r\n\
             content-length: 1000000\r\n\r\n"
        );
        Reply(head, vec![b'x'; 500_000])
    });
    let config = net.configure(&folder, &[&mirror], 1 << 20);
    let command = add(&files, &config, "hf:a/b --file endless.gguf --name m");
    let mut process = Process::start(&command, &folder.join("add.log"));
    eventually("half of it came", || {
        let mut entries = fs::read_dir(files.data().join("models")).ok()?.flatten();
        entries.any(|entry| entry.metadata().is_ok_and(|file| file.len() > 400_000)).then_some(())
    });
    signal("INT", process.pid);
    assert!(!process.wait().success());
    assert_eq!(kept(&files), 0);
    let said = fs::read_to_string(folder.join("add.log")).unwrap();
    assert!(said.contains("stopped; no file was kept"), "{said}");
}

/// The cache of Hugging Face's libraries: links in `snapshots` to files in `blobs`, which are named
/// by their digests.
#[test]
fn a_cache_on_disk_is_taken_with_its_names() {
    let files = Files::new();
    let bytes = fs::read(model()).unwrap();
    let digest = sha256(&bytes);
    let root = files.data().parent().unwrap().join("models--acme--small-GGUF");
    let (blobs, snapshot) = (root.join("blobs"), root.join("snapshots").join(COMMIT));
    fs::create_dir_all(&blobs).unwrap();
    fs::create_dir_all(&snapshot).unwrap();
    fs::write(blobs.join(&digest), &bytes).unwrap();
    fs::write(blobs.join("readme"), "---\nlicense: other\nlicense_name: acme-1\n---\n").unwrap();
    symlink(format!("../../blobs/{digest}"), snapshot.join("small.gguf")).unwrap();
    symlink("../../blobs/readme", snapshot.join("README.md")).unwrap();
    let given = root.to_str().unwrap();
    let added = files.cli(&["model", "add", given, "--name", "small", "--in-place"]);
    let source = format!("hf:acme/small-GGUF@{COMMIT}/small.gguf, from a local cache");
    assert_eq!((&added["source"], &added["license"]), (&source.into(), &"acme-1".into()));
    assert!(added["path"].as_str().unwrap().ends_with(&digest), "{added}");

    let fail = |arguments: &[&str]| {
        let output = files.command().args(["model", "add"]).args(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let other = "f".repeat(64);
    let said = fail(&[given, "--name", "b", "--sha256", &other]);
    assert!(said.contains(&format!("`--sha256` says {other}")), "{said}");
    // A blob whose digest differs from its name.
    let wrong = blobs.join(&other);
    fs::rename(blobs.join(&digest), &wrong).unwrap();
    fs::remove_file(snapshot.join("small.gguf")).unwrap();
    symlink(format!("../../blobs/{other}"), snapshot.join("small.gguf")).unwrap();
    let said = fail(&[given, "--name", "b"]);
    assert!(said.contains("the cache says ffff"), "{said}");
    // A link out of the repository.
    fs::rename(&wrong, root.with_file_name("outside.gguf")).unwrap();
    fs::remove_file(snapshot.join("small.gguf")).unwrap();
    symlink("../../../outside.gguf", snapshot.join("small.gguf")).unwrap();
    let said = fail(&[given, "--name", "b"]);
    assert!(said.contains("leads out of"), "{said}");
    assert_eq!(kept(&files), 0);
}
