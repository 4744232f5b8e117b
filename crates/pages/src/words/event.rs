//! The entries of the log in words. They name things by their opaque ids, and no people.

use super::messages;

messages! {
    /// Sentences about entries.
    Said {
        Started { "The service started. Program {binary}, configuration {configuration}, models: {models}.", "Der Dienst startete. Programm {binary}, Konfiguration {configuration}, Modelle: {models}." }
        Request { "A request was answered. Only its receipt can open the commitment {commitment}.", "Eine Anfrage wurde beantwortet. Nur ihr Beleg kann die Festlegung {commitment} öffnen." }
        KeyCreated { "{key} was made, which seals records of {tenant}. It is to be destroyed by {deadline}.", "{key} wurde erzeugt und versiegelt Datensätze von {tenant}. Der Schlüssel ist bis {deadline} zu zerstören." }
        KeyDestroyed { "{key} was destroyed. What was sealed to it is unrecoverable.", "{key} wurde zerstört. Was damit versiegelt war, ist nicht wiederherstellbar." }
        KeyLost { "{key} is lost. The log cannot prove that no copy of it exists.", "{key} ist verloren. Das Protokoll kann nicht beweisen, dass es keine Kopie gibt." }
        Changed { "{subject} {action}: {id}. The log commits to the new setting, which the operator keeps.", "{subject} {action}: {id}. Das Protokoll legt die neue Einstellung fest, die der Betreiber verwahrt." }
        ChangedWhole { "{subject} {action}. The log commits to the new setting, which the operator keeps.", "{subject} {action}. Das Protokoll legt die neue Einstellung fest, die der Betreiber verwahrt." }
        LoggingOn { "Content of {resource} is stored again from here on, by {approval}.", "Inhalte von {resource} werden ab hier wieder gespeichert, nach {approval}." }
        LoggingOff { "Content of {resource} is not stored from here on: {approval} was approved.", "Inhalte von {resource} werden ab hier nicht gespeichert: {approval} ist genehmigt." }
        LookRequested { "A reviewer asked to see the record of {request}, as {grant}.", "Ein Prüfer bat um Einsicht in den Datensatz von {request}, als {grant}." }
        LookRequestedLockbox { "A reviewer asked to see the record of {request}, as {grant}. The customer must consent.", "Ein Prüfer bat um Einsicht in den Datensatz von {request}, als {grant}. Der Kunde muss zustimmen." }
        Approved { "A manager approved {grant}: the record of {request} may be seen once, until {time}.", "Eine Leitung gab {grant} frei: Der Datensatz von {request} darf einmal gesehen werden, bis {time}." }
        Consented { "The customer consented to {grant}.", "Der Kunde stimmte {grant} zu." }
        RefusedByManager { "A manager refused {grant}.", "Eine Leitung lehnte {grant} ab." }
        RefusedByCustomer { "The customer refused {grant}.", "Der Kunde lehnte {grant} ab." }
        Looked { "A reviewer opened the record of {request}, with {grant}.", "Ein Prüfer öffnete den Datensatz von {request}, mit {grant}." }
        Flagged { "The record of {request} was flagged for review.", "Der Datensatz von {request} wurde zur Prüfung markiert." }
        FlagDismissed { "The flag of {request} was dismissed.", "Die Markierung von {request} wurde verworfen." }
        FlagConfirmed { "The flag of {request} was confirmed.", "Die Markierung von {request} wurde bestätigt." }
        FlagEscalated { "The flag of {request} was handed on.", "Die Markierung von {request} wurde weitergegeben." }
        Notified { "The customer of {resource} was notified of abuse.", "Der Kunde von {resource} wurde über Missbrauch benachrichtigt." }
        Throttled { "{resource} was throttled, until {time}.", "{resource} wurde gedrosselt, bis {time}." }
        Blocked { "{resource} was blocked, until {time}.", "{resource} wurde gesperrt, bis {time}." }
        Appealed { "The customer of {resource} appealed against a penalty.", "Der Kunde von {resource} focht eine Maßnahme an." }
        Upheld { "The penalty of {resource} was upheld.", "Die Maßnahme gegen {resource} blieb bestehen." }
        Lifted { "The penalty of {resource} was lifted.", "Die Maßnahme gegen {resource} wurde aufgehoben." }
        NoEnd { "not stated", "nicht angegeben" }
        ExemptionApplied { "The customer of {resource} applied for zero retention or a weaker filter, as {approval}, until {time}.", "Der Kunde von {resource} beantragte keine Aufbewahrung oder einen schwächeren Filter, als {approval}, bis {time}." }
        ExemptionApproved { "One person approved {approval}. It takes two.", "Eine Person genehmigte {approval}. Es braucht zwei." }
        ExemptionRefused { "A person refused {approval}.", "Eine Person lehnte {approval} ab." }
        ExemptionEnded { "{approval} ended.", "{approval} endete." }
        WorkstationEnrolled { "A workstation for reviews was enrolled, until {time}.", "Ein Arbeitsplatz für Einsichten wurde angemeldet, bis {time}." }
        WorkstationRevoked { "A workstation for reviews was revoked.", "Ein Arbeitsplatz für Einsichten wurde abgemeldet." }
        ProofHolds { "A solver proved that the policies {policies} keep the promises.", "Ein Beweisprogramm bewies, dass die Richtlinien {policies} die Zusagen halten." }
        ProofRefuted { "A solver refuted that the policies {policies} keep the promises.", "Ein Beweisprogramm widerlegte, dass die Richtlinien {policies} die Zusagen halten." }
        ProofUndecided { "A solver could not decide about the policies {policies}.", "Ein Beweisprogramm konnte über die Richtlinien {policies} nicht entscheiden." }
        OwnerRead { "The owner read the record of {request}.", "Der Eigentümer las den Datensatz von {request}." }
        OwnerDeleted { "The owner deleted the record of {request}. {key} is to be destroyed for it.", "Der Eigentümer löschte den Datensatz von {request}. {key} ist dafür zu zerstören." }
        Repaired { "The service repaired its files after a crash or a loss: {count}.", "Der Dienst stellte Dateien nach einem Absturz oder Verlust wieder her: {count}." }
        Succeeded { "This log continues the log {old}, which ended.", "Dieses Protokoll setzt das Protokoll {old} fort, das endete." }
        ProcessorAllowed { "The customer of {resource} allowed the company {processor}.", "Der Kunde von {resource} erlaubte das Unternehmen {processor}." }
        ProcessorForbidden { "The customer of {resource} no longer allows the company {processor}.", "Der Kunde von {resource} erlaubt das Unternehmen {processor} nicht mehr." }
        ObjectDeleted { "{object} was destroyed, because its owner deleted it.", "{object} wurde zerstört, weil der Eigentümer es löschte." }
        ObjectExpired { "{object} was destroyed at its end.", "{object} wurde an seinem Ende zerstört." }
        ObjectOfResource { "{object} was destroyed with its resource.", "{object} wurde mit seiner Ressource zerstört." }
        ObjectKeyLost { "{object} is given up, because its key is lost.", "{object} ist aufgegeben, weil sein Schlüssel verloren ist." }
        KeyWithheld { "{tenant} withdrew the key that it holds. Nothing of it opens.", "{tenant} zog den eigenen Schlüssel zurück. Nichts davon öffnet sich." }
        KeyGiven { "{tenant} gave its key back.", "{tenant} gab den eigenen Schlüssel wieder." }
        TrainingStarted { "{job} of {tenant} began to train. The log commits to its files.", "{job} von {tenant} begann zu trainieren. Das Protokoll legt die Dateien fest." }
        Trained { "{job} made the adapter {adapter}.", "{job} erzeugte den Adapter {adapter}." }
        PersonalOfResource { "{resource} set what is done with personal data: {handling}.", "{resource} stellte ein, was mit personenbezogenen Daten geschieht: {handling}." }
        PersonalOfProcessor { "What is done with personal data for {processor} was set: {handling}.", "Was für {processor} mit personenbezogenen Daten geschieht, wurde eingestellt: {handling}." }
        SubjectErased { "{tenant} erased a person, in {request}. There is a certificate.", "{tenant} löschte eine Person, in {request}. Es gibt eine Urkunde." }
        SubjectRestricted { "{tenant} restricted what is kept of a person, in {request}.", "{tenant} schränkte ein, was von einer Person aufbewahrt wird, in {request}." }
        SubjectUnrestricted { "{tenant} lifted the restriction for a person, in {request}.", "{tenant} hob die Einschränkung für eine Person auf, in {request}." }
        SubjectRequest { "{tenant}, request of a person, {request}: {step}.", "{tenant}, Anliegen einer Person, {request}: {step}." }
        RootMade { "Signing keys of {party} count from here on: a root was made.", "Ab hier zählen Signaturen von {party}: Eine Wurzel wurde erstellt." }
        RootReplaced { "The root of {party} was replaced.", "Die Wurzel von {party} wurde ersetzt." }
        RootRecovery { "A new root of {party} was announced for {time}.", "Eine neue Wurzel von {party} ist für {time} angekündigt." }
        RootRecoveryStopped { "The announced root of {party} was stopped.", "Die angekündigte Wurzel von {party} wurde aufgehalten." }
        PersonKeyEnrolled { "A signing key of a person of {party} counts until {time}.", "Der Signaturschlüssel einer Person von {party} zählt bis {time}." }
        PersonKeyRevoked { "A signing key of a person of {party} was revoked.", "Der Signaturschlüssel einer Person von {party} wurde widerrufen." }
        Promised { "The operator gave {tenant} a promise that later entries must keep.", "Der Betreiber gab {tenant} eine Zusage, an die spätere Einträge gebunden sind." }
        Unreadable { "This entry cannot be read by this version.", "Diesen Eintrag kann diese Version nicht lesen." }
        TheOperator { "the operator", "Betreiber" }
        Tenant { "Tenant", "Mandant" }
        Resource { "Resource", "Ressource" }
        Deployment { "Deployment", "Bereitstellung" }
        Model { "Model", "Modell" }
        Key1 { "First key", "Erster Schlüssel" }
        Key2 { "Second key", "Zweiter Schlüssel" }
        AdminKey { "Administrator's key", "Schlüssel der Verwaltung" }
        RoleAssignment { "Role assignment", "Rollenzuweisung" }
        NetworkRules { "Network rules", "Netzregeln" }
        PolicySet { "Policies", "Richtlinien" }
        EgressList { "List of destinations", "Liste der Ziele" }
        Lockbox { "Lockbox", "Lockbox" }
        Engine { "Engine", "Rechenprogramm" }
        ContentFilter { "Content filter", "Inhaltsfilter" }
        Blocklist { "List of blocked terms", "Liste gesperrter Begriffe" }
        Created { "made", "angelegt" }
        Updated { "changed", "geändert" }
        Deleted { "deleted", "gelöscht" }
        HandlingOff { "nothing", "nichts" }
        HandlingReport { "counted", "gezählt" }
        HandlingPseudonymise { "replaced by pseudonyms", "durch Pseudonyme ersetzt" }
        HandlingBlock { "the request is refused", "die Anfrage wird abgelehnt" }
        StepReceived { "received", "eingegangen" }
        StepBegun { "begun", "begonnen" }
        StepExtended { "extended", "verlängert" }
        StepAnswered { "answered", "beantwortet" }
        StepRefused { "refused", "abgelehnt" }
        StepSearched { "searched", "gesucht" }
        StepExported { "exported", "ausgegeben" }
        StepErasing { "erasing began", "die Löschung begann" }
    }
}

