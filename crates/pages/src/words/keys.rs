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
        NoRoot { "This party has no root. Its people do not sign their decisions, so the log cannot prove who decided.", "Diese Partei hat keine Wurzel. Ihre Leute unterschreiben ihre Entscheidungen nicht, deshalb kann das Protokoll nicht beweisen, wer entschieden hat." }
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
        Passkeys { "With a passkey", "Mit einem Passkey" }
        PasskeysLead { "Your browser or a security key makes a key for this website, and asks you each time it signs. The private key never leaves it.", "Ihr Browser oder ein Sicherheitsschlüssel erzeugt einen Schlüssel für diese Website und fragt Sie bei jeder Unterschrift. Der private Schlüssel verlässt ihn nie." }
        MakeRoot { "Make a passkey the root", "Passkey zur Wurzel machen" }
        MakeRootAbout { "The root names the people of your party. The holder of this passkey decides for the party. If you lose the passkey, you lose the root. A root of three keys is safer: make it with `bailiwick desk root make`.", "Die Wurzel benennt die Leute Ihrer Partei. Wer diesen Passkey besitzt, entscheidet für die Partei. Wenn Sie den Passkey verlieren, verlieren Sie die Wurzel. Eine Wurzel aus drei Schlüsseln ist sicherer: Erzeugen Sie sie mit `bailiwick desk root make`." }
        Enroll { "Enrol a new passkey for yourself", "Neuen Passkey für sich eintragen" }
        EnrollAbout { "Two signatures are needed: of the root, and of the new passkey, which proves that you have it. If the root is not a passkey of this browser, enrol on the command line.", "Zwei Unterschriften sind nötig: die der Wurzel und die des neuen Passkeys, der damit zeigt, dass Sie ihn haben. Ist die Wurzel kein Passkey dieses Browsers, geschieht es auf der Kommandozeile." }
        Days { "Days until it ends", "Tage bis zum Ende" }
        Elsewhere { "Keys in files and SSH agents stay on your machine: `bailiwick desk root` and `bailiwick desk signer` make roots, enrol and revoke keys.", "Schlüssel in Dateien und SSH-Agenten bleiben auf Ihrer Maschine: `bailiwick desk root` und `bailiwick desk signer` erzeugen Wurzeln, tragen Schlüssel ein und widerrufen sie." }
    }
}
