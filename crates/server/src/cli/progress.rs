//! Adds models, with a progress bar if standard error is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::output::Failure;
use crate::manage::{Acting, Hub, ModelView, NewFromHub, NewModel};

/// Adds a model, with a progress bar if standard error is a terminal.
pub(super) async fn add_model(management: &Acting, new: NewModel) -> Result<ModelView, Failure> {
    let bar = bar(format!("inspecting {}", new.path.display()));
    let result = management.add_model(new, advance(bar.clone(), "computing SHA-256")).await;
    bar.finish_and_clear();
    Ok(result?)
}

/// Adds a model from a repository. Ctrl-C stops the download and removes the partial file.
pub(super) async fn fetch_model(
    management: &Acting,
    new: NewFromHub,
    hub: &Hub,
) -> Result<ModelView, Failure> {
    let bar = bar("asking the mirror".to_owned());
    let fetched = management.add_model_from_hub(new, hub, advance(bar.clone(), "fetching"));
    let result = tokio::select! {
        result = fetched => result.map_err(Failure::from),
        _ = tokio::signal::ctrl_c() => Err(Failure::plain("stopped; no file was kept")),
    };
    bar.finish_and_clear();
    result
}

fn bar(message: String) -> ProgressBar {
    let bar = ProgressBar::no_length();
    let look = ProgressStyle::with_template("  {spinner} {msg}").unwrap_or_else(|_| spinner());
    bar.set_style(look);
    bar.set_message(message);
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Shows the progress in bytes.
fn advance(bar: ProgressBar, doing: &'static str) -> impl FnMut(u64, u64) + Send + 'static {
    move |done, total| {
        let first = bar.length().is_none();
        bar.set_length(total);
        bar.set_position(done);
        if first {
            let template = "  {spinner} {msg} {bar:30} {decimal_bytes}/{decimal_total_bytes}";
            let look = ProgressStyle::with_template(template).unwrap_or_else(|_| spinner());
            bar.set_style(look);
            bar.set_message(doing);
        }
    }
}

fn spinner() -> ProgressStyle {
    ProgressStyle::default_spinner()
}
