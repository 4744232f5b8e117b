//! `bailiwick engine` and `bailiwick processors`: the engines, and the companies that operate them.

use std::{io, path::Path};

use super::{
    args::{
        Shared,
        engines::{Add, EngineCommand, Engines, More, Update},
    },
    data::{configured, open},
    output::{Failure, fields, note, print, table},
};
use crate::{
    board,
    engines::EngineDoing,
    manage::{
        Change, EngineKind, EngineUpdate, EngineView, NewEngine, ProcessorEngineView,
        ProcessorView, ServedModelView,
    },
};

pub(crate) fn engine(args: &Engines) -> Result<(), Failure> {
    let (json, config) = (args.shared.json, args.config.as_deref());
    let management = configured(&args.shared.data, config)?;
    match &args.command {
        EngineCommand::Add(add) => {
            let new = new(add);
            let view = management.create_engine(&new)?;
            if new.kind == EngineKind::OpenAi && !new.url.trim_end_matches('/').contains("/v") {
                note("Most engines have their API below `/v1`: check that the URL names it.");
            }
            print(json, &view, |out, view| {
                writeln!(out, "added engine `{}`", view.name)?;
                show(out, view)
            })
        }
        EngineCommand::List => {
            if config.is_none() {
                note(
                    "No configuration was given (--config FILE): regions, zones and destinations \
                     are those of the defaults.",
                );
            }
            let doing = doing(&args.shared.data);
            let views = management.engines()?.into_iter().map(|view| view.with(&doing));
            print(json, &views.collect::<Vec<_>>(), |out, views| {
                let header = ["name", "kind", "region", "zone", "operator", "models", "state"];
                table(out, header, &views.iter().map(row).collect::<Vec<_>>())
            })
        }
        EngineCommand::Show { name } => {
            let view = management.engine(name)?.with(&doing(&args.shared.data));
            print(json, &view, show)
        }
        EngineCommand::Update(args) => {
            let update = update(args);
            if update == EngineUpdate::default() {
                return Err(Failure::new(
                    "the update changes nothing",
                    "name a field to change; `bailiwick engine update --help` lists them",
                ));
            }
            print(json, &management.update_engine(&args.name, &update)?, show)
        }
        EngineCommand::Remove { name } => {
            management.delete_engine(name)?;
            let data = serde_json::json!({ "deleted": { "kind": "engine", "name": name } });
            print(json, &data, |out, _| writeln!(out, "removed engine `{name}`"))
        }
    }
}

/// Returns what a running service says about its engines.
fn doing(data: &Path) -> Vec<EngineDoing> {
    board::read(data).unwrap_or_default().engines
}

pub(crate) fn processors(shared: &Shared) -> Result<(), Failure> {
    let views = open(&shared.data)?.processors()?;
    if views.is_empty() {
        note("no processors: the operator of this service operates all engines");
    }
    print(shared.json, &views, |out, views| {
        for (index, view) in views.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            show_processor(out, view)?;
        }
        Ok(())
    })
}

fn new(args: &Add) -> NewEngine {
    let Add { name, kind, url, region, model, prefix_cache, processor, more } = args;
    let More { api_version, capability, concurrency, weight, first_byte_ms, silence_ms } = more;
    NewEngine {
        name: name.clone(),
        kind: *kind,
        url: url.clone(),
        region: region.clone(),
        api_version: api_version.clone(),
        processor: processor.named(),
        models: model.clone(),
        capabilities: some(capability).map(|named| named.iter().copied().collect()),
        prefix_cache: prefix_cache.clone(),
        concurrency: *concurrency,
        weight: *weight,
        first_byte_ms: *first_byte_ms,
        silence_ms: *silence_ms,
    }
}

fn update(args: &Update) -> EngineUpdate {
    let Update {
        name: _,
        kind,
        url,
        region,
        model,
        prefix_cache,
        no_api_version,
        processor,
        no_processor,
        more,
        drain,
        serve,
    } = args;
    let More { api_version, capability, concurrency, weight, first_byte_ms, silence_ms } = more;
    EngineUpdate {
        kind: *kind,
        url: url.clone(),
        region: region.clone(),
        api_version: change(api_version.clone(), *no_api_version),
        processor: change(processor.named(), *no_processor),
        models: some(model).map(<[_]>::to_vec),
        capabilities: some(capability).map(|named| named.iter().copied().collect()),
        prefix_cache: prefix_cache.clone(),
        concurrency: *concurrency,
        weight: *weight,
        first_byte_ms: *first_byte_ms,
        silence_ms: *silence_ms,
        serving: match (*serve, *drain) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        },
    }
}

fn change<T>(given: Option<T>, clear: bool) -> Change<T> {
    match given {
        Some(value) => Change::Set(value),
        None if clear => Change::Clear,
        None => Change::Keep,
    }
}

fn some<T>(list: &[T]) -> Option<&[T]> {
    (!list.is_empty()).then_some(list)
}

fn row(view: &EngineView) -> [String; 7] {
    let models: Vec<&str> = view.models.iter().map(|served| served.model.as_str()).collect();
    [
        view.name.clone(),
        view.kind.to_owned(),
        view.region.clone(),
        view.zone.clone().unwrap_or_else(|| "-".to_owned()),
        view.operator().to_owned(),
        models.join(","),
        view.state.to_owned(),
    ]
}

