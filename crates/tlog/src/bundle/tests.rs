//! Attacks on a bundle: each byte, each file, the note, the tiles.

use alloc::{
    borrow::ToOwned as _,
    collections::BTreeMap,
    format,
    string::{String, ToString as _},
    vec,
    vec::Vec,
};

use super::{archive::*, *};
use crate::{
    canon::Digest,
    checkpoint::{BadCheckpoint, Checkpoint},
    note::{BadNote, Note, Signer},
    succession::Mark,
    tile::{self, WIDTH},
    tree::{Frontier, leaf_hash},
};

fn signer() -> Signer {
    Signer::new("log.example", &[1; 32]).unwrap()
}

/// A log with one short entry for each number, and the files that a bundle has of it.
struct Log {
    size: u64,
    levels: Vec<Vec<Digest>>,
}

fn entry(index: u64) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

impl Log {
    fn new(size: u64) -> Self {
        let mut levels = vec![(0..size).map(|index| leaf_hash(&entry(index))).collect::<Vec<_>>()];
        while levels.last().unwrap().len() >= 256 {
            let above = levels.last().unwrap().chunks_exact(256).map(|chunk| {
                let mut tree = Frontier::default();
                chunk.iter().for_each(|hash| tree.push(*hash));
                tree.root()
            });
            let above = above.collect();
            levels.push(above);
        }
        Self { size, levels }
    }

    fn root(&self, size: u64) -> Digest {
        let mut tree = Frontier::default();
        self.levels[0][..usize::try_from(size).unwrap()].iter().for_each(|leaf| tree.push(*leaf));
        tree.root()
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint { origin: "log.example".into(), size: self.size, root: self.root(self.size) }
    }

    fn files(&self, cover: &Cover) -> Files {
        let mut files = BTreeMap::new();
        let (bundles, tiles) = cover.parts();
        for bundle in bundles {
            let (path, width) = cover.bundle(bundle);
            let mut bytes = Vec::new();
            let start = bundle * WIDTH;
            (start..start + width).for_each(|index| tile::push_entry(&mut bytes, &entry(index)));
            files.insert(path, bytes);
        }
        for (level, index) in tiles {
            let (path, width) = cover.tile(level, index);
            let start = usize::try_from(index * WIDTH).unwrap();
            let row =
                &self.levels[usize::from(level)][start..start + usize::try_from(width).unwrap()];
            files.insert(path, row.iter().flat_map(|hash| hash.0).collect());
        }
        Files(files)
    }
}

#[derive(Clone)]
struct Files(BTreeMap<String, Vec<u8>>);

impl LogTiles for Files {
    fn file(&self, path: &str) -> Option<&[u8]> {
        self.0.get(path).map(Vec::as_slice)
    }
}

fn sealed() -> Vec<u8> {
    let files: [(&str, &[u8]); 3] = [
        ("a.json", b"{}"),
        ("log/checkpoint", b"a checkpoint\n"),
        ("log/tile/0/000.p/1", &[7; 32]),
    ];
    let list = Archive::list(&files);
    let mark = |size| Mark { size, root: Digest([9; 32]) };
    let seal = Seal {
        origin: "log.example".into(),
        from_ms: 1,
        to_ms: 2,
        made_ms: 3,
        first: mark(0),
        last: mark(1),
        files: 3,
        manifest: Digest::of(&[list.as_bytes()]),
    };
    let note = seal.sign(&signer()).unwrap();
    let own = [(NOTE, note.as_bytes()), (MANIFEST, list.as_bytes())];
    Archive::of([&own[..], &files].concat()).unwrap().write()
}

fn verified(bytes: &[u8]) -> Result<Verified, String> {
    let archive = Archive::read(bytes).map_err(|error| error.to_string())?;
    Seal::verify(&archive, &signer().verifier()).map_err(|error| error.to_string())
}

#[test]
fn no_byte_can_be_changed_added_or_removed() {
    let good = sealed();
    assert_eq!(verified(&good).unwrap().seal.files, 3);
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(verified(&bad).is_err(), "byte {at}");
    }
    for end in 0..good.len() {
        assert!(verified(&good[..end]).is_err(), "cut at {end}");
    }
    assert!(verified(&[&good[..], &[0]].concat()).is_err());
    assert!(verified(&[&good[..], &[0; 512]].concat()).is_err());
}

#[test]
fn no_file_can_be_changed_added_or_removed() {
    let good = sealed();
    let archive = Archive::read(&good).unwrap();
    let all: Vec<_> = [NOTE, MANIFEST]
        .map(|path| (path, archive.file(path).unwrap()))
        .into_iter()
        .chain(archive.listed())
        .collect();
    assert_eq!(Archive::of(all.clone()).unwrap().write(), good);
    let verify = |files: Vec<(&str, &[u8])>| {
        let archive = Archive::of(files).map_err(|error| error.to_string())?;
        Seal::verify(&archive, &signer().verifier()).map_err(|error| error.to_string())
    };
    for at in 2..all.len() {
        let path = all[at].0;
        let (mut gone, mut changed) = (all.clone(), all.clone());
        gone.remove(at);
        assert!(verify(gone).unwrap_err().contains(&format!("`{path}` is missing")));
        changed[at].1 = b"other";
        assert!(verify(changed).unwrap_err().contains(&format!("`{path}` is not the file")));
        let mut added = all.clone();
        let more = format!("{path}.more");
        added.insert(at + 1, (&more, b""));
        assert!(verify(added).unwrap_err().contains(&format!("`{more}` is not in the manifest")));
        let mut twice = all.clone();
        twice.insert(at, all[at]);
        assert!(verify(twice).unwrap_err().contains("twice"));
    }
    let mut list = all.clone();
    let other = Archive::list(&all[2..4]);
    list[1].1 = other.as_bytes();
    assert!(verify(list).unwrap_err().contains("`manifest` is not the list"));
    for path in ["../x", "/x", "x//y", "x/./y", "a b", "x\u{e9}", "", &"y".repeat(101)] {
        let mut bad = all.clone();
        bad.push((path, b""));
        assert!(verify(bad).unwrap_err().contains("cannot be the path"), "{path}");
    }
}

