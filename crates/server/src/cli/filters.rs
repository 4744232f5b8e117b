//! The commands of content filters and blocklists: each calls functions of [`crate::manage`] and
//! prints their result.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Read as _},
    path::Path,
};

use policy::{
    content::Content,
    guard::{
        blocklist::{Blocklist, Term},
        filter::{Filter, Rule, Threshold},
        verdict::{BlocklistName, Digest},
    },
};
use store::{BlocklistItem, Expect, ItemsChange};
use zeroize::Zeroizing;

use super::{
    args::filters::{BlocklistCommand, Blocklists, FilterCommand, Filters, RuleArg, Terms, Write},
    data::{configured, open},
    manage::deleted,
    output::{Failure, fields, harmless, print, table},
};
use crate::manage::{Acting, BlocklistView, ItemView, PolicyBody, PolicyView};

/// The longest file of a filter, or of terms, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

pub(crate) fn filter(args: &Filters) -> Result<(), Failure> {
    let (data, json) = (&args.shared.data, args.shared.json);
    let management = || configured(data, args.config.as_deref());
    match &args.command {
        FilterCommand::Create(write) => {
            let (management, base) = (management()?, base(write)?);
            let filter = changed(base.unwrap_or_else(Filter::standard), write)?;
            written(&management, write, filter, Expect::Nothing, json)
        }
        FilterCommand::Update(write) => {
            let (management, base) = (management()?, base(write)?);
            let (now, expect) = management.filter_to_change(&write.resource, &write.name)?;
            written(&management, write, changed(base.unwrap_or(now), write)?, expect, json)
        }
        FilterCommand::List { resource } => {
            let views = open(data)?.filters(resource)?;
            print(json, &views, |out, views| {
                let row = |view: &PolicyView| {
                    let properties = &view.properties;
                    [
                        view.name.clone(),
                        properties.mode.to_owned(),
                        properties.when_down.to_owned(),
                        view.deployments.join(", "),
                        in_force(view).to_owned(),
                    ]
                };
                let header = ["name", "mode", "when down", "deployments", "in force"];
                table(out, header, &views.iter().map(row).collect::<Vec<_>>())
            })
        }
        FilterCommand::Show { resource, name } => {
            print(json, &open(data)?.filter(resource, name)?, show_filter)
        }
        FilterCommand::Delete { resource, name } => {
            open(data)?.delete_filter(resource, name)?;
            deleted(json, "filter", name)
        }
    }
}

pub(crate) fn blocklist(args: &Blocklists) -> Result<(), Failure> {
    let (data, json) = (&args.shared.data, args.shared.json);
    match &args.command {
        BlocklistCommand::Create { resource, name, description, from, regex } => {
            let items = from.as_deref().map(|file| items(file, *regex)).transpose()?;
            let management = open(data)?;
            let (_, mut view) =
                management.write_blocklist(resource, name, description, Expect::Nothing)?;
            if let Some(items) = items {
                view = management.change_blocklist(resource, name, ItemsChange::Add(items))?;
            }
            print(json, &view, show_list)
        }
        BlocklistCommand::Add(Terms { resource, name, file, regex }) => {
            let change = ItemsChange::Add(items(file, *regex)?);
            print(json, &open(data)?.change_blocklist(resource, name, change)?, show_list)
        }
        BlocklistCommand::Remove(Terms { resource, name, file, regex }) => {
            let management = open(data)?;
            let change = removed(&management, (resource, name), items(file, *regex)?)?;
            print(json, &management.change_blocklist(resource, name, change)?, show_list)
        }
        BlocklistCommand::List { resource } => {
            let views = open(data)?.blocklists(resource)?;
            print(json, &views, |out, views| {
                let row = |view: &BlocklistView| {
                    [view.name.clone(), view.terms.to_string(), view.filters.join(", ")]
                };
                let rows: Vec<_> = views.iter().map(row).collect();
                table(out, ["name", "terms", "filters"], &rows)
            })
        }
        BlocklistCommand::Show { resource, name, terms: false } => {
            print(json, &open(data)?.blocklist(resource, name)?, show_list)
        }
        BlocklistCommand::Show { resource, name, terms: true } => {
            let items = open(data)?.blocklist_items(resource, name)?;
            let views: Vec<ItemView> = items.into_iter().map(ItemView::from).collect();
            print(json, &views, |out, views| show_items(out, views))
        }
        BlocklistCommand::Delete { resource, name } => {
            open(data)?.delete_blocklist(resource, name)?;
            deleted(json, "blocklist", name)
        }
    }
}

