//! Texts of the pages about a customer's data.

use super::messages;

messages! {
    /// Texts of the pages about the data of one resource.
    Data {
        Parts { "Parts of the data", "Teile der Daten" }
        NavOverview { "Retention", "Aufbewahrung" }
        NavRecords { "Records", "Aufzeichnungen" }
        NavState { "Kept objects", "Objekte" }
        NavLooks { "Accesses", "Zugriffe" }
        NavZero { "Zero retention", "Nullspeicherung" }
        NavFilter { "Content filter", "Inhaltsfilter" }
        NavPenalty { "Penalties", "Sanktionen" }
        NavProcessors { "Processors", "Auftragsverarbeiter" }
        Title { "Data of {name}", "Daten von {name}" }
        Lead { "How long prompts and answers of this resource are stored, and when their keys are destroyed. Without its key, a record cannot be read by anyone.", "Wie lange Eingaben und Antworten dieser Ressource gespeichert sind und wann ihre Schlüssel vernichtet werden. Ohne ihren Schlüssel kann niemand eine Aufzeichnung lesen." }
        Logging { "Content logging", "Speicherung von Inhalten" }
        LoggingOn { "On: prompts and answers are stored, sealed", "An: Eingaben und Antworten werden gespeichert, versiegelt" }
        LoggingOff { "Off: zero retention is active until {until}", "Aus: Nullspeicherung ist wirksam bis {until}" }
        LoggingOffPlain { "Off: zero retention is active", "Aus: Nullspeicherung ist wirksam" }
        Promised { "Stored for", "Gespeichert für" }
        DaysAtMost { "{days} days at most", "höchstens {days} Tage" }
        Lockbox { "Lockbox", "Lockbox" }
        LockboxOn { "On: you must consent to each access of a reviewer", "An: Sie müssen jedem Zugriff einer prüfenden Person zustimmen" }
        LockboxOff { "Off: reviewers of the operator need no consent of yours", "Aus: Prüfende des Betreibers brauchen Ihre Zustimmung nicht" }
        PrefixCache { "Prefix cache", "Präfix-Cache" }
        PrefixOn { "On: a worker keeps tokens of the last requests in memory for some minutes", "An: Ein Worker hält Tokens der letzten Anfragen einige Minuten im Speicher" }
        Off { "Off", "Aus" }
        SubjectHeader { "Header that names the person", "Header, der die Person nennt" }
        Region { "Stored in", "Gespeichert in" }
        Clock { "Records and the end of their keys", "Aufzeichnungen und das Ende ihrer Schlüssel" }
        ClockSummary { "Stored records: {count}. The key of the oldest is destroyed {when}.", "Gespeicherte Aufzeichnungen: {count}. Der Schlüssel der ältesten wird vernichtet: {when}." }
        ClockMany { "More than {count} records; the table has the oldest {count}. The key of the oldest is destroyed {when}.", "Mehr als {count} Aufzeichnungen; die Tabelle hat die ältesten {count}. Der Schlüssel der ältesten wird vernichtet: {when}." }
        ClockNone { "No record is stored.", "Keine Aufzeichnung ist gespeichert." }
        Stored { "Stored on", "Gespeichert am" }
        Count { "Records", "Aufzeichnungen" }
        Share { "Share", "Anteil" }
        KeyEnds { "Keys are destroyed", "Schlüssel werden vernichtet" }
        AlsoKept { "Other data that the service keeps", "Andere Daten, die der Dienst behält" }
        Kind { "Data", "Daten" }
        Content { "Content", "Inhalt" }
        Yes { "yes, sealed", "ja, versiegelt" }
        No { "no", "nein" }
        Number { "Number", "Anzahl" }
        Days { "Days", "Tage" }
        NoEnd { "no end", "ohne Ende" }
        Last { "Last one ends", "Letzte endet" }
        Purpose { "Purpose", "Zweck" }
        Records { "Records", "Aufzeichnungen" }
        Receipts { "Receipts", "Quittungen" }
        Usage { "Usage", "Nutzung" }
        AbuseCounts { "Counts of abuse monitoring", "Zahlen der Missbrauchserkennung" }
        Log { "Log", "Protokoll" }
        WhyRecords { "Sealed prompts and answers, for review after abuse. You list, read and delete them here.", "Versiegelte Eingaben und Antworten, zur Prüfung nach Missbrauch. Sie listen, lesen und löschen sie hier." }
        WhyReceipts { "The signed statement about each request, which you can fetch and check.", "Die signierte Aussage über jede Anfrage, die Sie abrufen und prüfen können." }
        WhyUsage { "Numbers of requests and tokens by hour, for bills.", "Anzahl von Anfragen und Tokens je Stunde, für Rechnungen." }
        WhyAbuse { "Numbers of findings of the content filter by day; end users only as hashes.", "Anzahl der Befunde des Inhaltsfilters je Tag; Endnutzer nur als Hashwerte." }
        WhyLog { "Commitments to all of this, which reveal nothing. They cannot be deleted.", "Festlegungen auf all dies, die nichts verraten. Sie können nicht gelöscht werden." }
        RecordsLead { "Stored requests with their answers, the oldest first, without content. Reading and deleting one leaves an entry in the log.", "Gespeicherte Anfragen mit ihren Antworten, die älteste zuerst, ohne Inhalt. Lesen und Löschen hinterlassen einen Eintrag im Protokoll." }
        FindRequest { "Request id (req_…)", "Anfrage-Kennung (req_…)" }
        FindFrom { "Stored from", "Gespeichert ab" }
        FindUntil { "Stored until", "Gespeichert bis" }
        NoRecords { "No stored record fits.", "Keine gespeicherte Aufzeichnung passt." }
        Searched { "The first {count} records from there were searched; more follow on the next page.", "Die ersten {count} Aufzeichnungen ab dort wurden durchsucht; weitere folgen auf der nächsten Seite." }
        BadRequest { "This is not the id of a request.", "Das ist keine Kennung einer Anfrage." }
        Request { "Request", "Anfrage" }
        Time { "Time", "Zeit" }
        Deployment { "Deployment", "Bereitstellung" }
        Status { "Status", "Status" }
        Tokens { "Tokens in / out", "Tokens ein / aus" }
        RecordTitle { "Record", "Aufzeichnung" }
        Steps { "Possible steps", "Mögliche Schritte" }
        Read { "Read the record", "Aufzeichnung lesen" }
        ReadAbout { "The log gets an entry of this before you see the content. The page ends by itself after 15 minutes.", "Das Protokoll erhält darüber einen Eintrag, bevor Sie den Inhalt sehen. Die Seite endet nach 15 Minuten von selbst." }
        Delete { "Delete the record", "Aufzeichnung löschen" }
        DeleteAbout { "Its key is destroyed: no copy and no backup of the data opens it afterwards. The receipt stays.", "Ihr Schlüssel wird vernichtet: Keine Kopie und keine Sicherung der Daten öffnet sie danach. Die Quittung bleibt." }
        StateLead { "Objects that callers asked the service to keep, without content. Deleting one destroys its key.", "Objekte, die der Dienst auf Wunsch von Aufrufern behält, ohne Inhalt. Löschen vernichtet ihren Schlüssel." }
        NoObjects { "No object is kept.", "Kein Objekt ist gespeichert." }
        Object { "Object", "Objekt" }
        Class { "Class", "Klasse" }
        Owner { "Owner", "Eigentümer" }
        Shared { "shared", "geteilt" }
        Since { "Since", "Seit" }
        Until { "Until", "Bis" }
        UntilDeleted { "until deleted", "bis zur Löschung" }
        Size { "Size", "Größe" }
        Bytes { "{count} bytes", "{count} Bytes" }
        Why { "Kept because", "Behalten, weil" }
        DeleteObject { "Delete", "Löschen" }
        PartOf { "part of", "Teil von" }
        LooksLead { "All accesses to the records of this resource: of the operator's reviewers, and of your own people. The log has an entry of each.", "Alle Zugriffe auf die Aufzeichnungen dieser Ressource: von Prüfenden des Betreibers und von Ihren eigenen Leuten. Das Protokoll hat zu jedem einen Eintrag." }
        Waiting { "Access requests under way", "Laufende Zugriffsanforderungen" }
        NoWaiting { "No access request is under way.", "Keine Zugriffsanforderung läuft." }
        WaitsManager { "A reviewer requested access. The operator's manager has not approved it yet.", "Eine prüfende Person hat Zugriff angefordert. Die Leitung beim Betreiber hat noch nicht genehmigt." }
        WaitsCustomer { "The manager approved it. It needs your consent within three days; the reviewer's minutes begin with it.", "Die Leitung hat genehmigt. Ihre Zustimmung ist binnen drei Tagen nötig; die Minuten der prüfenden Person beginnen damit." }
        WaitsLook { "The reviewer may open the record once, for some minutes.", "Die prüfende Person darf die Aufzeichnung einmal öffnen, für einige Minuten." }
        WaitsJudgement { "The reviewer opened the record and decides about it.", "Die prüfende Person hat die Aufzeichnung geöffnet und entscheidet darüber." }
        Consent { "Consent", "Zustimmen" }
        ConsentAbout { "The reviewer may open this one record, once, for the approved minutes. You can withdraw the consent until then.", "Die prüfende Person darf diese eine Aufzeichnung einmal öffnen, für die genehmigten Minuten. Bis dahin können Sie die Zustimmung zurückziehen." }
        Decline { "Decline", "Ablehnen" }
        DeclineAbout { "No one opens the record. The reviewer sees your reason and can request access again.", "Niemand öffnet die Aufzeichnung. Die prüfende Person sieht Ihren Grund und kann erneut anfordern." }
        Opened { "Records that reviewers opened", "Von Prüfenden geöffnete Aufzeichnungen" }
        NoOpened { "No reviewer opened a record.", "Keine prüfende Person hat eine Aufzeichnung geöffnet." }
        Reviewer { "Reviewer", "Prüfende Person" }
        Workstation { "Workstation", "Arbeitsplatz" }
        OpenedAt { "Opened", "Geöffnet" }
        Acts { "Reads and deletions by your own people", "Lesen und Löschen durch Ihre eigenen Leute" }
        NoActs { "None of your people read or deleted a record.", "Keiner Ihrer Leute hat eine Aufzeichnung gelesen oder gelöscht." }
        Act { "Act", "Handlung" }
        ActRead { "read", "gelesen" }
        ActDeleted { "deleted", "gelöscht" }
        By { "By", "Von" }
        InDirectory { "in your directory", "in Ihrem Verzeichnis" }
        Entry { "Log entry", "Protokolleintrag" }
        ProcessorsLead { "Companies that operate engines for the operator. None of this resource's content gets to a company that you did not allow.", "Unternehmen, die für den Betreiber Engines betreiben. Kein Inhalt dieser Ressource gelangt zu einem Unternehmen, das Sie nicht erlaubt haben." }
        NoProcessors { "No other company operates an engine here: everything runs on the operator's own machines.", "Kein anderes Unternehmen betreibt hier eine Engine: Alles läuft auf Maschinen des Betreibers." }
        Company { "Country of the seat", "Land des Sitzes" }
        Contract { "Contract", "Vertrag" }
        Regions { "Regions of its engines", "Regionen seiner Engines" }
        NoRegions { "operates no engine here any more", "betreibt hier keine Engine mehr" }
        Deployments { "Deployments that it would serve", "Bereitstellungen, die es bedienen würde" }
        Allowed { "Allowed since {time}", "Erlaubt seit {time}" }
        NotAllowed { "Not allowed", "Nicht erlaubt" }
        AllowedBy { "Allowed by", "Erlaubt von" }
        Allow { "Allow this company", "Dieses Unternehmen erlauben" }
        AllowAbout { "From the next request on, prompts and answers may be processed by its engines, in the regions that each deployment allows.", "Ab der nächsten Anfrage dürfen Eingaben und Antworten von seinen Engines verarbeitet werden, in den Regionen, die jede Bereitstellung erlaubt." }
        WithdrawAllowed { "Withdraw", "Zurückziehen" }
        WithdrawAbout { "From the next request on, nothing of this resource gets to its engines.", "Ab der nächsten Anfrage gelangt nichts von dieser Ressource zu seinen Engines." }
    }
}
