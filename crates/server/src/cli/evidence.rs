//! `bailiwick evidence`: one signed bundle of evidence for a period, from the data directory. The service
//! may run at the same time.

mod log;
mod states;

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use audit::evidence::{
    Against,
    claims::{self, Claims, Policies},
    path,
};
use evidence::{AssessmentResults, ComponentDefinition, ControlMap, Live};
use policy::authz::policies::{BUILT_IN, SCHEMA, SPECIFICATIONS};
use serde::Serialize;
use store::tiles::Tiles;
use tlog::{
    bundle::{LOG, MANIFEST, NOTE, Seal, archive::Archive},
    canon::Digest,
    note::Signer,
    succession::Mark,
};

use self::log::Log;
use super::{
    args::EvidenceArgs,
    data::configured,
    output::{Failure, note, size},
    serve::load,
};
use crate::{
    clock,
    config::Config,
    files::write_private_bytes,
    manage::{Acting, Period, SERVICE_KEY_FILE, key_in},
    promises::{answers, history},
    trust::{is_at, is_hidden, purposes},
};

/// Gathers the files, signs them, writes the bundle, and checks it as an auditor would.
pub(crate) fn evidence(args: &EvidenceArgs) -> Result<ExitCode, Failure> {
    let data = &args.data;
    let acting = configured(data, args.config.as_deref())?;
    let config = load(args.config.as_deref())?;
    let signer = key_in(&data.join(SERVICE_KEY_FILE))?;
    let bundle = Making { data, acting: &acting, config: &config, signer: &signer }.bundle(args)?;
    write_private_bytes(&args.out, &bundle)?;
    let length = u64::try_from(bundle.len()).unwrap_or(u64::MAX);
    note(&format!("wrote {} ({})", args.out.display(), size(length)));
    let mut report = audit::Report::default();
    audit::evidence::check(&mut report, &signer.verifier(), &bundle, &Against::default())?;
    Ok(report.print(args.json)?)
}

/// The parts that a bundle is made of.
struct Making<'a> {
    data: &'a Path,
    acting: &'a Acting,
    config: &'a Config,
    signer: &'a Signer,
}

impl Making<'_> {
    fn bundle(&self, args: &EvidenceArgs) -> Result<Vec<u8>, Failure> {
        let hours = Period::hours(Some(args.from), Some(args.to));
        let from_ms = hours.start.saturating_mul(HOUR_MS);
        let tiles = Tiles::open(&self.data.join("log")).map_err(unreadable)?;
        let log = Log::open(&tiles, &self.signer.verifier())?;
        // The answers are older than the bundle.
        let found = answers::read(self.data).map_err(|error| {
            Failure::new(
                format!("the last answers of the checks cannot be read: {error}"),
                "start the service of this version, and run the command again",
            )
        })?;
        let made_ms = clock::read().wall_ms;
        let to_ms = hours.end.saturating_mul(HOUR_MS).min(made_ms);
        if from_ms >= to_ms {
            return Err(Failure::new(
                "the period is empty, or has not begun",
                "give --from and --to as a month, a day or an hour in UTC",
            ));
        }
        let period = log.first_from(from_ms)?..log.first_from(to_ms)?;

        let mut files = self.policies()?;
        let sha256 = audit::evidence::policies_digest(&files);
        let said = log.said(period.end, &sha256)?;
        if said.policies.is_some_and(|named| named.to_string() != sha256) {
            return Err(Failure::new(
                "the policies that were in force at the end of the period are others than those of this \
                 program and this configuration",
                "make the bundle of a period before you change policies or install another version; give the \
                 configuration of that time with --config",
            ));
        }
        let claims = Claims {
            schema: claims::SCHEMA.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            whole_log: args.whole_log,
            service: said.service,
            policies: Policies { sha256, proved_by: said.proved_by },
            egress_entry: said.egress,
            entries: log.count(period.clone())?,
        };
        let changes = history::read(self.data);
        let (name, version) = (self.signer.verifier(), env!("CARGO_PKG_VERSION"));
        let live = Live { service: name.name(), version, now_ms: made_ms, found: &found };
        let states = states::states((&found, &changes), (from_ms, to_ms, made_ms));
        put(&mut files, path::CLAIMS, &claims);
        put(&mut files, path::STATES, &states);
        put(&mut files, path::CONTROLS, &ControlMap::new(&live));
        put(&mut files, path::COMPONENT, &ComponentDefinition::new(&live));
        put(&mut files, path::RESULTS, &AssessmentResults::new(&live));
        put(&mut files, path::PROCESSORS, &self.processors()?);

        let cover = claims.cover(log.head.size, period.clone());
        let parts = log.files(&cover)?;
        // Nothing is signed about a log that does not lead to its published checkpoint.
        let covered = cover.check(&parts, &log.head).map_err(|error| {
            Failure::new(
                format!("the files of the log are damaged: {error}"),
                "run `bailiwick doctor` and `bailiwick verify log`",
            )
        })?;
        let mark = |size| -> Result<Mark, Failure> {
            let root = covered.root_at(size).map_err(|error| Failure::plain(error.to_string()))?;
            Ok(Mark { size, root })
        };
        let (first, last) = (mark(period.start)?, mark(period.end)?);
        files.extend(parts.into_files().map(|(path, bytes)| (format!("{LOG}{path}"), bytes)));
        files.insert(path::CHECKPOINT.to_owned(), log.note.clone().into_bytes());
        let origin = log.head.origin.clone();
        self.sealed(&files, |files, manifest| Seal {
            origin,
            from_ms,
            to_ms,
            made_ms,
            first,
            last,
            files,
            manifest,
        })
    }

    /// Signs the list of the files, and puts all together.
    fn sealed(
        &self,
        files: &BTreeMap<String, Vec<u8>>,
        seal: impl FnOnce(u64, Digest) -> Seal,
    ) -> Result<Vec<u8>, Failure> {
        let files: Vec<_> =
            files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
        let list = Archive::list(&files);
        let count = u64::try_from(files.len()).unwrap_or(u64::MAX);
        let note = seal(count, Digest::of(&[list.as_bytes()])).sign(self.signer);
        let note = note.map_err(|error| Failure::plain(error.to_string()))?;
        let own = [(NOTE, note.as_bytes()), (MANIFEST, list.as_bytes())];
        let archive = Archive::of(own.into_iter().chain(files).collect()).map_err(|error| {
            Failure::new(
                error.to_string(),
                "rename the file; letters, digits, `.`, `_` and `-` are good",
            )
        })?;
        Ok(archive.write())
    }

    /// Returns the texts of the policies, with the line breaks that their digest has.
    fn policies(&self) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
        let own = self.config.policies.texts()?;
        let mut files = BTreeMap::new();
        let built_in = |folder: &'static str, files: &[policy::authz::policies::File<'static>]| {
            let file = |file: &policy::authz::policies::File<'static>| {
                (format!("{folder}{}", file.name), file.text.to_owned())
            };
            files.iter().map(file).collect::<Vec<_>>()
        };
        let schema = [(format!("{}bailiwick.cedarschema", path::SCHEMA), SCHEMA.to_owned())];
        let all = schema
            .into_iter()
            .chain(built_in(path::BUILT_IN, BUILT_IN))
            .chain(own.into_iter().map(|(name, text)| (format!("{}{name}", path::OPERATOR), text)))
            .chain(built_in(path::SPECIFICATIONS, SPECIFICATIONS));
        for (path, text) in all {
            let text = text.replace("\r\n", "\n").into_bytes();
            if let Some(_same) = files.insert(path.clone(), text) {
                return Err(Failure::new(
                    format!("two files of policies have the name `{path}`"),
                    "rename one of them, and prove the policies again",
                ));
            }
        }
        Ok(files)
    }

    /// Returns the companies and the destinations, without customers and without people.
    fn processors(&self) -> Result<SubProcessors, Failure> {
        let company = |one: crate::manage::ProcessorView| Company {
            name: one.name,
            country: one.country,
            since: one.since,
            engines: one
                .engines
                .into_iter()
                .map(|engine| Engine {
                    region: engine.region,
                    since: engine.since,
                    until: engine.until,
                })
                .collect(),
        };
        let engines = self.acting.engines()?;
        let is_named = |url: &String| {
            let programs = engines.iter().filter_map(|engine| engine.program.as_ref());
            let has_engine = programs.into_iter().any(|program| is_at(&program.url, url));
            !is_hidden(&purposes(url, self.config, has_engine))
        };
        let destinations = self.config.egress.iter().map(|one| one.url.clone());
        Ok(SubProcessors {
            companies: self.acting.processors()?.into_iter().map(company).collect(),
            destinations: destinations.filter(is_named).collect(),
        })
    }
}

