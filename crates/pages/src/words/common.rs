//! Texts that all pages have.

use super::messages;

messages! {
    /// Texts of the frame, and words that several pages use.
    Common {
        Skip { "Skip to the content", "Zum Inhalt springen" }
        Pages { "Pages", "Seiten" }
        Language { "Language", "Sprache" }
        NavHome { "Promises", "Zusagen" }
        NavReceipt { "Check a receipt", "Beleg prüfen" }
        NavLog { "Log", "Protokoll" }
        Waiting { "waiting", "wartend" }
        Tagline { "Private LLM service. The promises can be checked.", "Privater LLM-Dienst. Die Zusagen lassen sich prüfen." }
        AsJson { "This page as JSON", "Diese Seite als JSON" }
        Source { "These pages are part of the program. They load nothing from elsewhere and set no cookies.", "Diese Seiten sind Teil des Programms. Sie laden nichts von anderswo und setzen keine Cookies." }
        Proved { "proved", "bewiesen" }
        ProvedHelp { "Mathematics or a signature shows it. You can repeat the check without trusting the operator.", "Mathematik oder eine Signatur zeigt es. Sie können die Prüfung wiederholen, ohne dem Betreiber zu vertrauen." }
        ByYou { "checked by you", "von Ihnen geprüft" }
        ByYouHelp { "Your own browser or program checks it.", "Ihr eigener Browser oder Ihr eigenes Programm prüft es." }
        OperatorsWord { "operator's word", "Wort des Betreibers" }
        OperatorsWordHelp { "The running service reports it. Only the operator can vouch for it.", "Der laufende Dienst meldet es. Nur der Betreiber kann dafür einstehen." }
        Legend { "Who stands behind a figure", "Wer hinter einer Angabe steht" }
        Checked { "Last check: {time}", "Letzte Prüfung: {time}" }
        NotFoundTitle { "There is no such page", "Diese Seite gibt es nicht" }
        NotFoundText { "Check the address, or begin with the promises.", "Prüfen Sie die Adresse, oder beginnen Sie bei den Zusagen." }
        Entries { "{count} entries", "{count} Einträge" }
        OneEntry { "1 entry", "1 Eintrag" }
    }
}
