//! What both stubs answer, and where they run: the one behind Bailiwick's gateway and the one that
//! the other proxies talk to are to be alike.

/// The text of every answer.
pub(crate) const TEXT: &str = "This is the answer that is always given, at once.";
/// What the answer says about the prompt.
pub(crate) const PROMPT_TOKENS: u32 = 250;
/// What the answer says about itself.
pub(crate) const COMPLETION_TOKENS: u32 = 12;
/// The core of the stubs and of the load generator. What is measured has another one.
pub(crate) const STUB_CORE: usize = 0;