const HOUR_MS: u64 = 3_600_000;

#[derive(Serialize)]
struct SubProcessors {
    companies: Vec<Company>,
    destinations: Vec<String>,
}

#[derive(Serialize)]
struct Company {
    name: String,
    country: String,
    since: String,
    engines: Vec<Engine>,
}

#[derive(Serialize)]
struct Engine {
    region: String,
    since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

fn put(files: &mut BTreeMap<String, Vec<u8>>, path: &str, document: &impl Serialize) {
    // Strings, numbers and lists can always be written.
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    files.insert(path.to_owned(), text.into_bytes());
}

fn unreadable(error: impl std::fmt::Display) -> Failure {
    Failure::new(
        format!("the log cannot be read: {error}"),
        "start the service once, and look at the disk",
    )
}

#[cfg(test)]
mod tests {
    use pages::{log::kind, trust::Promise};
    use tlog::{bundle, entry::Entry};

    /// The tables of `audit` and of `pages` say the same of each kind of entry.
    #[test]
    fn both_tables_have_the_same_promises_for_each_kind_of_entry() {
        let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/../tlog/vectors/entry");
        let mut seen = 0;
        for file in std::fs::read_dir(vectors).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            let digits: String = lines.map(str::trim).collect();
            let pairs = digits.as_bytes().chunks_exact(2).map(std::str::from_utf8);
            let bytes: Vec<u8> =
                pairs.filter_map(|pair| u8::from_str_radix(pair.ok()?, 16).ok()).collect();
            let Ok(entry) = Entry::decode(&bytes) else { continue };
            seen += 1;
            let (own, theirs) = (kind(&entry.event), bundle::kind(&entry.event));
            for promise in Promise::ALL {
                let breaks = promise == Promise::Evidenced || promise.kinds().contains(&own);
                assert_eq!(
                    audit::evidence::breaks(Some(theirs), promise.id()),
                    breaks,
                    "{theirs} {}",
                    promise.id()
                );
            }
        }
        assert!(seen > 20, "{seen}");
        for promise in Promise::ALL {
            let rests = promise.checks().contains(&pages::trust::Check::Replay);
            assert_eq!(audit::evidence::breaks(None, promise.id()), rests, "{}", promise.id());
        }
    }
}
