//! Texts of the review desk.

use super::messages;

messages! {
    /// Texts of the queue and of one case.
    Review {
        QueueTitle { "Queue", "Warteschlange" }
        QueueLead { "Records that were flagged, without content. A person reads a record once, after other people approved it.", "Gemeldete Aufzeichnungen, ohne Inhalt. Ein Mensch liest eine Aufzeichnung einmal, nachdem andere es genehmigt haben." }
        QueueEmpty { "No flagged records in the region of your workstation.", "Keine gemeldeten Aufzeichnungen in der Region Ihres Arbeitsplatzes." }
        QueueMore { "{count} more are not shown: these are the oldest.", "{count} weitere sind nicht gezeigt: Dies sind die ältesten." }
        Age { "Age", "Alter" }
        Record { "Record", "Aufzeichnung" }
        Category { "Category", "Kategorie" }
        Region { "Region", "Region" }
        State { "State", "Stand" }
        Turn { "Whose turn", "Wer ist dran" }
        AskedBy { "Requested by", "Angefordert von" }
        OtherTeam { "another team", "ein anderes Team" }
        Escalated { "escalated", "eskaliert" }
        Hate { "Hate", "Hass" }
        SelfHarm { "Self-harm", "Selbstverletzung" }
        Sexual { "Sexual content", "Sexuelle Inhalte" }
        Violence { "Violence", "Gewalt" }
        Jailbreak { "Attack on the instructions", "Angriff auf die Anweisungen" }
        Other { "Other violation", "Anderer Verstoß" }
        StateFlagged { "Flagged", "Gemeldet" }
        StateRequested { "Access requested", "Zugriff angefordert" }
        StateApproved { "Approved by the manager", "Von der Leitung genehmigt" }
        StateGranted { "May be opened once", "Darf einmal geöffnet werden" }
        StateOpened { "Opened", "Geöffnet" }
        TurnReviewer { "A reviewer", "Eine prüfende Person" }
        TurnManager { "The manager of the team", "Die Leitung des Teams" }
        TurnCustomer { "The customer", "Der Kunde" }
        TurnAsker { "The reviewer with the permission", "Die Person mit der Erlaubnis" }
        NextReviewer { "A reviewer requests access with a reason. The manager of the team then has a day to decide.", "Eine prüfende Person fordert Zugriff an und nennt den Grund. Die Leitung des Teams hat dann einen Tag Zeit." }
        NextManager { "The manager of the reviewer's team approves or refuses within a day. Without a decision, the access request expires.", "Die Leitung des Teams genehmigt oder lehnt ab, binnen eines Tages. Ohne Entscheidung verfällt die Anforderung." }
        NextCustomer { "The customer consents or refuses within three days. The approved minutes begin with the consent.", "Der Kunde stimmt zu oder lehnt ab, binnen drei Tagen. Die genehmigten Minuten beginnen mit der Zustimmung." }
        NextLook { "The reviewer who requested access opens the record once, from the same workstation, before the minutes are over.", "Die Person, die den Zugriff angefordert hat, öffnet die Aufzeichnung einmal, vom selben Arbeitsplatz, bevor die Minuten um sind." }
        NextJudgement { "The reviewer who opened the record decides: no abuse, abuse, or another reviewer shall decide.", "Die Person, die die Aufzeichnung geöffnet hat, entscheidet: kein Missbrauch, Missbrauch, oder jemand anderes soll entscheiden." }
        CaseTitle { "Case", "Fall" }
        Next { "What happens next", "Was als Nächstes geschieht" }
        Course { "Course", "Verlauf" }
        Facts { "Facts", "Angaben" }
        Source { "Flagged by", "Gemeldet von" }
        SourceMonitoring { "abuse monitoring", "der Missbrauchserkennung" }
        SourceReviewer { "a reviewer or manager", "einer prüfenden oder leitenden Person" }
        SourceAdministrator { "the administrator", "dem Administrator" }
        Since { "In the queue since", "In der Warteschlange seit" }
        Request { "Access request", "Zugriffsanforderung" }
        RequestOther { "Another team requested access. Its people see who, from where and why.", "Ein anderes Team hat Zugriff angefordert. Dessen Leute sehen, wer, von wo und warum." }
        Workstation { "Workstation", "Arbeitsplatz" }
        Expires { "May be used until", "Nutzbar bis" }
        Grant { "Permission", "Erlaubnis" }
        YourStep { "Possible steps", "Mögliche Schritte" }
        StepFlagged { "Flagged", "Gemeldet" }
        StepRequested { "Access requested", "Zugriff angefordert" }
        StepApproved { "Manager approved", "Leitung hat genehmigt" }
        StepConsented { "Customer consented, if its lockbox is on", "Kunde hat zugestimmt, falls seine Lockbox an ist" }
        StepOpened { "Opened once", "Einmal geöffnet" }
        StepDecided { "Decided", "Entschieden" }
        Ask { "Request access", "Zugriff anfordern" }
        AskAbout { "Give the reason. The manager sees it with your name; the customer sees it with a random id. Only you can open the record, from this workstation.", "Nennen Sie den Grund. Die Leitung sieht ihn mit Ihrem Namen, der Kunde mit einer zufälligen Kennung. Nur Sie können die Aufzeichnung öffnen, von diesem Arbeitsplatz." }
        Approve { "Approve", "Genehmigen" }
        ApproveAbout { "Only the manager of the reviewer's team approves. With lockbox, the customer must consent as well.", "Nur die Leitung des Teams genehmigt. Mit Lockbox muss auch der Kunde zustimmen." }
        Minutes { "Minutes (60 at most)", "Minuten (höchstens 60)" }
        Refuse { "Refuse", "Ablehnen" }
        RefuseAbout { "Reviewers see the reason. They can request access again.", "Prüfende sehen den Grund. Sie können Zugriff erneut anfordern." }
        Withdraw { "Withdraw the permission", "Erlaubnis zurückziehen" }
        WithdrawAbout { "The manager can withdraw a permission until it is used.", "Die Leitung kann eine Erlaubnis zurückziehen, solange sie nicht genutzt ist." }
        Open { "Open the record once", "Aufzeichnung einmal öffnen" }
        OpenAbout { "The log gets an entry of this before you see the content, and the customer sees it. The permission is then used up: have the time to read.", "Das Protokoll erhält darüber einen Eintrag, bevor Sie den Inhalt sehen, und der Kunde sieht ihn. Die Erlaubnis ist damit verbraucht: Nehmen Sie sich die Zeit zu lesen." }
        Decide { "Decide", "Entscheiden" }
        DecideAbout { "The decision ends the case. After it, no reviewer can open the record. A new flag begins a new case.", "Die Entscheidung beendet den Fall. Danach kann keine prüfende Person die Aufzeichnung öffnen. Eine neue Meldung beginnt einen neuen Fall." }
        Outcome { "Decision", "Entscheidung" }
        Dismissed { "No abuse", "Kein Missbrauch" }
        Confirmed { "Abuse", "Missbrauch" }
        Escalate { "Another reviewer shall decide", "Eine andere Person soll entscheiden" }
        Absent { "This record is not in the queue of your region: it was not flagged, was decided already, or is stored in another region.", "Diese Aufzeichnung ist nicht in der Warteschlange Ihrer Region: Sie wurde nicht gemeldet, ist schon entschieden oder liegt in einer anderen Region." }
        Flag { "Flag a record", "Aufzeichnung melden" }
        FlagAbout { "A flag puts the record into the queue. It shows you no content.", "Eine Meldung bringt die Aufzeichnung in die Warteschlange. Sie zeigt Ihnen keinen Inhalt." }
        RequestId { "Request id (req_…)", "Anfrage-Kennung (req_…)" }
        StepOver { "The case is closed: the record is not in the queue any more.", "Der Fall ist abgeschlossen: Die Aufzeichnung ist nicht mehr in der Warteschlange." }
    }
}
