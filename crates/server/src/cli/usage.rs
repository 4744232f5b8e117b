//! `bailiwick usage`: requests, tokens and their cost, by tenant, resource, deployment, caller and
//! time.

use std::io::Write as _;

use super::{
    args::{UsageArgs, UsageFormat},
    data::open,
    output::{Failure, note, print, table},
    serve::load,
};
use crate::manage::{UsageQuestion, UsageView};

pub(crate) fn usage(args: &UsageArgs) -> Result<(), Failure> {
    let prices = load(args.config.as_deref())?.prices;
    let question = UsageQuestion {
        tenant: args.tenant.clone(),
        resource: args.resource.clone(),
        from: args.from,
        to: args.to,
        by: args.by,
    };
    let views = open(&args.shared.data)?.usage(&question, &prices)?;
    let unpriced = views.iter().filter(|view| view.is_unpriced()).count();
    if !prices.list.is_empty() && unpriced > 0 {
        note(&format!(
            "{unpriced} of the rows have no price: add their model or deployment to `prices.list`"
        ));
    }
    let format = if args.shared.json { UsageFormat::Json } else { args.format };
    if format == UsageFormat::Csv {
        std::io::stdout().write_all(UsageView::csv(&views).as_bytes())?;
        return Ok(());
    }
    print(format == UsageFormat::Json, &views, |out, views| {
        let total = UsageView::total(views);
        let rows: Vec<_> = views.iter().chain([&total]).map(UsageView::cells).collect();
        table(out, UsageView::COLUMNS, &rows)
    })
}