/// Reads the filter that a command begins with.
fn base(write: &Write) -> Result<Option<Filter>, Failure> {
    let Some(file) = &write.from else { return Ok(None) };
    let text = read(file)?;
    let body = serde_json::from_str(&text).map_err(|error| {
        Failure::new(
            format!("{} is not JSON: {error}", source(file)),
            "`bailiwick filter show RESOURCE NAME --json` prints a filter in this form",
        )
    })?;
    Ok(Some(PolicyBody::new(body).filter().map_err(crate::manage::ManageError::from)?))
}

/// Changes a filter as the options say.
fn changed(mut filter: Filter, write: &Write) -> Result<Filter, Failure> {
    let medium = Threshold::Medium;
    let block = |rule: &RuleArg| Rule::block(rule.threshold.unwrap_or(medium));
    let rules = (write.block.iter().map(|rule| (rule, block(rule))))
        .chain(write.annotate.iter().map(|rule| (rule, Rule::ANNOTATE)))
        .chain(write.off.iter().map(|rule| (rule, Rule::OFF)))
        .chain(write.blocklist.iter().map(|rule| (rule, Rule::block(medium))))
        .chain(write.annotate_blocklist.iter().map(|rule| (rule, Rule::ANNOTATE)))
        .chain(write.no_blocklist.iter().map(|rule| (rule, Rule::OFF)));
    let mut seen = BTreeSet::new();
    for (RuleArg { category, sides, .. }, rule) in rules {
        for side in sides {
            if !seen.insert((category.clone(), *side)) {
                return Err(Failure::plain(format!(
                    "the options name {} for `{}` twice; leave one out",
                    category.policy_name().unwrap_or("a blocklist"),
                    side.name()
                )));
            }
            filter = filter
                .with(category.clone(), *side, rule)
                .map_err(crate::manage::ManageError::from)?;
        }
    }
    let (mode, when_down) = (filter.mode(), filter.when_down());
    let filter = filter.with_mode(write.mode.unwrap_or(mode));
    Ok(filter.with_when_down(write.when_down.unwrap_or(when_down)))
}

fn written(
    management: &Acting,
    write: &Write,
    filter: Filter,
    expect: Expect,
    json: bool,
) -> Result<(), Failure> {
    let (_, view) = management.write_filter(&write.resource, &write.name, filter, expect)?;
    print(json, &view, show_filter)
}

/// Reads terms, one on each line. An item's name is the hash of its term, so that a term that is
/// added twice is one item.
fn items(file: &Path, regex: bool) -> Result<Vec<BlocklistItem>, Failure> {
    let text = read(file)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut items = Vec::new();
    for line in lines {
        let hash = Digest::of(format!("{regex} {line}").as_bytes()).to_string();
        let pattern = Content::new(line.to_owned());
        let term = if regex { Term::Regex(pattern) } else { Term::Exact(pattern) };
        items.push(BlocklistItem { name: hash.chars().take(32).collect(), term });
    }
    // The list as a whole is checked later. Here the numbers are those of the file's terms.
    let terms: Vec<Term> = items.iter().map(|item| item.term.clone()).collect();
    let name = BlocklistName::new("file").map_err(|error| Failure::plain(error.to_string()))?;
    match Blocklist::new(name, &terms) {
        Ok(_) => Ok(items),
        Err(problem) => Err(Failure::new(
            format!("{}: {problem}", source(file)),
            "terms are counted without empty lines; nothing was changed",
        )),
    }
}

