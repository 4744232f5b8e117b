//! ISO/IEC 27001:2022, annex A: the controls to which promises contribute.

use super::controls;

controls! {
    "A.5.3" "Segregation of duties" [ZeroRetention, GuardedReview] Proved
        "Zero retention and access to a record take decisions of different people, which the log has."
        "Giving the roles to different people."
    "A.5.14" "Information transfer" [Sovereign] Operator
        "Content goes to listed destinations only. Each change of the list is an entry of the log."
        "Agreements with the receivers, and transfers outside of this service."
    "A.5.15" "Access control" [Isolated, KnownCallers] Reader
        "Policies decide each call, and a solver proves that they keep tenants apart."
        "Rules for roles, and access outside of this service."
    "A.5.17" "Authentication information" [KnownCallers] Reader
        "Keys are stored as digests, shown once, and rotate one at a time."
        "Keeping keys secret after they were shown."
    "A.5.23" "Use of cloud services" [Explained] Reader
        "A generated explanation and a comparison with other offerings help a customer to assess the service."
        "The customer's own requirements, assessment and exit."
    "A.5.28" "Collection of evidence" [Evidenced] Proved
        "Receipts and the signed log are evidence that third parties verify without the operator."
        "Preserving copies, and the chain of custody outside of the log."
    "A.5.33" "Protection of records" [Evidenced] Proved
        "The log is append-only, signed, and can be mirrored by others."
        "Backups, and the period for which records are needed."
    "A.5.34" "Privacy and personal data" [SubjectRights] Proved
        "Data on a person can be found, exported and erased. The log has each of these acts."
        "The legal basis, notices, and answers to people."
    "A.8.2" "Privileged access" [GuardedReview] Proved
        "Access to content takes an approval for one record, from an enrolled workstation, and ends by itself."
        "Privileged access to the machine and the network."
    "A.8.3" "Restriction of access" [Isolated, Exclusive] Reader
        "Objects and fine-tuned models of a tenant do not exist for others."
        "Sharing within a tenant."
    "A.8.5" "Secure authentication" [KnownCallers] Reader
        "Tokens are checked against the issuer's keys; keys are compared in constant time."
        "Strong factors at the identity provider."
    "A.8.10" "Deletion of information" [Stateless, ThirtyDays, SubjectRights] Operator
        "Deletion, expiry and erasure destroy keys, and each destruction is an entry of the log."
        "Copies outside of this service."
    "A.8.11" "Masking of data" [PersonalDataStays] Operator
        "Personal data that detectors find is replaced by placeholders before another company's engine gets the request."
        "Choosing the treatment, and data that no detector finds."
    "A.8.12" "Prevention of data leakage" [Sovereign] Operator
        "Outgoing connections are denied by default, and processes that run models cannot make any."
        "Leaks by people, devices and answers."
    "A.8.15" "Logging" [Evidenced] Proved
        "Requests, decisions, changes and starts are entries of a log in which each later change shows."
        "Logs of hosts, networks and other programs."
    "A.8.20" "Security of networks" [ClosedNetwork] Reader
        "A resource answers only the networks that its owner lists; refused attempts are counted."
        "Setting the rules, and the network itself."
    "A.8.24" "Cryptography" [ThirtyDays] Operator
        "Keys are made per tenant and day and destroyed at the deadline, which the log shows."
        "A policy for cryptography, and keys outside of this service."
}
