//! The request that starts a job.

use std::{collections::BTreeMap, fmt};

use engine::request::Text;
use policy::content::Content;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Visitor},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, OneOfBuilder, Schema, Type},
    },
};

use super::Surface;
use crate::{
    error::{Code, Invalid},
    fields::{self, Labels},
    json::{self, objects_only, texts_only, without_repeats},
    refused::Refused,
};

/// A request that starts a fine-tuning job.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = CreateFineTuningJobRequest)]
pub struct JobBody {
    /// The name of the model to train: a model that a deployment of the resource runs from a file, or
    /// the deployment's name.
    #[schema(value_type = String)]
    pub model: Text,
    /// The id of a file with the purpose `fine-tune`.
    #[schema(value_type = String)]
    pub training_file: Text,
    /// The id of a file with the purpose `fine-tune`. The job measures the model on it, and does not
    /// train on it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub validation_file: Option<Text>,
    /// The hyperparameters; `method` may have them instead.
    pub hyperparameters: Option<HyperBody>,
    /// The method.
    pub method: Option<MethodBody>,
    /// The same seed, files, model and hyperparameters give the same model, to the bit.
    #[schema(minimum = 0, maximum = 2147483647)]
    pub seed: Option<i64>,
    /// The end of the new model's name: letters, digits, `-` and `_`.
    #[schema(value_type = Option<String>, max_length = 64)]
    pub suffix: Option<Text>,
    /// Labels, which the job keeps.
    #[serde(default, deserialize_with = "without_repeats")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub metadata: Option<BTreeMap<String, Text>>,
}

/// The method of a job.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = FineTuneMethod)]
pub struct MethodBody {
    /// Only `supervised` is supported.
    #[serde(rename = "type")]
    pub kind: MethodKind,
    /// The settings of the method `supervised`.
    pub supervised: Option<SupervisedBody>,
}

/// OpenAI's methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "lowercase")]
#[schema(as = FineTuneMethodType)]
pub enum MethodKind {
    /// Learns the assistant's turns.
    Supervised,
    /// Not supported.
    Dpo,
    /// Not supported.
    Reinforcement,
}

/// The settings of the method `supervised`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = FineTuneSupervisedMethod)]
pub struct SupervisedBody {
    /// The hyperparameters.
    pub hyperparameters: Option<HyperBody>,
}

/// The hyperparameters.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = FineTuneHyperparameters)]
pub struct HyperBody {
    /// How often the job reads each example: 1 to 50.
    #[serde(default)]
    pub n_epochs: Auto,
    /// Examples in one step: 1 to 64.
    #[serde(default)]
    pub batch_size: Auto,
    /// Multiplies the learning rate: more than 0, at most 20.
    #[serde(default)]
    pub learning_rate_multiplier: Auto,
}

objects_only!(
    JobBody refuses [
        Refused::field("integrations"),
        Refused::field("trainingType"),
    ],
    MethodBody refuses [Refused::field("dpo"), Refused::field("reinforcement")],
    SupervisedBody,
    HyperBody refuses [
        Refused::field("beta"),
        Refused::field("compute_multiplier"),
        Refused::field("eval_interval"),
        Refused::field("eval_samples"),
        Refused::field("reasoning_effort"),
    ],
);
texts_only!(MethodKind);

/// A number, or `auto`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Auto {
    /// The service chooses.
    #[default]
    Auto,
    /// The caller chose.
    Number(f64),
}

impl<'de> Deserialize<'de> for Auto {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AutoVisitor)
    }
}

struct AutoVisitor;

