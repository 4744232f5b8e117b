use std::{
    io::Read as _,
    process::{Command, Stdio},
};

use futures_util::StreamExt as _;

use super::*;

const NOW_MS: u64 = 1_795_491_985_000;

fn sample<W: Write>(out: W) -> W {
    let mut archive = Archive::begin(out, NOW_MS);
    archive.add("index.html", b"<p>hello").unwrap();
    let mut pieces = [b"one".to_vec(), b"two".to_vec()].into_iter();
    archive.add_pieces("records/a.json", 6, || Ok(pieces.next())).unwrap();
    archive.finish().unwrap()
}

/// Another reader than the crate that wrote it: Python's, which checks each file's CRC.
fn read_by_python(bytes: &[u8]) -> String {
    let code = "import sys,io,zipfile,hashlib\n\
                z=zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))\n\
                assert z.testzip() is None\n\
                for l in z.read('SHA256SUMS').decode().splitlines():\n\
                \x20 s,n=l.split('  ');assert hashlib.sha256(z.read(n)).hexdigest()==s,n\n\
                for i in z.infolist(): print(i.filename,i.date_time[0],oct(i.external_attr>>16&511),len(z.read(i)))";
    let mut python = Command::new("python3")
        .args(["-c", code])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(bytes).unwrap();
    let mut said = String::new();
    python.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(python.wait().unwrap().success());
    said
}

#[test]
fn another_program_reads_the_archive_and_its_digests() {
    let said = read_by_python(&sample(Vec::new()));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[..2], ["index.html 2026 0o600 8", "records/a.json 2026 0o600 6"]);
    assert!(lines[2].starts_with("SHA256SUMS 2026 0o600 "), "{said}");
}

#[tokio::test]
async fn the_archive_arrives_in_pieces_and_a_reader_that_leaves_ends_it() {
    let (out, incoming) = channel();
    let writing = std::thread::spawn(move || sample(out).flush());
    let pieces: Vec<_> = incoming.collect().await;
    writing.join().unwrap().unwrap();
    let bytes: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.unwrap().to_vec()).collect();
    assert!(bytes.starts_with(b"PK"));

    let (mut out, incoming) = channel();
    drop(incoming);
    let gone = std::thread::spawn(move || out.write_all(&[0; 1 << 20])).join().unwrap();
    assert_eq!(gone.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}
