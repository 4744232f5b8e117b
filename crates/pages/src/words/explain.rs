//! Texts of the page about the life of a request.

use super::messages;

messages! {
    /// Texts of the page about the life of a request.
    Explain {
        Title { "What happens to a request of {resource}", "Was mit einer Anfrage an {resource} geschieht" }
        Lead { "The service makes these sentences from the settings in force, each time you open this page. Each says which settings decide it, and how you check it.", "Der Dienst bildet diese Sätze aus den geltenden Einstellungen, jedes Mal, wenn Sie diese Seite öffnen. Jeder nennt die Einstellungen, die ihn bestimmen, und wie Sie ihn prüfen." }
        InEnglish { "The sentences are in English, as the API makes them.", "Die Sätze sind auf Englisch, wie die API sie bildet." }
        Tenant { "Tenant", "Mandant" }
        At { "Made at", "Erstellt am" }
        Configuration { "SHA-256 of the configuration, as in receipts", "SHA-256 der Konfiguration, wie in Belegen" }
        Because { "Settings and checks", "Einstellungen und Prüfungen" }
        NoSetting { "No setting changes this.", "Keine Einstellung ändert dies." }
        Settings { "Settings that decide", "Einstellungen, die entscheiden" }
        Checks { "How to check it", "Wie man es prüft" }
        Caller { "each caller", "jeder Aufrufer" }
        Officer { "the customer's data protection officer", "der Datenschutzbeauftragte des Kunden" }
        Auditor { "everybody with the log", "jeder mit dem Protokoll" }
        Operator { "the operator", "der Betreiber" }
        ToCompare { "Compare with other offerings", "Mit anderen Angeboten vergleichen" }
        ToBuild { "Developer's overview", "Überblick für Entwickler" }
        Accepted { "Where a request is accepted", "Wo eine Anfrage angenommen wird" }
        Callers { "Who may send it", "Wer sie senden darf" }
        Limits { "How large and how frequent it may be", "Wie groß und wie häufig sie sein darf" }
        ContentFilter { "What the content filter does", "Was der Inhaltsfilter tut" }
        PersonalData { "What happens to personal data", "Was mit personenbezogenen Daten geschieht" }
        Runs { "Where the model runs", "Wo das Modell läuft" }
        Seen { "Who can see the content meanwhile", "Wer den Inhalt währenddessen sehen kann" }
        Kept { "What is kept, and for how long", "Was aufbewahrt wird, und wie lange" }
        Opened { "Who can open what is kept", "Wer öffnen kann, was aufbewahrt wird" }
        Abuse { "How abuse is noticed", "Wie Missbrauch bemerkt wird" }
        Receipt { "What you get as proof", "Was Sie als Beleg bekommen" }
        Other { "Further", "Weiteres" }
    }
}
