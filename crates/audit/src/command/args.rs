//! The options of `verify`, `mirror` and `witness`. `--help` shows the comments.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, Subcommand};
use tlog::id::RequestId;

/// Checks the receipts and the log of a Bailiwick service. Needs only the service's public key.
/// `bailiwick` has the same commands.
#[derive(Debug, Parser)]
#[command(name = "bailiwick-audit", version, propagate_version = true)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Program {
    /// The command to run.
    #[command(subcommand)]
    pub command: ProgramCommand,
}

/// The commands of `bailiwick-audit`.
#[derive(Debug, Subcommand)]
pub enum ProgramCommand {
    /// Check a receipt, a log, a bundle of evidence or the files of a release, offline
    Verify(Verify),
    /// Copy a service's log, and check that it continues the copy
    Mirror(Mirror),
    /// Run a witness of other services' logs
    Witness(Witness),
}

/// The first line is the verdict: VERIFIED, FAILED or INCOMPLETE.
///
/// Exit status: 0 verified, 1 a check failed, 2 wrong usage or unreadable input, 3 incomplete:
/// files are missing, or a check was not possible.
#[derive(Debug, clap::Args)]
pub struct Verify {
    /// The service's public key, or its file (`service.pub` in the data directory)
    #[arg(long, value_name = "KEY", global = true, default_value = "service.pub")]
    pub service_key: String,
    /// Print JSON instead of text: verdict, checks, and the content of the receipt or log
    #[arg(long, global = true)]
    pub json: bool,
    /// The object to check.
    #[command(subcommand)]
    pub command: VerifyCommand,
}

/// Fetches the new files, checks that they continue the copy in the folder, and verifies the whole
/// log. Run it regularly: the copy grows, and a rewritten history is detected.
///
/// Exit status: 0 verified, 1 a check failed (the evidence is stored), 2 wrong usage, or the
/// service cannot be reached, 3 incomplete.
#[derive(Debug, clap::Args)]
pub struct Mirror {
    /// The service's address, such as `https://llm.example`
    pub url: String,
    /// Folder of the copy; created if missing
    pub folder: PathBuf,
    /// The service's public key, or its file
    #[arg(long, value_name = "KEY", default_value = "service.pub")]
    pub service_key: String,
    /// Verifier key of a witness that must have cosigned; repeat it for each witness
    #[arg(long, value_name = "KEY")]
    pub witness: Vec<String>,
    /// PEM file with the authority that signed the server's certificate, if it is your own
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Print JSON instead of text, as `bailiwick verify` does
    #[arg(long)]
    pub json: bool,
}

/// The bodies that a receipt is compared with.
#[derive(Debug, clap::Args)]
pub struct Bodies {
    /// The body that you sent
    #[arg(long, value_name = "FILE")]
    pub request: Option<PathBuf>,
    /// The body that you received; all bytes of it if it is a stream
    #[arg(long, value_name = "FILE")]
    pub response: Option<PathBuf>,
}

