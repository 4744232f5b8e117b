//! Writes the manual pages and the completions of `bailiwick` and `bailiwick-audit` into a folder.
//!
//!     manual FOLDER
//!
//! `FOLDER/man` gets a page for each command, and `bailiwick.toml.5`; `FOLDER/completions` a script for
//! each shell. The text is that of `--help` and of bailiwick.example.toml.

use std::{fs, io, path::Path, process::ExitCode};

use clap::Command;
use clap_complete::Shell;

/// The manual page of the configuration shows this file.
const CONFIGURATION: &str = include_str!("../../../bailiwick.example.toml");

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        return failed("usage: manual FOLDER");
    };
    match write(Path::new(&folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&format!("`{}`: {error}", folder.display())),
    }
}

fn failed(problem: &str) -> ExitCode {
    let _ = io::Write::write_all(&mut io::stderr(), format!("error: {problem}\n").as_bytes());
    ExitCode::FAILURE
}

/// The programs with manual pages.
fn programs() -> [Command; 2] {
    [server::cli::program(), audit::command::program()]
}

fn write(folder: &Path) -> io::Result<()> {
    let pages = folder.join("man");
    let completions = folder.join("completions");
    fs::create_dir_all(&pages)?;
    fs::create_dir_all(&completions)?;
    for program in programs() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            clap_complete::generate_to(
                shell,
                &mut program.clone(),
                program.get_name(),
                &completions,
            )?;
        }
        clap_mangen::generate_to(program, &pages)?;
    }
    fs::write(pages.join("bailiwick.toml.5"), configuration())
}

/// The page of the configuration: the example file as it is, because its comments explain each field.
fn configuration() -> String {
    let mut page = format!(
        ".TH bailiwick.toml 5 \"\" \"bailiwick {}\"\n.SH NAME\nbailiwick.toml \\- settings of \
         bailiwick serve\n.SH DESCRIPTION\n.nf\n",
        env!("CARGO_PKG_VERSION")
    );
    for line in CONFIGURATION.lines() {
        // `\&` keeps a dot or an apostrophe at the beginning from being a request to the formatter.
        page.push_str("\\&");
        page.push_str(&line.replace('\\', "\\\\").replace('-', "\\-"));
        page.push('\n');
    }
    page.push_str(".fi\n.SH SEE ALSO\nbailiwick(1), bailiwick\\-serve(1)\n");
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the pages of a command and of all commands below it.
    fn expected(command: &Command, prefix: &str, names: &mut Vec<String>) {
        let name = if prefix.is_empty() {
            command.get_name().to_owned()
        } else {
            format!("{prefix}-{}", command.get_name())
        };
        names.push(format!("{name}.1"));
        for inner in command.get_subcommands().filter(|command| !command.is_hide_set()) {
            expected(inner, &name, names);
        }
    }

    #[test]
    fn each_command_has_a_page_and_each_shell_a_completion() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        let mut names = vec!["bailiwick.toml.5".to_owned()];
        for program in programs() {
            expected(&program, "", &mut names);
        }
        assert!(names.iter().any(|name| name == "bailiwick-tenant-create.1"), "{names:?}");
        let pages = folder.path().join("man");
        for name in &names {
            let page = fs::read_to_string(pages.join(name))
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(page.contains(".SH NAME"), "{name}");
        }
        assert_eq!(fs::read_dir(pages).unwrap().count(), names.len(), "a page too many");
        for program in ["bailiwick", "bailiwick-audit"] {
            for file in
                [format!("{program}.bash"), format!("_{program}"), format!("{program}.fish")]
            {
                let script =
                    fs::read_to_string(folder.path().join("completions").join(&file)).unwrap();
                assert!(script.contains(program), "{file}");
            }
        }
    }

    #[test]
    fn the_page_of_the_configuration_has_every_line_of_the_example() {
        let page = configuration();
        let plain = page.replace("\\&", "").replace("\\-", "-").replace("\\\\", "\\");
        assert!(plain.contains(CONFIGURATION), "a line of the example is missing");
    }
}
