//! Texts of the page about the promises.

use super::messages;

messages! {
    /// Texts of the page about the promises.
    Home {
        Title { "What this service promises, and whether it keeps it", "Was dieser Dienst zusagt, und ob er es hält" }
        Intro { "The service checks itself all the time, and this page shows the results as they are. You need not believe them: each promise says how you check it yourself.", "Der Dienst prüft sich ständig selbst, und diese Seite zeigt die Ergebnisse, wie sie sind. Sie müssen ihnen nicht glauben: Jede Zusage sagt, wie Sie sie selbst prüfen." }
        Promises { "The promises", "Die Zusagen" }
        Kept { "kept", "gehalten" }
        NotKept { "not kept", "nicht gehalten" }
        Broken { "broken", "gebrochen" }
        Stale { "stale", "veraltet" }
        Unchecked { "not checked here", "hier nicht geprüft" }
        SomeBroken { "A promise is broken.", "Eine Zusage ist gebrochen." }
        Since { "since {time}", "seit {time}" }
        Evidence { "Evidence", "Belege" }
        NoEvidence { "No check of this page runs for this promise.", "Für diese Zusage läuft keine Prüfung dieser Seite." }
        HowTitle { "How you check it yourself", "Wie Sie es selbst prüfen" }
        BeyondTitle { "What no check here sees", "Was keine Prüfung hier sieht" }
        NotYet { "Not checked yet since the start.", "Seit dem Start noch nicht geprüft." }
        NoAnswer { "The check gave no answer. The operator's log has the reason.", "Die Prüfung gab keine Antwort. Das Betriebsprotokoll hat den Grund." }
        Old { "The last check is too old to count.", "Die letzte Prüfung ist zu alt, um zu zählen." }
        CheckReplay { "The whole log, replayed by the rules of auditors", "Das ganze Protokoll, nachvollzogen nach den Regeln der Prüfer" }
        CheckDeadlines { "Deadlines and the recording of requests", "Fristen und die Aufzeichnung von Anfragen" }
        CheckPolicies { "The proof of the authorization policies", "Der Beweis der Richtlinien" }
        CheckConfinement { "The confinement of the processes", "Die Absperrung der Prozesse" }
        CheckWitnesses { "Witnesses of the log", "Zeugen des Protokolls" }
        CheckTables { "The tables of the database, compared with the log", "Die Tabellen der Datenbank, verglichen mit dem Protokoll" }
        CheckSettings { "Program and settings, compared with the last start in the log", "Programm und Einstellungen, verglichen mit dem letzten Start im Protokoll" }
        CheckSelfTest { "Marked texts, searched in every place where the operator could read them", "Markierte Texte, gesucht an jeder Stelle, an der der Betreiber sie lesen könnte" }
        FactSameSettings { "Entry {entry} of the log names the program, the configuration and the policies that are in force.", "Eintrag {entry} des Protokolls nennt das Programm, die Konfiguration und die Richtlinien, die gelten." }
        FactOtherProgram { "Entry {entry} of the log, the last start, names another program than the one that runs.", "Eintrag {entry} des Protokolls, der letzte Start, nennt ein anderes Programm als das laufende." }
        FactOtherConfiguration { "Entry {entry} of the log, the last start, names another configuration than the one in force.", "Eintrag {entry} des Protokolls, der letzte Start, nennt eine andere Konfiguration als die geltende." }
        FactOtherPolicies { "Entry {entry} of the log, the last start, names other policies than those in force.", "Eintrag {entry} des Protokolls, der letzte Start, nennt andere Richtlinien als die geltenden." }
        FactSelfTested { "{texts} marked texts were sent in a request and in a file. None of them was found in {places} files and pages of {bytes} bytes.", "{texts} markierte Texte wurden in einer Anfrage und in einer Datei gesendet. Keiner fand sich in {places} Dateien und Seiten mit {bytes} Byte." }
        FactLeaked { "A marked text of the request was found: {part}, in {sink} ({count}).", "Ein markierter Text der Anfrage wurde gefunden: {part}, in {sink} ({count})." }
        FactNoSelfTest { "No self-test was made yet.", "Es gab noch keinen Selbsttest." }
        FactSelfTestOld { "The last self-test is older than the operator's limit.", "Der letzte Selbsttest ist älter als die Grenze des Betreibers." }
        FactSelfTestProgram { "The last self-test was made with another version of the program.", "Der letzte Selbsttest lief mit einer anderen Version des Programms." }
        FactSelfTestService { "The last self-test was made with another service.", "Der letzte Selbsttest lief mit einem anderen Dienst." }
        FactSelfTestFuture { "The last self-test has a time in the future.", "Der letzte Selbsttest hat eine Zeit in der Zukunft." }
        FactSelfTestPartial { "The last self-test could not send or search everything.", "Der letzte Selbsttest konnte nicht alles senden oder durchsuchen." }
        FactSelfTestUnreadable { "The result of the last self-test cannot be read.", "Das Ergebnis des letzten Selbsttests ist nicht lesbar." }
        FactRefuted { "A solver has found that the policies in force break a promise. Their digest: {digest}", "Ein Beweisprogramm hat gefunden, dass die geltenden Richtlinien eine Zusage brechen. Ihre Prüfsumme: {digest}" }
        FactAgrees { "{rows} rows say what {entries} say.", "{rows} Zeilen sagen dasselbe wie {entries}." }
        FactDiffers { "Rows that say something else than the log: {count} ({kind}).", "Zeilen, die etwas anderes sagen als das Protokoll: {count} ({kind})." }
        FactReplayed { "{entries}, {tiles} tiles compared, nothing against the rules.", "{entries}, {tiles} Kacheln verglichen, nichts gegen die Regeln." }
        FactKeys { "Keys: {made} made, {destroyed} destroyed, none after its deadline.", "Schlüssel: {made} erzeugt, {destroyed} zerstört, keiner nach seiner Frist." }
        FactLooks { "Records opened by reviewers: {count}, each one approved.", "Von Prüfern geöffnete Datensätze: {count}, jeder freigegeben." }
        FactSwitches { "Switches of the storing of content: {count}, each one approved by two people.", "Umschaltungen der Speicherung von Inhalten: {count}, jede von zwei Personen genehmigt." }
        FactTrainings { "Fine-tuned models: {count}, each from files that the log named before.", "Angepasste Modelle: {count}, jedes aus Dateien, die das Protokoll vorher nannte." }
        FactObjects { "Kept objects that were destroyed: {count}, each one once.", "Zerstörte aufbewahrte Objekte: {count}, jedes einmal." }
        FactSubjects { "Erasures of a person: {count}.", "Löschungen einer Person: {count}." }
        FactPenalties { "Penalties in the log follow the rules: each has an end, and each block has a person.", "Maßnahmen im Protokoll folgen den Regeln: Jede hat ein Ende, und jede Sperre hat eine Person." }
        FactFinding { "Entry {entry}: {what}", "Eintrag {entry}: {what}" }
        FactFindingWhole { "The log: {what}", "Das Protokoll: {what}" }
        FactMissing { "Files of the log are missing: {count}.", "Es fehlen Dateien des Protokolls: {count}." }
        FactDeadlines { "No deadline is overdue, every request is recorded, and the log is published.", "Keine Frist ist überschritten, jede Anfrage ist aufgezeichnet, und das Protokoll ist veröffentlicht." }
        FactTrouble { "The service reports trouble with deadlines, with recording or with the log. Its readiness page has the reason.", "Der Dienst meldet Schwierigkeiten mit Fristen, mit der Aufzeichnung oder mit dem Protokoll. Seine Bereitschaftsseite hat den Grund." }
        FactProved { "A solver has proved that the policies in force keep this promise. Their digest: {digest}", "Ein Beweisprogramm hat bewiesen, dass die geltenden Richtlinien diese Zusage halten. Ihre Prüfsumme: {digest}" }
        FactUnproved { "The policies in force are not proved: the operator allows that. Their digest: {digest}", "Die geltenden Richtlinien sind nicht bewiesen: Der Betreiber erlaubt das. Ihre Prüfsumme: {digest}" }
        FactConfined { "{processes} processes are confined. After it was confined, each tried to break out: {attempts} attempts, all refused.", "{processes} Prozesse sind abgesperrt. Danach versuchte jeder auszubrechen: {attempts} Versuche, alle abgewiesen." }
        FactLoose { "The process {process} is not confined.", "Der Prozess {process} ist nicht abgesperrt." }
        FactWitnessed { "{name} has signed a checkpoint of {entries}.", "{name} hat einen Prüfpunkt mit {entries} signiert." }
        FactUnwitnessed { "{name} does not sign now. Its last checkpoint has {entries}.", "{name} signiert gerade nicht. Sein letzter Prüfpunkt hat {entries}." }
        FactNoWitness { "This log has no witness: compare checkpoints with other customers.", "Dieses Protokoll hat keinen Zeugen: Vergleichen Sie Prüfpunkte mit anderen Kunden." }
        Service { "The service", "Der Dienst" }
        Operator { "Operator", "Betreiber" }
        Contact { "Contact", "Kontakt" }
        NotStated { "not stated", "nicht angegeben" }
        Version { "Version", "Version" }
        Binary { "Program (SHA-256)", "Programm (SHA-256)" }
        Configuration { "Configuration (SHA-256)", "Konfiguration (SHA-256)" }
        Region { "Region of this service", "Region dieses Dienstes" }
        Zones { "Zones", "Zonen" }
        Head { "Head of the log", "Spitze des Protokolls" }
        NoHead { "not published yet", "noch nicht veröffentlicht" }
        Key { "Public key", "Öffentlicher Schlüssel" }
        Fingerprint { "Fingerprint of the key", "Fingerabdruck des Schlüssels" }
        Processors { "Sub-processors and destinations", "Unterauftragnehmer und Ziele" }
        ProcessorsText { "All places that the service may connect to. Each change of this list is an entry of the log.", "Alle Stellen, zu denen der Dienst eine Verbindung aufbauen darf. Jede Änderung dieser Liste ist ein Eintrag im Protokoll." }
        NoDestinations { "None. The service connects to no other machine.", "Keine. Der Dienst verbindet sich mit keiner anderen Maschine." }
        Destination { "Destination", "Ziel" }
        Purpose { "Purpose", "Zweck" }
        Company { "Company", "Unternehmen" }
        Where { "Region", "Region" }
        Dials { "Connections since the start", "Verbindungen seit dem Start" }
        PurposeEngine { "runs models", "führt Modelle aus" }
        PurposeWitness { "signs the log", "signiert das Protokoll" }
        PurposeIdentity { "signs people in", "meldet Personen an" }
        PurposeNotices { "gets notices for the operator, without content", "bekommt Mitteilungen für den Betreiber, ohne Inhalte" }
        PurposeCustomerNotices { "gets notices for a customer, without content", "bekommt Mitteilungen für einen Kunden, ohne Inhalte" }
        PurposeTelemetry { "gets times and counts of requests, without content", "bekommt Zeiten und Zahlen zu Anfragen, ohne Inhalte" }
        PurposeOther { "other", "sonstiges" }
        CustomerAddress { "an address of a customer", "eine Adresse eines Kunden" }
        OwnCustomer { "the customer", "der Kunde" }
        OwnOperator { "the operator", "der Betreiber" }
        Documents { "Documents", "Dokumente" }
        DocumentText { "They come with version {version} of the program, in the folder docs of its source:", "Sie kommen mit Version {version} des Programms, im Ordner docs seines Quelltexts:" }
        DocumentLive { "The service makes these for auditors, with the states of this moment:", "Diese erzeugt der Dienst für Prüfer, mit den Zuständen dieses Augenblicks:" }
        DocControls { "a map of controls: each line has the promise, the evidence and who vouches for it", "eine Übersicht der Kontrollen: Jede Zeile nennt die Zusage, den Beleg und wer dafür einsteht" }
        DocComponent { "the component definition, in OSCAL", "die Component Definition, in OSCAL" }
        DocAssessment { "the assessment results, in OSCAL", "die Assessment Results, in OSCAL" }
        Changes { "Changes", "Änderungen" }
        ChangesText { "Each change is an entry of the log, with its time. It cannot be hidden or dated back without breaking the log.", "Jede Änderung ist ein Eintrag des Protokolls, mit ihrer Zeit. Sie lässt sich nicht verbergen oder zurückdatieren, ohne das Protokoll zu verletzen." }
        ChangesStart { "the program, the configuration and the policies, at each start", "das Programm, die Konfiguration und die Richtlinien, bei jedem Start" }
        ChangesSettings { "settings, roles, and the list of destinations", "Einstellungen, Rollen und die Liste der Ziele" }
        ChangesProcessors { "sub-processors that a customer allowed or no longer allows", "Unterauftragnehmer, die ein Kunde erlaubt oder nicht mehr erlaubt" }
        ChangesProofs { "proofs of the policies", "Beweise der Richtlinien" }
        DocPromises { "the promises, what enforces them, and the tests that attack them", "die Zusagen, was sie durchsetzt, und die Tests, die sie angreifen" }
        DocThreats { "attacks, and those that are not stopped", "Angriffe, und solche, die nicht aufgehalten werden" }
        DocVerify { "how to verify receipts and the log", "wie man Belege und das Protokoll prüft" }
        DocLog { "the formats of the log, to the byte", "die Formate des Protokolls, auf das Byte" }
        Security { "Report a weakness", "Eine Schwachstelle melden" }
        SecurityText { "Contact for security:", "Kontakt für Sicherheit:" }
        SecurityNone { "The operator has stated no contact for security.", "Der Betreiber hat keinen Kontakt für Sicherheit angegeben." }
        History { "History", "Verlauf" }
        HistoryText { "Each change of a state. The list stays over restarts.", "Jede Änderung eines Zustands. Die Liste bleibt über Neustarts hinweg." }
        NoHistory { "No change since this page exists.", "Keine Änderung, seit es diese Seite gibt." }
    }
}
