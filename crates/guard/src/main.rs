//! Trains the content filter's heads from data under free licences, and measures them.
//!
//! Everything is deterministic: fixed seeds, sums in a fixed order, no library's `exp` or `ln`. The
//! same data give the same bytes. The data are not in the repository: a folder holds them, and each
//! file has a pinned digest.

mod check;
mod convert;
mod corpus;
mod data;
mod disguise;
mod encode;
mod fit;
mod gates;
mod indirect;
mod measure;
mod report;
mod suffix;
mod tokens;
mod train;

use std::{fs, io::Write as _, path::Path, process::ExitCode};

const USAGE: &str = "use: bailiwick-guard train DATA HEADS DOC [VECTORS ENCODER]\n       bailiwick-guard score DATA [VECTORS ENCODER]\n       bailiwick-guard shields DATA REPOSITORY MODEL\n       bailiwick-guard gates DATA DOC\n       bailiwick-guard texts DATA\n       bailiwick-guard cost DATA HEADS\n       bailiwick-guard convert MODEL VOCABULARY OUT";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(text) => {
            let written = std::io::stdout().write_all(text.as_bytes());
            if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(problem) => {
            drop(writeln!(std::io::stderr(), "error: {problem}"));
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<String, String> {
    match words {
        ["train", data, heads, doc, rest @ ..] => {
            let trained = train::all(&load(data, rest)?)?;
            check::same_scores(&trained)?;
            fs::write(heads, &trained.file).map_err(|error| cannot("write", heads, &error))?;
            let examples = Path::new(heads).with_extension("txt");
            fs::write(&examples, check::examples(&trained.file)?)
                .map_err(|error| cannot("write", &examples.display().to_string(), &error))?;
            let table = report::table(&trained);
            write(doc, "scores", &table)?;
            Ok(table)
        }
        ["score", data, rest @ ..] => Ok(report::table(&train::all(&load(data, rest)?)?)),
        ["gates", data, doc] => {
            let table = gates::table(&train::all(&load(data, &[])?)?)?;
            write(doc, "gates", &table)?;
            Ok(table)
        }
        ["shields", data, repository, model] => {
            let set = load(data, &[])?;
            let (data, root) = (Path::new(data), Path::new(repository));
            let guard = root.join("crates/policy/src/guard");
            let doc = root.join("docs/guard.md").display().to_string();
            let (file, suffixes) = suffix::train(&set, data, root, Path::new(model))?;
            save(&guard.join("suffix/suffix.bin"), &file)?;
            write(&doc, "suffixes", &suffixes)?;
            let (file, indirect) = indirect::train(&set, data, root)?;
            save(&guard.join("look/indirect.bin"), &file)?;
            write(&doc, "indirect attacks", &indirect)?;
            Ok(format!("{suffixes}{indirect}"))
        }
        ["cost", data, heads] => {
            let set = load(data, &[])?;
            let bytes = fs::read(heads).map_err(|error| cannot("read", heads, &error))?;
            let heads = policy::guard::heads::Heads::parse(&bytes);
            let heads = heads.map_err(|error| error.to_string())?;
            let texts: Vec<&str> = set.rows.iter().map(|row| row.text.as_str()).collect();
            let (counting, rating) = check::cost(&heads, &texts);
            let detectors = policy::guard::look::Detectors::with_heads(heads);
            let detectors = detectors.map_err(|error| error.to_string())?;
            let whole = check::whole_cost(&detectors, &texts);
            Ok(format!(
                "{counting:.0} µs to count and {rating:.0} µs to rate 1,000 characters; the first layer takes {whole:.0} µs\n"
            ))
        }
        ["convert", model, vocabulary, out] => {
            let bytes = fs::read(model).map_err(|error| cannot("read", model, &error))?;
            let words = fs::read_to_string(vocabulary);
            let words = words.map_err(|error| cannot("read", vocabulary, &error))?;
            let file = convert::gguf(&bytes, &words).map_err(|error| error.to_string())?;
            fs::write(out, file).map_err(|error| cannot("write", out, &error))?;
            Ok(String::new())
        }
        ["texts", data] => {
            let set = data::Set::read(Path::new(data)).map_err(|error| error.to_string())?;
            Ok(set.texts())
        }
        _ => Err(USAGE.to_owned()),
    }
}

fn save(path: &Path, bytes: &[u8]) -> Result<(), String> {
    fs::write(path, bytes).map_err(|error| cannot("write", &path.display().to_string(), &error))
}

/// Writes lines of the document with the scores.
fn write(doc: &str, name: &str, table: &str) -> Result<(), String> {
    let old = fs::read_to_string(doc).map_err(|error| cannot("read", doc, &error))?;
    let new = report::replace(&old, name, table)
        .ok_or_else(|| format!("`{doc}` has no lines for the {name}; restore them"))?;
    fs::write(doc, new).map_err(|error| cannot("write", doc, &error))
}

fn load(folder: &str, rest: &[&str]) -> Result<data::Set, String> {
    let set = data::Set::read(Path::new(folder)).map_err(|error| error.to_string())?;
    match rest {
        [] => Ok(set),
        [vectors, encoder] => {
            let bytes = fs::read(vectors).map_err(|error| cannot("read", vectors, &error))?;
            let model = fs::read(encoder).map_err(|error| cannot("read", encoder, &error))?;
            set.with_vectors(&bytes, &model).map_err(|error| error.to_string())
        }
        _ => Err(USAGE.to_owned()),
    }
}

fn cannot(verb: &str, path: &str, error: &std::io::Error) -> String {
    format!("cannot {verb} `{path}`: {error}")
}