messages! {
    /// The kinds of entries, for the filter.
    Kind {
        Start { "Starts", "Starts" }
        Request { "Requests", "Anfragen" }
        Key { "Keys of records", "Schlüssel von Datensätzen" }
        Review { "Looks at records", "Einsichten in Datensätze" }
        Exemption { "Zero retention and exemptions", "Keine Aufbewahrung und Ausnahmen" }
        Owner { "Reads and deletions by owners", "Lesen und Löschen durch Eigentümer" }
        Subject { "Rights of persons", "Rechte von Personen" }
        Object { "Ends of kept objects", "Enden aufbewahrter Objekte" }
        Training { "Fine-tuning", "Anpassung von Modellen" }
        Processor { "Companies allowed", "Erlaubte Unternehmen" }
        Personal { "Handling of personal data", "Umgang mit personenbezogenen Daten" }
        Change { "Changes of settings", "Änderungen von Einstellungen" }
        Proof { "Proofs of policies", "Beweise der Richtlinien" }
        Flag { "Flags", "Markierungen" }
        Penalty { "Penalties and appeals", "Maßnahmen und Anfechtungen" }
        Workstation { "Workstations", "Arbeitsplätze" }
        Signing { "Signing keys and promises", "Signaturschlüssel und Zusagen" }
        CustomerKey { "Keys that customers hold", "Schlüssel bei Kunden" }
        Repair { "Repairs and successions", "Reparaturen und Nachfolgen" }
    }
}
