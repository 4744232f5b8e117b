//! Texts of the receipt checker.

use super::messages;

messages! {
    /// Texts of the receipt checker.
    Receipt {
        Title { "Check a receipt", "Beleg prüfen" }
        Intro { "A receipt says what happened to one request: which model ran, where, when, and what was kept. This page checks the signature, the place in the log, and whether the receipt is about your request and your answer.", "Ein Beleg sagt, was mit einer Anfrage geschah: welches Modell lief, wo, wann, und was aufbewahrt wurde. Diese Seite prüft die Signatur, den Platz im Protokoll, und ob der Beleg zu Ihrer Anfrage und Ihrer Antwort gehört." }
        Local { "Your browser does the check. The files do not leave your computer.", "Ihr Browser prüft. Die Dateien verlassen Ihren Rechner nicht." }
        FilesTitle { "1. The files", "1. Die Dateien" }
        Drop { "Drop the files here, or choose them below.", "Ziehen Sie die Dateien hierher, oder wählen Sie sie unten aus." }
        File { "Receipt", "Beleg" }
        FileHelp { "The body of GET /openai/v1/receipts/ID, unchanged.", "Der Inhalt von GET /openai/v1/receipts/ID, unverändert." }
        RequestFile { "Request (optional)", "Anfrage (freiwillig)" }
        RequestHelp { "The body that you sent, to the byte.", "Der Inhalt, den Sie gesendet haben, auf das Byte genau." }
        AnswerFile { "Answer (optional)", "Antwort (freiwillig)" }
        AnswerHelp { "The body that you received; all bytes if it was a stream.", "Der Inhalt, den Sie erhalten haben; alle Bytes, wenn es ein Datenstrom war." }
        LogFolder { "Copy of the log (optional)", "Kopie des Protokolls (freiwillig)" }
        LogHelp { "The folder that bailiwick-audit mirror made. The whole log is replayed, and must agree with the receipt.", "Der Ordner, den bailiwick-audit mirror angelegt hat. Das ganze Protokoll wird nachvollzogen und muss zum Beleg passen." }
        KeyTitle { "2. The service's key", "2. Der Schlüssel des Dienstes" }
        Key { "Public key", "Öffentlicher Schlüssel" }
        KeyHelp { "This page gives the key of the service that served the page. Compare its fingerprint with one that you got in another way, for example in your contract.", "Diese Seite gibt den Schlüssel des Dienstes an, von dem die Seite stammt. Vergleichen Sie seinen Fingerabdruck mit einem, den Sie auf anderem Weg erhalten haben, zum Beispiel im Vertrag." }
        KeyChanged { "This is not the key that the page came with.", "Das ist nicht der Schlüssel, mit dem die Seite kam." }
        Fingerprint { "Fingerprint (SHA-256)", "Fingerabdruck (SHA-256)" }
        Check { "Check", "Prüfen" }
        Result { "3. The result", "3. Das Ergebnis" }
        Waiting { "No receipt was checked yet.", "Noch wurde kein Beleg geprüft." }
        Working { "Checking…", "Die Prüfung läuft …" }
        Verified { "Verified: the receipt holds.", "Geprüft: Der Beleg stimmt." }
        Failed { "Failed: keep these files as evidence, and ask the operator.", "Fehlgeschlagen: Behalten Sie diese Dateien als Beweis, und fragen Sie den Betreiber." }
        Incomplete { "Incomplete: something is missing for a full check.", "Unvollständig: Für eine vollständige Prüfung fehlt etwas." }
        Unreadable { "Not checked: a file cannot be read.", "Nicht geprüft: Eine Datei ist nicht lesbar." }
        Missing { "Choose a receipt first.", "Wählen Sie zuerst einen Beleg." }
        Unsupported { "Your browser cannot run WebAssembly here. Use another browser, or the command bailiwick-audit.", "Ihr Browser kann hier kein WebAssembly ausführen. Nehmen Sie einen anderen Browser oder den Befehl bailiwick-audit." }
        NoScript { "This page needs a script for the check, because nothing is sent to the service. Without scripts, use the command below.", "Diese Seite braucht zum Prüfen ein Skript, weil nichts an den Dienst gesendet wird. Ohne Skripte verwenden Sie den Befehl unten." }
        Checks { "The checks", "Die Prüfungen" }
        ChecksEnglish { "The checker writes its findings in English.", "Die Prüfung schreibt ihre Befunde auf Englisch." }
        Says { "What the receipt says", "Was der Beleg sagt" }
        Full { "The full report", "Der ganze Bericht" }
        Save { "Save the report", "Bericht speichern" }
        SavePage { "Save this page as one file", "Diese Seite als eine Datei speichern" }
        SaveHelp { "The saved page works without a network, also years later. It contains the checker and the key ({size}).", "Die gespeicherte Seite arbeitet ohne Netz, auch nach Jahren. Sie enthält das Prüfprogramm und den Schlüssel ({size})." }
        SavedNote { "This is a saved page. It contains everything that it needs, and no part of it reaches a network.", "Das ist eine gespeicherte Seite. Sie enthält alles, was sie braucht, und kein Teil von ihr erreicht ein Netz." }
        Module { "The checker is WebAssembly, fetched once when you check ({size}).", "Das Prüfprogramm ist WebAssembly und wird einmal geholt, wenn Sie prüfen ({size})." }
        Elsewhere { "Without this page", "Ohne diese Seite" }
        ElsewhereText { "The same check as a program, for which you need to trust neither this page nor this service:", "Dieselbe Prüfung als Programm, bei der Sie weder dieser Seite noch diesem Dienst vertrauen müssen:" }
        FieldTime { "Time", "Zeit" }
        FieldModel { "Model (SHA-256)", "Modell (SHA-256)" }
        FieldPlace { "Processed in", "Verarbeitet in" }
        FieldStored { "Stored in", "Gespeichert in" }
        FieldKept { "Kept", "Aufbewahrt" }
        FieldRequest { "Request", "Anfrage" }
        FieldOutcome { "Outcome", "Ausgang" }
        FieldPolicies { "Policies (SHA-256)", "Richtlinien (SHA-256)" }
        FieldEntry { "Entry of the log", "Eintrag im Protokoll" }
        Vouches { "Who vouches", "Wer einsteht" }
    }
}