fn show(out: &mut dyn io::Write, view: &EngineView) -> io::Result<()> {
    let mut lines = vec![
        ("name", view.name.clone()),
        ("kind", view.kind.to_owned()),
        ("region", view.region.clone()),
        ("zone", view.zone.clone().unwrap_or_default()),
        ("operator", view.operator().to_owned()),
    ];
    if let Some(processor) = &view.processor {
        lines.push(("country", processor.country.clone()));
        lines.push(("contract", processor.contract.clone()));
    }
    let model = |served: &ServedModelView| {
        if served.model == served.served {
            served.model.clone()
        } else {
            format!("{} (there: {})", served.model, served.served)
        }
    };
    lines.push(("models", view.models.iter().map(model).collect::<Vec<_>>().join(", ")));
    lines.push(("state", view.state.to_owned()));
    lines.push(("reason", view.reason.clone().unwrap_or_default()));
    if let Some(program) = &view.program {
        let capabilities: Vec<&str> =
            program.capabilities.iter().map(|capability| capability.name()).collect();
        lines.extend([
            ("id", program.id.to_string()),
            ("url", program.url.clone()),
            ("api version", program.api_version.clone().unwrap_or_default()),
            ("credential", program.credential.clone().unwrap_or_default()),
            ("capabilities", capabilities.join(", ")),
            ("prefix cache", program.prefix_cache.clone()),
            ("concurrency", program.concurrency.to_string()),
            ("weight", program.weight.to_string()),
            ("first byte", format!("{} ms", program.first_byte_ms)),
            ("silence", format!("{} ms", program.silence_ms)),
            ("created", program.created_at.clone()),
        ]);
    }
    fields(out, &lines)
}

fn show_processor(out: &mut dyn io::Write, view: &ProcessorView) -> io::Result<()> {
    let mut lines = vec![
        ("name", view.name.clone()),
        ("country", view.country.clone()),
        ("contract", view.contract.clone()),
        ("since", view.since.clone()),
    ];
    for engine in &view.engines {
        let until =
            engine.until.as_ref().map_or_else(String::new, |until| format!(" until {until}"));
        let ProcessorEngineView { name, region, since, .. } = engine;
        lines.push(("engine", format!("`{name}` in {region} since {since}{until}")));
    }
    for allowed in &view.allowed {
        lines.push(("allowed", format!("`{}` since {}", allowed.resource, allowed.since)));
    }
    for used in &view.requests {
        lines.push(("requests", format!("`{}` {}", used.resource, used.requests)));
    }
    fields(out, &lines)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::args::{Args, Command};

    fn parse(line: &str) -> Result<Engines, clap::Error> {
        let parsed = Args::try_parse_from(line.split(' '))?;
        let Command::Engine(engines) = parsed.command else { panic!("{line}") };
        Ok(engines)
    }

    const ADD: &str = "bailiwick engine add gpu1 --kind openai --url https://gpu1.example/v1 \
                       --region local --model qwen=Qwen/Qwen3-8B";

    #[test]
    fn an_engine_is_added_only_with_a_word_about_its_prefix_cache() {
        assert!(parse(ADD).is_err());
        assert!(parse(&format!("{ADD} --prefix-cache shared")).is_err());
        let engines = parse(&format!("{ADD} --prefix-cache shared=acme --capability images"));
        let EngineCommand::Add(add) = engines.unwrap().command else { panic!() };
        let new = new(&add);
        assert_eq!(new.prefix_cache.to_string(), "shared=acme");
        assert_eq!(new.models.first().unwrap().served.as_deref(), Some("Qwen/Qwen3-8B"));
        assert_eq!(new.capabilities.unwrap().len(), 1);
        assert_eq!(new.processor, None);
    }

    #[test]
    fn a_processor_is_named_with_country_and_contract() {
        let add = format!("{ADD} --prefix-cache none");
        for bad in ["--processor P", "--processor P --country SE", "--country SE --contract C"] {
            assert!(parse(&format!("{add} {bad}")).is_err(), "{bad}");
        }
        let engines = parse(&format!("{add} --processor P --country SE --contract C")).unwrap();
        let EngineCommand::Add(add) = engines.command else { panic!() };
        assert_eq!(new(&add).processor.unwrap().country, "SE");
    }

    #[test]
    fn an_update_has_exactly_the_given_fields() {
        let of = |options: &str| {
            let engines = parse(&format!("bailiwick engine update gpu1 {options}"))?;
            let EngineCommand::Update(args) = engines.command else { panic!("{options}") };
            Ok::<_, clap::Error>(update(&args))
        };
        let drained = EngineUpdate { serving: Some(false), ..EngineUpdate::default() };
        assert_eq!(of("--drain").unwrap(), drained);
        let own = EngineUpdate { processor: Change::Clear, ..EngineUpdate::default() };
        assert_eq!(of("--no-processor").unwrap(), own);
        assert_eq!(of("--weight 3").unwrap().weight, Some(3));
        for bad in [
            "--drain --serve",
            "--no-processor --processor P --country SE --contract C",
            "--no-api-version --api-version 2024-10-21",
            "--capability telepathy",
        ] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
