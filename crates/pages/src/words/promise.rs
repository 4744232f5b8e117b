//! The promises: their names, their statements, how a reader checks them, and the limits of the checks.

use super::messages;

messages! {
    /// Texts about the promises.
    Promised {
        P1Name { "Sovereign", "Souverän" }
        P1Says { "The operator controls the whole service. Nothing is sent to a model vendor, nor anywhere that the operator has not listed.", "Der Betreiber beherrscht den ganzen Dienst. Nichts geht an einen Anbieter von Modellen, noch an eine andere Stelle, die der Betreiber nicht nennt." }
        P1How { "Compare the list of destinations below with the log: each change of it is an entry. Run the service in a network of your own, and count its connections.", "Vergleichen Sie die Liste der Ziele unten mit dem Protokoll: Jede Änderung ist ein Eintrag. Betreiben Sie den Dienst in einem eigenen Netz, und zählen Sie seine Verbindungen." }
        P1Beyond { "How a listed destination uses the data that it gets.", "Wie ein genanntes Ziel die Daten verwendet, die es bekommt." }
        P2Name { "Isolated", "Getrennt" }
        P2Says { "Prompts, answers, embeddings, files, fine-tuned models and caches of one customer are never available to another.", "Eingaben, Antworten, Einbettungen, Dateien, angepasste Modelle und Zwischenspeicher eines Kunden sind für keinen anderen zugänglich." }
        P2How { "Call a resource with the key of another one: the answer is the same as for a resource that does not exist. Repeat the proof with bailiwick-prove.", "Rufen Sie eine Ressource mit dem Schlüssel einer anderen auf: Die Antwort ist dieselbe wie für eine Ressource, die es nicht gibt. Wiederholen Sie den Beweis mit bailiwick-prove." }
        P2Beyond { "That the program gives the policies true facts. Tests attack that.", "Dass das Programm den Richtlinien wahre Tatsachen gibt. Das greifen Tests an." }
        P3Name { "Not for training", "Nicht zum Trainieren" }
        P3Says { "Prompts and answers are not used to improve any model.", "Eingaben und Antworten verbessern kein Modell." }
        P3How { "Compare the digest of the model in two receipts. Repeat a training to the bit with bailiwick verify training.", "Vergleichen Sie die Prüfsumme des Modells in zwei Belegen. Wiederholen Sie ein Training bitgenau mit bailiwick verify training." }
        P3Beyond { "Programs outside of this service that the operator may have.", "Programme außerhalb dieses Dienstes, die der Betreiber haben könnte." }
        P4Name { "Stateless", "Zustandslos" }
        P4Says { "Models keep nothing between requests. What the service keeps is asked for, listed and can be deleted.", "Modelle behalten nichts zwischen Anfragen. Was der Dienst aufbewahrt, ist erbeten, aufgelistet und löschbar." }
        P4How { "List what is kept with GET /openai/v1/inventory. Delete an object, and read it again: it is gone, and the log says so.", "Listen Sie mit GET /openai/v1/inventory auf, was aufbewahrt wird. Löschen Sie ein Objekt, und lesen Sie es noch einmal: Es ist weg, und das Protokoll sagt es." }
        P4Beyond { "The memory of a worker. Tests search it for earlier requests.", "Der Arbeitsspeicher eines Arbeiters. Tests durchsuchen ihn nach früheren Anfragen." }
        P5Name { "Exclusive", "Ausschließlich" }
        P5Says { "A fine-tuned model is available only to the customer who trained it.", "Ein angepasstes Modell steht nur dem Kunden zur Verfügung, der es trainiert hat." }
        P5How { "Call the model by its name with the key of another resource: it does not exist there.", "Rufen Sie das Modell mit dem Schlüssel einer anderen Ressource beim Namen: Dort gibt es das Modell nicht." }
        P5Beyond { "That the program gives the policies true facts. Tests attack that.", "Dass das Programm den Richtlinien wahre Tatsachen gibt. Das greifen Tests an." }
        P6Name { "Thirty days", "Dreißig Tage" }
        P6Says { "Prompts and answers that are kept for abuse monitoring are sealed, kept for 30 days at most, and unrecoverable after that.", "Eingaben und Antworten, die zur Erkennung von Missbrauch aufbewahrt werden, sind versiegelt, bleiben höchstens 30 Tage und sind danach nicht wiederherstellbar." }
        P6How { "Take the key and the deadline from a receipt. After the deadline, look in the log for the destruction of that key.", "Nehmen Sie Schlüssel und Frist aus einem Beleg. Suchen Sie nach der Frist im Protokoll die Zerstörung dieses Schlüssels." }
        P6Beyond { "Whether there is a copy of a key outside of the service.", "Ob es außerhalb des Dienstes eine Kopie eines Schlüssels gibt." }
        P7Name { "Zero retention", "Keine Aufbewahrung" }
        P7Says { "For a customer with an approved application, nothing of a request is stored. Two people other than the applicant approve it.", "Bei einem Kunden mit genehmigtem Antrag wird nichts von einer Anfrage gespeichert. Zwei andere Personen als die antragstellende genehmigen ihn." }
        P7How { "Look at the receipt: retention is none. The log has the application and both decisions.", "Sehen Sie in den Beleg: Die Aufbewahrung ist none. Das Protokoll hat den Antrag und beide Entscheidungen." }
        P7Beyond { "A search of all files for a marked text. Tests do it.", "Eine Suche in allen Dateien nach einem markierten Text. Tests machen sie." }
        P8Name { "Guarded review", "Bewachte Einsicht" }
        P8Says { "A person sees one record at a time, with an approval for this record, from an enrolled workstation in the record's region.", "Ein Mensch sieht einen Datensatz auf einmal, mit einer Freigabe für diesen Datensatz, an einem angemeldeten Arbeitsplatz in dessen Region." }
        P8How { "Look in the log for your request's id: each look is an entry, after its request, its approval and, with lockbox, your consent.", "Suchen Sie im Protokoll die Kennung Ihrer Anfrage: Jede Einsicht ist ein Eintrag, nach ihrem Antrag, ihrer Freigabe und, mit Lockbox, Ihrer Zustimmung." }
        P8Beyond { "What a person remembers or photographs.", "Was ein Mensch sich merkt oder fotografiert." }
        P9Name { "Resident", "Ortsgebunden" }
        P9Says { "Data is processed and stored in the region, or the zone, that the customer chose.", "Daten werden in der Region oder Zone verarbeitet und gespeichert, die der Kunde gewählt hat." }
        P9How { "Each receipt has the region of processing and of storage.", "Jeder Beleg nennt die Region der Verarbeitung und der Speicherung." }
        P9Beyond { "Where the machines stand. The operator states it.", "Wo die Maschinen stehen. Das gibt der Betreiber an." }
        P10Name { "Closed network", "Geschlossenes Netz" }
        P10Says { "A resource answers only the networks that its owner allows.", "Eine Ressource antwortet nur den Netzen, die ihr Eigentümer erlaubt." }
        P10How { "Deny your resource all networks, and call it: the answer is 403.", "Verbieten Sie Ihrer Ressource alle Netze, und rufen Sie sie auf: Die Antwort ist 403." }
        P10Beyond { "Whether a request from a forbidden network is refused: the checks compare the rules. Tests attack it.", "Ob eine Anfrage aus einem verbotenen Netz abgewiesen wird: Die Prüfungen vergleichen die Regeln. Tests greifen es an." }
        P11Name { "Known callers", "Bekannte Aufrufer" }
        P11Says { "Callers prove who they are with a key or a token, and hold a named role.", "Aufrufer weisen sich mit einem Schlüssel oder Token aus und haben eine benannte Rolle." }
        P11How { "Rotate a key, and call with the old one: the answer is 401. Repeat the proof with bailiwick-prove.", "Tauschen Sie einen Schlüssel, und rufen Sie mit dem alten auf: Die Antwort ist 401. Wiederholen Sie den Beweis mit bailiwick-prove." }
        P11Beyond { "Whether a key was stolen from its owner.", "Ob ein Schlüssel seinem Eigentümer gestohlen wurde." }
        P12Name { "Metered, not read", "Gezählt, nicht gelesen" }
        P12Says { "Usage is counted and billed without content.", "Der Verbrauch wird ohne Inhalt gezählt und abgerechnet." }
        P12How { "Compare your usage with the tokens in your receipts. Send a marked text, and search usage and metrics for it.", "Vergleichen Sie Ihren Verbrauch mit den Tokens in Ihren Belegen. Senden Sie einen markierten Text, und suchen Sie ihn in Verbrauch und Metriken." }
        P12Beyond { "Places that the operator did not name to the self-test, and compressed or encrypted copies.", "Stellen, die der Betreiber dem Selbsttest nicht nannte, und komprimierte oder verschlüsselte Kopien." }
        P13Name { "Data-subject rights", "Rechte betroffener Personen" }
        P13Says { "What is held on a person can be found, exported and erased.", "Was über eine Person vorliegt, lässt sich finden, ausgeben und löschen." }
        P13How { "Erase a person at the desk, verify the certificate of the erasure, and search again.", "Löschen Sie eine Person am Schalter, prüfen Sie die Urkunde der Löschung, und suchen Sie noch einmal." }
        P13Beyond { "A person whom no request names.", "Eine Person, die keine Anfrage nennt." }
        P14Name { "Evidenced", "Belegt" }
        P14Says { "Claims rest on evidence from the running service. Everybody can check its log.", "Behauptungen beruhen auf Belegen aus dem laufenden Dienst. Jeder kann sein Protokoll prüfen." }
        P14How { "Copy the log with bailiwick-audit mirror, which replays it. Save a checkpoint, and compare it next month.", "Kopieren Sie das Protokoll mit bailiwick-audit mirror, das es nachvollzieht. Speichern Sie einen Prüfpunkt, und vergleichen Sie ihn nächsten Monat." }
        P14Beyond { "Whether others are shown another log. Witnesses see that.", "Ob anderen ein anderes Protokoll gezeigt wird. Das sehen Zeugen." }
        P15Name { "Personal data stays", "Personenbezogenes bleibt" }
        P15Says { "Personal data that is found does not reach an engine of another company, unless the operator set that otherwise.", "Gefundene personenbezogene Daten erreichen kein System eines anderen Unternehmens, es sei denn, der Betreiber hat das anders eingestellt." }
        P15How { "Each receipt has the number of values by kind, and what was done with them.", "Jeder Beleg hat die Zahl der Werte nach Art, und was mit ihnen geschah." }
        P15Beyond { "Personal data that no detector finds: the checks compare the settings. Tests plant a thousand identifiers.", "Personenbezogenes, das kein Detektor findet: Die Prüfungen vergleichen die Einstellungen. Tests verstecken tausend Kennungen." }
        P16Name { "Explained", "Erklärt" }
        P16Says { "A caller of a resource can ask what happens to its data. The answer is compiled from the settings in force.", "Aufrufer einer Ressource können fragen, was mit ihren Daten geschieht. Die Antwort entsteht aus den geltenden Einstellungen." }
        P16How { "Ask with bailiwick explain. Change one setting, and ask again.", "Fragen Sie mit bailiwick explain. Ändern Sie eine Einstellung, und fragen Sie noch einmal." }
        P16Beyond { "Whether each sentence says what its setting does: the checks compare the settings. Tests change each setting.", "Ob jeder Satz sagt, was seine Einstellung bewirkt: Die Prüfungen vergleichen die Einstellungen. Tests ändern jede Einstellung." }
        P17Name { "Abuse handled", "Missbrauch behandelt" }
        P17Says { "Harmful use is filtered, flagged, notified and penalised, whether or not content is kept. Each penalty ends, and can be appealed.", "Schädlicher Gebrauch wird gefiltert, gemeldet, angezeigt und geahndet, mit oder ohne Aufbewahrung. Jede Maßnahme endet und ist anfechtbar." }
        P17How { "The annotations of each answer have what the filter found. The log has each penalty with its end.", "Die Anmerkungen jeder Antwort haben, was der Filter fand. Das Protokoll hat jede Maßnahme mit ihrem Ende." }
        P17Beyond { "How much harm the filter misses. The documentation has its figures.", "Wie viel Schädliches der Filter übersieht. Die Dokumentation nennt Zahlen." }
    }
}
