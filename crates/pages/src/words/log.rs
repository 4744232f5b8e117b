//! Texts of the log explorer.

use super::messages;

messages! {
    /// Texts of the log explorer.
    Log {
        Title { "The log", "Das Protokoll" }
        Intro { "This log has an entry for each act that a promise depends on. The removal or the change of an entry leaves a trace. The log has no content and no names.", "Dieses Protokoll hat einen Eintrag für jede Handlung, von der eine Zusage abhängt. Wer einen Eintrag entfernt oder ändert, hinterlässt eine Spur. Das Protokoll hat keine Inhalte und keine Namen." }
        Head { "The head of the log", "Die Spitze des Protokolls" }
        Size { "Entries", "Einträge" }
        Root { "Root of the tree", "Wurzel des Baums" }
        LastTime { "Newest entry", "Neuester Eintrag" }
        Checkpoint { "The signed checkpoint, to save and to compare later", "Der signierte Prüfpunkt, zum Speichern und für späteren Vergleich" }
        Empty { "No checkpoint is published yet.", "Noch ist kein Prüfpunkt veröffentlicht." }
        Witnesses { "Witnesses", "Zeugen" }
        WitnessesText { "Other programs sign each checkpoint after they have checked that it continues what they saw before. A log that shows different people different histories needs all of them to take part.", "Andere Programme signieren jeden Prüfpunkt, nachdem sie geprüft haben, dass er fortsetzt, was sie zuvor sahen. Ein Protokoll, das verschiedenen Leuten Verschiedenes zeigt, brauchte sie alle als Mitwisser." }
        NoWitnesses { "This log has no witnesses. Compare its checkpoint with other customers.", "Dieses Protokoll hat keine Zeugen. Vergleichen Sie seinen Prüfpunkt mit anderen Kunden." }
        Witness { "Witness", "Zeuge" }
        Signed { "Signed", "Signiert" }
        SignedNow { "this checkpoint, at {time}", "diesen Prüfpunkt, um {time}" }
        SignedOlder { "not this checkpoint; its last has {entries}", "nicht diesen Prüfpunkt; sein letzter hat {entries}" }
        Entries { "Entries", "Einträge" }
        Filter { "Filter", "Filter" }
        KindLabel { "Kind", "Art" }
        AllKinds { "all kinds", "alle Arten" }
        DayLabel { "Day (UTC)", "Tag (UTC)" }
        IdLabel { "Id of a request, key, resource …", "Kennung: Anfrage, Schlüssel, Ressource …" }
        Show { "Show", "Anzeigen" }
        BadDay { "This is not a day: write it as 2026-11-30.", "Das ist kein Tag: Schreiben Sie ihn als 2026-11-30." }
        BadId { "An id has four parts: three letters, an underline, and 32 digits from 0 to 9 and a to f.", "Eine Kennung besteht aus drei Buchstaben, einem Unterstrich und 32 Ziffern von 0 bis 9 und a bis f." }
        NothingFound { "No entry fits.", "Kein Eintrag passt." }
        RequestHidden { "The log does not say which entry is a request's own: only its receipt does. An id finds what was done with its record.", "Das Protokoll sagt nicht, welcher Eintrag zu einer Anfrage gehört: Das sagt nur ihr Beleg. Eine Kennung findet, was mit ihrem Datensatz geschah." }
        Number { "No.", "Nr." }
        Time { "Time", "Zeit" }
        What { "What happened", "Was geschah" }
        Searched { "Searched entries {from} to {to}.", "Durchsucht: Einträge {from} bis {to}." }
        Older { "Older entries", "Ältere Einträge" }
        Newest { "Newest entries", "Neueste Einträge" }
        EntryTitle { "Entry {number}", "Eintrag {number}" }
        SignedByPeople { "Signed by people", "Von Menschen signiert" }
        Yes { "yes", "ja" }
        No { "no", "nein" }
        Bytes { "Its bytes, in hexadecimal", "Seine Bytes, hexadezimal" }
        Proof { "Proof that it is in the log", "Beweis, dass er im Protokoll ist" }
        ProofText { "Starting at the entry, each step hashes two values together. The last one is the root, which the checkpoint signs. {count} hashes prove the place among {entries}.", "Vom Eintrag aus verrechnet jeder Schritt zwei Werte zu einem. Der letzte ist die Wurzel, die der Prüfpunkt signiert. {count} Werte beweisen den Platz unter {entries}." }
        ProofHolds { "The service computed this proof, and it leads to the root. Your browser did not check it.", "Der Dienst hat diesen Beweis berechnet, und er führt zur Wurzel. Ihr Browser hat ihn nicht geprüft." }
        ProofFails { "This proof does not lead to the signed root. Keep this page as evidence, and ask the operator.", "Dieser Beweis führt nicht zur signierten Wurzel. Behalten Sie diese Seite als Beleg, und fragen Sie den Betreiber." }
        ProofTree { "Tree of the proof: from entry {number} at the bottom to the root at the top, in {count} steps. The table below has the same values.", "Baum des Beweises: von Eintrag {number} unten zur Wurzel oben, in {count} Schritten. Die Tabelle darunter hat dieselben Werte." }
        Steps { "The steps as a table", "Die Schritte als Tabelle" }
        Step { "Step", "Schritt" }
        Left { "Left", "Links" }
        Right { "Right", "Rechts" }
        Together { "Together", "Zusammen" }
        Own { "this way", "dieser Weg" }
        Leaf { "Hash of the entry", "Prüfsumme des Eintrags" }
        Consistency { "Was history rewritten?", "Wurde Geschichte umgeschrieben?" }
        ConsistencyText { "Paste a checkpoint that you saved earlier. The service proves that the log of today continues it.", "Fügen Sie einen Prüfpunkt ein, den Sie früher gespeichert haben. Der Dienst beweist, dass das heutige Protokoll ihn fortsetzt." }
        OlderLabel { "Earlier checkpoint", "Früherer Prüfpunkt" }
        Prove { "Prove", "Beweisen" }
        Continues { "The log continues your checkpoint: your {older} are the first of {newer}. Proof: {count} hashes.", "Das Protokoll setzt Ihren Prüfpunkt fort: Ihre {older} sind die ersten von {newer}. Beweis: {count} Werte." }
        Rewritten { "History was rewritten: the log no longer contains your {older}. Keep your checkpoint as evidence, and tell the operator and other customers.", "Geschichte wurde umgeschrieben: Das Protokoll enthält Ihre {older} nicht mehr. Behalten Sie Ihren Prüfpunkt als Beweis, und sagen Sie es dem Betreiber und anderen Kunden." }
        Shorter { "Your checkpoint has {older}, and the log only {newer}. Either a copy is old, or entries were removed: keep your checkpoint.", "Ihr Prüfpunkt hat {older}, das Protokoll nur {newer}. Entweder ist eine Kopie alt, oder Einträge wurden entfernt: Behalten Sie Ihren Prüfpunkt." }
        Renamed { "This checkpoint is of the log {origin}, which had the same key. After a restore a log goes on under another name: compare it with bailiwick-audit verify log --older.", "Dieser Prüfpunkt ist vom Protokoll {origin}, das denselben Schlüssel hatte. Nach einer Wiederherstellung geht ein Protokoll unter anderem Namen weiter: Vergleichen Sie ihn mit bailiwick-audit verify log --older." }
        NotOurs { "This is not a checkpoint that this service signed. Copy all lines of it, with the signature.", "Das ist kein Prüfpunkt, den dieser Dienst signiert hat. Kopieren Sie alle seine Zeilen, mit der Signatur." }
        Yourself { "Copy the log, and check it yourself", "Kopieren Sie das Protokoll, und prüfen Sie es selbst" }
        YourselfText { "This page is the operator's word. A copy, replayed on your own machine, is proof:", "Diese Seite ist das Wort des Betreibers. Eine Kopie, auf Ihrer Maschine nachvollzogen, ist Beweis:" }
    }
}
