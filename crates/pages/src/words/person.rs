//! Texts of the pages of signed-in people, those that several of them use.

use super::messages;

messages! {
    /// Texts of the frame, of forms and of their outcome.
    Person {
        Source { "These pages are part of the program and load nothing from elsewhere. One cookie holds your session; it ends when you sign out.", "Diese Seiten sind Teil des Programms und laden nichts von anderswo. Ein Cookie hält Ihre Sitzung; sie endet, wenn Sie sich abmelden." }
        Consents { "Access requests that wait for your consent: {count}", "Anträge auf Zugriff, die auf Ihre Zustimmung warten: {count}" }
        Broken { "A promise is broken now:", "Eine Zusage ist jetzt gebrochen:" }
        BrokenWhere { "The page /trust of the API's listener has the evidence.", "Die Seite /trust der API nennt den Nachweis." }
        SignInTitle { "Sign in", "Anmelden" }
        SignInLead { "Sign in to see what you may see. Your role decides that.", "Melden Sie sich an. Ihre Rolle entscheidet, was Sie sehen dürfen." }
        SignInWith { "Sign in with {issuer}", "Anmelden bei {issuer}" }
        SignInKey { "Administrator's key", "Schlüssel des Administrators" }
        SignInKeyButton { "Sign in with the key", "Mit dem Schlüssel anmelden" }
        NoWayIn { "No identity provider is set up for signing in here. The operator sets `sign_in` of an issuer in the configuration.", "Für die Anmeldung hier ist kein Identitätsanbieter eingerichtet. Der Betreiber setzt dazu `sign_in` eines Issuers in der Konfiguration." }
        SignedIn { "You are signed in", "Sie sind angemeldet" }
        Continue { "Continue", "Weiter" }
        SignOut { "Sign out", "Abmelden" }
        Refused { "The service refused this.", "Der Dienst hat dies abgelehnt." }
        Done { "Done", "Erledigt" }
        BackToPage { "Back to the page", "Zurück zur Seite" }
        SignTitle { "Sign your decision", "Unterschreiben Sie Ihre Entscheidung" }
        SignLead { "Read what you sign. Your passkey signs exactly this statement, and the log keeps it.", "Lesen Sie, was Sie unterschreiben. Ihr Passkey unterschreibt genau diese Aussage, und das Protokoll bewahrt sie auf." }
        SignButton { "Sign with your passkey", "Mit Ihrem Passkey unterschreiben" }
        SignMore { "Several keys must sign", "Mehrere Schlüssel müssen unterschreiben" }
        SignMoreHelp { "A root of two of three keys, or a new key beside the root's: sign with each, and with the last one by the button above.", "Eine Wurzel aus zwei von drei Schlüsseln, oder ein neuer Schlüssel neben dem der Wurzel: Unterschreiben Sie mit jedem, mit dem letzten über den Knopf oben." }
        SignMoreButton { "Sign, and another key after it", "Unterschreiben, danach ein weiterer Schlüssel" }
        SignCount { "Signatures so far", "Unterschriften bisher" }
        SignElsewhere { "Your key is a file or in an SSH agent? Use the command line with `--signer`.", "Ihr Schlüssel ist eine Datei oder in einem SSH-Agenten? Nutzen Sie die Kommandozeile mit `--signer`." }
        Digest { "SHA-256 of the statement", "SHA-256 der Aussage" }
        KeysTitle { "New keys", "Neue Schlüssel" }
        KeysLead { "Copy them now. The service shows a key once and stores only its digest.", "Kopieren Sie sie jetzt. Der Dienst zeigt einen Schlüssel einmal und speichert nur seinen Hashwert." }
        AnswerTitle { "Answer", "Antwort" }
        NavHome { "Overview", "Übersicht" }
        NavQueue { "Queue", "Warteschlange" }
        NavPenalties { "Penalties", "Sanktionen" }
        NavSubjects { "Persons", "Personen" }
        NavKeys { "Signing keys", "Signaturschlüssel" }
        NavApplications { "Applications", "Anträge" }
        InTime { "in {span}", "in {span}" }
        Ago { "{span} ago", "vor {span}" }
        Reason { "Reason", "Grund" }
        Confirm { "I understand that this cannot be undone.", "Mir ist klar, dass dies nicht rückgängig gemacht werden kann." }
        More { "Next page", "Nächste Seite" }
        First { "First page", "Erste Seite" }
        Show { "Show", "Anzeigen" }
        All { "all", "alle" }
        NavConsole { "Console", "Konsole" }
        NavCompare { "Compare", "Vergleich" }
        HomeLead { "Resources that you may see, and what you can do with each.", "Ressourcen, die Sie sehen dürfen, und was Sie mit jeder tun können." }
        NoResources { "You may see no resource here.", "Sie dürfen hier keine Ressource sehen." }
        Name { "Name", "Name" }
        ToData { "Data", "Daten" }
        ToBuild { "build", "bauen" }
        ToExplain { "what happens to data", "was mit Daten geschieht" }
        ToConsole { "manage", "verwalten" }
        Pages { "Pages", "Seiten" }
        HomeDays { "stored for {days} days at most", "höchstens {days} Tage gespeichert" }
        HomeNothing { "not stored", "nicht gespeichert" }
        Content { "Prompts and answers", "Prompts und Antworten" }
        Deployments { "Deployments", "Bereitstellungen" }
        Penalised { "under a penalty", "gesperrt" }
        Region { "Region", "Region" }
    }
}
