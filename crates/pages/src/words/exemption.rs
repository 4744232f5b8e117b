//! Texts about zero retention and weaker content filters.

use super::messages;

messages! {
    /// Texts of applications, their decision and their end.
    Exempt {
        ZeroLead { "With zero retention, the service stores no content of the calls of this resource. You apply, and two officers of the operator decide.", "Mit Nullspeicherung speichert der Dienst keine Inhalte der Aufrufe dieser Ressource. Sie beantragen sie, und zwei Verantwortliche des Betreibers entscheiden." }
        FilterLead { "The operator requires a weakest content filter. A weaker one needs an approved application.", "Der Betreiber verlangt einen schwächsten Inhaltsfilter. Ein schwächerer braucht einen genehmigten Antrag." }
        State { "State", "Stand" }
        Stored { "Content is stored, sealed, until its keys are destroyed.", "Inhalte werden gespeichert, versiegelt, bis ihre Schlüssel vernichtet werden." }
        NotStored { "No content is stored.", "Es werden keine Inhalte gespeichert." }
        NoExemption { "No weaker content filter is approved.", "Kein schwächerer Inhaltsfilter ist genehmigt." }
        Exempted { "A weaker content filter is approved.", "Ein schwächerer Inhaltsfilter ist genehmigt." }
        Active { "Active approval", "Wirksame Genehmigung" }
        Since { "Since", "Seit" }
        Until { "Ends", "Endet" }
        Renew { "To renew it, apply again about a month before it ends. Otherwise content is stored on the days in between.", "Zum Verlängern beantragen Sie es erneut, etwa einen Monat vor dem Ende. Sonst werden an den Tagen dazwischen Inhalte gespeichert." }
        Review { "Human review after abuse", "Menschliche Prüfung nach Missbrauch" }
        ReviewYes { "accepted: the operator may ask for it again", "akzeptiert: Der Betreiber darf sie wieder verlangen" }
        ReviewNo { "not accepted", "nicht akzeptiert" }
        Keeps { "Still kept", "Weiterhin behalten" }
        KeepsNone { "nothing", "nichts" }
        PrefixOn { "The prefix cache is on: a worker keeps tokens of the last requests in memory for some minutes. Zero retention does not switch it off.", "Der Präfix-Cache ist an: Ein Worker hält Tokens der letzten Anfragen einige Minuten im Speicher. Nullspeicherung schaltet ihn nicht ab." }
        Pending { "Open application", "Offener Antrag" }
        Applied { "Applied on", "Beantragt am" }
        AskedUntil { "Requested until", "Beantragt bis" }
        Lapses { "Lapses without a decision", "Verfällt ohne Entscheidung" }
        Votes { "Approvals", "Zustimmungen" }
        VotesOf { "{count} of {needed}", "{count} von {needed}" }
        Ended { "Last one that ended", "Zuletzt beendet" }
        Refused { "refused by the operator", "vom Betreiber abgelehnt" }
        Expired { "reached its end", "ihr Ende erreicht" }
        Renewed { "replaced by a newer approval", "durch eine neuere Genehmigung ersetzt" }
        ByCustomer { "ended by the customer", "vom Kunden beendet" }
        ByOperator { "ended by the operator", "vom Betreiber beendet" }
        Approval { "Id", "Kennung" }
        Apply { "Apply", "Beantragen" }
        ApplyAbout { "Two people decide within 30 days, neither of them you. The log has the application, the decisions and the end.", "Zwei Personen entscheiden binnen 30 Tagen, keine davon sind Sie. Das Protokoll hat den Antrag, die Entscheidungen und das Ende." }
        UseCase { "Use case: who uses the resource, for what, and why content must not be stored", "Zweck: Wer nutzt die Ressource, wofür, und warum dürfen Inhalte nicht gespeichert werden" }
        UseCaseFilter { "Use case: who uses the resource, for what, and why the filter is in the way", "Zweck: Wer nutzt die Ressource, wofür, und warum ist der Filter hinderlich" }
        Measures { "Your own measures against abuse: filters, limits, who checks, how fast", "Ihre eigenen Maßnahmen gegen Missbrauch: Filter, Grenzen, wer prüft, wie schnell" }
        Days { "Days (365 at most)", "Tage (höchstens 365)" }
        AcceptReview { "The operator may ask for human review again after abuse.", "Der Betreiber darf nach Missbrauch wieder eine menschliche Prüfung verlangen." }
        Keep { "Objects that callers may still ask to keep", "Objekte, die Aufrufer weiterhin behalten lassen dürfen" }
        KeepAbout { "Without a tick, such requests are refused. Prompts and answers are not stored as records in any case.", "Ohne Haken werden solche Anfragen abgelehnt. Eingaben und Antworten werden in keinem Fall als Aufzeichnungen gespeichert." }
        Responses { "responses", "Antworten (responses)" }
        Conversations { "conversations", "Gespräche (conversations)" }
        Completions { "chat completions", "Chat-Vervollständigungen" }
        Files { "files", "Dateien" }
        Batches { "batches, with their files", "Batches, mit ihren Dateien" }
        FineTuning { "fine-tuning, with its files", "Fine-Tuning, mit seinen Dateien" }
        Withdraw { "Withdraw the application", "Antrag zurückziehen" }
        End { "End zero retention", "Nullspeicherung beenden" }
        EndFilter { "End the approval", "Genehmigung beenden" }
        WithdrawAbout { "It counts at once. You may apply again.", "Es gilt sofort. Sie können erneut beantragen." }
        EndAbout { "Content is stored again from the next request on.", "Inhalte werden ab der nächsten Anfrage wieder gespeichert." }
        EndFilterAbout { "Requests get the built-in filter from the next request on.", "Anfragen erhalten ab der nächsten den eingebauten Filter." }
        Applications { "Applications", "Anträge" }
        ApplicationsLead { "Applications that wait for your decision. Two different people decide, neither of them the applicant. One refusal is enough to refuse.", "Anträge, die auf Ihre Entscheidung warten. Zwei verschiedene Personen entscheiden, keine davon hat beantragt. Eine Ablehnung genügt." }
        NoApplications { "No application waits for your decision.", "Kein Antrag wartet auf Ihre Entscheidung." }
        ZeroTitle { "Zero retention", "Nullspeicherung" }
        FilterTitle { "Weaker content filter", "Schwächerer Inhaltsfilter" }
        Applicant { "Applicant", "Antragstellende Person" }
        Approved { "Approved by", "Zugestimmt haben" }
        Renewal { "renewal", "Verlängerung" }
        UseCaseShort { "Use case", "Zweck" }
        MeasuresShort { "Measures", "Maßnahmen" }
        Approve { "Approve", "Zustimmen" }
        ApproveAbout { "With the second approval it is active from the next request on.", "Mit der zweiten Zustimmung wirkt es ab der nächsten Anfrage." }
        Refuse { "Refuse", "Ablehnen" }
        RefuseAbout { "The application is over. The customer may apply again.", "Der Antrag ist beendet. Der Kunde kann erneut beantragen." }
    }
}
