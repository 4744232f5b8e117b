//! Checks the files of a job: each line is an example, there are enough of them, and the content filter
//! of the model's deployment lets each one through.

use engine::request::{Constraint, Extras, Generate, Message, Prompt, Role, Sampling, Work};
use policy::permit::{Complete, Permit};
use store::objects::Object;
use wire::fine_tuning::{
    event::Level,
    examples::{self, EXAMPLES_MAX, EXAMPLES_MIN},
    job::{Job, Status},
    request::{Asked, BATCH_SIZE_MAX},
    statement::Used,
};

use super::{
    super::objects::Objects,
    base::Base,
    files::{self, File},
    keep,
    stopped::Stopped,
};
use crate::{
    authn::Caller,
    clock,
    guard::{Screen, Stopped as Blocked},
    openai::error::ApiError,
    screening::Screening,
    services::Services,
};

/// Checks the files of a job, and moves it to the queue.
///
/// # Errors
/// If a file is not suitable: the job fails.
pub(super) async fn job(
    services: &Services,
    caller: &Caller,
    object: &Object,
) -> Result<(), Stopped> {
    let objects = Objects::of(services, caller);
    let opened = objects.open(object).await?;
    let job = Job::read(opened.head()).ok_or(ApiError::Internal)?;
    let base = base(caller, &job)?;
    let permit = base.permit(services)?;
    let _route = base.route(services)?;
    let screen = services.guard.screen(&permit, &base.filter(services));
    drop::<Permit<Complete>>(permit);
    let training = File::find(&objects, &job.training_file).await?;
    let count = check(&objects, &training, &screen, "training_file").await?;
    if count < EXAMPLES_MIN {
        let message =
            format!("The training file has {count} examples; a job needs at least {EXAMPLES_MIN}.");
        return Err(Stopped::failed("invalid_n_examples", message, Some("training_file")));
    }
    let mut valid = 0;
    if let Some(id) = &job.validation_file {
        let validation = File::find(&objects, id).await?;
        valid = check(&objects, &validation, &screen, "validation_file").await?;
        if valid == 0 {
            let message = "The validation file has no examples.";
            return Err(Stopped::failed("invalid_n_examples", message, Some("validation_file")));
        }
    }
    let used = used(&job.asked, count);
    let now = clock::now_ms() / 1000;
    keep::update(&objects, object, |job, from| {
        if from != Status::Validating {
            return None;
        }
        job.used = Some(used);
        job.note(
            now,
            Level::Info,
            format!(
                "Files validated: {count} training examples, {valid} validation examples; the job \
                 waits for its turn"
            ),
        );
        Some(Status::Queued)
    })
    .await?;
    Ok(())
}

/// Returns the model that a job trains, if it is still the same file.
///
/// # Errors
/// If it is not.
pub(super) fn base<'a>(caller: &'a Caller, job: &Job) -> Result<Base<'a>, Stopped> {
    let found = Base::find(caller, &job.model)?.filter(|base| base.file.sha256 == job.base_sha256);
    found.ok_or_else(|| {
        let message = "No deployment of the resource runs the job's model any more.";
        Stopped::failed("model_not_found", message, Some("model"))
    })
}

/// Chooses the hyperparameters that were left open.
fn used(asked: &Asked, examples: usize) -> Used {
    use engine::train::Hyper;
    let defaults = Hyper::default();
    let whole = u32::try_from(examples).unwrap_or(u32::MAX);
    let multiplier = asked.learning_rate_multiplier.unwrap_or(1.0);
    #[expect(clippy::cast_possible_truncation, reason = "the trainer's numbers have 32 bits")]
    let learning_rate = (f64::from(Hyper::LEARNING_RATE) * multiplier) as f32;
    Used {
        n_epochs: asked.n_epochs.unwrap_or(defaults.epochs),
        // Small files learn from small steps.
        batch_size: asked
            .batch_size
            .unwrap_or_else(|| (whole / 50).clamp(1, defaults.batch_size.min(BATCH_SIZE_MAX))),
        learning_rate_multiplier: multiplier,
        learning_rate,
        rank: defaults.rank,
        alpha: defaults.alpha,
    }
}

/// Checks one file and returns the number of its examples.
async fn check(
    objects: &Objects<'_>,
    file: &File,
    screen: &Screen,
    param: &'static str,
) -> Result<usize, Stopped> {
    let opened = file.open(objects).await?;
    let mut lines = files::lines(opened);
    let (mut count, mut bad, mut more) = (0_usize, Vec::new(), 0_usize);
    let mut note = |text: String| {
        if bad.len() < SHOWN_MAX { bad.push(text) } else { more += 1 }
    };
    let mut blocked = false;
    while let Some(line) = lines.recv().await {
        let example = match line? {
            Ok(example) => example,
            Err(wrong) => {
                note(format!("line {}: {}", wrong.line, wrong.message));
                continue;
            }
        };
        count += 1;
        if count > EXAMPLES_MAX {
            let message = format!("The file has more than {EXAMPLES_MAX} examples.");
            return Err(Stopped::failed("invalid_n_examples", message, Some(param)));
        }
        let line = example.line;
        match judge(screen, example).await {
            Ok(()) => {}
            Err(Blocked::Blocked(_)) => {
                blocked = true;
                note(format!(
                    "line {line}: the content filter of the model's deployment blocks it"
                ));
            }
            // A detector is down: the job waits, and nothing goes on unchecked.
            Err(Blocked::Unavailable(down)) => {
                return Err(Stopped::Later(Blocked::Unavailable(down).into()));
            }
        }
    }
    if bad.is_empty() {
        return Ok(count);
    }
    let mut message = format!("The file is not suitable: {}", bad.join("; "));
    if more > 0 {
        message.push_str(&format!("; and {more} more lines"));
    }
    let code = if blocked { "content_filter" } else { INVALID };
    Err(Stopped::failed(code, message, Some(param)))
}

/// Lets the content filter look at an example: at its turns as at a prompt.
async fn judge(screen: &Screen, example: examples::Example) -> Result<(), Blocked> {
    let messages = example.messages.into_iter().map(as_input).collect();
    let work = Work::Generate(Box::new(Generate {
        prompt: Prompt::Chat { messages, tools: Vec::new() },
        choices: 1,
        tokens_max: None,
        stop: Vec::new(),
        sampling: Sampling::likeliest(),
        logprobs: None,
        constraint: Constraint::Free,
        extras: Extras::default(),
    }));
    let screen = screen.for_another_prompt();
    screen.prompt(work, None, &mut Screening::default()).await.map(drop)
}

/// The assistant's turns are looked at as closely as the user's: the model learns to say them.
fn as_input(message: Message) -> Message {
    match message.role {
        Role::Assistant => Message { role: Role::User, ..message },
        Role::System | Role::User | Role::Tool => message,
    }
}

/// The code of a file that is not suitable, as Azure has it.
pub(super) const INVALID: &str = "invalid_training_file";

/// Lines that a message names.
const SHOWN_MAX: usize = 10;
