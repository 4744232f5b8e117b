//! Measures one model on this machine, with our server alone: prompt, generation, memory. Besides
//! wall time it counts processor time: on a machine with other work, only that is meaningful. With
//! one thread, no thread waits for another, so the time is the model's.

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
    time::Duration,
};

use crate::{
    http::{Answer, chat},
    measure::{median, request},
    servers::{self, Server, Setup},
};

const USAGE: &str =
    "usage: bench shape --ours BINARY --model GGUF --work DIR [--threads 1] [--rounds 3]";

/// Words of the long prompt, and number of generated tokens.
const PROMPT_WORDS: u32 = 500;
const TOKENS: u32 = 32;

/// `bench shape`.
pub(crate) fn main(mut arguments: impl Iterator<Item = String>) -> io::Result<()> {
    let (mut ours, mut model, mut work) = (PathBuf::new(), PathBuf::new(), PathBuf::new());
    let (mut threads, mut rounds) = (1, 3);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| io::Error::other(USAGE))?;
        let number = || value.parse::<u32>().map_err(|_| io::Error::other(USAGE));
        match name.as_str() {
            "--ours" => ours = value.into(),
            "--model" => model = value.into(),
            "--work" => work = value.into(),
            "--threads" => threads = number()?,
            "--rounds" => rounds = number()?,
            _ => return Err(io::Error::other(USAGE)),
        }
    }
    fs::create_dir_all(&work)?;
    let file_mb = fs::metadata(&model)?.len() / 1_000_000;
    let setup = Setup { model, threads, sequences: 1, context: 4096, work };
    let server = servers::start_ours(&ours, &setup)?;
    ask(&server, u32::MAX, 40, 8)?;
    let mut rates = [const { Vec::new() }; 4];
    for round in 0..rounds {
        let nonce = round.saturating_mul(10);
        let (long, long_busy) = ask(&server, nonce, PROMPT_WORDS, 1)?;
        let (short, short_busy) = ask(&server, nonce.saturating_add(1), 40, 1)?;
        let (whole, whole_busy) = ask(&server, nonce.saturating_add(2), 40, TOKENS)?;
        let made = whole.completion_tokens.saturating_sub(short.completion_tokens);
        for (rates, (tokens, time)) in rates.iter_mut().zip([
            (long.prompt_tokens, long.whole),
            (long.prompt_tokens, long_busy),
            (made, whole.whole.saturating_sub(whole.first)),
            (made, whole_busy.saturating_sub(short_busy)),
        ]) {
            rates.push(rate(tokens, time));
        }
    }
    let [prompt, prompt_busy, generation, generation_busy] = rates.each_mut().map(|r| median(r));
    let memory = servers::memory_peak_mb(&server);
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    writeln!(
        io::stdout(),
        "{}: file {file_mb} MB, memory {memory} MB, threads {threads}, load {load}\n\
         \x20 prompt     {prompt:.1} tokens/s, {prompt_busy:.1} for each second of a processor\n\
         \x20 generation {generation:.2} tokens/s, {generation_busy:.2} for each second of a processor",
        setup.model.display()
    )
}

/// Sends one request; returns the answer, and the processor time that it took.
fn ask(server: &Server, nonce: u32, words: u32, tokens: u32) -> io::Result<(Answer, Duration)> {
    let before = servers::time(server);
    let answer = chat(&server.target, &request(nonce, words, tokens))?;
    Ok((answer, servers::time(server).saturating_sub(before)))
}

#[expect(clippy::cast_precision_loss, reason = "counts of tokens are far below 2^52")]
fn rate(tokens: u64, time: Duration) -> f64 {
    tokens as f64 / time.as_secs_f64()
}
