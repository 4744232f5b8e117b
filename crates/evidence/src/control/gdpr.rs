//! Regulation (EU) 2016/679: the provisions to which promises contribute.

use super::controls;

controls! {
    "Art. 5(1)(b)" "Purpose limitation" [NotForTraining] Reader
        "No training reads prompts or answers, and a caller repeats a training to the bit."
        "Purposes of the controller, and the use of answers."
    "Art. 5(1)(c)" "Data minimisation" [Metered, PersonalDataStays] Operator
        "Usage is counted without content. Found personal data is replaced or blocked before another company's engine, as set."
        "Sending no more personal data than needed."
    "Art. 5(1)(e)" "Storage limitation" [ThirtyDays, ZeroRetention] Reader
        "Content has a deadline of 30 days at most, after which its key is destroyed; under zero retention none is stored."
        "Periods for objects that a caller asks to keep."
    "Art. 5(1)(f)" "Integrity and confidentiality" [Isolated, GuardedReview] Operator
        "Tenants are kept apart by proved policies, and people see a record only with an approval for it."
        "Security of the machine, the network and the callers."
    "Art. 5(2)" "Accountability" [Evidenced] Proved
        "The log, receipts and these documents are evidence that a third party can verify."
        "Documentation of the controller's own decisions."
    "Art. 12(1)" "Transparent information" [Explained] Reader
        "A plain account of the life of a request is made from the settings in force."
        "Informing the data subjects."
    "Art. 15" "Right of access" [SubjectRights] Proved
        "An officer finds and exports the data on a person over all stores."
        "Identifying the person, and answering within the period."
    "Art. 17" "Right to erasure" [SubjectRights] Operator
        "An erasure destroys keys, and its certificate can be verified against the log."
        "Deciding on the request, and copies outside of this service."
    "Art. 18" "Right to restriction" [SubjectRights] Proved
        "An officer stops that data on a person is stored, and the log has it."
        "Deciding on the request, and data outside of this service."
    "Art. 25(2)" "Protection by default" [Stateless, ThirtyDays] Operator
        "Objects are kept only on request, and records end by themselves."
        "Defaults of the programs that call the service."
    "Art. 28(2)" "Other processors" [Sovereign] Reader
        "Another company's engine gets content only if the customer's officer allowed this processor, which the log has."
        "The contract with each processor, and notice of changes."
    "Art. 28(3)" "Contract of processing" [NotForTraining, Exclusive] Reader
        "Content serves the customer's requests only, and a fine-tuned model serves its customer only."
        "The contract, its instructions, and audits."
    "Art. 30(2)" "Record of processing" [SubjectRights] Operator
        "The record comes from the settings in force, and each line names its sources."
        "Contacts, representatives, and processing outside of this service."
    "Art. 32(1)" "Security of processing" [ThirtyDays, KnownCallers] Operator
        "Stored content is sealed, and callers prove their identity."
        "Assessing the risk, resilience, and organizational measures."
    "Art. 33(2)" "Notice of a breach to the controller" [Evidenced] Operator
        "The report on the scope of a breach takes requests, records and accesses from the log."
        "Noticing the breach, and sending the notice without delay."
    "Art. 44" "Transfers to third countries" [Resident] Reader
        "Receipts name the region of processing and of storage, and a policy keeps requests in the chosen regions."
        "The legal ground of each transfer, and the truth of regions of other engines."
}
