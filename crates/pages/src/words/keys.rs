//! Texts about roots and keys of people.

use super::messages;

messages! {
    /// Texts of the page about keys.
    Keys {
        Title { "Signing keys", "Signaturschlüssel" }
        Lead { "People sign their decisions with keys of their own. The log keeps each signature, so that no administrator can decide in their name.", "Menschen unterschreiben ihre Entscheidungen mit eigenen Schlüsseln. Das Protokoll bewahrt jede Unterschrift, sodass kein Administrator in ihrem Namen entscheiden kann." }
        SignedFor { "Signed are: access requests, approvals and consents; reads and deletions of records; applications, their decision and end; penalties and appeals; processors; all acts about persons.", "Unterschrieben werden: Zugriffsanforderungen, Genehmigungen und Zustimmungen; Lesen und Löschen von Aufzeichnungen; Anträge, deren Entscheidung und Ende; Sanktionen und Einsprüche; Auftragsverarbeiter; alle Handlungen zu Personen." }
        Roots { "Roots", "Wurzeln" }
        RootsLead { "A root is the key, or two of three keys, that name the people of a party. Compare its fingerprint with the one of your own root key.", "Eine Wurzel ist der Schlüssel, oder sind zwei von drei Schlüsseln, die die Leute einer Partei benennen. Vergleichen Sie den Fingerabdruck mit dem Ihres eigenen Wurzelschlüssels." }
        Party { "Party", "Partei" }
        Operator { "the operator", "der Betreiber" }
        Fingerprint { "Fingerprint", "Fingerabdruck" }
        NoRoot { "No root: decisions of this party are not signed, and nobody can check them.", "Keine Wurzel: Entscheidungen dieser Partei sind nicht unterschrieben, und niemand kann sie prüfen." }
        Threshold { "Keys that must sign", "Schlüssel, die unterschreiben müssen" }
        ThresholdOf { "{count} of {all}", "{count} von {all}" }
        Recovery { "A new root was announced. It counts from {time} on, unless a key of the present root stops it.", "Eine neue Wurzel wurde angekündigt. Sie gilt ab {time}, wenn kein Schlüssel der jetzigen Wurzel sie stoppt." }
        People { "Keys of people", "Schlüssel von Personen" }
        NoneEnrolled { "No key is enrolled.", "Kein Schlüssel ist eingetragen." }
        Key { "Key", "Schlüssel" }
        Person { "Person", "Person" }
        For { "Signs as", "Unterschreibt als" }
        Until { "Until", "Bis" }
        Revoked { "revoked", "widerrufen" }
        Over { "over", "abgelaufen" }
        Reviewer { "reviewer: access requests, openings, decisions", "prüfende Person: Zugriffe, Öffnen, Entscheidungen" }
        Manager { "manager: approvals, penalties", "Leitung: Genehmigungen, Sanktionen" }
        Decider { "decider: applications", "entscheidende Person: Anträge" }
        Officer { "officer: consents, records, persons, applications", "verantwortliche Person: Zustimmungen, Aufzeichnungen, Personen, Anträge" }
        Enroller { "enroller: keys of other people, workstations", "eintragende Person: Schlüssel anderer, Arbeitsplätze" }
        Elsewhere { "Roots are made, and keys enrolled and revoked, on the command line, because the keys stay on your machine: `bailiwick desk root` and `bailiwick desk signer`.", "Wurzeln werden auf der Kommandozeile erzeugt, Schlüssel dort eingetragen und widerrufen, weil die Schlüssel auf Ihrer Maschine bleiben: `bailiwick desk root` und `bailiwick desk signer`." }
    }
}
