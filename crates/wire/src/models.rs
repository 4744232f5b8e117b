//! The answers that list and describe models: a resource's deployments.

use serde::Serialize;
use utoipa::ToSchema;

/// A list of models.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ListModelsResponse)]
pub struct ModelList<'a> {
    /// Always `list`.
    pub object: &'static str,
    /// The models.
    pub data: Vec<ModelOut<'a>>,
}

/// One model.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Model)]
pub struct ModelOut<'a> {
    /// The deployment's name.
    pub id: &'a str,
    /// Always `model`.
    pub object: &'static str,
    /// Time of the deployment: seconds since 1970.
    pub created: u64,
    /// Always `bailiwick`: the operator of this service holds the weights.
    pub owned_by: &'static str,
    /// The name of the deployed model.
    pub model: &'a str,
    /// The tasks that the model supports.
    pub capabilities: Capabilities,
}

/// The tasks that a model supports.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = ModelCapabilities)]
pub struct Capabilities {
    /// Chat.
    pub chat_completion: bool,
    /// Plain completions.
    pub completion: bool,
    /// Embeddings.
    pub embeddings: bool,
}
