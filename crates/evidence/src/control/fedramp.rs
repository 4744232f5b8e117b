//! FedRAMP 20x: the Key Security Indicators of the Consolidated Rules for 2026 to which promises contribute.

use super::controls;

controls! {
    "KSI-CMT-LMC" "Logging changes" [Evidenced] Proved
        "The log has each change of the service's settings and each start with its digests."
        "Changes of hosts, networks and pipelines."
    "KSI-CNA-MAT" "Minimal attack surface" [Sovereign] Operator
        "Processes that run models have no network, no files and no new processes; each start tests it."
        "Reviewing the attack surface of hosts and networks."
    "KSI-CNA-RNT" "Restricted network traffic" [Sovereign, ClosedNetwork] Operator
        "Outgoing connections are denied by default, and a resource answers listed networks only."
        "Firewalls, and reviewing the rules."
    "KSI-IAM-ELP" "Least privilege" [Isolated, GuardedReview] Operator
        "Proved policies keep callers to their tenant, and people to one approved record."
        "Access to hosts, and reviewing roles."
    "KSI-IAM-JIT" "Just-in-time authorization" [GuardedReview] Proved
        "Access to a record takes an approval for this record and ends after some minutes."
        "Just-in-time access to hosts and cloud accounts."
    "KSI-IAM-SNU" "Authentication of programs" [KnownCallers] Reader
        "Programs come with tokens of configured issuers or with keys that rotate."
        "Giving secrets to programs, and rotating them."
    "KSI-MLA-LET" "Event types that are logged" [Evidenced] Proved
        "The format of the log names each kind of entry, and auditors' rules say which must precede which."
        "Events of other components."
    "KSI-MLA-OSM" "Tamper-resistant logging" [Evidenced] Proved
        "The log is append-only and signed, and others can mirror it."
        "A system that gathers the logs of all components."
    "KSI-SVC-ASM" "Management of secrets" [ThirtyDays] Operator
        "Keys of stored content are made and destroyed by rule, and the log has both."
        "Certificates, and other secrets of the operator."
    "KSI-SVC-RUD" "Removal of unwanted data" [ThirtyDays, SubjectRights] Operator
        "Deletion and erasure destroy keys, so that backups from before do not open."
        "Data outside of this service, and requests of agencies."
    "KSI-SVC-VRI" "Integrity of resources" [NotForTraining] Reader
        "Models are pinned by digest, which each receipt names."
        "Integrity of hosts and images."
}
