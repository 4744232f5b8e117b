//! Texts of the operator's console, and those that other pages about resources share with it.

use super::messages;

messages! {
    /// Texts of the operator's console.
    Console {
        Title { "Console", "Konsole" }
        Health { "Health", "Zustand" }
        HealthTitle { "Console: health of the service", "Konsole: Zustand des Dienstes" }
        HealthLead { "The processes of the service and its engines, as they are now.", "Die Prozesse des Dienstes und seine Engines, wie sie jetzt sind." }
        Workers { "Workers", "Worker" }
        NoWorkers { "No worker runs: no deployment uses a model with a file.", "Kein Worker läuft: Keine Bereitstellung nutzt ein Modell mit einer Datei." }
        Loaded { "Loaded", "Geladen" }
        Load { "Requests now", "Anfragen jetzt" }
        Restarts { "Restarts after a death", "Neustarts nach einem Absturz" }
        Context { "Context, in tokens", "Kontext in Tokens" }
        Devices { "Graphics cards", "Grafikkarten" }
        Processor { "none: the processor computes everything", "keine: Der Prozessor rechnet alles" }
        Process { "Process", "Prozess" }
        Confined { "Confinement: {count} attempts to break out, and the error that each met", "Absperrung: {count} Ausbruchsversuche, und woran jeder scheiterte" }
        MemoryLocked { "Memory locked", "Speicher gesperrt" }
        Gateway { "Gateway", "Gateway" }
        ToEngines { "All about the engines", "Alles über die Engines" }
        Elsewhere { "Other places to look", "Weitere Stellen zum Nachsehen" }
        ElsewhereText { "The log, its witnesses, delays of deletions and the comparison of the database are in `/readyz` and `/metrics` of the operations listener, and on the page of the promises.", "Das Protokoll, seine Zeugen, verspätete Löschungen und der Vergleich der Datenbank stehen unter `/readyz` und `/metrics` des Betriebszugangs und auf der Seite der Zusagen." }
        Ready { "ready", "bereit" }
        Serving { "serving", "bedient" }
        Loading { "loading", "lädt" }
        Restarting { "restarting", "startet neu" }
        Resting { "resting", "ruht" }
        Trying { "trying again", "neuer Versuch" }
        Full { "full", "voll" }
        Draining { "draining", "läuft aus" }
        Failed { "failed", "ausgefallen" }
        Ejected { "ejected", "ausgeschlossen" }
        Unlisted { "not listed", "nicht gelistet" }
        Stopped { "stopped", "angehalten" }
        Yes { "yes", "ja" }
        No { "no", "nein" }
        Delete { "Delete {name}", "{name} löschen" }
        TypeName { "Type the name {name} to confirm", "Geben Sie zur Bestätigung den Namen {name} ein" }
        Part { "{first} to {last} of {all}", "{first} bis {last} von {all}" }
        Previous { "Previous", "Zurück" }
        Next { "Next", "Weiter" }
        Id { "Id in the log", "Id im Protokoll" }
        Name { "Name", "Name" }
        State { "State", "Zustand" }
        Created { "Created", "Angelegt" }
        Change { "Change", "Ändern" }
        ChangeOf { "Change {name}", "{name} ändern" }
        End { "Delete", "Löschen" }
        Tenants { "Tenants", "Mandanten" }
        Tenant { "Tenant", "Mandant" }
        TenantTitle { "Tenant {tenant}", "Mandant {tenant}" }
        NoTenants { "You may see no tenant.", "Sie dürfen keinen Mandanten sehen." }
        NewTenant { "New tenant", "Neuer Mandant" }
        NewTenantHelp { "A customer is a tenant. Names have letters, digits, hyphens, underscores and dots.", "Ein Kunde ist ein Mandant. Namen haben Buchstaben, Ziffern, Bindestriche, Unterstriche und Punkte." }
        CreateTenant { "Create the tenant", "Mandanten anlegen" }
        DeleteTenantHelp { "A tenant can be deleted when it has no resources. The log keeps its history.", "Ein Mandant kann gelöscht werden, wenn er keine Ressourcen hat. Das Protokoll bewahrt seine Geschichte." }
        Root { "Fingerprint of the root", "Fingerabdruck der Wurzel" }
        RootHelp { "A root names the customer's own people by keys. Compare its fingerprint with the one that the customer tells you.", "Eine Wurzel benennt die Leute des Kunden durch Schlüssel. Vergleichen Sie ihren Fingerabdruck mit dem, den der Kunde Ihnen nennt." }
        NoRoot { "none", "keine" }
        Resources { "Resources", "Ressourcen" }
        Resource { "Resource", "Ressource" }
        ResourceTitle { "Resource {resource}", "Ressource {resource}" }
        NoResources { "No resource.", "Keine Ressource." }
        Region { "Region", "Region" }
        NewResource { "New resource", "Neue Ressource" }
        NewResourceHelp { "Its two keys are shown once, on the next page. A name has lower-case letters, digits and hyphens. It is in the region of this service.", "Ihre zwei Schlüssel werden einmal gezeigt, auf der nächsten Seite. Ein Name hat Kleinbuchstaben, Ziffern und Bindestriche. Sie liegt in der Region dieses Dienstes." }
        CreateResource { "Create the resource", "Ressource anlegen" }
        DeleteResourceHelp { "Its deployments, filters and keys end at once. Records stay until their keys are destroyed at their deadline.", "Ihre Bereitstellungen, Filter und Schlüssel enden sofort. Aufzeichnungen bleiben, bis ihre Schlüssel zur Frist zerstört werden." }
        ToBuild { "Developer's overview", "Überblick für Entwickler" }
        ToExplain { "What happens to a request", "Was mit einer Anfrage geschieht" }
        Settings { "Settings", "Einstellungen" }
        Setting { "Setting", "Einstellung" }
        Now { "Now", "Jetzt" }
        NewValue { "New value", "Neuer Wert" }
        SettingsHelp { "Changes apply from the next request on, and the log commits to each.", "Änderungen gelten ab der nächsten Anfrage, und das Protokoll hält jede fest." }
        Content { "Content stored", "Inhalt gespeichert" }
        Days { "{days} days", "{days} Tage" }
        ZeroRetention { "not stored: zero retention", "nicht gespeichert: keine Aufbewahrung" }
        Penalised { "penalty", "Sperre" }
        RetentionDays { "Days that content is stored (1 to 30)", "Tage, für die Inhalt gespeichert wird (1 bis 30)" }
        Lockbox { "Lockbox: the customer consents to each look", "Lockbox: Der Kunde stimmt jeder Einsicht zu" }
        LockboxHelp { "Only the customer's own contributor or data protection officer switches it off.", "Nur Mitwirkende oder der Datenschutzbeauftragte des Kunden schalten sie ab." }
        PrefixCache { "Prefix cache within the tenant", "Präfix-Cache innerhalb des Mandanten" }
        TokensOnly { "Tokens only, no keys", "Nur Tokens, keine Schlüssel" }
        NoStoredCompletions { "Stored completions switched off", "Gespeicherte Antworten abgeschaltet" }
        Public { "Public network access", "Öffentlicher Netzzugang" }
        SubjectHeader { "Header that names the data subject", "Header, der die betroffene Person nennt" }
        IpRules { "IP rules", "IP-Regeln" }
        Forward { "Labels that other engines get", "Kennungen, die andere Engines bekommen" }
        Deployments { "Deployments", "Bereitstellungen" }
        Deployment { "Deployment", "Bereitstellung" }
        NoDeployments { "No deployment.", "Keine Bereitstellung." }
        NewDeployment { "New deployment", "Neue Bereitstellung" }
        NewDeploymentHelp { "The model is loaded in the background; its state is above. Limits without a number are 1,000,000 tokens and 6,000 requests per minute.", "Das Modell wird im Hintergrund geladen; sein Zustand steht oben. Limits ohne Zahl sind 1.000.000 Tokens und 6.000 Anfragen pro Minute." }
        CreateDeployment { "Create the deployment", "Bereitstellung anlegen" }
        DeleteDeploymentHelp { "Requests to it are refused at once.", "Anfragen an sie werden sofort abgelehnt." }
        Limits { "Rate limits", "Ratenlimits" }
        Tpm { "Tokens per minute", "Tokens pro Minute" }
        Rpm { "Requests per minute", "Anfragen pro Minute" }
        TpmShort { "tokens/min", "Tokens/min" }
        RpmShort { "requests/min", "Anfragen/min" }
        Sku { "SKU", "SKU" }
        Filter { "Content filter", "Inhaltsfilter" }
        Spillover { "Overflow goes to", "Überlauf geht an" }
        AsIs { "as it is", "wie es ist" }
        Models { "Models", "Modelle" }
        Model { "Model", "Modell" }
        Task { "Task", "Aufgabe" }
        TaskChat { "chat and completions", "Chat und Vervollständigung" }
        TaskEmbed { "embeddings", "Einbettungen" }
        NoModels { "No model.", "Kein Modell." }
        ServedBy { "Served by", "Bedient von" }
        NoEngine { "no engine yet", "noch keine Engine" }
        FineTuned { "Fine-tuned for, by job", "Feinabgestimmt für, durch Auftrag" }
        File { "File", "Datei" }
        Origin { "Origin", "Herkunft" }
        License { "Licence", "Lizenz" }
        Architecture { "Architecture", "Architektur" }
        Weights { "weights", "Gewichte" }
        Size { "Size", "Größe" }
        DeleteModelHelp { "A model can be deleted when no deployment and no engine uses it. Its copy in the data directory goes with it.", "Ein Modell kann gelöscht werden, wenn keine Bereitstellung und keine Engine es nutzt. Seine Kopie im Datenverzeichnis geht mit." }
        ModelFromFile { "Add a model from a file", "Modell aus einer Datei hinzufügen" }
        ModelFromFileHelp { "The file or the folder is on the machine of the service. A confined process inspects it first, and then it is copied: this takes a while for a large file.", "Die Datei oder der Ordner liegt auf der Maschine des Dienstes. Ein abgesperrter Prozess prüft sie zuerst, dann wird sie kopiert: Bei einer großen Datei dauert das." }
        ModelServed { "Add a model that engines serve", "Modell hinzufügen, das Engines bedienen" }
        ModelServedHelp { "It has no file here. Then add an engine that serves it.", "Es hat hier keine Datei. Fügen Sie danach eine Engine hinzu, die es bedient." }
        AddModel { "Add the model", "Modell hinzufügen" }
        PathOnMachine { "Path of the GGUF file or folder", "Pfad der GGUF-Datei oder des Ordners" }
        FileInFolder { "File in the folder, if it has several", "Datei im Ordner, falls er mehrere hat" }
        Expected { "SHA-256 that it must have", "SHA-256, die sie haben muss" }
        InPlace { "Use it where it is, without a copy", "Dort nutzen, wo sie liegt, ohne Kopie" }
        Engines { "Engines", "Engines" }
        Engine { "Engine", "Engine" }
        NewEngine { "New engine", "Neue Engine" }
        NewEngineHelp { "An engine needs an entry in the configuration's list of destinations, and a form cannot send its list of models. Use the command:", "Eine Engine braucht einen Eintrag in der Liste der Ziele der Konfiguration, und ein Formular kann ihre Modellliste nicht senden. Nutzen Sie den Befehl:" }
        Kind { "Kind", "Art" }
        Zone { "zone", "Zone" }
        Operator { "Operated by", "Betrieben von" }
        OwnOperator { "the operator of this service", "dem Betreiber dieses Dienstes" }
        Address { "Address", "Adresse" }
        Credential { "Credential from", "Zugangsdaten aus" }
        Abilities { "Abilities", "Fähigkeiten" }
        EngineCache { "Its prefix cache", "Ihr Präfix-Cache" }
        Concurrency { "Requests at once, at most", "Anfragen gleichzeitig, höchstens" }
        Weight { "Weight", "Gewicht" }
        NewRequests { "New requests", "Neue Anfragen" }
        Serves { "gets them", "bekommt sie" }
        Drains { "gets none (drain)", "bekommt keine (auslaufen)" }
        DeleteEngineHelp { "Requests to a model that no other engine serves are refused from then on.", "Anfragen an ein Modell, das keine andere Engine bedient, werden dann abgelehnt." }
        Processors { "Companies that operate engines", "Firmen, die Engines betreiben" }
        NoProcessors { "No other company ever operated an engine here.", "Keine andere Firma hat hier je eine Engine betrieben." }
        Company { "Company", "Firma" }
        Contract { "Contract", "Vertrag" }
        Since { "Since", "Seit" }
        AllowedBy { "Allowed by resources", "Erlaubt von Ressourcen" }
        Requests { "Requests", "Anfragen" }
        People { "People and roles", "Personen und Rollen" }
        PeopleLead { "Roles decide what people and programs may do. Each change is in the log.", "Rollen entscheiden, was Personen und Programme dürfen. Jede Änderung steht im Protokoll." }
        NoPeople { "You may see no role assignment.", "Sie dürfen keine Rollenzuweisung sehen." }
        Holder { "Holder", "Inhaber" }
        Person { "person", "Person" }
        Program { "program", "Programm" }
        Role { "Role", "Rolle" }
        Scope { "Where", "Wo" }
        Team { "Team", "Team" }
        WholeTenant { "the holder's whole tenant", "ganzer Mandant des Inhabers" }
        WholeService { "the whole service", "ganzer Dienst" }
        Remove { "Remove", "Entfernen" }
        RemoveRole { "Remove the role", "Rolle entfernen" }
        RemoveHelp { "From the next request on, the holder may no longer do what the role allows.", "Ab der nächsten Anfrage darf der Inhaber nicht mehr, was die Rolle erlaubt." }
        Assign { "Assign a role", "Rolle zuweisen" }
        AssignHelp { "The object id is the `oid` of the holder's tokens; in Entra, that of the user or of the enterprise application.", "Die Objekt-Id ist die `oid` der Tokens des Inhabers; in Entra die des Benutzers oder der Unternehmensanwendung." }
        AssignWhole { "For a tenant or the whole service", "Für einen Mandanten oder den ganzen Dienst" }
        AssignResource { "For one resource", "Für eine Ressource" }
        AssignDeployment { "For one deployment", "Für eine Bereitstellung" }
        AssignButton { "Assign the role", "Rolle zuweisen" }
        TenantOfHolder { "Tenant of the holder", "Mandant des Inhabers" }
        ObjectId { "Object id", "Objekt-Id" }
        Teams { "Teams of reviewers", "Teams der Prüfer" }
        TeamsText { "A team is set with `bailiwick role team`, on the machine of the service.", "Ein Team wird mit `bailiwick role team` gesetzt, auf der Maschine des Dienstes." }
        Usage { "Use and cost", "Nutzung und Kosten" }
        Month { "Month (UTC)", "Monat (UTC)" }
        Show { "Show", "Zeigen" }
        TotalOf { "Sum of {month}", "Summe von {month}" }
        Rows { "By deployment and caller", "Nach Bereitstellung und Aufrufer" }
        NoUse { "No use in this month.", "Keine Nutzung in diesem Monat." }
        NoneNamed { "(no deployment)", "(keine Bereitstellung)" }
        Caller { "Caller", "Aufrufer" }
        Served { "served", "bedient" }
        Refused { "refused", "abgelehnt" }
        FailedRequests { "failed", "fehlgeschlagen" }
        Tokens { "tokens", "Tokens" }
        PromptTokens { "prompt tokens", "Prompt-Tokens" }
        CachedTokens { "of these, from the cache", "davon aus dem Cache" }
        CompletionTokens { "answer tokens", "Antwort-Tokens" }
        Cached { "{count} cached", "{count} aus dem Cache" }
        Amount { "amount", "Betrag" }
        Unpriced { "Rows with tokens but without a price, which the amount leaves out: {count}. Set prices in the configuration.", "Zeilen mit Tokens, aber ohne Preis, die der Betrag auslässt: {count}. Setzen Sie Preise in der Konfiguration." }
        PricesHelp { "Amounts are exact, by the prices of the configuration today.", "Beträge sind genau, nach den heutigen Preisen der Konfiguration." }
        Reconcile { "Does it match the receipts?", "Stimmt es mit den Belegen überein?" }
        ReconcileText { "Use is counted in the transaction that logs the request. So these sums equal those of the receipts and of the log's entries of requests:", "Die Nutzung wird in der Transaktion gezählt, die die Anfrage protokolliert. Darum gleichen diese Summen denen der Belege und der Einträge von Anfragen im Protokoll:" }
        RequestsInUse { "Requests: served, refused and failed", "Anfragen: bedient, abgelehnt und fehlgeschlagen" }
        TokensInUse { "Tokens: prompts and answers", "Tokens: Prompts und Antworten" }
        ReconcileHow { "No route of the API adds receipts up. This command does, for the days of which both are stored, and names each hour that differs:", "Keine Route der API summiert Belege. Dieser Befehl tut es, für die Tage, von denen beides gespeichert ist, und nennt jede abweichende Stunde:" }
        Export { "Export", "Export" }
        ExportText { "The rows of this month with the filters above, for a spreadsheet.", "Die Zeilen dieses Monats mit den Filtern oben, für eine Tabelle." }
        AsCsv { "Download as CSV", "Als CSV herunterladen" }
    }
}
