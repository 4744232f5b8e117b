//! Texts about penalties, appeals and the counts of abuse monitoring.

use super::messages;

messages! {
    /// Texts of the pages about penalties, at both desks.
    Penalty {
        Title { "Penalties", "Sanktionen" }
        Lead { "Resources under a penalty for abuse. Every penalty ends by its date, after 90 days at most, and its owner can appeal once.", "Ressourcen unter einer Sanktion wegen Missbrauchs. Jede Sanktion endet mit ihrem Datum, nach höchstens 90 Tagen, und der Eigentümer kann einmal Einspruch erheben." }
        NoPenalties { "No resource is under a penalty.", "Keine Ressource ist unter einer Sanktion." }
        OneLead { "Penalties of this resource for abuse, the notices about it, and your appeal.", "Sanktionen dieser Ressource wegen Missbrauchs, die Mitteilungen dazu und Ihr Einspruch." }
        None { "No penalty: the resource is served in full.", "Keine Sanktion: Die Ressource wird voll bedient." }
        Throttle { "Throttled to {percent} % of its limits", "Gedrosselt auf {percent} % der Grenzen" }
        Block { "Blocked", "Gesperrt" }
        Action { "Penalty", "Sanktion" }
        Since { "Since", "Seit" }
        Until { "Ends", "Endet" }
        By { "Decided by", "Entschieden von" }
        Appeal { "Appeal", "Einspruch" }
        AppealOpen { "Open appeal", "Offener Einspruch" }
        AppealHeard { "Appeal heard: the penalty stays", "Einspruch angehört: Die Sanktion bleibt" }
        AppealBy { "Appealed by", "Einspruch von" }
        Answer { "Answer", "Antwort" }
        AppealButton { "Appeal", "Einspruch erheben" }
        AppealAbout { "Once against each penalty. A person without a part in the penalty hears it.", "Einmal gegen jede Sanktion. Eine Person, die an der Sanktion nicht beteiligt war, hört ihn an." }
        Lift { "Lift the penalty", "Sanktion aufheben" }
        LiftAbout { "The resource is served as before from the next request on. The person who imposed the penalty may lift it.", "Die Ressource wird ab der nächsten Anfrage bedient wie zuvor. Auch wer die Sanktion verhängt hat, darf sie aufheben." }
        Uphold { "Uphold the penalty", "Sanktion aufrechterhalten" }
        UpholdAbout { "The appeal is heard, and the penalty stays. Only a person without a part in the penalty may do this.", "Der Einspruch ist angehört, und die Sanktion bleibt. Das darf nur, wer an der Sanktion nicht beteiligt war." }
        Notify { "Send a notice", "Mitteilung senden" }
        NotifyAbout { "The owner reads the notice and can explain or correct the cause. All requests are still served.", "Der Eigentümer liest die Mitteilung und kann die Ursache erklären oder beheben. Alle Anfragen werden weiter bedient." }
        ThrottleButton { "Throttle", "Drosseln" }
        ThrottleAbout { "A part of each deployment's limits remains.", "Ein Teil der Grenzen jeder Bereitstellung bleibt." }
        BlockButton { "Block", "Sperren" }
        BlockAbout { "Every call that would run a model is refused. Receipts can still be fetched.", "Jeder Aufruf, der ein Modell nutzen würde, wird abgelehnt. Quittungen sind weiter abrufbar." }
        Percent { "Percent that remain (1 to 99)", "Prozent, die bleiben (1 bis 99)" }
        Days { "Days (90 at most)", "Tage (höchstens 90)" }
        Find { "Another resource", "Andere Ressource" }
        FindAbout { "Counts of abuse monitoring, a notice, or a penalty.", "Zahlen der Missbrauchserkennung, eine Mitteilung oder eine Sanktion." }
        FindName { "Name of the resource", "Name der Ressource" }
        GoTo { "Go to {name}", "Zu {name}" }
        Notices { "Notices", "Mitteilungen" }
        NoNotices { "No notices.", "Keine Mitteilungen." }
        When { "Time", "Zeit" }
        What { "Event", "Ereignis" }
        Notified { "Notice of abuse", "Mitteilung über Missbrauch" }
        Throttled { "Throttled", "Gedrosselt" }
        Blocked { "Blocked", "Gesperrt" }
        Upheld { "Appeal heard: the penalty stays", "Einspruch angehört: Die Sanktion bleibt" }
        Lifted { "Lifted", "Aufgehoben" }
        AbuseTitle { "Abuse monitoring", "Missbrauchserkennung" }
        AbuseLead { "Numbers of findings of the content filter. No content, and no name of an end user.", "Anzahl der Befunde des Inhaltsfilters. Kein Inhalt und kein Name eines Endnutzers." }
        Points { "Points", "Punkte" }
        PointsOf { "{points} of {limit} in the last {window} requests; at {limit} the resource's owner gets a notice or the resource is throttled", "{points} von {limit} in den letzten {window} Anfragen; bei {limit} erhält der Eigentümer eine Mitteilung, oder die Ressource wird gedrosselt" }
        Calibrating { "The limit is still being set: the first week is not over.", "Die Grenze wird noch bestimmt: Die erste Woche ist nicht vorbei." }
        CountedSince { "Counted since", "Gezählt seit" }
        NotCounted { "No request was counted yet.", "Noch keine Anfrage wurde gezählt." }
        Top { "Most frequent categories", "Häufigste Kategorien" }
        Requests { "Requests", "Anfragen" }
        Day { "Day", "Tag" }
        Flags { "Flags", "Meldungen" }
        Findings { "Findings", "Befunde" }
        NoDays { "No findings.", "Keine Befunde." }
        EndUsers { "End users", "Endnutzer" }
        EndUsersAbout { "Keyed hashes. With the name that your application gave, you can find the hash of an end user.", "Hashwerte mit Schlüssel. Mit dem Namen, den Ihre Anwendung gab, finden Sie den Hashwert eines Endnutzers." }
        EndUser { "Hash of the name", "Hashwert des Namens" }
        LastSeen { "Last seen", "Zuletzt gesehen" }
        Abusive { "potentially abusive", "möglicherweise missbräuchlich" }
        Hash { "Find the hash", "Hashwert finden" }
        HashName { "Name of the end user", "Name des Endnutzers" }
    }
}
