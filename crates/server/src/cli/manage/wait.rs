//! Waits until a running service has loaded a new deployment's model.

use std::{path::Path, thread::sleep, time::Duration};

use indicatif::ProgressBar;

use super::super::output::{Failure, note};
use crate::{
    board::{self, Doing},
    manage::DeploymentView,
};

/// Interval between checks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Waits until the deployment's model is loaded; a failure gives the reason.
pub(super) fn until_loaded(data: &Path, view: &DeploymentView) -> Result<(), Failure> {
    if board::read(data).is_none() {
        note(
            "no service runs on this data directory; `bailiwick serve` loads the model when it starts",
        );
        return Ok(());
    }
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(120));
    let result = watch(data, view, &bar);
    bar.finish_and_clear();
    result
}

fn watch(data: &Path, view: &DeploymentView, bar: &ProgressBar) -> Result<(), Failure> {
    loop {
        let Some(board::States { workers, .. }) = board::read(data) else {
            return Err(Failure::new(
                format!("the service ended while it loaded the model `{}`", view.model),
                "see its log; the deployment exists, and the service loads its model at the next start",
            ));
        };
        // The service follows the directory once a second.
        match Doing::find(&workers, &view.model, view.task) {
            Some(doing) if doing.state == "ready" => return Ok(()),
            Some(Doing { state, reason, .. }) if state == "failed" => {
                let reason = reason.as_deref().unwrap_or("the service's log has the reason");
                return Err(Failure::new(
                    format!(
                        "deployment `{}` was created, but its model `{}` cannot be loaded: {reason}",
                        view.name, view.model
                    ),
                    format!(
                        "fix the cause and restart the service, or run `bailiwick deployment delete {} \
                         --resource {}`",
                        view.name, view.resource
                    ),
                ));
            }
            Some(doing) => {
                let share = doing.loaded.map(|part| format!(" ({:.0} %)", part * 100.0));
                let share = share.unwrap_or_default();
                bar.set_message(format!("the service loads `{}`{share}", view.model));
            }
            None => bar.set_message("the service has not noticed the deployment yet"),
        }
        sleep(LOOK_EVERY);
    }
}
