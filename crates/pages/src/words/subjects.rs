//! Texts about the data of one person.

use super::messages;

messages! {
    /// Texts of the pages about data subjects and their requests.
    Subjects {
        Title { "Persons in the data", "Personen in den Daten" }
        Lead { "Find, export, erase or restrict the stored data of one person, in all resources of your organisation.", "Finden, exportieren, löschen oder sperren Sie die gespeicherten Daten einer Person, in allen Ressourcen Ihrer Organisation." }
        Find { "Find a person", "Person finden" }
        FindAbout { "Give the name that your application sends in `safety_identifier`, `user` or the header of the resource. Upper and lower case count. The log has an entry of the search, and not the name.", "Geben Sie den Namen an, den Ihre Anwendung in `safety_identifier`, `user` oder dem Header der Ressource sendet. Groß- und Kleinschreibung zählen. Das Protokoll hat einen Eintrag der Suche, nicht den Namen." }
        Name { "Name of the person", "Name der Person" }
        Answers { "Answers the request", "Beantwortet die Anfrage" }
        AnswersNone { "no request", "keine Anfrage" }
        Requests { "Requests of persons", "Anfragen von Personen" }
        RequestsLead { "The law gives you a month to answer, and two more if a request is complex. The most urgent stands first.", "Das Gesetz gibt Ihnen einen Monat für die Antwort, und zwei weitere, wenn eine Anfrage komplex ist. Die dringendste steht zuerst." }
        NoRequests { "No requests.", "Keine Anfragen." }
        MoreRequests { "{count} less urgent ones are not shown; the command line lists all: `bailiwick desk subject requests`.", "{count} weniger dringende sind nicht gezeigt; die Kommandozeile listet alle: `bailiwick desk subject requests`." }
        Request { "Request", "Anfrage" }
        Right { "Right", "Recht" }
        Reference { "Your reference", "Ihr Zeichen" }
        State { "State", "Stand" }
        Received { "Received", "Eingegangen" }
        Due { "Answer by", "Antwort bis" }
        Access { "access, copy (Art. 15, 20)", "Auskunft, Kopie (Art. 15, 20)" }
        Erasure { "erasure (Art. 17)", "Löschung (Art. 17)" }
        Restriction { "restriction (Art. 18)", "Einschränkung (Art. 18)" }
        Objection { "objection (Art. 21)", "Widerspruch (Art. 21)" }
        StateReceived { "received", "eingegangen" }
        StateBegun { "begun", "begonnen" }
        StateAnswered { "answered", "beantwortet" }
        StateRefused { "refused", "abgelehnt" }
        Overdue { "overdue", "überfällig" }
        DueSoon { "due soon", "bald fällig" }
        Note { "Note a request", "Anfrage vermerken" }
        NoteAbout { "Its month begins on the day on which you received it. Put no name of a person into your reference.", "Ihr Monat beginnt am Tag des Eingangs. Schreiben Sie keinen Namen einer Person in Ihr Zeichen." }
        ReceivedOn { "Received on", "Eingegangen am" }
        Now { "now", "jetzt" }
        OneTitle { "Request of a person", "Anfrage einer Person" }
        NotFound { "No such request is noted.", "Eine solche Anfrage ist nicht vermerkt." }
        Steps { "Possible steps", "Mögliche Schritte" }
        Extension { "Extended, because", "Verlängert, weil" }
        Ended { "Ended", "Beendet" }
        Extend { "Extend the deadline", "Frist verlängern" }
        ExtendAbout { "By two months, once, within the first month. Tell the person so, with the reason.", "Um zwei Monate, einmal, innerhalb des ersten Monats. Teilen Sie es der Person mit, mit dem Grund." }
        Answer { "Mark as answered", "Als beantwortet vermerken" }
        AnswerAbout { "After you sent the answer to the person.", "Nachdem Sie der Person geantwortet haben." }
        AnswerNote { "Note", "Vermerk" }
        Refuse { "Mark as refused", "Als abgelehnt vermerken" }
        RefuseAbout { "Tell the person the reason, and that there is a right to complain.", "Nennen Sie der Person den Grund und ihr Beschwerderecht." }
        Certificate { "Certificate of the erasure", "Bescheinigung der Löschung" }
        FoundTitle { "Stored data of this person", "Gespeicherte Daten dieser Person" }
        FoundNothing { "Nothing is stored under this name.", "Unter diesem Namen ist nichts gespeichert." }
        FoundSome { "Records and objects stored under this name: {count}.", "Unter diesem Namen gespeicherte Aufzeichnungen und Objekte: {count}." }
        IsRestricted { "Restricted: nothing new of this person is kept.", "Gesperrt: Von dieser Person wird nichts Neues behalten." }
        Store { "Kept in", "Gespeichert in" }
        Found { "Found", "Gefunden" }
        Erased { "Erased", "Gelöscht" }
        Left { "Left", "Geblieben" }
        Why { "Note", "Anmerkung" }
        Records { "Records", "Aufzeichnungen" }
        Objects { "Objects", "Objekte" }
        FirstOf { "The first {count}; the export has all.", "Die ersten {count}; der Export hat alle." }
        Resource { "Resource", "Ressource" }
        Time { "Time", "Zeit" }
        Until { "Kept until", "Gespeichert bis" }
        UntilDeleted { "until deleted", "bis zur Löschung" }
        Class { "Class", "Klasse" }
        LooksOf { "Accesses to these records: {count}. The export lists each with its reason.", "Zugriffe auf diese Aufzeichnungen: {count}. Der Export nennt jeden mit seinem Grund." }
        Acts { "Next steps for this person", "Nächste Schritte für diese Person" }
        Export { "Export everything", "Alles exportieren" }
        ExportAbout { "A ZIP archive: a page to read, all data for programs, and the receipts. Each record is opened by itself, and each opening is in the log. The archive is not encrypted.", "Ein ZIP-Archiv: eine Seite zum Lesen, alle Daten für Programme und die Quittungen. Jede Aufzeichnung wird einzeln geöffnet, und jedes Öffnen steht im Protokoll. Das Archiv ist nicht verschlüsselt." }
        Erase { "Erase everything", "Alles löschen" }
        EraseAbout { "Destroys the keys: no copy and no backup of the data opens them any more. You get a signed certificate.", "Vernichtet die Schlüssel: Keine Kopie und keine Sicherung der Daten öffnet sie mehr. Sie erhalten eine signierte Bescheinigung." }
        EraseFiles { "Erase whole files, too, with the lines of other people in them", "Auch ganze Dateien löschen, samt Zeilen anderer Personen darin" }
        Restrict { "Restrict", "Sperren" }
        RestrictAbout { "From the next request on, nothing new of this person is kept. Requests are still answered.", "Ab der nächsten Anfrage wird nichts Neues von dieser Person behalten. Anfragen werden weiter beantwortet." }
        Unrestrict { "End the restriction", "Sperre aufheben" }
        UnrestrictAbout { "From the next request on, data of this person is kept as that of others.", "Ab der nächsten Anfrage werden Daten dieser Person behalten wie die anderer." }
        ErasedTitle { "Erased", "Gelöscht" }
        ErasedDone { "The service destroyed the keys. The erased data cannot be read any more, and neither can copies in backups.", "Die Schlüssel sind vernichtet. Niemand kann die gelöschten Daten mehr lesen, auch nicht aus einer Sicherung." }
        ErasedPending { "Some keys could not be destroyed at once. The service continues by itself, also after a restart. Fetch the certificate later, on the page of the request.", "Einige Schlüssel konnten nicht sofort vernichtet werden. Der Dienst macht von selbst weiter, auch nach einem Neustart. Holen Sie die Bescheinigung später auf der Seite der Anfrage." }
        Salt { "Salt: keep it", "Salt: bewahren Sie es auf" }
        SaltAbout { "The certificate names the person only as a hash with this salt. It is stored nowhere else: without it, the certificate does not prove whom it is about.", "Die Bescheinigung nennt die Person nur als Hashwert mit diesem Salt. Es ist nirgends sonst gespeichert: Ohne es beweist die Bescheinigung nicht, um wen es geht." }
        Entry { "Log entry", "Protokolleintrag" }
        Finished { "Finished", "Beendet" }
        Download { "Save the certificate", "Bescheinigung speichern" }
        Check { "Check it with", "Prüfen Sie sie mit" }
    }
}