/// The objects that `verify` checks.
#[derive(Debug, Subcommand)]
pub enum VerifyCommand {
    /// A receipt, compared with your saved request and response
    Receipt {
        /// The receipt, as returned by GET /openai/v1/receipts/{request_id}
        receipt: PathBuf,
        /// The bodies to compare with
        #[command(flatten)]
        bodies: Bodies,
        /// The folder of the log, as for `verify log`. The log is replayed, and must agree with the
        /// receipt
        #[arg(long, value_name = "FOLDER")]
        log: Option<PathBuf>,
        /// Verifier key of a witness that must have cosigned the receipt's checkpoint; repeat it
        /// for each witness
        #[arg(long, value_name = "KEY")]
        witness: Vec<String>,
    },
    /// The compact receipt that an answer carries by itself: checks that it is about your request and
    /// answer, and that the log has its entry
    Compact {
        /// A file with the value of the header `x-bailiwick-signed-receipt`, or with all headers of the
        /// answer (`curl --dump-header FILE`)
        headers: PathBuf,
        /// The bodies to compare with
        #[command(flatten)]
        bodies: Bodies,
        /// The folder of the log, as for `verify log`. The log is replayed, and must have the entry
        #[arg(long, value_name = "FOLDER")]
        log: Option<PathBuf>,
    },
    /// A whole log: checks that no entry was changed, and that the service kept every promise in it
    Log {
        /// The folder with `checkpoint` and `tile/`: the service's own, or a mirror of /log/
        folder: PathBuf,
        /// Id of a request of yours: lists the times at which its record was opened by reviewers,
        /// read or deleted; repeat it for each request
        #[arg(long, value_name = "ID")]
        request: Vec<RequestId>,
        /// A checkpoint that you saved earlier: the log must continue it
        #[arg(long, value_name = "FILE")]
        older: Option<PathBuf>,
        /// Verifier key of a witness that must have cosigned; repeat it for each witness
        #[arg(long, value_name = "KEY")]
        witness: Vec<String>,
    },
    /// The certificate of an erasure: checks the erased data of a person, and the data that
    /// was not erased, with the reasons
    Erasure {
        /// The certificate, as `bailiwick desk subject erase` writes it
        #[arg(long, value_name = "FILE")]
        certificate: PathBuf,
        /// The name of the person, as the requests had it (`user` or `safety_identifier`)
        #[arg(long, value_name = "ID", requires = "salt")]
        subject: Option<String>,
        /// The salt that the data protection officer has: 32 hex digits
        #[arg(long, value_name = "HEX", requires = "subject")]
        salt: Option<String>,
        /// The folder of the log, as for `verify log`. The log is replayed, and must have every deletion
        #[arg(long, value_name = "FOLDER")]
        log: Option<PathBuf>,
    },
    /// A bundle of evidence for a period: checks each file, each entry of the log, and that the states of
    /// the promises agree with them
    Evidence {
        /// The bundle, as `bailiwick evidence` writes it
        file: PathBuf,
        /// A checkpoint that you saved earlier: the log must continue it
        #[arg(long, value_name = "FILE")]
        older: Option<PathBuf>,
        /// The folder of the whole log, as for `verify log`. The log is replayed, and must continue the
        /// bundle's. A bundle of the whole log needs none
        #[arg(long, value_name = "FOLDER")]
        log: Option<PathBuf>,
        /// Verifier key of a witness that must have cosigned; repeat it for each witness
        #[arg(long, value_name = "KEY")]
        witness: Vec<String>,
    },
    /// A fine-tuned model: checks that it comes from your files and nothing else
    ///
    /// With `--base`, the training is repeated, in a confined process, and must give the same adapter,
    /// to the bit. That takes as long as the training did.
    Training {
        /// The job: the answer of GET /openai/v1/fine_tuning/jobs/{id}
        #[arg(long, value_name = "FILE")]
        job: PathBuf,
        /// Your training file
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
        /// Your validation file, if the job had one
        #[arg(long, value_name = "FILE")]
        validation: Option<PathBuf>,
        /// The base model's GGUF file
        #[arg(long, value_name = "FILE")]
        base: Option<PathBuf>,
        /// The folder of the log, as for `verify log`. The log is replayed, and must agree with the job
        #[arg(long, value_name = "FOLDER")]
        log: Option<PathBuf>,
    },
    /// Files of a release of Bailiwick, compared with its signed checksums
    Release {
        /// The signed checksums: SHA256SUMS.note
        note: PathBuf,
        /// The files to check [default: all files of the release, beside the checksums]
        files: Vec<PathBuf>,
        /// Public key of the release, or its file
        #[arg(long, value_name = "KEY")]
        key: String,
    },
}

/// Serves C2SP tlog-witness: a log posts its checkpoints to `add-checkpoint`, and gets a
/// cosignature for each checkpoint that continues the last one. `GET /checkpoint/ORIGIN` returns
/// the newest.
#[derive(Debug, clap::Args)]
pub struct Witness {
    /// Folder of the witness: its key, and the checkpoints that it signed; created if missing
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    pub listen: SocketAddr,
    /// Public key of a log to watch, or its file; repeat it for each log
    #[arg(long, value_name = "KEY", required = true)]
    pub log: Vec<String>,
    /// Name of the witness, used when its key is created [default: a random name]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// PEM file with a certificate, for TLS instead of plain HTTP
    #[arg(long, value_name = "FILE", requires = "key")]
    pub certificate: Option<PathBuf>,
    /// PEM file with the certificate's private key
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub key: Option<PathBuf>,
}