#[test]
fn a_note_is_of_its_key_and_no_checkpoint_and_no_checkpoint_is_a_note() {
    let bytes = sealed();
    let archive = Archive::read(&bytes).unwrap();
    let note = core::str::from_utf8(archive.file(NOTE).unwrap()).unwrap();
    let other = Signer::new("log.example", &[2; 32]).unwrap().verifier();
    let refused = Seal::verify(&archive, &other).unwrap_err();
    assert!(matches!(refused, BadSeal::Note(BadNote::Unsigned { .. })), "{refused}");
    // The log's key does not count a note under the name of bundles, and the text is no checkpoint.
    let key = signer().verifier();
    assert!(Checkpoint::verify(note, &key).is_err());
    assert_eq!(Checkpoint::verify_renamed(note, &key), Err(BadCheckpoint::Malformed));
    assert!(Note::parse(note).unwrap().verify(&key).is_err());
    // Also under the log's own name in the signature line: Ed25519 signs the text alone.
    let seal = Seal::verify(&archive, &key).unwrap().seal;
    let own = signer().sign(&seal.text());
    assert!(Note::parse(&own).unwrap().verify(&key).is_ok());
    assert_eq!(Checkpoint::verify(&own, &key), Err(BadCheckpoint::Malformed));
    // And a checkpoint is no note of a bundle, under any name in its signature line.
    let checkpoint = Log::new(3).checkpoint();
    let text = checkpoint.sign(&signer());
    let text = Note::parse(&text).unwrap().unverified_text().to_owned();
    assert_eq!(Seal::parse(&text), None);
    let renamed = signer().renamed("log.example/evidence").unwrap().sign(&text);
    let files = vec![(NOTE, renamed.as_bytes()), (MANIFEST, &b""[..])];
    let archive = Archive::of(files).unwrap();
    assert_eq!(Seal::verify(&archive, &key), Err(BadSeal::Malformed));
}

#[test]
fn a_text_has_one_form() {
    let bytes = sealed();
    let archive = Archive::read(&bytes).unwrap();
    let text = Seal::verify(&archive, &signer().verifier()).unwrap().seal.text();
    assert!(Seal::parse(&text).is_some());
    for (from, to) in [
        ("period 1 2", "period 01 2"),
        ("period 1 2", "period +1 2"),
        ("made 3", "made  3"),
        ("files 3\n", "files 3\nmore 4\n"),
        ("v1", "v2"),
        ("first 0", "first -0"),
    ] {
        assert_ne!(text, text.replace(from, to));
        assert_eq!(Seal::parse(&text.replace(from, to)), None, "{to}");
    }
    assert_eq!(Seal::parse(text.trim_end()), None);
    assert_eq!(Seal::parse(&format!("{text}x")), None);
}

#[test]
fn tiles_prove_a_period_in_logs_of_many_sizes() {
    for size in [1, 2, 7, 255, 256, 257, 300, 512, 1000, 65_536, 65_800] {
        let log = Log::new(size);
        let periods = [
            0..size,
            0..1,
            size - 1..size,
            size / 2..size / 2 + 1,
            size / 3..size,
            size..size,
            0..0,
        ];
        for period in periods {
            let single = [size / 5, size];
            let cover = Cover::new(size, period.clone(), &single);
            let files = log.files(&cover);
            assert_eq!(
                files.0.keys().cloned().collect::<Vec<_>>(),
                cover.paths().into_iter().collect::<Vec<_>>()
            );
            let covered = cover.check(&files, &log.checkpoint());
            let covered = covered.unwrap_or_else(|error| panic!("{size} {period:?}: {error}"));
            for head in [period.start, period.end, size] {
                assert_eq!(covered.root_at(head), Ok(log.root(head)), "{size} {period:?} {head}");
            }
            for index in period.clone().chain([size / 5]) {
                assert_eq!(covered.entry(index), Some(entry(index).as_slice()), "{size} {index}");
            }
            assert_eq!(covered.is_whole(), covered.entries().count() as u64 == size);
        }
    }
}

#[test]
fn a_changed_tile_or_entry_is_named() {
    for (size, period) in [(300, 10..20), (700, 0..700), (66_000, 65_000..65_900)] {
        let log = Log::new(size);
        let cover = Cover::new(size, period, &[5]);
        let files = log.files(&cover);
        for path in cover.paths() {
            let bytes = &files.0[&path];
            for at in [0, bytes.len() - 1] {
                let mut bad = files.clone();
                bad.0.get_mut(&path).unwrap()[at] ^= 1;
                assert!(cover.check(&bad, &log.checkpoint()).is_err(), "{path} {at}");
            }
            let mut gone = files.clone();
            gone.0.remove(&path);
            assert_eq!(
                cover.check(&gone, &log.checkpoint()),
                Err(BadTiles::Missing { path: path.clone() })
            );
        }
        let other = Checkpoint { root: Digest([1; 32]), ..log.checkpoint() };
        assert!(matches!(cover.check(&files, &other), Err(BadTiles::Tile { .. })));
        let longer = Checkpoint { size: size + 1, ..log.checkpoint() };
        assert!(cover.check(&files, &longer).is_err());
    }
}
