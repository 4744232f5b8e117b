//! Texts of the developer's overview.

use super::messages;

messages! {
    /// Texts of the developer's overview.
    Build {
        Title { "Build with {resource}", "Bauen mit {resource}" }
        Lead { "Everything that an application needs to call this resource.", "Alles, was eine Anwendung braucht, um diese Ressource aufzurufen." }
        Throttled { "This resource is under a penalty for abuse: each rate limit is reduced to {percent} %,", "Gegen diese Ressource gilt eine Sperre wegen Missbrauchs: Jedes Ratenlimit ist auf {percent} % gesenkt," }
        Blocked { "This resource is under a penalty for abuse: it answers no requests,", "Gegen diese Ressource gilt eine Sperre wegen Missbrauchs: Sie beantwortet keine Anfragen," }
        Until { "until", "bis" }
        Endpoint { "Endpoint", "Endpunkt" }
        EndpointHelp { "The address of the API's listener, which the operator gives you. The service does not know its public name, so fill it in: the code below calls it ENDPOINT.", "Die Adresse der API, die der Betreiber Ihnen nennt. Der Dienst kennt seinen öffentlichen Namen nicht; setzen Sie ihn ein: Der Code unten nennt ihn ENDPOINT." }
        PathV1 { "Base path of OpenAI's SDKs", "Basispfad der SDKs von OpenAI" }
        PathClassic { "Path of Azure OpenAI's SDKs", "Pfad der SDKs von Azure OpenAI" }
        Resource { "Resource", "Ressource" }
        Content { "Prompts and answers", "Prompts und Antworten" }
        NothingKept { "not stored: zero retention is active", "nicht gespeichert: Es gilt keine Aufbewahrung" }
        KeptDays { "stored for {days} days at most, encrypted, for review after abuse", "höchstens {days} Tage verschlüsselt gespeichert, für die Prüfung nach Missbrauch" }
        Deployments { "Deployments", "Bereitstellungen" }
        NoDeployments { "This resource has no deployment yet.", "Diese Ressource hat noch keine Bereitstellung." }
        ByEngines { "served by engines", "von Engines bedient" }
        Spills { "overflow goes to {deployment}", "Überlauf geht an {deployment}" }
        SkuHelp { "The SKU says where requests may be processed. Standard: in the resource's region. DataZoneStandard: in the region's zone. GlobalStandard: in every region of the configuration.", "Die SKU sagt, wo Anfragen verarbeitet werden dürfen. Standard: in der Region der Ressource. DataZoneStandard: in der Zone der Region. GlobalStandard: in jeder Region der Konfiguration." }
        Playground { "Playground", "Ausprobieren" }
        PlaygroundText { "Ask a deployment a question, as you: the request needs the same role as a request of your application, is recorded like it, counts against the limits, and has a receipt.", "Stellen Sie einer Bereitstellung eine Frage, als Sie selbst: Die Anfrage braucht dieselbe Rolle wie eine Anfrage Ihrer Anwendung, wird wie diese aufgezeichnet, zählt für die Limits und hat einen Beleg." }
        PlaygroundNone { "This resource has no deployment for chat.", "Diese Ressource hat keine Bereitstellung für Chat." }
        PlaygroundMessage { "Message", "Nachricht" }
        PlaygroundTokens { "Most tokens of the answer", "Höchstzahl der Token der Antwort" }
        PlaygroundAsk { "Ask", "Fragen" }
        PlaygroundTitle { "The answer and its receipt", "Die Antwort und ihr Beleg" }
        PlaygroundReceipt { "The receipt", "Der Beleg" }
        PlaygroundCheck { "The three files of this exchange are chosen below: check them here, or save them, and check them elsewhere.", "Die drei Dateien dieses Austauschs sind unten gewählt: Prüfen Sie sie hier, oder speichern Sie sie und prüfen Sie sie anderswo." }
        SaveReceipt { "Save the receipt", "Beleg speichern" }
        SaveRequest { "Save the request", "Anfrage speichern" }
        SaveAnswer { "Save the answer", "Antwort speichern" }
        Use { "Use now", "Nutzung jetzt" }
        ThisHour { "This hour (UTC)", "Diese Stunde (UTC)" }
        Today { "Today (UTC)", "Heute (UTC)" }
        ThisMonth { "This month (UTC)", "Dieser Monat (UTC)" }
        UseHelp { "Limits count each minute, use is added up by the hour. The headers x-ratelimit-remaining-* of an answer say how much of the minute is left.", "Limits zählen jede Minute, die Nutzung wird stündlich addiert. Die Header x-ratelimit-remaining-* einer Antwort nennen den Rest der Minute." }
        NoUse { "No requests.", "Keine Anfragen." }
        NoneNamed { "(no deployment)", "(keine Bereitstellung)" }
        Errors { "Errors of the last hour", "Fehler der letzten Stunde" }
        Keys { "Keys", "Schlüssel" }
        KeysOff { "Keys are switched off for this resource: it accepts tokens only.", "Schlüssel sind für diese Ressource abgeschaltet: Sie nimmt nur Tokens an." }
        KeysText { "A resource has two keys, so that you can replace one while the other works. The service stores only digests: a key is shown once, when it is made. The replaced key stops working at once.", "Eine Ressource hat zwei Schlüssel, damit Sie einen ersetzen können, während der andere gilt. Der Dienst speichert nur Hashwerte: Ein Schlüssel wird einmal gezeigt, wenn er entsteht. Der ersetzte Schlüssel gilt sofort nicht mehr." }
        KeyName { "Key", "Schlüssel" }
        KeyMade { "Made", "Erstellt" }
        KeyReplace { "Replace", "Ersetzen" }
        DaysOld { "({days} days ago)", "(vor {days} Tagen)" }
        Regenerate { "Replace {key}", "{key} ersetzen" }
        Networks { "Networks", "Netze" }
        Public { "Public listener", "Öffentlicher Zugang" }
        PublicOn { "answers, by the rules below", "antwortet, nach den Regeln unten" }
        PublicOff { "refuses: only the operator's private network reaches the resource", "lehnt ab: Nur das private Netz des Betreibers erreicht die Ressource" }
        Admitted { "Admitted addresses", "Zugelassene Adressen" }
        NoRules { "no rules", "keine Regeln" }
        Others { "All other addresses", "Alle anderen Adressen" }
        OthersIn { "admitted", "zugelassen" }
        OthersOut { "refused", "abgelehnt" }
        Filter { "Content filter", "Inhaltsfilter" }
        FilterText { "Each deployment has one filter. The first one is built in.", "Jede Bereitstellung hat einen Filter. Der erste ist eingebaut." }
        FilterWeak { "Not in force: it is weaker than the operator allows, and the built-in filter takes its place.", "Nicht in Kraft: Er ist schwächer, als der Betreiber erlaubt; der eingebaute Filter tritt an seine Stelle." }
        FilterOf { "Deployments", "Bereitstellungen" }
        FilterMode { "Mode of streams", "Modus von Streams" }
        FilterDown { "While a detector is down", "Wenn ein Detektor ausfällt" }
        FilterDigest { "SHA-256, as in receipts", "SHA-256, wie in Belegen" }
        FilterRules { "Rules", "Regeln" }
        Category { "Category", "Kategorie" }
        Side { "Side", "Seite" }
        LooksFor { "Looked for", "Gesucht" }
        From { "From severity", "Ab Schwere" }
        Blocks { "Blocked", "Blockiert" }
        List { "Blocklist {name}", "Sperrliste {name}" }
        Code { "Code", "Code" }
        ShowCode { "Show the code", "Code zeigen" }
        CodeFirst { "First set the endpoint and one of the keys, in the shell that runs the code:", "Setzen Sie zuerst den Endpunkt und einen der Schlüssel, in der Shell, die den Code ausführt:" }
        CodeHelp { "Each answer names its receipt in the header x-bailiwick-receipt.", "Jede Antwort nennt ihren Beleg im Header x-bailiwick-receipt." }
        ToExplain { "What happens to a request of this resource", "Was mit einer Anfrage an diese Ressource geschieht" }
    }
}
