//! Texts of the reading view.

use super::messages;

messages! {
    /// Texts of an opened record.
    Reading {
        Title { "Record", "Aufzeichnung" }
        Lead { "The log has an entry of this reading. When the time is over, this page ends by itself and the content is gone from it. Leaving or reloading the page ends it, too.", "Das Protokoll hat einen Eintrag über dieses Lesen. Ist die Zeit um, endet die Seite von selbst, und der Inhalt verschwindet. Auch Verlassen oder Neuladen beendet sie." }
        Honest { "Copying, printing and dragging are switched off here, and your name is written over the content. A photograph of the screen, or a program that reads it, cannot be prevented.", "Kopieren, Drucken und Ziehen sind hier abgeschaltet, und Ihr Name steht über dem Inhalt. Ein Foto des Bildschirms oder ein Programm, das ihn liest, lässt sich nicht verhindern." }
        NoScript { "Without JavaScript, this page cannot end by itself. Close it when you have read it.", "Ohne JavaScript kann diese Seite nicht von selbst enden. Schließen Sie sie, wenn Sie gelesen haben." }
        Left { "Time left", "Verbleibende Zeit" }
        End { "End reading", "Lesen beenden" }
        Viewer { "signed-in person", "angemeldete Person" }
        Request { "Request", "Anfrage" }
        Started { "Time", "Zeit" }
        Caller { "Caller", "Aufrufer" }
        Route { "Route", "Route" }
        Deployment { "Deployment", "Bereitstellung" }
        Region { "Region", "Region" }
        Status { "HTTP status", "HTTP-Status" }
        Asked { "Request", "Anfrage" }
        Answered { "Answer", "Antwort" }
        NothingRead { "No messages were found in this body. It stands below as it was sent.", "In diesem Inhalt wurden keine Nachrichten gefunden. Er steht unten, wie er gesendet wurde." }
        Empty { "This body is empty.", "Dieser Inhalt ist leer." }
        NotText { "This body is not text. Its bytes stand below in base64.", "Dieser Inhalt ist kein Text. Seine Bytes stehen unten in Base64." }
        Raw { "All of it, as it was sent", "Alles, wie es gesendet wurde" }
        System { "System", "System" }
        Developer { "Developer", "Entwickler" }
        User { "User", "Nutzer" }
        Assistant { "Assistant", "Assistent" }
        Tool { "Tool", "Werkzeug" }
        Error { "Error", "Fehler" }
        Instructions { "Instructions", "Anweisungen" }
        Call { "Calls the tool {name}", "Ruft das Werkzeug {name} auf" }
        Result { "Result of a tool", "Ergebnis eines Werkzeugs" }
        Thinking { "Reasoning", "Gedankengang" }
        Other { "Not text, not shown here: {kind}", "Kein Text, hier nicht gezeigt: {kind}" }
    }
}
