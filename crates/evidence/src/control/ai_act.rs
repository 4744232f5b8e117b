//! Regulation (EU) 2024/1689: the provisions to which promises contribute, where a system on this
//! service falls under them. Most duties are of the provider or the deployer of that system.

use super::controls;

controls! {
    "Art. 10(2)" "Governance of training data" [NotForTraining] Proved
        "The log names the commitments of a training's files before the trainer gets an example, and the training can be repeated."
        "Collection, examination and bias of the data."
    "Art. 12(1)" "Record-keeping" [Evidenced] Proved
        "Each request leaves a signed receipt and an entry of the log, without content."
        "Events of the system that uses the model."
    "Art. 15(5)" "Attacks on confidentiality" [Isolated, Stateless] Operator
        "Models keep no data between requests, and tenants share no cache."
        "Other attacks on the system, such as poisoned data and adversarial input."
    "Art. 26(6)" "Logs of deployers" [Evidenced] Proved
        "Entries of the log and receipts do not expire with the content, so a deployer can preserve them."
        "Preserving the logs of its own system for six months at least."
    "Art. 26(9)" "Impact assessment on data protection" [SubjectRights, Explained] Operator
        "Generated reports and explanations give facts for the assessment."
        "The assessment itself."
}
