//! NIST SP 800-53, revision 5: the controls to which promises contribute.

use super::controls;

controls! {
    "AC-2" "Account management" [KnownCallers] Operator
        "Roles are named and held at a resource. The tables of roles are compared with the log, which has each change."
        "Approving, reviewing and ending accounts in the identity provider."
    "AC-2(12)" "Unusual use of accounts" [AbuseHandled] Operator
        "Patterns of harmful requests of a resource or an end user are flagged, notified and throttled by rule."
        "Watching for other unusual use, and following up each notice."
    "AC-3" "Access enforcement" [Isolated, KnownCallers] Reader
        "Each call takes a decision of proved policies. Another tenant's object gets the answer for a missing one."
        "Assigning roles that fit the work, and access to the machine itself."
    "AC-4" "Information flow" [Sovereign, Resident] Operator
        "One dialer connects to listed destinations only, and a request goes only to engines in the regions of its deployment."
        "The list of destinations, and flows outside of this service."
    "AC-5" "Separation of duties" [ZeroRetention, GuardedReview] Proved
        "Zero retention and access to a record take approvals by other people than the applicant. The log has each decision."
        "Giving the roles to different people."
    "AC-6" "Least privilege" [GuardedReview] Proved
        "A reviewer opens one record by its request id, once, for some minutes, with an approval for this record."
        "Privileges on the machine, in the network and in the identity provider."
    "AC-6(9)" "Log of privileged acts" [GuardedReview, Evidenced] Proved
        "Each access to a record and each change of a setting that decides is an entry of the log."
        "Logs of the operating system for acts beside the service."
    "AC-20" "Use of external systems" [Sovereign] Operator
        "External systems get connections only if they are listed. Each change of the list is an entry of the log."
        "Terms with the owners of these systems."
    "AU-2" "Events to log" [Evidenced] Proved
        "The format of the log names each kind of entry, and auditors' rules say which entries must precede which."
        "Choosing events outside of this service."
    "AU-3(3)" "Little personal data in audit records" [Metered] Reader
        "Metrics, usage and program logs have ids, counts and times, no content. A caller can send a marked text, and search the outputs for it."
        "Logs of proxies and of the operating system."
    "AU-9" "Protection of audit records" [Evidenced] Proved
        "The log is append-only with signed checkpoints. A copy at an auditor shows each later change."
        "Backups of the log's files, and access to the signing key."
    "AU-10" "Non-repudiation" [GuardedReview] Proved
        "Where a party has a root, the decisions about access carry the signatures of its people."
        "Making the roots, and enrolling people's keys in person."
    "AU-12" "Generation of audit records" [Evidenced] Reader
        "The transaction that answers a request also records it. A caller compares receipts with the log."
        "Records of components that are not a part of this service."
    "CA-7" "Continuous monitoring" [Evidenced] Operator
        "Checks run in the service all the time. An old or missing answer never counts as kept."
        "A strategy for monitoring, and people who act on the states."
    "CM-3" "Configuration change control" [Evidenced] Proved
        "The log has each change of tenants, resources, deployments, roles, keys and destinations, and each start with its configuration."
        "Reviewing and approving changes before they are made."
    "CM-7" "Least functionality" [Sovereign] Operator
        "Workers that run models have no network, no files and no new processes once loaded; each start tests it."
        "Functions of the operating system and of other programs."
    "CM-12" "Location of information" [Resident] Reader
        "Each receipt has the region of processing and of storage."
        "Stating where the machines of a region stand."
    "IA-2" "Authentication of organizational users" [KnownCallers] Reader
        "People and programs come with tokens of configured issuers, whose signature and claims are checked."
        "Factors of authentication, which the identity provider asks for."
    "IA-5" "Authenticators" [KnownCallers] Reader
        "Keys have 256 bits, are stored as digests, and rotate one at a time. An old key gets 401."
        "Giving keys out, keeping them secret, and rotating them."
    "MP-6" "Sanitization of media" [ThirtyDays] Operator
        "Content is made unreadable at its deadline by destroying its key. The log has the destruction of each key."
        "Copies of keys outside of the service, and media that leave the operator's hands."
    "PM-21" "Accounting of disclosures" [GuardedReview] Proved
        "Each access of a person to a record is an entry with its request and its approval. The owner sees it."
        "Disclosures outside of this service."
    "PT-3" "Purposes of processing personal data" [NotForTraining] Reader
        "A training reads only files that its tenant uploaded for fine-tuning. A caller repeats it to the bit."
        "Stating purposes, and the use of answers."
    "PT-5" "Privacy notice" [Explained] Reader
        "An explanation of the life of a request is made from the settings in force. It changes with each setting."
        "Giving notice to the people whose data are in prompts."
    "SA-9(5)" "Location of processing and storage" [Resident] Reader
        "A policy compares an engine's region with the regions that the customer chose. Receipts name both regions."
        "Contracts with operators of other engines, and the truth of their regions."
    "SC-2" "Separation of user and system functions" [ClosedNetwork] Reader
        "Administration and review have listeners of their own, apart from the customers' API."
        "Networks from which these listeners are reachable."
    "SC-4" "Shared system resources" [Isolated, Stateless] Operator
        "Tenants share no prefix cache. Memory is overwritten after use in workers and gateway."
        "Other programs on the machine, and side channels of the processor."
    "SC-7(5)" "Deny by default" [Sovereign, ClosedNetwork] Operator
        "No destination is allowed until it is listed. A resource can refuse each network that its owner does not list."
        "Setting the rules of each resource, and firewalls."
    "SC-7(24)" "Personal data at the boundary" [PersonalDataStays] Operator
        "Detectors look for personal data in requests to other companies' engines and replace or block it, as set. Receipts count it by kind."
        "Choosing the treatment, and personal data that no detector finds."
    "SC-12" "Cryptographic keys" [ThirtyDays] Operator
        "Keys are per tenant and day. The log has the making and the destruction of each key."
        "Protecting the key directory, or holding the key-encryption key as a customer."
    "SC-28" "Information at rest" [ThirtyDays, ZeroRetention] Operator
        "Stored content is sealed to keys that the gateway does not hold; under zero retention no content is stored."
        "Encrypting disks, and protecting backups."
    "SC-39" "Process isolation" [Sovereign] Operator
        "Each model runs in a confined process of its own. The custodian of the keys is another process."
        "Isolation by the operating system and the hypervisor."
    "SI-4" "System monitoring" [Sovereign, AbuseHandled] Operator
        "Refused connections are counted, and harmful use is detected by rule."
        "Monitoring of hosts and networks, and responding."
    "SI-7" "Integrity of software and models" [NotForTraining] Reader
        "Models are pinned by digest. The log has the digests of each start, and each receipt has that of its model."
        "The integrity of the operating system, and comparing the digests."
    "SI-12" "Management and retention" [Stateless, ThirtyDays] Operator
        "Records and kept objects have an end. The log has the destruction of each key."
        "Choosing periods that fit the law, and data outside of this service."
    "SI-12(3)" "Disposal of information" [ThirtyDays, SubjectRights] Operator
        "Deadlines, deletions and erasures destroy keys, and each destruction is an entry of the log."
        "Copies that callers made of answers."
    "SI-18(4)" "Requests of individuals" [SubjectRights] Proved
        "An officer finds, exports and erases the data on a person. The officer gets a certificate of each erasure, and can verify it."
        "Identifying the person, answering in time, and people whom no request names."
}
