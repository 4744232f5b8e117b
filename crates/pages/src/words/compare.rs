//! Texts of the page that compares offerings.

use super::messages;

messages! {
    /// Texts of the page that compares offerings.
    Compare {
        Title { "Compare offerings", "Angebote vergleichen" }
        Lead { "What offerings say about privacy in their own words, with date and source, beside the resources of this service by their settings.", "Was Angebote in ihren eigenen Worten über den Datenschutz sagen, mit Datum und Quelle, neben den Ressourcen dieses Dienstes nach ihren Einstellungen." }
        Caution { "Quotes are what offerings say, as the catalogue of {date} found it. What they do is not known here. What is unknown never counts as met.", "Zitate sind, was Angebote sagen, wie der Katalog vom {date} es fand. Was sie tun, ist hier nicht bekannt. Unbekanntes zählt nie als erfüllt." }
        Chooser { "What do you need?", "Was brauchen Sie?" }
        NotAll { "You may see {count} resources of this service; the table has the first ones. The page about what happens to a request leads to the comparison of one resource.", "Sie dürfen {count} Ressourcen dieses Dienstes sehen; die Tabelle hat die ersten. Die Seite über eine Anfrage führt zum Vergleich einer Ressource." }
        Legend { "With conditions: it meets all needs, some in part or under a condition. Does not say all: it fails none, but about some it says nothing.", "Mit Bedingungen: Es erfüllt alles, manches teilweise oder unter einer Bedingung. Sagt nicht alles: Es verfehlt nichts, sagt aber zu manchem nichts." }
        Choose { "Compare by these needs", "Nach diesem Bedarf vergleichen" }
        InEnglish { "Needs and quotes are in English, as the catalogue has them.", "Bedarf und Zitate sind auf Englisch, wie der Katalog sie enthält." }
        All { "Show all needs", "Jeden Bedarf zeigen" }
        SideBySide { "Side by side", "Nebeneinander" }
        Need { "Need", "Bedarf" }
        Verdict { "Result", "Ergebnis" }
        Fits { "meets all", "erfüllt alles" }
        Conditions { "with conditions", "mit Bedingungen" }
        Unknown { "does not say all", "sagt nicht alles" }
        Fails { "fails", "verfehlt" }
        Yes { "yes", "ja" }
        Partly { "partly", "teilweise" }
        No { "no", "nein" }
        NotSaid { "unknown", "unbekannt" }
        Details { "In their words: {offering}", "In ihren Worten: {offering}" }
        Dated { "dated {date}", "vom {date}" }
        Undated { "without a date, read {date}", "ohne Datum, gelesen am {date}" }
        Old { "old: {why}", "alt: {why}" }
        NoWords { "The catalogue has no words of it about this.", "Der Katalog enthält keine Worte dazu." }
        Pick { "Choose an offering in the table to read its words and their sources.", "Wählen Sie in der Tabelle ein Angebot, um seine Worte und deren Quellen zu lesen." }
    }
}
