//! `bailiwick self-test`: sends marked texts through the running service, and searches them in every place
//! that the operator could read.

mod send;

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::{Duration, SystemTime},
};

use tlog::{checkpoint::Checkpoint, note::Verifier};
use ureq::Agent;

use self::send::{Api, PARTS, Sent};
use super::{
    args::SelfTestArgs,
    chat::target::Sources,
    data::existing,
    dial::{self, Tls, unreachable},
    output::{Failure, harmless, note, print, size},
};
use crate::{
    clock, ids,
    manage::SERVICE_PUBLIC_FILE,
    self_test::{
        marks::Mark,
        result::{Leak, Searched, SelfTest},
        search::{Hit, Search, files},
    },
};

/// Exit status if not everything could be sent or searched.
const PARTIAL: u8 = 2;

/// Sends, searches, and prints the places and the findings.
pub(crate) fn self_test(args: &SelfTestArgs) -> Result<ExitCode, Failure> {
    let data = &args.shared.data;
    existing(data)?;
    let sources = Sources::read(args.env_file.as_deref(), data)?;
    let target =
        sources.target([args.url.as_ref(), args.deployment.as_ref(), args.api_key.as_ref()])?;
    let operations = ("--operations", "BAILIWICK_ADMIN_URL");
    let operations = sources.find("URL of operations", args.operations.as_ref(), operations)?;
    let agent = dial::agent(Tls { ca_file: args.ca_file.as_deref(), own: None })?;
    let api = Api { agent: &agent, target: &target };
    let own = std::env::temp_dir();
    let temp = if args.temp.is_empty() { vec![own] } else { args.temp.clone() };
    for folder in temp.iter().take(1) {
        Search::control(folder, &Mark::of(ids::random())).map_err(|error| {
            let what = format!("`{}`: {error}", folder.display());
            Failure::new(what, "give a folder that this command may write to, with --temp DIR")
        })?;
    }
    let service = same_service(&api, data)?;
    let program = api.program()?;

    let began = SystemTime::now();
    let marks = PARTS.map(|part| (part, Mark::of(ids::random())));
    let sent = api.send(&marks)?;
    let mut searching = Searching {
        search: Search::new(marks.iter().map(|(part, mark)| (*part, mark))),
        result: SelfTest::new(clock::read().wall_ms, &service, program),
        sinks: BTreeMap::new(),
    };
    searching.result.parts = sent.into_iter().map(Sent::into_part).collect();
    searching.folder("data", data, None);
    for path in &args.logs {
        searching.folder("logs", path, None);
    }
    for unit in &args.journal {
        searching.journal(unit, began);
    }
    // A file system may keep times in whole seconds.
    let since = began.checked_sub(Duration::from_secs(2));
    for folder in &temp {
        searching.folder("temp", folder, since);
    }
    searching.page("metrics", &format!("{operations}/metrics"), |url| get(&agent, url, None));
    let key = target.key.reveal();
    for path in TRUST_PAGES {
        let url = format!("{}{path}", target.url);
        searching.page("pages", &url, |url| get(&agent, url, Some(key)));
    }
    let Searching { mut result, sinks, .. } = searching;
    result.searched = sinks.into_values().collect();
    result.at_ms = clock::read().wall_ms;
    result.write(data)?;
    print(args.shared.json, &result, show)?;
    Ok(match (result.found.is_empty(), result.is_whole()) {
        (false, _) => ExitCode::FAILURE,
        (true, true) => ExitCode::SUCCESS,
        (true, false) => {
            note(
                "the trust pages do not count this self-test: not everything was sent or searched",
            );
            ExitCode::from(PARTIAL)
        }
    })
}

const TRUST_PAGES: [&str; 7] = [
    "/trust",
    "/trust?format=json",
    "/trust/log",
    "/trust/log?format=json",
    "/trust/evidence/controls.json",
    "/trust/evidence/assessment-results.json",
    "/trust/evidence/component-definition.json",
];

/// Refuses a URL of another service than the one with this data: the search would find nothing there.
fn same_service(api: &Api<'_>, data: &Path) -> Result<Verifier, Failure> {
    let path = data.join(SERVICE_PUBLIC_FILE);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        let what = format!("cannot read `{}`: {error}", path.display());
        Failure::new(what, "start the service once; give its data directory with --data DIR")
    })?;
    let key = Verifier::parse(&text)
        .map_err(|error| Failure::new(format!("`{}`: {error}", path.display()), "see --data"))?;
    let url = format!("{}/log/checkpoint", api.target.url);
    let note = get(api.agent, &url, None)?;
    let note = String::from_utf8_lossy(&note).into_owned();
    Checkpoint::verify(&note, &key).map_err(|error| {
        Failure::new(
            format!(
                "{} is not the service with the data in `{}`: {error}",
                api.target.url,
                data.display()
            ),
            "give the URL and the data directory of one service",
        )
    })?;
    Ok(key)
}

