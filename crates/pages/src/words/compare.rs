//! Texts of the page that compares offerings.

use super::messages;

messages! {
    /// Texts of the page that compares offerings.
    Compare {
        Title { "Compare offerings", "Angebote vergleichen" }
        Lead { "What offerings say about privacy in their own words, with date and source, beside the resources of this service by their settings.", "Was Angebote in ihren eigenen Worten über den Datenschutz sagen, mit Datum und Quelle, neben den Ressourcen dieses Dienstes nach ihren Einstellungen." }
        Caution { "Quotes are what offerings say, as the catalogue of {date} found it. What they do is not known here. What is unknown never counts as met.", "Zitate sind, was Angebote sagen, wie der Katalog vom {date} es fand. Was sie tun, ist hier nicht bekannt. Unbekanntes zählt nie als erfüllt." }
        Chooser { "What do you need?", "Was brauchen Sie?" }
        Choose { "Compare by these needs", "Nach diesem Bedarf vergleichen" }
        InEnglish { "Needs and quotes are in English, as the catalogue has them.", "Bedarf und Zitate sind auf Englisch, wie der Katalog sie enthält." }
        All { "Show all needs", "Jeden Bedarf zeigen" }
        SideBySide { "Side by side", "Nebeneinander" }
        Need { "Need", "Bedarf" }
        Offering { "Offering", "Angebot" }
        Verdict { "Result", "Ergebnis" }
        Fits { "meets all", "erfüllt alles" }
        Conditions { "meets all, some in part or under a condition", "erfüllt alles, manches teilweise oder unter einer Bedingung" }
        Unknown { "fails none, but does not say all", "verfehlt nichts, sagt aber nicht alles" }
        Fails { "fails", "verfehlt Bedarf" }
        Yes { "yes", "ja" }
        Partly { "partly", "teilweise" }
        No { "no", "nein" }
        NotSaid { "unknown", "unbekannt" }
        Details { "In their words: {offering}", "In ihren Worten: {offering}" }
        Dated { "dated {date}", "vom {date}" }
        Undated { "without a date, read {date}", "ohne Datum, gelesen am {date}" }
        Old { "old: {why}", "alt: {why}" }
        NoWords { "The catalogue has no words of it about this.", "Der Katalog enthält keine Worte dazu." }
        OneOffering { "Words and sources", "Worte und Quellen" }
        Pick { "Choose an offering in the table to read its words and their sources.", "Wählen Sie in der Tabelle ein Angebot, um seine Worte und deren Quellen zu lesen." }
    }
}
