//! Starts a worker process and ends it.

use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixStream as StdUnixStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::{
    io::AsyncReadExt as _,
    net::UnixStream,
    sync::oneshot::{self, error::RecvError},
};

use crate::{confine, gpu::Gpu, memory::ALLOCATOR_ENVIRONMENT, protocol::STDERR_MARK};

/// A running worker process; dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    pid: u32,
    /// Refers to this process only, even if its id is used again later.
    handle: OwnedFd,
    ended: oneshot::Receiver<io::Result<ExitStatus>>,
}

impl Process {
    /// Starts `executable command` with one end of a socket as its standard input, and returns the
    /// other end. `name` is for the log; `gpu` is for the environment of the driver.
    pub(crate) async fn start(
        executable: &Path,
        command: &'static str,
        name: &str,
        gpu: Option<&Gpu>,
    ) -> io::Result<(Self, UnixStream)> {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let (started_in, started) = oneshot::channel();
        let (ended_in, ended) = oneshot::channel();
        let executable = executable.to_owned();
        let driver = gpu.map(Gpu::environment).unwrap_or_default();
        // The kernel kills a worker when the *thread* that started it ends (PR_SET_PDEATHSIG), and
        // Tokio's threads come and go. This thread lives as long as the worker.
        std::thread::Builder::new().name("worker-process".to_owned()).spawn(move || {
            match launch(executable, command, theirs, driver) {
                Ok((mut child, handle)) => {
                    let stderr = child.stderr.take();
                    // If the caller has abandoned the start, the worker is killed here.
                    if started_in.send(Ok((child.id(), handle, stderr))).is_err() {
                        drop(child.kill());
                    }
                    drop(ended_in.send(child.wait()));
                }
                Err(error) => drop(started_in.send(Err(error))),
            }
        })?;
        let gone = |_: RecvError| io::Error::other("the thread that starts it ended");
        let (pid, handle, stderr) = started.await.map_err(gone)??;
        if let Some(stderr) = stderr {
            let stderr = tokio::process::ChildStderr::from_std(stderr)?;
            drop(tokio::spawn(relay(stderr, name.to_owned())));
        }
        Ok((Self { pid, handle, ended }, UnixStream::from_std(ours)?))
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for the end of the process, and returns its exit status as text. To be called once.
    pub(crate) async fn ended(&mut self) -> String {
        match (&mut self.ended).await {
            Ok(Ok(status)) => status.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = pidfd_send_signal(&self.handle, Signal::KILL);
    }
}

type Launched = (Child, OwnedFd);

/// Number of times that a thread checks for work before it sleeps: about 300 microseconds. This is
/// long enough that threads do not sleep between two operations or while the next token is chosen;
/// that would cost a tenth of one stream's speed. It is short enough that on busy cores (two
/// models, or a busy gateway) waiting threads free their core for the thread that they wait for.
const WAITING_ENVIRONMENT: (&str, &str) = ("GOMP_SPINCOUNT", "5000");

/// Launches the worker. It inherits a socket and a pipe, but no environment and no folder. `driver`
/// is the environment of a graphics card's driver.
fn launch(
    executable: PathBuf,
    argument: &str,
    socket: StdUnixStream,
    driver: Vec<(&'static str, String)>,
) -> io::Result<Launched> {
    let mut command = Command::new(executable);
    command
        .arg(argument)
        .env_clear()
        .envs([ALLOCATOR_ENVIRONMENT, WAITING_ENVIRONMENT])
        .envs(driver)
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(socket)))
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    // The worker ignores signals: it is stopped over its socket, once its requests have ended.
    let mut child = confine::leave_signals_to_parent(&mut command).spawn()?;
    // The child was not waited for yet, so its process id cannot have been used again.
    match pidfd_open(Pid::from_child(&child), PidfdFlags::empty()) {
        Ok(handle) => Ok((child, handle)),
        Err(error) => {
            child.kill()?;
            child.wait()?;
            Err(error.into())
        }
    }
}

/// Logs the worker's own lines. Other output comes from libraries and might hold content, so it is
/// only counted.
async fn relay(mut stderr: tokio::process::ChildStderr, worker: String) {
    let mut lines = Lines::default();
    let mut chunk = [0; 1024];
    let mut left = LINES_MAX;
    while let Ok(count @ 1..) = stderr.read(&mut chunk).await {
        for line in lines.push(chunk.get(..count).unwrap_or_default()) {
            if left > 0 {
                left -= 1;
                tracing::warn!(worker, "{line}");
            }
        }
    }
    if lines.discarded > 0 {
        let bytes = lines.discarded;
        tracing::warn!(worker, bytes, "output that is not the worker's own was discarded");
    }
}

/// Splits standard error into lines, and returns the worker's own lines.
#[derive(Default)]
struct Lines {
    line: Vec<u8>,
    discarded: u64,
}

impl Lines {
    fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut own = Vec::new();
        for byte in bytes {
            match byte {
                b'\n' => own.extend(self.end_line()),
                _ if self.line.len() < LINE_BYTES_MAX => self.line.push(*byte),
                _ => self.discarded += 1,
            }
        }
        own
    }

    fn end_line(&mut self) -> Option<String> {
        let bytes = std::mem::take(&mut self.line);
        let own = std::str::from_utf8(&bytes)
            .ok()
            .and_then(|line| line.strip_prefix(STDERR_MARK))
            .filter(|line| line.bytes().all(|byte| matches!(byte, b' '..=b'~')));
        if own.is_none() {
            self.discarded += bytes.len() as u64;
        }
        own.map(str::to_owned)
    }
}

/// Maximum length of one line, in bytes.
const LINE_BYTES_MAX: usize = 512;

/// Maximum number of lines that one process may write into the log.
const LINES_MAX: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_workers_own_lines_reach_the_log() {
        let mut lines = Lines::default();
        let text = b"GGML_ASSERT(the canary)\nbailiwick worker: panic at a.rs:1\nbailiwick worker: \x1b[2J\n";
        let kept: Vec<_> = text.chunks(5).flat_map(|bytes| lines.push(bytes)).collect();
        assert_eq!(kept, ["panic at a.rs:1"]);
        assert!(lines.discarded > 0);
        let endless = vec![b'x'; 3 * LINE_BYTES_MAX];
        assert!(lines.push(&endless).is_empty());
        assert!(lines.line.len() <= LINE_BYTES_MAX);
    }
}