/// Gets a page.
fn get(agent: &Agent, url: &str, key: Option<&str>) -> Result<Vec<u8>, Failure> {
    let mut request = agent.get(url);
    if let Some(key) = key {
        request = request.header("api-key", key);
    }
    let mut response = request.call().map_err(|error| unreachable(url, &error.to_string()))?;
    let status = response.status();
    if !status.is_success() {
        return Err(Failure::new(
            format!("{url} answered {status}"),
            "give addresses and a key with which the page can be read",
        ));
    }
    let body = response.body_mut().with_config().limit(PAGE_BYTES_MAX).read_to_vec();
    body.map_err(|error| unreachable(url, &error.to_string()))
}

/// The longest page that is searched, in bytes.
const PAGE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The search, and its result so far.
struct Searching {
    search: Search,
    result: SelfTest,
    sinks: BTreeMap<&'static str, Searched>,
}

impl Searching {
    /// Searches a file, or the files in and below a folder.
    fn folder(&mut self, sink: &'static str, path: &Path, since: Option<SystemTime>) {
        let (files, unread) = files(path, since);
        self.sink(sink).unread.extend(unread.iter().map(|path| path.display().to_string()));
        for path in files {
            let place = path.display().to_string();
            match self.search.file(&path) {
                Ok((bytes, hits)) => self.searched(sink, &place, bytes, &hits),
                // A file may be gone meanwhile: the log replaces its last files all the time.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(_) => self.sink(sink).unread.push(place),
            }
        }
    }

    /// Searches the journal of a unit since the start of the self-test.
    fn journal(&mut self, unit: &str, began: SystemTime) {
        let since = began.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let place = format!("journal of {unit}");
        let run = || -> io::Result<_> {
            let mut journal = Command::new("journalctl")
                .args(["--output=export", "--no-pager", "--unit", unit, "--since"])
                .arg(format!("@{since}"))
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()?;
            let out = journal.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
            let found = self.search.read(out)?;
            if journal.wait()?.success() { Ok(found) } else { Err(io::ErrorKind::Other.into()) }
        };
        match run() {
            Ok((bytes, hits)) => self.searched("logs", &place, bytes, &hits),
            Err(_) => self.sink("logs").unread.push(place),
        }
    }

    /// Searches a page.
    fn page(
        &mut self,
        sink: &'static str,
        url: &str,
        get: impl FnOnce(&str) -> Result<Vec<u8>, Failure>,
    ) {
        match get(url) {
            Ok(page) => {
                let hits = self.search.bytes(&page);
                self.searched(sink, url, u64::try_from(page.len()).unwrap_or(u64::MAX), &hits);
            }
            Err(failure) => {
                note(&format!("not searched: {}", harmless(failure.message())));
                self.sink(sink).unread.push(url.to_owned());
            }
        }
    }

    fn searched<'a>(
        &mut self,
        sink: &'static str,
        place: &str,
        bytes: u64,
        hits: impl IntoIterator<Item = &'a Hit>,
    ) {
        let all = self.sink(sink);
        all.files = all.files.saturating_add(1);
        all.bytes = all.bytes.saturating_add(bytes);
        let leak = |(part, form): &Hit| Leak {
            part: (*part).to_owned(),
            sink: sink.to_owned(),
            place: place.to_owned(),
            form: (*form).to_owned(),
        };
        self.result.found.extend(hits.into_iter().map(leak));
    }

    fn sink(&mut self, sink: &'static str) -> &mut Searched {
        let new = || Searched { sink: sink.to_owned(), ..Searched::default() };
        self.sinks.entry(sink).or_insert_with(new)
    }
}

fn show(out: &mut dyn Write, result: &SelfTest) -> io::Result<()> {
    for Leak { part, sink, place, form } in &result.found {
        writeln!(out, "FOUND: the {part} of the request, {form}, in {} ({sink})", harmless(place))?;
    }
    for part in result.parts.iter().filter(|part| !part.sent) {
        writeln!(out, "NOT SENT: the {}; the service answered {}", part.name, part.status)?;
    }
    for sink in &result.searched {
        for place in &sink.unread {
            writeln!(out, "NOT SEARCHED: {} ({})", harmless(place), sink.sink)?;
        }
    }
    writeln!(
        out,
        "{} marked texts were sent",
        result.parts.iter().filter(|part| part.sent).count()
    )?;
    for Searched { sink, files, bytes, .. } in &result.searched {
        writeln!(out, "searched {sink}: {files} files or pages, {}", size(*bytes))?;
    }
    match result.found.len() {
        0 => writeln!(out, "nothing found"),
        count => writeln!(out, "found {count} times"),
    }
}
