//! PCI DSS 4.0.1: the requirements to which promises contribute where prompts can have account data.

use super::controls;

controls! {
    "1.3.1" "Inbound traffic" [ClosedNetwork] Reader
        "A resource answers only the networks that its owner lists."
        "Network security controls around the service."
    "1.3.2" "Outbound traffic" [Sovereign] Operator
        "Outgoing connections are denied by default and counted for each listed destination."
        "Network security controls around the service."
    "3.2.1" "Little stored account data" [ThirtyDays, ZeroRetention] Reader
        "Content has a deadline of 30 days at most; under zero retention none is stored. Log and receipts name the deadline."
        "A policy for retention, and a legal or business need for each period."
    "3.5.1" "Unreadable stored account numbers" [ThirtyDays] Operator
        "Stored content is sealed as a whole, so a number in it cannot be read on the disk."
        "Finding where account numbers are, and keeping sensitive authentication data out of prompts."
    "3.7.5" "Retirement and destruction of keys" [ThirtyDays] Operator
        "Each key is destroyed at its deadline, and the destruction is an entry of the log."
        "Procedures for suspected compromise."
    "7.3.3" "Denied by default" [Isolated, KnownCallers] Reader
        "Policies permit by role only. A call without a role is refused or gets the answer for a missing object."
        "Access control of other systems."
    "8.3.2" "Unreadable authentication factors" [KnownCallers] Operator
        "Keys of callers are stored as digests only."
        "Factors at the identity provider."
    "10.2.1.2" "Log of administrative acts" [GuardedReview, Evidenced] Proved
        "Each change by an administrator and each access to a record is an entry of the log."
        "Logs of the operating system."
    "10.3.2" "Protection of audit logs" [Evidenced] Proved
        "A copied checkpoint shows each later change of the log."
        "Access to the log's files, and backups."
    "A1.1.2" "Separation of customers" [Isolated] Reader
        "Policies keep each customer to its own objects, which a solver proves."
        "Separation in networks and hosts that customers share."
    "A1.2.1" "Audit log for each customer" [Evidenced] Proved
        "The customer verifies entries and receipts without the operator."
        "Review of the entries by the customer."
}
