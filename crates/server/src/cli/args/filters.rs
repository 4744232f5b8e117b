//! The arguments of `bailiwick filter` and `bailiwick blocklist`. `--help` shows these comments.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use policy::guard::{
    filter::{Filter, Mode, Threshold, WhenDown},
    verdict::{BlocklistName, Category, Side},
};

use super::Shared;

/// The filter commands with their shared options.
#[derive(Debug, Args)]
pub(crate) struct Filters {
    #[command(flatten)]
    pub(crate) shared: Shared,
    /// Configuration file of the service. If not given, the defaults apply
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CONFIG", global = true)]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: FilterCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FilterCommand {
    /// Add a content filter to a resource
    ///
    /// It begins as `Microsoft.DefaultV2`: hate, sexual, violence and self_harm blocked at medium on
    /// both sides, jailbreaks blocked in prompts, known text blocked in completions.
    /// `bailiwick deployment update NAME --resource RESOURCE --filter FILTER` uses it.
    Create(Box<Write>),
    /// Change a content filter, from the next request on. Rules that are not named stay
    Update(Box<Write>),
    /// List the content filters of a resource
    List {
        /// Name of the resource
        resource: String,
    },
    /// Show one content filter
    Show {
        /// Name of the resource
        resource: String,
        /// Name of the filter
        name: String,
    },
    /// Delete a content filter that no deployment uses
    Delete {
        /// Name of the resource
        resource: String,
        /// Name of the filter
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Write {
    /// Name of the resource
    pub(crate) resource: String,
    /// Name of the filter
    pub(crate) name: String,
    /// Begin with this file, as the admin API takes it (`-` for standard input): JSON with
    /// `properties`. The other options change it
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// Block a category; repeat for more.
    ///
    /// CATEGORY is hate, sexual, violence, self_harm, jailbreak, indirect_attack, profanity,
    /// protected_material_text or protected_material_code: for both sides, or with `prompt:` or
    /// `completion:` in front for one. LEVEL is low, medium or high [default: medium]; the first
    /// four categories are blocked from this severity on
    #[arg(long, value_name = "[SIDE:]CATEGORY[=LEVEL]", value_parser = leveled)]
    pub(crate) block: Vec<RuleArg>,
    /// Annotate a category and block nothing of it; repeat for more
    #[arg(long, value_name = "[SIDE:]CATEGORY", value_parser = plain)]
    pub(crate) annotate: Vec<RuleArg>,
    /// Do not look for a category; repeat for more
    #[arg(long, value_name = "[SIDE:]CATEGORY", value_parser = plain)]
    pub(crate) off: Vec<RuleArg>,
    /// Block the terms of a blocklist of the resource; repeat for more
    #[arg(long, value_name = "[SIDE:]LIST", value_parser = list)]
    pub(crate) blocklist: Vec<RuleArg>,
    /// Annotate the terms of a blocklist; repeat for more
    #[arg(long, value_name = "[SIDE:]LIST", value_parser = list)]
    pub(crate) annotate_blocklist: Vec<RuleArg>,
    /// Do not look for the terms of a blocklist any more; repeat for more
    #[arg(long, value_name = "[SIDE:]LIST", value_parser = list)]
    pub(crate) no_blocklist: Vec<RuleArg>,
    /// Mode of streams: `Default` holds text back until it is checked, `Asynchronous_filter` sends
    /// it at once and the finding later
    #[arg(long, value_name = "MODE", value_parser = mode)]
    pub(crate) mode: Option<Mode>,
    /// What happens while a detector is down: `refuse` the request, or let it go on `unfiltered`,
    /// with an annotation that says so
    #[arg(long, value_name = "refuse|unfiltered", value_parser = when_down)]
    pub(crate) when_down: Option<WhenDown>,
}

/// A category or a list, on one side or on each that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RuleArg {
    pub(crate) category: Category,
    pub(crate) sides: Vec<Side>,
    /// The severity from which a category is blocked.
    pub(crate) threshold: Option<Threshold>,
}

/// The blocklist commands with their shared options.
#[derive(Debug, Args)]
pub(crate) struct Blocklists {
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(subcommand)]
    pub(crate) command: BlocklistCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BlocklistCommand {
    /// Add a blocklist to a resource
    Create {
        /// Name of the resource
        resource: String,
        /// Name of the list
        name: String,
        /// Description for people
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
        /// File with its first terms, one on each line (`-` for standard input)
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        /// The terms in the file are regular expressions
        #[arg(long, requires = "from")]
        regex: bool,
    },
    /// Add terms to a blocklist, from the next request on
    ///
    /// A term matches in any case, as whole words, also in disguise: docs/operate/content-filter.md.
    Add(Terms),
    /// Remove terms from a blocklist, from the next request on
    Remove(Terms),
    /// List the blocklists of a resource
    List {
        /// Name of the resource
        resource: String,
    },
    /// Show one blocklist
    Show {
        /// Name of the resource
        resource: String,
        /// Name of the list
        name: String,
        /// Print its terms, too: the customer's words
        #[arg(long)]
        terms: bool,
    },
    /// Delete a blocklist that no filter names, with its terms
    Delete {
        /// Name of the resource
        resource: String,
        /// Name of the list
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Terms {
    /// Name of the resource
    pub(crate) resource: String,
    /// Name of the list
    pub(crate) name: String,
    /// File with the terms, one on each line; standard input if not given. Terms are no arguments,
    /// because other users of the machine can see those
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
    /// The terms are regular expressions
    #[arg(long)]
    pub(crate) regex: bool,
}

fn leveled(text: &str) -> Result<RuleArg, String> {
    let Some((name, level)) = text.split_once('=') else { return plain(text) };
    let threshold = Threshold::from_name(level)
        .ok_or_else(|| "write low, medium or high after `=`".to_owned())?;
    let rule = plain(name)?;
    if !rule.category.is_graded() {
        let graded = Category::GRADED.map(|one| one.name()).join(", ");
        return Err(format!("only {graded} have a level; leave `={level}` out"));
    }
    Ok(RuleArg { threshold: Some(threshold), ..rule })
}

fn plain(text: &str) -> Result<RuleArg, String> {
    let (side, name) = sided(text)?;
    let spelled = name.to_ascii_lowercase().replace(['-', ' '], "_");
    let same = |one: &Category| {
        one.name() == spelled || one.name().replace('_', "") == spelled.replace('_', "")
    };
    let category = Category::BUILT_IN.into_iter().find(same).ok_or_else(|| {
        format!("write one of: {}", Category::BUILT_IN.map(|one| one.name()).join(", "))
    })?;
    let has = |side: &Side| Filter::has(&category, *side);
    let sides: Vec<Side> = Side::BOTH.into_iter().filter(has).collect();
    match side {
        Some(side) if !has(&side) => {
            Err(format!("`{}` is not looked for there; leave the side out", category.name()))
        }
        Some(side) => Ok(RuleArg { category, sides: vec![side], threshold: None }),
        None => Ok(RuleArg { category, sides, threshold: None }),
    }
}

fn list(text: &str) -> Result<RuleArg, String> {
    let (side, name) = sided(text)?;
    let name = BlocklistName::new(name).map_err(|error| error.to_string())?;
    let sides = side.map_or_else(|| Side::BOTH.to_vec(), |side| vec![side]);
    Ok(RuleArg { category: Category::Blocklist(name), sides, threshold: None })
}

/// Splits the side off.
fn sided(text: &str) -> Result<(Option<Side>, &str), String> {
    match text.split_once(':') {
        None => Ok((None, text)),
        Some((side, name)) => Side::from_name(side)
            .map(|side| (Some(side), name))
            .ok_or_else(|| "write `prompt:` or `completion:` in front, or nothing".to_owned()),
    }
}

fn mode(name: &str) -> Result<Mode, String> {
    match name.to_ascii_lowercase().as_str() {
        "asynchronous" => Ok(Mode::AsynchronousFilter),
        _ => Mode::from_name(name)
            .ok_or_else(|| format!("write one of: {}", Mode::ALL.map(Mode::name).join(", "))),
    }
}

fn when_down(name: &str) -> Result<WhenDown, String> {
    WhenDown::from_name(name).ok_or_else(|| "write refuse or unfiltered".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_with_side_and_level() {
        let hate = leveled("prompt:Hate=low").unwrap();
        assert_eq!(hate.category, Category::Hate);
        assert_eq!((hate.sides, hate.threshold), (vec![Side::Prompt], Some(Threshold::Low)));
        assert_eq!(leveled("self-harm").unwrap().sides, Side::BOTH);
        assert_eq!(plain("selfharm").unwrap().category, Category::SelfHarm);
        assert_eq!(plain("jailbreak").unwrap().sides, [Side::Prompt]);
        assert_eq!(plain("indirect attack").unwrap().category, Category::IndirectAttack);
        assert_eq!(list("completion:words").unwrap().sides, [Side::Completion]);
        for bad in
            ["rudeness", "hate=extreme", "jailbreak=low", "output:hate", "completion:jailbreak"]
        {
            assert!(leveled(bad).is_err(), "{bad}");
        }
        assert!(list("a b").is_err() && mode("fast").is_err() && when_down("maybe").is_err());
        assert_eq!(mode("asynchronous").unwrap(), Mode::AsynchronousFilter);
    }
}
