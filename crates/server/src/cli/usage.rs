//! `bailiwick usage`: requests and tokens by tenant, resource, deployment, caller and hour.

use std::io::Write as _;

use super::{
    args::UsageArgs,
    manage::open,
    output::{Failure, print, table},
};
use crate::manage::UsageView;

pub(crate) fn usage(args: &UsageArgs) -> Result<(), Failure> {
    let views = open(&args.shared.data)?.usage(args.resource.as_deref())?;
    if args.csv {
        std::io::stdout().write_all(UsageView::csv(&views).as_bytes())?;
        return Ok(());
    }
    print(args.shared.json, &views, |out, views| {
        let row = |view: &UsageView| {
            [
                view.hour.clone(),
                view.tenant.clone(),
                view.resource.clone(),
                view.deployment.clone(),
                view.caller.clone(),
                view.requests.to_string(),
                view.prompt_tokens.to_string(),
                view.completion_tokens.to_string(),
            ]
        };
        let titles = [
            "hour",
            "tenant",
            "resource",
            "deployment",
            "caller",
            "requests",
            "tokens in",
            "tokens out",
        ];
        table(out, titles, &views.iter().map(row).collect::<Vec<_>>())
    })
}
