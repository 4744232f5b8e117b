//! Output for a new user: the progress of loading models, and then commands that work when pasted.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use engine::supervise::State;
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    CHAT, EMBEDDINGS, Keys, MODEL, RESOURCE, TOY,
    env_file::{self, Addresses},
    model_name,
};
use crate::{
    cli::output::{Failure, note},
    fleet::{Fleet, WorkerView},
    manage::{ADMIN_KEY_FILE, SERVICE_PUBLIC_FILE},
    serve::Started,
};

/// A question that the small model can answer; at a high temperature it rambles.
const QUESTION: &str = "Explain gravity in one sentence.";

/// Interval between two readings of the workers' states.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Writes the env file, waits until the models are loaded, and prints the next steps.
pub(crate) async fn welcome(data: PathBuf, keys: Keys, started: Started) {
    if let Err(failure) = greet(&data, keys, started).await {
        // The service continues: the user can repair the failed part while it runs.
        let _ = failure.report();
    }
}

async fn greet(data: &Path, keys: Keys, started: Started) -> Result<(), Failure> {
    let Started { api, operations, secure, operations_secure, fleet, .. } = started;
    let addresses = Addresses { api, operations, secure, operations_secure };
    let file = env_file::write(data, &keys, &addresses)?.canonicalize()?;
    drop(keys);
    loaded(&fleet).await?;
    let is_toy = |worker: &WorkerView| worker.model == model_name(Path::new(MODEL));
    print(&addresses, &file, fleet.workers().iter().any(is_toy))
}

/// Waits until each worker is ready or has failed.
async fn loaded(fleet: &Fleet) -> Result<(), Failure> {
    let bar = ProgressBar::new(100);
    if let Ok(style) = ProgressStyle::with_template("  {spinner} loading {msg} {bar:30} {pos} %") {
        bar.set_style(style);
    }
    let result = watch(fleet, &bar).await;
    bar.finish_and_clear();
    result
}

async fn watch(fleet: &Fleet, bar: &ProgressBar) -> Result<(), Failure> {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    loop {
        ticks.tick().await;
        let workers = fleet.workers();
        let mut loaded = 0.0;
        let mut all_ready = true;
        for worker in &workers {
            match &worker.state {
                State::Ready(_) => loaded += 1.0,
                State::Loading(part) => {
                    all_ready = false;
                    loaded += part;
                    bar.set_message(format!("{} for {}", worker.model, worker.task.name()));
                }
                State::Restarting { .. } | State::Stopped => all_ready = false,
                State::Failed { reason } => {
                    let message = format!("the model `{}` cannot be run", worker.model);
                    return Err(Failure::new(message, reason.clone()));
                }
            }
        }
        if all_ready {
            return Ok(());
        }
        bar.set_position(percent(loaded, workers.len()));
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share between 0 and 1 becomes 0 to 100 per cent; millions of workers never run"
)]
fn percent(loaded: f32, workers: usize) -> u64 {
    (loaded / workers.max(1) as f32 * 100.0).clamp(0.0, 100.0) as u64
}

fn print(addresses: &Addresses, file: &Path, toy: bool) -> Result<(), Failure> {
    let toy = if toy { format!("{TOY}\n\n") } else { String::new() };
    let (api, operations) = (addresses.api_url(), addresses.operations_url());
    let env = quoted(&file.display().to_string());
    let program = program();
    let public = file.with_file_name(SERVICE_PUBLIC_FILE);
    let public = quoted(&public.display().to_string());
    let admin = file.with_file_name(ADMIN_KEY_FILE);
    let admin = quoted(&admin.display().to_string());
    let mut out = anstream::stdout().lock();
    write!(
        out,
        "\n\
         Bailiwick is ready. It runs on this machine and nowhere else.\n\
         \n\
         \x20 API         {api}  (resource `{RESOURCE}`, deployments `{CHAT}` and `{EMBEDDINGS}`)\n\
         \x20 operations  {operations}  (health, metrics, administration)\n\
         \x20 pages       {api}/trust  (the promises and their state, a receipt checker, the log)\n\
         \x20 console     {operations}/pages  (tenants, models, use; sign in with the key in {admin})\n\
         \x20 keys        {env}\n\
         \n\
         {toy}\
         Paste any of these into another terminal.\n\
         \n\
         # ask, and check the answer's signed receipt\n\
         {program} chat --env-file {env} --temperature 0 --verify {public} \"{QUESTION}\"\n\
         \n\
         # curl\n\
         (. {env}; curl -sS \"$BAILIWICK_URL/openai/v1/chat/completions\" \
         -H \"api-key: $BAILIWICK_API_KEY\" -H 'content-type: application/json' \
         -d '{{\"model\": \"{CHAT}\", \"temperature\": 0, \"messages\": [{{\"role\": \"user\", \
         \"content\": \"{QUESTION}\"}}]}}')\n\
         \n\
         # Python, with OpenAI's own SDK (pip install openai)\n\
         (set -a; . {env}; python3 - <<'PYTHON'\n\
         from openai import OpenAI\n\
         \n\
         client = OpenAI()  # address and key: OPENAI_BASE_URL, OPENAI_API_KEY\n\
         answer = client.chat.completions.create(\n\
         \x20   model=\"{CHAT}\",\n\
         \x20   temperature=0,\n\
         \x20   messages=[{{\"role\": \"user\", \"content\": \"{QUESTION}\"}}],\n\
         )\n\
         print(answer.choices[0].message.content)\n\
         PYTHON\n\
         )\n\
         \n\
         # a conversation\n\
         {program} chat --env-file {env} --temperature 0.3\n\
         \n"
    )?;
    out.flush()?;
    drop(out);
    note("Ctrl-C stops it.");
    Ok(())
}

/// Returns the command that starts this program.
fn program() -> String {
    let name = "bailiwick";
    let Ok(path) = std::env::current_exe() else { return name.to_owned() };
    let search = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&search).map(|folder| folder.join(name)).find(|p| p.exists());
    let found = found.and_then(|found| found.canonicalize().ok());
    if found.is_some_and(|found| found == path) {
        return name.to_owned();
    }
    quoted(&path.display().to_string())
}

/// Quotes the text as one word for a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_');
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_survive_the_shell() {
        assert_eq!(quoted("/a/b-c_1.env"), "/a/b-c_1.env");
        assert_eq!(quoted("/a b/it's"), r"'/a b/it'\''s'");
        assert_eq!(quoted("$HOME"), "'$HOME'");
    }
}