/// Returns the change that removes terms; their items can have any names.
fn removed(
    management: &Acting,
    (resource, name): (&str, &str),
    terms: Vec<BlocklistItem>,
) -> Result<ItemsChange, Failure> {
    let existing = management.blocklist_items(resource, name)?;
    let mut names = BTreeSet::new();
    for (number, term) in (1..).zip(terms) {
        let same: Vec<_> = existing.iter().filter(|item| item.term == term.term).collect();
        if same.is_empty() {
            return Err(Failure::new(
                format!("term {number} is not in the list `{name}`"),
                "`bailiwick blocklist show RESOURCE NAME --terms` prints the terms; nothing was \
                 changed",
            ));
        }
        names.extend(same.into_iter().map(|item| item.name.clone()));
    }
    Ok(ItemsChange::Remove(names.into_iter().collect()))
}

/// Reads a file, or standard input for `-`.
fn read(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    let reader: Box<dyn io::Read> = match file.to_str() {
        Some("-") => Box::new(io::stdin()),
        _ => Box::new(fs::File::open(file).map_err(|error| unread(file, &error))?),
    };
    reader
        .take(FILE_BYTES_MAX.saturating_add(1))
        .read_to_string(&mut text)
        .map_err(|error| unread(file, &error))?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(Failure::plain(format!(
            "{} is longer than {FILE_BYTES_MAX} bytes; make a second list",
            source(file)
        )));
    }
    Ok(text)
}

/// Names a file in a message.
fn source(file: &Path) -> String {
    match file.to_str() {
        Some("-") => "standard input".to_owned(),
        _ => format!("`{}`", file.display()),
    }
}

fn unread(file: &Path, error: &io::Error) -> Failure {
    Failure::new(
        format!("cannot read {}: {error}", source(file)),
        "give a file of UTF-8 text that you may read, or `-` for standard input",
    )
}

fn in_force(view: &PolicyView) -> &'static str {
    if view.in_force { "yes" } else { "no: weaker than the operator allows" }
}

fn show_filter(out: &mut dyn io::Write, view: &PolicyView) -> io::Result<()> {
    let properties = &view.properties;
    fields(
        out,
        &[
            ("name", view.name.clone()),
            ("id", view.id.map(|id| id.to_string()).unwrap_or_default()),
            ("resource", view.resource.clone()),
            ("mode", properties.mode.to_owned()),
            ("when down", properties.when_down.to_owned()),
            ("in force", in_force(view).to_owned()),
            ("deployments", view.deployments.join(", ")),
            ("digest", view.digest.clone()),
            ("created", view.created_at.clone().unwrap_or_default()),
        ],
    )?;
    writeln!(out)?;
    let mut rows: Vec<[String; 3]> = Vec::new();
    for rule in &properties.content_filters {
        let from = rule.severity_threshold.map(str::to_lowercase);
        let action = match (rule.enabled, rule.blocking, from) {
            (false, ..) => "off".to_owned(),
            (true, false, _) => "annotate".to_owned(),
            (true, true, None) => "block".to_owned(),
            (true, true, Some(from)) => format!("block from {from}"),
        };
        rows.push([rule.name.to_owned(), rule.source.to_lowercase(), action]);
    }
    for list in &properties.custom_blocklists {
        let action = if list.blocking { "block" } else { "annotate" };
        let name = format!("blocklist {}", list.blocklist_name);
        rows.push([name, list.source.to_lowercase(), action.to_owned()]);
    }
    table(out, ["category", "side", "action"], &rows)
}

fn show_list(out: &mut dyn io::Write, view: &BlocklistView) -> io::Result<()> {
    fields(
        out,
        &[
            ("name", view.name.clone()),
            ("id", view.id.to_string()),
            ("resource", view.resource.clone()),
            ("description", harmless(&view.properties.description)),
            ("terms", view.terms.to_string()),
            ("filters", view.filters.join(", ")),
            ("digest", view.digest.clone()),
            ("created", view.created_at.clone()),
        ],
    )
}

fn show_items(out: &mut dyn io::Write, items: &[ItemView]) -> io::Result<()> {
    let row = |item: &ItemView| {
        let kind = if item.properties.is_regex { "regex" } else { "exact" };
        // The terms go to the terminal of the person that asked for them.
        let term = harmless(item.properties.pattern.reveal());
        [item.name.clone(), kind.to_owned(), term]
    };
    table(out, ["item", "kind", "term"], &items.iter().map(row).collect::<Vec<_>>())
}
