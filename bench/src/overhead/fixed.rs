//! The answer and core of both stubs: the stub behind Bailiwick's gateway and the stub behind the
//! other proxies must be alike.

/// The text of every answer.
pub(crate) const TEXT: &str = "This is the answer that is always given, at once.";
/// Prompt tokens in the answer's usage.
pub(crate) const PROMPT_TOKENS: u32 = 250;
/// Completion tokens in the answer's usage.
pub(crate) const COMPLETION_TOKENS: u32 = 12;
/// The core of the stubs and of the load generator; the measured proxy has another one.
pub(crate) const STUB_CORE: usize = 0;
