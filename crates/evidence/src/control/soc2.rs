//! SOC 2: the Trust Services Criteria of 2017 with the points of focus of 2022 to which promises contribute.

use super::controls;

controls! {
    "CC2.3" "Communication with external parties" [Explained] Reader
        "Customers read an account of the life of their requests that is made from the settings in force."
        "Contracts, notices and contact with customers."
    "CC4.1" "Ongoing evaluations" [Evidenced] Operator
        "Checks evaluate the promises all the time and show missing and old answers as such."
        "Separate evaluations, and the board's oversight."
    "CC6.1" "Logical access" [Isolated, KnownCallers] Reader
        "Policies decide each call, and a solver proves that they keep tenants apart."
        "Access to hosts, networks and buildings."
    "CC6.3" "Roles and segregation" [GuardedReview] Proved
        "Access to content takes decisions of different roles for one record."
        "Designing roles, and giving them to different people."
    "CC6.5" "Disposal of data" [ThirtyDays] Operator
        "Destroying the key makes stored content unreadable before its disk is disposed of."
        "Disposal of hardware, and copies of keys."
    "CC6.6" "Threats from outside" [ClosedNetwork] Reader
        "A resource answers only the networks that its owner lists. Administration has a listener of its own."
        "Firewalls, detection of intrusion, and the rules of each resource."
    "CC6.7" "Transmission of information" [Sovereign] Operator
        "Content goes to listed destinations only. Each change of the list is an entry of the log."
        "Devices and media of people."
    "CC7.2" "Monitoring for anomalies" [AbuseHandled] Operator
        "Patterns of harmful requests are flagged and throttled, and people are notified."
        "Monitoring of the infrastructure, and assessing events."
    "CC8.1" "Changes" [Evidenced] Proved
        "The log has each change of the service's settings and each start with its digests."
        "Approving, testing and documenting changes."
    "CC9.2" "Vendors" [Sovereign] Reader
        "Content reaches another company's engine only if the customer's officer allowed it, which the log has."
        "Assessing vendors, and contracts with them."
    "C1.1" "Confidential information" [Isolated, Exclusive] Reader
        "Content and fine-tuned models of a tenant do not exist for others."
        "Classifying information."
    "P4.1" "Limits of use" [NotForTraining] Reader
        "No training reads prompts or answers, and a caller repeats a training to the bit."
        "Stating purposes, and other uses."
    "P4.3" "Disposal of personal information" [ThirtyDays, SubjectRights] Operator
        "Deadlines and erasures destroy keys, and each destruction is an entry of the log."
        "Personal information outside of this service."
    "P5.1" "Access of individuals" [SubjectRights] Proved
        "An officer finds and exports the data on a person, and the log has each search."
        "Identifying the person, and answering in time."
    "P6.2" "Record of disclosures" [GuardedReview] Proved
        "Each access of a person to a record is an entry with its approval."
        "Disclosures outside of this service."
}
