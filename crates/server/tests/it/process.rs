//! The binary as a process: it cannot outlive the tests, and can be signalled and read.

use std::{
    fs,
    io::{ErrorKind, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

/// The project's folder.
pub(crate) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Returns the small model's file; fetches it if it is missing.
pub(crate) fn model() -> PathBuf {
    let output = Command::new(project().join("scripts/fetch-model.sh"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "scripts/fetch-model.sh failed");
    String::from_utf8(output.stdout).unwrap().trim_end().into()
}

/// Returns the binary under test, without the `BAILIWICK_` variables of this process's environment.
pub(crate) fn bailiwick() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bailiwick"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("BAILIWICK_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// Runs a command to its end, which must succeed; returns its standard output.
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let Output { status, stdout, stderr } = output;
    assert!(status.success(), "{command:?}: {status}\n{}\n{}", text(&stdout), text(&stderr));
    text(&stdout)
}

/// A server process.
///
/// The server runs under a shell that ends it when the shell's standard input closes. The server
/// therefore ends when this value is dropped, and also when this whole process ends in any way. The
/// shared service is never dropped and relies on that.
pub(crate) struct Process {
    shell: Child,
    leash: Option<ChildStdin>,
    pub(crate) pid: u32,
}

/// Writes beyond a file size limit fail, as on a full disk, instead of ending the server: ignored
/// signals are inherited.
const SHELL: &str = r#"trap '' XFSZ; "$@" & server=$!; echo $server > "$PIDFILE"; read -r _; kill -TERM $server; wait $server"#;

impl Process {
    /// Starts `command`, whose output goes to the file `log`.
    pub(crate) fn start(command: &Command, log: &Path) -> Self {
        let pid_file = log.with_extension("pid");
        // A file of an earlier process may exist.
        let _ = fs::remove_file(&pid_file);
        let output = fs::File::create(log).unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", SHELL, "sh"]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let mut shell = shell
            .env("PIDFILE", &pid_file)
            .stdin(Stdio::piped())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let leash = shell.stdin.take();
        let read = || fs::read_to_string(&pid_file).ok()?.trim().parse().ok();
        Self { shell, leash, pid: eventually("the shell says the pid", read) }
    }

    /// Whether the process still exists (and is not a zombie).
    pub(crate) fn is_running(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
    }

    /// Waits for the process after it was asked to end; returns its exit status.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        eventually("the process ends", || (!self.is_running()).then_some(()));
        self.leash = None;
        self.shell.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.leash.take().is_some() {
            let _ = self.shell.wait();
        }
    }
}

/// Sends a signal, by name.
pub(crate) fn signal(name: &str, pid: u32) {
    // `kill` is built into every shell, while /bin/kill may be missing.
    succeed(Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]));
}

/// Calls `probe` repeatedly until it returns a value, for at most a minute.
///
/// This is the only place that waits for time to pass: the event happens in another process, which
/// cannot wake this one.
pub(crate) fn eventually<T>(what: &str, probe: impl FnMut() -> Option<T>) -> T {
    within((Duration::from_secs(60), Duration::from_millis(10)), what, probe)
}

/// The same for work of minutes, such as a training.
pub(crate) fn patiently<T>(what: &str, probe: impl FnMut() -> Option<T>) -> T {
    within((Duration::from_secs(600), Duration::from_millis(200)), what, probe)
}

fn within<T>(
    (limit, pause): (Duration, Duration),
    what: &str,
    mut probe: impl FnMut() -> Option<T>,
) -> T {
    let started = Instant::now();
    while started.elapsed() < limit {
        if let Some(found) = probe() {
            return found;
        }
        std::thread::park_timeout(pause);
    }
    panic!("not within {limit:?}: {what}");
}

/// Returns all files below a folder.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    files
}

/// Reads a file through another process: closing a database file here would drop the locks that
/// this process holds on it.
pub(crate) fn read_apart(file: &Path) -> Vec<u8> {
    Command::new("cat").arg(file).stderr(Stdio::null()).output().unwrap().stdout
}

/// Whether these bytes contain others. Tests search hundreds of megabytes for dozens of texts.
pub(crate) fn contains(hay: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(hay, needle).is_some()
}

/// Calls `look` with the place and the bytes of every readable piece of a process's memory, one by
/// one. The place is the name of the mapping, such as `[heap]`, or its addresses.
///
/// Returns the kernel's error if it denies access: only root may read a process that made itself
/// undumpable.
pub(crate) fn read_memory(pid: u32, mut look: impl FnMut(&str, &[u8])) -> std::io::Result<()> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let mut memory = fs::File::open(format!("/proc/{pid}/mem"))?;
    for line in maps.lines().filter(|line| line.contains(" r") && !line.contains(".gguf")) {
        let (range, rest) = line.split_once(' ').unwrap();
        let place = rest.split_ascii_whitespace().nth(4).unwrap_or(range);
        let (from, to) = range.split_once('-').unwrap();
        let [mut from, to] = [from, to].map(|hex| u64::from_str_radix(hex, 16).unwrap());
        let mut buffer = vec![0; 1 << 22];
        while from < to {
            let room = usize::try_from(to - from).unwrap().min(buffer.len());
            memory.seek(SeekFrom::Start(from))?;
            match memory.read(&mut buffer[..room]) {
                Ok(0) => break,
                Ok(got) => {
                    look(place, &buffer[..got]);
                    // Pieces overlap, so that no match is missed on a border.
                    let overlap = if got == room { got.saturating_sub(1024).max(1) } else { got };
                    from += u64::try_from(overlap).unwrap();
                }
                // Some mappings (of devices, of the kernel) are unreadable for all users.
                Err(error) if error.kind() == ErrorKind::PermissionDenied => return Err(error),
                Err(_) => break,
            }
        }
    }
    Ok(())
}
