//! `bailiwick inventory`: what is kept for a resource, without content.

use std::io::{self, Write};

use audit::rfc3339;
use wire::inventory::{AlsoKept, Inventory, Kept};

use super::{
    args::InventoryArgs,
    data::open,
    output::{Failure, print, table},
    serve::load,
};
use crate::manage::InventoryQuestion;

pub(crate) fn inventory(args: &InventoryArgs) -> Result<(), Failure> {
    let metadata = load(args.config.as_deref())?.retention.metadata();
    let question = InventoryQuestion {
        class: args.class.clone(),
        after: args.after.clone(),
        limit: args.limit,
    };
    let page = open(&args.shared.data)?.inventory(&args.resource, &question, metadata)?;
    print(args.shared.json, &page, show)
}

fn show(out: &mut dyn Write, page: &Inventory) -> io::Result<()> {
    if page.data.is_empty() {
        writeln!(out, "nothing is kept that a caller asked to keep")?;
    } else {
        let rows: Vec<_> = page.data.iter().map(object).collect();
        table(out, ["id", "owner", "shared", "since", "until", "bytes", "request"], &rows)?;
    }
    if let (true, Some(last)) = (page.has_more, &page.last_id) {
        writeln!(out, "there are more: --after {last}")?;
    }
    writeln!(out, "\nThe service itself keeps:")?;
    let rows: Vec<_> = page.also_kept.iter().map(also).collect();
    table(out, ["what", "count", "days", "until", "why"], &rows)
}

fn object(kept: &Kept) -> [String; 7] {
    [
        kept.id.clone(),
        kept.owner.clone(),
        if kept.shared { "yes" } else { "no" }.to_owned(),
        rfc3339(kept.created_at),
        kept.expires_at.map_or_else(|| "deleted".to_owned(), rfc3339),
        kept.bytes.to_string(),
        kept.request.clone(),
    ]
}

fn also(kept: &AlsoKept) -> [String; 5] {
    [
        kept.what.to_owned(),
        kept.count.map(|count| count.to_string()).unwrap_or_default(),
        kept.days.map_or_else(|| "always".to_owned(), |days| days.to_string()),
        kept.until.map(rfc3339).unwrap_or_default(),
        kept.why.to_owned(),
    ]
}
