//! The states of a running service's workers and engines, written to `workers.json` in its data directory, for
//! the command line, which is another process. The file is replaced at each change, and removed
//! when the service ends.

use std::{
    fs,
    path::{Path, PathBuf},
    process,
};

use engine::{protocol::Confinement, supervise::State};
use policy::task::Task;
use serde::{Deserialize, Serialize};

use crate::{
    engines::{EngineDoing, Engines},
    files::{NotWritten, write_private},
    fleet::{Fleet, WorkerStatus},
};

/// The file's name in the data directory.
const FILE: &str = "workers.json";

/// The state of one worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Doing {
    /// The model's name.
    pub model: String,
    /// The task that the worker runs the model for.
    pub task: Task,
    /// `loading`, `ready`, `restarting`, `failed` or `stopped`.
    pub state: String,
    /// The part of the model that is loaded, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loaded: Option<f32>,
    /// Reason that the worker is not ready, and the remedy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Written {
    pid: u32,
    #[serde(flatten)]
    states: States,
}

/// The states of a service's workers and engines.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct States {
    /// The workers.
    pub workers: Vec<Doing>,
    /// The engines that are other programs.
    #[serde(default)]
    pub engines: Vec<EngineDoing>,
    /// The restrictions of the gateway and of each ready worker.
    #[serde(default)]
    pub confined: Vec<Confined>,
}

/// The restrictions of one process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Confined {
    /// `gateway`, or a worker's model and task.
    pub process: String,
    /// The restrictions, and the results of its attempts to break out.
    pub confinement: Confinement,
}

/// The service's handle to the file; dropping it removes the file.
#[derive(Debug)]
pub(crate) struct Board {
    path: PathBuf,
    gateway: Option<Confinement>,
    last: Option<States>,
}

impl Board {
    /// Makes the board of a data directory.
    pub(crate) fn of(data: &Path) -> Self {
        Self { path: data.join(FILE), gateway: None, last: None }
    }

    /// Adds the confinement of the service's own process.
    pub(crate) fn of_gateway(mut self, confinement: Confinement) -> Self {
        self.gateway = Some(confinement);
        self
    }

    /// Writes the states if they have changed.
    pub(crate) fn update(&mut self, fleet: &Fleet, engines: &Engines) {
        let workers = fleet.workers().iter().map(|view| view.status().into()).collect();
        let own = self.gateway.iter().map(|confinement| Confined {
            process: "gateway".to_owned(),
            confinement: confinement.clone(),
        });
        let of_workers = fleet.workers().into_iter().filter_map(|view| match &view.state {
            State::Ready(report) => Some(Confined {
                process: format!("{}/{}", view.model, view.task.name()),
                confinement: report.confinement.clone(),
            }),
            _ => None,
        });
        let confined = own.chain(of_workers).collect();
        let states = States { workers, engines: engines.doing(), confined };
        if self.last.as_ref() == Some(&states) {
            return;
        }
        match self.write(&states) {
            Ok(()) => self.last = Some(states),
            // The file is for people; API callers do not need it.
            Err(error) => {
                tracing::warn!(%error, file = FILE, "the states of workers and engines cannot be written")
            }
        }
    }

    fn write(&self, states: &States) -> Result<(), NotWritten> {
        let written = Written { pid: process::id(), states: states.clone() };
        write_private(&self.path, &serde_json::to_string(&written).unwrap_or_default())
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
}

/// Reads the states; `None` if no service runs on this data directory.
pub(crate) fn read(data: &Path) -> Option<States> {
    let text = fs::read(data.join(FILE)).ok()?;
    let Written { pid, states } = serde_json::from_slice(&text).ok()?;
    Path::new("/proc").join(pid.to_string()).exists().then_some(states)
}

impl Doing {
    /// Finds the worker of one model and task.
    pub(crate) fn find<'a>(workers: &'a [Self], model: &str, task: Task) -> Option<&'a Self> {
        workers.iter().find(|doing| doing.model == model && doing.task == task)
    }
}

impl From<WorkerStatus> for Doing {
    fn from(status: WorkerStatus) -> Self {
        let WorkerStatus { model, task, state, loaded, reason, .. } = status;
        Self { model, task, state: state.to_owned(), loaded, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_read_while_its_service_runs() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(read(data.path()), None);
        let board = Board::of(data.path());
        let doing = Doing {
            model: "m".into(),
            task: Task::Chat,
            state: "failed".into(),
            loaded: None,
            reason: Some("why".into()),
        };
        let states = States { workers: vec![doing.clone()], ..States::default() };
        board.write(&states).unwrap();
        board.write(&states).unwrap();
        let workers = read(data.path()).unwrap().workers;
        assert_eq!(Doing::find(&workers, "m", Task::Chat), Some(&doing));
        assert_eq!(Doing::find(&workers, "m", Task::Embeddings), None);
        drop(board);
        assert_eq!(read(data.path()), None);
        // A service that was killed leaves its file behind.
        let text = r#"{"pid": 4294967295, "workers": []}"#;
        fs::write(data.path().join(FILE), text).unwrap();
        assert_eq!(read(data.path()), None);
    }
}
