//! Llama Guard 3: one question with the whole policy, and, only if that says unsafe, one question for
//! each category with a policy of this category alone.
//!
//! Source of the prompt: the chat templates in the files `tokenizer_config.json` of
//! meta-llama/Llama-Guard-3-8B and -1B, as huggingface/huggingface.js has them
//! (`packages/ollama-utils/src/chat-template-automap.ts`); the two line feeds at the end are the
//! model's own first token, forced. The template lets a caller leave out categories, which makes a
//! policy of one. Source of the reading: the model card ("we look at the probability for the first
//! token", meta-llama/PurpleLlama, `Llama-Guard3/8B/MODEL_CARD.md`).

use super::{Asked, Passage, Piece, Question};
use crate::{content::Content, guard::verdict::Category};

/// The categories that the policy has.
pub(super) const COVERS: &[Category] = &[
    Category::Hate,
    Category::Sexual,
    Category::Violence,
    Category::SelfHarm,
    Category::ProtectedMaterialText,
];

const LABELS: &[&[&str]] = &[&["unsafe"], &["safe"]];

/// All categories of the 1B model. Its card has 13, the one of the 8B model 14.
const POLICY_13: &str = "S1: Violent Crimes.\nS2: Non-Violent Crimes.\nS3: Sex Crimes.\nS4: Child Exploitation.\nS5: Defamation.\nS6: Specialized Advice.\nS7: Privacy.\nS8: Intellectual Property.\nS9: Indiscriminate Weapons.\nS10: Hate.\nS11: Self-Harm.\nS12: Sexual Content.\nS13: Elections.\n";
const POLICY_14: &str = "S1: Violent Crimes.\nS2: Non-Violent Crimes.\nS3: Sex Crimes.\nS4: Child Exploitation.\nS5: Defamation.\nS6: Specialized Advice.\nS7: Privacy.\nS8: Intellectual Property.\nS9: Indiscriminate Weapons.\nS10: Hate.\nS11: Self-Harm.\nS12: Sexual Content.\nS13: Elections.\nS14: Code Interpreter Abuse.\n";

/// Azure's categories, each with the policy that asks for it alone.
const SINGLE: [(&[Category], &str); 5] = [
    (&[Category::Hate], "S10: Hate.\n"),
    (&[Category::Sexual], "S3: Sex Crimes.\nS4: Child Exploitation.\nS12: Sexual Content.\n"),
    (&[Category::Violence], "S1: Violent Crimes.\nS9: Indiscriminate Weapons.\n"),
    (&[Category::SelfHarm], "S11: Self-Harm.\n"),
    (&[Category::ProtectedMaterialText], "S8: Intellectual Property.\n"),
];

/// Returns the question with the whole policy.
pub(super) fn whole(passage: &Passage, small: bool) -> Question {
    question(passage, small, if small { POLICY_13 } else { POLICY_14 })
}

/// Returns one question for each category.
pub(super) fn single(passage: &Passage, small: bool) -> Vec<Asked> {
    let ask = |(about, policy)| Asked { about, question: question(passage, small, policy) };
    SINGLE.into_iter().map(ask).collect()
}

fn question(passage: &Passage, small: bool, policy: &'static str) -> Question {
    let (user, agent) = passage.texts();
    let judged = |user, agent_too| if agent.is_some() { agent_too } else { user };
    let mut pieces = vec![
        Piece::Markup(judged(
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nTask: Check if there is unsafe content in 'User' messages in conversations according our safety policy with the below categories.\n\n<BEGIN UNSAFE CONTENT CATEGORIES>\n",
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nTask: Check if there is unsafe content in 'Agent' messages in conversations according our safety policy with the below categories.\n\n<BEGIN UNSAFE CONTENT CATEGORIES>\n",
        )),
        Piece::Markup(policy),
        Piece::Markup("<END UNSAFE CONTENT CATEGORIES>\n\n<BEGIN CONVERSATION>\n\nUser: "),
        Piece::Text(trimmed(&user)),
    ];
    if let Some(agent) = &agent {
        pieces.extend([Piece::Markup("\n\nAgent: "), Piece::Text(trimmed(agent))]);
    }
    pieces.push(Piece::Markup(judged(
        "\n\n<END CONVERSATION>\n\nProvide your safety assessment for ONLY THE LAST User message in the above conversation:\n - First line must read 'safe' or 'unsafe'.\n - If unsafe, a second line must include a comma-separated list of violated categories.",
        "\n\n<END CONVERSATION>\n\nProvide your safety assessment for ONLY THE LAST Agent message in the above conversation:\n - First line must read 'safe' or 'unsafe'.\n - If unsafe, a second line must include a comma-separated list of violated categories.",
    )));
    pieces.push(Piece::Markup(if small {
        " <|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
    } else {
        "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
    }));
    Question { pieces, labels: LABELS }
}

/// The template removes white space at both ends of a text.
fn trimmed(text: &Content) -> Content {
    Content::new(text.reveal().trim().to_owned())
}
