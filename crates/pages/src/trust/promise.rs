//! The seventeen promises, and the checks that each of them rests on.

use super::Check;
use crate::{
    log::Kind,
    words::{Lang, Message as _, promise::Promised},
};

macro_rules! promises {
    ($($promise:ident $id:literal $doc:literal {
        $name:ident, $says:ident, $how:ident, $beyond:ident,
        [$($check:ident),*], [$($kind:ident),*]
    })*) => {
        /// A promise of the service: docs/promises.md.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Promise { $(#[doc = $doc] $promise),* }

        impl Promise {
            /// All promises, in order.
            pub const ALL: [Self; 17] = [$(Self::$promise),*];

            /// Returns its id, such as `P6`.
            #[must_use]
            pub fn id(self) -> &'static str {
                match self { $(Self::$promise => $id),* }
            }

            /// Returns its name in a word or two.
            #[must_use]
            pub fn name(self, lang: Lang) -> &'static str {
                match self { $(Self::$promise => Promised::$name.text(lang)),* }
            }

            /// Returns the promise in a sentence.
            #[must_use]
            pub fn statement(self, lang: Lang) -> &'static str {
                match self { $(Self::$promise => Promised::$says.text(lang)),* }
            }

            /// Returns how a reader checks it.
            #[must_use]
            pub fn how(self, lang: Lang) -> &'static str {
                match self { $(Self::$promise => Promised::$how.text(lang)),* }
            }

            /// Returns the limits of the checks.
            #[must_use]
            pub fn beyond(self, lang: Lang) -> &'static str {
                match self { $(Self::$promise => Promised::$beyond.text(lang)),* }
            }

            /// The checks that it rests on: it is kept only if all of them say so. Without any, it is
            /// not checked here.
            #[must_use]
            pub fn checks(self) -> &'static [Check] {
                match self { $(Self::$promise => &[$(Check::$check),*]),* }
            }

            /// The kinds of log entries that are about it: a finding at one of them breaks it.
            #[must_use]
            pub fn kinds(self) -> &'static [Kind] {
                match self { $(Self::$promise => &[$(Kind::$kind),*]),* }
            }
        }
    };
}

promises! {
    Sovereign "P1" "Nothing is sent to a place that is not listed." {
        P1Name, P1Says, P1How, P1Beyond, [Confinement, Replay], [Processor]
    }
    Isolated "P2" "No customer's data is available to another." {
        P2Name, P2Says, P2How, P2Beyond, [Policies], []
    }
    NotForTraining "P3" "Prompts and answers improve no model." {
        P3Name, P3Says, P3How, P3Beyond, [Policies, Replay], [Training]
    }
    Stateless "P4" "Models keep nothing; what is kept is asked for." {
        P4Name, P4Says, P4How, P4Beyond, [Policies, Replay], [Object]
    }
    Exclusive "P5" "A fine-tuned model is its customer's alone." {
        P5Name, P5Says, P5How, P5Beyond, [Policies], []
    }
    ThirtyDays "P6" "Stored content is unrecoverable after 30 days." {
        P6Name, P6Says, P6How, P6Beyond, [Deadlines, Replay, Tables], [Key]
    }
    ZeroRetention "P7" "Approved customers have nothing stored." {
        P7Name, P7Says, P7How, P7Beyond, [Policies, Replay, Tables], [Exemption]
    }
    GuardedReview "P8" "A person sees a record only with its approval." {
        P8Name, P8Says, P8How, P8Beyond, [Policies, Replay, Tables], [Review, Workstation]
    }
    Resident "P9" "Data stays in the region that the customer chose." {
        P9Name, P9Says, P9How, P9Beyond, [Policies, Tables], []
    }
    ClosedNetwork "P10" "A resource answers allowed networks only." {
        P10Name, P10Says, P10How, P10Beyond, [Policies, Tables], []
    }
    KnownCallers "P11" "Callers prove who they are." {
        P11Name, P11Says, P11How, P11Beyond, [Policies, Tables], []
    }
    Metered "P12" "Usage is counted without content." {
        P12Name, P12Says, P12How, P12Beyond, [SelfTest], []
    }
    SubjectRights "P13" "Data on a person can be found and erased." {
        P13Name, P13Says, P13How, P13Beyond, [Policies, Replay], [Owner, Subject]
    }
    Evidenced "P14" "Claims rest on evidence from the running service." {
        P14Name, P14Says, P14How, P14Beyond, [Replay, Deadlines, Witnesses, Tables], []
    }
    PersonalDataStays "P15" "Found personal data stays inside." {
        P15Name, P15Says, P15How, P15Beyond, [Tables, Settings], []
    }
    Explained "P16" "Callers can ask what happens to their data." {
        P16Name, P16Says, P16How, P16Beyond, [Tables, Settings], []
    }
    AbuseHandled "P17" "Harmful use is detected and acted on." {
        P17Name, P17Says, P17How, P17Beyond, [Replay, Tables], [Flag, Penalty]
    }
}
