//! The arguments of `bailiwick desk subject`. `--help` shows these comments.

use std::path::PathBuf;

use clap::{ArgGroup, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum SubjectCommand {
    /// Show the data that is kept of a data subject, in all resources of your tenant, without
    /// content
    Find(OfSubject),
    /// Save everything that is kept of a data subject as one archive: pages to read and print, JSON
    /// for programs, the content, the receipts, and the readers with their times
    ///
    /// Each record and object that is opened for it is an access of yours in the log.
    Export {
        #[command(flatten)]
        of: OfSubject,
        /// The archive (ZIP). It is written for you alone, and must not exist yet
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Erase the data that is kept of a data subject, and save the signed certificate of it
    Erase {
        #[command(flatten)]
        of: OfSubject,
        /// Also erase whole files that have lines of the data subject, with the lines of others
        #[arg(long)]
        files: bool,
        /// File for the certificate; it is not written over
        #[arg(long, value_name = "FILE", default_value = "erasure.certificate")]
        certificate: PathBuf,
    },
    /// Keep nothing of a data subject from the next request on, or lift that
    ///
    /// Its requests are answered, but no record is stored, and nothing else can be kept.
    #[command(group = ArgGroup::new("how").required(true))]
    Restrict {
        #[command(flatten)]
        of: OfSubject,
        /// Keep nothing of the data subject
        #[arg(long, group = "how")]
        on: bool,
        /// Lift the restriction
        #[arg(long, group = "how")]
        off: bool,
    },
    /// List the requests of data subjects, with their deadlines
    Requests,
    /// Note a request of a data subject: its deadline of one month begins
    Receive {
        /// Kind of the request
        #[arg(long)]
        right: Right,
        /// Your own reference, such as the number of a letter; not the person's name
        #[arg(long, value_name = "TEXT")]
        reference: String,
        /// Day on which it was received, such as 2026-03-31 [default: today]
        #[arg(long, value_name = "DAY")]
        received: Option<String>,
    },
    /// Extend the deadline of a request by two months, once
    Extend {
        /// Id of the request, from `requests`
        id: String,
        /// Reason for the extension, which the data subject got
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Note that a request is answered
    Answer {
        /// Id of the request, from `requests`
        id: String,
        /// Your answer, for your own file
        #[arg(long, value_name = "TEXT")]
        note: String,
    },
    /// Note that a request is refused
    Refuse {
        /// Id of the request, from `requests`
        id: String,
        /// Reason for the refusal, which the data subject got
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Show the certificate of an erasure that was not complete at once, and save it
    Certificate {
        /// Id of the request, from `erase`
        id: String,
        /// File for the certificate; it is not written over
        #[arg(long, value_name = "FILE", default_value = "erasure.certificate")]
        out: PathBuf,
    },
}

/// Your application's name for a data subject, given in one of two ways.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct OfSubject {
    /// Your application's name for the data subject, as in `safety_identifier` or `user` of its
    /// requests. Other users of this machine see it, and your shell may remember it: prefer
    /// --user-file
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) user: Option<String>,
    /// File with that name, on one line; `-` is the standard input
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) user_file: Option<PathBuf>,
}

/// A right of the General Data Protection Regulation.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Right {
    /// Articles 15 and 20: to know the data that is kept, and get a copy
    Access,
    /// Article 17: to have it erased
    Erasure,
    /// Article 18: to have the processing restricted
    Restriction,
    /// Article 21: to object
    Objection,
}

impl Right {
    /// Returns its name in the desk's API.
    pub(in crate::cli) fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Erasure => "erasure",
            Self::Restriction => "restriction",
            Self::Objection => "objection",
        }
    }
}