impl Visitor<'_> for AutoVisitor {
    type Value = Auto;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or 'auto'")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Auto, E> {
        match text {
            "auto" => Ok(Auto::Auto),
            _ => Err(E::custom("invalid value, expected a number or 'auto'")),
        }
    }

    fn visit_unit<E: de::Error>(self) -> Result<Auto, E> {
        Ok(Auto::Auto)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Auto, E> {
        Ok(Auto::Number(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Auto, E> {
        Ok(Auto::Number(number as f64))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Auto, E> {
        Ok(Auto::Number(number as f64))
    }
}

impl PartialSchema for Auto {
    fn schema() -> RefOr<Schema> {
        let auto = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["auto"]));
        let number = ObjectBuilder::new().schema_type(Type::Number);
        Schema::from(OneOfBuilder::new().item(auto).item(number)).into()
    }
}

impl ToSchema for Auto {}

/// The hyperparameters as they were asked for; `None` for `auto`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// See [`HyperBody::n_epochs`].
    pub n_epochs: Option<u32>,
    /// See [`HyperBody::batch_size`].
    pub batch_size: Option<u32>,
    /// See [`HyperBody::learning_rate_multiplier`].
    pub learning_rate_multiplier: Option<f64>,
}

/// A checked request.
#[derive(Debug)]
pub struct NewJob {
    /// The name of the model.
    pub model: Text,
    /// The id of the training file.
    pub training_file: Text,
    /// The id of the validation file.
    pub validation_file: Option<Text>,
    /// The hyperparameters.
    pub asked: Asked,
    /// True if the request named its method.
    pub with_method: bool,
    /// The seed.
    pub seed: Option<u32>,
    /// The end of the model's name.
    pub suffix: Option<String>,
    /// The labels.
    pub metadata: Vec<(Content, Content)>,
}

/// Parses a request.
///
/// # Errors
/// If it is not a request that this service supports. The error names the field.
pub fn parse(bytes: &[u8], surface: Surface) -> Result<NewJob, Invalid> {
    let body: JobBody = json::parse(bytes)?;
    let with_method = body.method.is_some();
    let (hyper, at) = match body.method {
        Some(MethodBody { kind: MethodKind::Supervised, supervised }) => {
            let of_method = supervised.and_then(|supervised| supervised.hyperparameters);
            if of_method.is_some() && body.hyperparameters.is_some() {
                return Err(Invalid::value(
                    "hyperparameters",
                    "'hyperparameters' and 'method.supervised.hyperparameters' are both there. \
                     Send one of them.",
                ));
            }
            match of_method {
                Some(hyper) => (hyper, "method.supervised.hyperparameters"),
                None => (body.hyperparameters.unwrap_or_default(), "hyperparameters"),
            }
        }
        Some(MethodBody { kind, .. }) => {
            let name = match kind {
                MethodKind::Dpo => "dpo",
                MethodKind::Supervised | MethodKind::Reinforcement => "reinforcement",
            };
            return Err(Invalid {
                param: Some("method.type".to_owned()),
                code: Code::UnsupportedValue,
                message: format!(
                    "Unsupported value: 'method.type' does not support '{name}' with this service. \
                     Supported values are: 'supervised'."
                ),
            });
        }
        None => (body.hyperparameters.unwrap_or_default(), "hyperparameters"),
    };
    Labels { metadata: body.metadata.as_ref(), identifiers: &[] }.check()?;
    Ok(NewJob {
        model: body.model,
        training_file: body.training_file,
        validation_file: body.validation_file,
        asked: Asked {
            n_epochs: whole(&format!("{at}.n_epochs"), hyper.n_epochs, EPOCHS_MAX)?,
            batch_size: whole(&format!("{at}.batch_size"), hyper.batch_size, BATCH_SIZE_MAX)?,
            learning_rate_multiplier: multiplier(
                &format!("{at}.learning_rate_multiplier"),
                hyper.learning_rate_multiplier,
            )?,
        },
        with_method,
        seed: fields::integer("seed", body.seed, 0, i64::from(i32::MAX))?,
        suffix: body.suffix.map(|text| suffix(&text, surface)).transpose()?,
        metadata: fields::pairs(body.metadata),
    })
}

fn whole(param: &str, value: Auto, max: u32) -> Result<Option<u32>, Invalid> {
    let Auto::Number(number) = value else { return Ok(None) };
    if number.fract() != 0.0 || number < 1.0 || number > f64::from(max) {
        let message =
            format!("Invalid '{param}': expected 'auto' or a whole number from 1 to {max}.");
        return Err(Invalid::value(param, message));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is a whole number in a small range"
    )]
    Ok(Some(number as u32))
}

fn multiplier(param: &str, value: Auto) -> Result<Option<f64>, Invalid> {
    match value {
        Auto::Auto => Ok(None),
        Auto::Number(number) if number > 0.0 && number <= MULTIPLIER_MAX => Ok(Some(number)),
        Auto::Number(_) => {
            let message = format!(
                "Invalid '{param}': expected 'auto' or a number above 0 and at most {MULTIPLIER_MAX}."
            );
            Err(Invalid::value(param, message))
        }
    }
}

fn suffix(text: &Text, surface: Surface) -> Result<String, Invalid> {
    let (text, max) = (text.0.reveal(), surface.suffix_max());
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if text.is_empty() || text.len() > max || !text.bytes().all(fits) {
        let message =
            format!("Invalid 'suffix': expected 1 to {max} letters, digits, '-' and '_'.");
        return Err(Invalid::value("suffix", message));
    }
    Ok(text.to_owned())
}

/// The most passes over a training file.
pub const EPOCHS_MAX: u32 = 50;

/// The most examples in a step.
pub const BATCH_SIZE_MAX: u32 = 64;

/// The largest multiplier of the learning rate.
pub const MULTIPLIER_MAX: f64 = 20.0;
