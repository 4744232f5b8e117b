//! Texts about the errors of a resource. The API's own messages are the source of the advice.

use super::messages;

messages! {
    /// Texts about the errors of a resource.
    Errors {
        Hour { "Calls of the last {minutes} minutes that were refused, failed, or were given up by their client.", "Aufrufe der letzten {minutes} Minuten, die abgelehnt wurden, fehlschlugen oder von ihrem Client abgebrochen wurden." }
        Start { "Calls that were refused, failed, or were given up by their client, counted since the service started at", "Aufrufe, die abgelehnt wurden, fehlschlugen oder von ihrem Client abgebrochen wurden, gezählt seit dem Start des Dienstes um" }
        Help { "The counts are in memory, and begin anew with each start of the service. They have no text of a request. Calls with a wrong key or path, and lines of batches, are not counted.", "Die Zahlen stehen im Arbeitsspeicher und beginnen mit jedem Start des Dienstes neu. Sie enthalten keinen Text einer Anfrage. Aufrufe mit falschem Schlüssel oder Pfad und Zeilen von Batches werden nicht gezählt." }
        Nothing { "No errors.", "Keine Fehler." }
        Code { "Code", "Code" }
        Status { "Status", "Status" }
        Count { "Number", "Anzahl" }
        Times { "times", "Mal" }
        Last { "Last", "Zuletzt" }
        Others { "Further errors, of other kinds: {count}", "Weitere Fehler anderer Art: {count}" }
        Field { "The request is not valid: message and param in the answer say where.", "Die Anfrage ist nicht gültig: message und param in der Antwort sagen, wo." }
        Deployment { "The resource has no deployment of this name: use a name from the table above.", "Die Ressource hat keine Bereitstellung dieses Namens: Verwenden Sie einen Namen aus der Tabelle oben." }
        Task { "The deployment's model is for another task: choose another deployment.", "Das Modell der Bereitstellung ist für eine andere Aufgabe: Wählen Sie eine andere Bereitstellung." }
        Context { "The prompt does not fit into the model's context: shorten it.", "Der Prompt passt nicht in den Kontext des Modells: Kürzen Sie ihn." }
        Large { "The request needs more tokens than the deployment has in a minute: lower max_tokens, or ask the operator for a higher limit.", "Die Anfrage braucht mehr Tokens, als die Bereitstellung pro Minute hat: Senken Sie max_tokens, oder bitten Sie den Betreiber um ein höheres Limit." }
        Filter { "The content filter blocked the prompt: innererror in the answer says why.", "Der Inhaltsfilter hat den Prompt blockiert: innererror in der Antwort sagt, warum." }
        Personal { "The request has personal data, or a part in which it cannot be found: the answer says what to remove.", "Die Anfrage enthält personenbezogene Daten oder einen Teil, in dem sie nicht zu finden sind: Die Antwort sagt, was zu entfernen ist." }
        Role { "The token has no role that allows this: ask for the role that the answer names.", "Das Token hat keine Rolle, die das erlaubt: Bitten Sie um die Rolle, die die Antwort nennt." }
        Penalty { "The resource is blocked for abuse: its owner can appeal at the owner desk.", "Die Ressource ist wegen Missbrauchs gesperrt: Ihr Eigentümer kann am Schalter Einspruch erheben." }
        Object { "The object does not exist, was deleted, or belongs to someone else: check its id.", "Das Objekt gibt es nicht, es wurde gelöscht, oder es gehört jemand anderem: Prüfen Sie seine Kennung." }
        Kept { "Nothing may be kept: send \"store\": false, or the conversation so far with each request.", "Es darf nichts gespeichert werden: Senden Sie \"store\": false oder bei jeder Anfrage das bisherige Gespräch." }
        Slow { "The request took too long: lower max_tokens or n, or stream the answer.", "Die Anfrage dauerte zu lange: Senken Sie max_tokens oder n, oder streamen Sie die Antwort." }
        Body { "The request body is too long: send less in one request.", "Der Rumpf der Anfrage ist zu lang: Senden Sie weniger in einer Anfrage." }
        Busy { "A limit was reached: wait as long as the header retry-after says, or ask the operator for a higher limit.", "Ein Limit war erreicht: Warten Sie so lange, wie der Header retry-after sagt, oder bitten Sie den Betreiber um ein höheres Limit." }
        Gone { "The client closed the connection before the end of the answer: check its time limit.", "Der Client hat die Verbindung vor dem Ende der Antwort geschlossen: Prüfen Sie sein Zeitlimit." }
        Failed { "The service or an engine failed: try again, and tell the operator if it goes on.", "Der Dienst oder eine Engine ist ausgefallen: Versuchen Sie es erneut, und melden Sie es dem Betreiber, wenn es anhält." }
        Wait { "Not available for a moment: try again after the time in the header retry-after.", "Im Augenblick nicht verfügbar: Versuchen Sie es nach der Zeit im Header retry-after erneut." }
        Model { "The model cannot be loaded: ask the operator.", "Das Modell lässt sich nicht laden: Fragen Sie den Betreiber." }
        Region { "No engine may process the request in the regions of the deployment: the answer names the rule.", "Keine Engine darf die Anfrage in den Regionen der Bereitstellung verarbeiten: Die Antwort nennt die Regel." }
        Key { "Your organization withdrew its key: nothing works until the key is back.", "Ihre Organisation hat ihren Schlüssel entzogen: Bis er zurück ist, geht nichts." }
    }
}
