//! The data that are kept after the request, their place and their duration.

use policy::object::Class;

use super::counted;
use crate::explain::{
    fact::Because,
    facts::{Facts, Logging},
    sentence::{Check, Sentence, Step},
};

pub(super) fn sentences(facts: &Facts) -> Vec<Sentence> {
    vec![
        records(facts),
        region(facts),
        state(facts),
        completions(facts),
        files(facts),
        training(facts),
        numbers(facts),
        receipts(facts),
        log(),
        backups(),
    ]
}

fn records(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let text = match *because.read(&facts.own.content_logging) {
        Logging::Zero { until, .. } => {
            let until = match until {
                Some(at) => format!(" until {}, when the approval ends", audit::rfc3339(at)),
                None => String::new(),
            };
            format!(
                "Prompts and answers are not stored for abuse monitoring: the resource is under zero \
                 retention{until}."
            )
        }
        Logging::Stored => {
            let days = counted((*because.read(&facts.own.retention_days)).into(), "day");
            format!(
                "Prompts and answers are stored for review after abuse, sealed under a key that only the \
                 custodian can use. At the last midnight (UTC) within {days} it destroys that key, and \
                 nothing opens them from then on, in no backup either."
            )
        }
    };
    let check = [
        Check::caller("`retention` in each receipt: the class, the key and its deadline"),
        Check::auditor("entries `KeyDestroyed` of the log: bailiwick verify log"),
        Check::officer(format!("bailiwick desk records {}", facts.resource)),
        Check::caller(
            "`ContentLogging` among the resource's capabilities: always there, true or false",
        ),
    ];
    Sentence::new(Step::Kept, "kept.records", because, text, check)
}

fn region(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let region = because.read(&facts.service.region);
    let text = format!("All that is kept is in the region `{region}`, on the service's own disks.");
    let check = [Check::caller("`region_stored` in each receipt")];
    Sentence::new(Step::Kept, "kept.region", because, text, check)
}

/// Says whether objects of a class are kept at all: `None` if they are, as the caller asks.
fn refused(facts: &Facts, because: &mut Because, class: Class) -> bool {
    match because.read(&facts.own.content_logging) {
        Logging::Stored => false,
        Logging::Zero { keeps, .. } => !keeps.contains(class),
    }
}

fn state(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let days = policy::object::STATE_DAYS_MAX;
    let kept = [(Class::Response, "responses"), (Class::Conversation, "conversations")];
    let kept = kept.map(|(class, name)| (refused(facts, &mut because, class), name));
    let text = match kept {
        [(false, _), (false, _)] => format!(
            "Responses and conversations are kept if the caller asks for it (`store`, which is on by \
             default for responses), {days} days at most, each sealed under a key of its own. They belong \
             to the key or person that made them."
        ),
        [(true, _), (true, _)] => {
            "Responses and conversations are not kept: a request that asks for it \
                                   is refused."
                .to_owned()
        }
        [(true, no), (false, yes)] | [(false, yes), (true, no)] => format!(
            "The approval of zero retention lets {yes} be kept, {days} days at most; a request to keep \
             {no} is refused."
        ),
    };
    Sentence::new(Step::Kept, "kept.state", because, text, inventory(facts))
}

fn completions(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let days = policy::object::STATE_DAYS_MAX;
    let text = if !because.read(&facts.own.stored_completions) {
        "Chat completions are never kept for the caller: `store` is refused.".to_owned()
    } else if refused(facts, &mut because, Class::Completion) {
        "Chat completions are not kept: a request with `store` is refused.".to_owned()
    } else {
        format!(
            "A chat completion is kept only if its request has `store`, {days} days at most, and deleted \
             by its owner at any time."
        )
    };
    Sentence::new(Step::Kept, "kept.completions", because, text, inventory(facts))
}

fn files(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let [files, batches, jobs] =
        [Class::File, Class::Batch, Class::Job].map(|class| refused(facts, &mut because, class));
    let text = match (files, batches, jobs) {
        (false, false, false) => {
            "Files, fine-tuning jobs and fine-tuned models are kept until their owner deletes them, or \
             until a file's `expires_after`. A batch is kept for 30 days; its input and its results are \
             files. An upload that is not completed is gone after an hour."
                .to_owned()
        }
        (true, ..) => "Files cannot be uploaded, so there are no batches and no fine-tuning: the \
                       resource is under zero retention."
            .to_owned(),
        (false, no_batches, no_jobs) => {
            let named = [(no_batches, "batches"), (no_jobs, "fine-tuning jobs")];
            let no: Vec<String> = named
                .into_iter()
                .filter(|(refused, _)| *refused)
                .map(|(_, name)| name.to_owned())
                .collect();
            format!(
                "The approval of zero retention lets files be kept until they are deleted; {} are \
                 refused.",
                super::and(&no)
            )
        }
    };
    Sentence::new(Step::Kept, "kept.files", because, text, inventory(facts))
}

fn inventory(facts: &Facts) -> Vec<Check> {
    vec![
        Check::caller("GET /openai/v1/inventory lists each object, with its end"),
        Check::officer(format!("bailiwick desk inventory {}", facts.resource)),
        Check::caller("`objects` in each receipt: what the request wrote or destroyed"),
        Check::auditor("entries `ObjectDestroyed` of the log"),
    ]
}

fn training(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let text = match *because.read(&facts.own.tuned) {
        0 => "No model is trained with prompts or answers. Training reads only files that the resource's \
              own callers name in a fine-tuning job; the resource has no fine-tuned models."
            .to_owned(),
        number => format!(
            "No model is trained with prompts or answers. Training reads only files that the resource's \
             own callers name in a fine-tuning job. The resource has {}, which no other resource can use.",
            counted(u64::try_from(number).unwrap_or(u64::MAX), "fine-tuned model")
        ),
    };
    let check = [
        Check::caller("repeat a training: bailiwick verify training"),
        Check::auditor("entries `TrainingStarted` of the log name the files' commitments"),
        Check::caller("`model_sha256` in each receipt stays the same"),
    ];
    Sentence::new(Step::Kept, "kept.training", because, text, check)
}

fn numbers(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let usage = counted((*because.read(&facts.service.usage_days)).into(), "day");
    let counts = counted(store::abuse::COUNT_DAYS, "day");
    let text = format!(
        "Numbers without content are kept: requests and tokens by hour for {usage}, findings of the \
         content filter by day for {counts}. End users are counted under keyed hashes only."
    );
    let check = [
        Check::operator("bailiwick usage"),
        Check::officer(format!("bailiwick desk abuse {}", facts.resource)),
    ];
    Sentence::new(Step::Kept, "kept.numbers", because, text, check)
}

fn receipts(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let days = counted((*because.read(&facts.service.receipts_days)).into(), "day");
    let text = format!(
        "The receipt of each request is kept for {days}: hashes, numbers and settings, and no content."
    );
    let check = [Check::caller("GET /openai/v1/receipts/REQUEST")];
    Sentence::new(Step::Kept, "kept.receipts", because, text, check)
}

fn log() -> Sentence {
    let text = "The transparency log is kept for ever. It has commitments and decisions, from which no \
                content and no person can be read.";
    let check = [Check::auditor("bailiwick mirror URL FOLDER")];
    Sentence::new(Step::Kept, "kept.log", Because::default(), text, check)
}

fn backups() -> Sentence {
    let text = "A backup of the data has the sealed bytes and none of the keys that open them: what was \
                deleted or has expired since does not open from a backup.";
    let check = [Check::operator("docs/operate/backup.md: restore a backup, and try")];
    Sentence::new(Step::Kept, "kept.backups", Because::default(), text, check)
}
