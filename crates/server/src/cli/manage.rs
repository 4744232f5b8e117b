//! The management commands: each calls one function of [`crate::manage`] and prints its result.

mod wait;

use std::{io, path::Path};

use engine::protocol::{TemplateNote, Works};
use policy::{
    forward::Forward,
    network::{DefaultAction, PublicNetworkAccess},
    subject_header::{BadHeader, SubjectHeader},
    task::Task,
};
use store::{NetworkChange, StoreError, random};

use super::{
    args::{
        DeploymentCommand, Forwarded, Group, KeyCommand, ModelCommand, ResourceCommand, RoleArgs,
        RoleCommand, Switch, TenantCommand, WorkstationCommand,
    },
    data::{configured, create, open},
    output::{Failure, count, fields, note, print, size, table},
    progress::{add_model, fetch_model},
    quickstart, signer,
};
use crate::{
    board,
    manage::{
        AbusePenaltyView, DeploymentUpdate, DeploymentView, Hub, ManageError, ModelView,
        NameUpdate, NewDeployment, NewFromHub, NewModel, NewResource, NewServedModel,
        ResourceUpdate, ResourceView, RoleAssignment, RoleAssignmentView, ScopeName, Signing,
        SourceError, TeamMemberView, TenantView, WorkstationView,
    },
    outward::{self, OutwardError},
};

/// The command line's word for the built-in content filter.
const DEFAULT_FILTER: &str = "default";

/// Returns the fingerprint of a tenant's root as text.
fn root_of(view: &TenantView) -> String {
    view.root.map_or_else(|| "none".to_owned(), |root| root.to_string())
}

pub(crate) fn tenant(group: &Group<TenantCommand>) -> Result<(), Failure> {
    let json = group.shared.json;
    match &group.command {
        TenantCommand::Create { name } => {
            let view = create(&group.shared.data)?.create_tenant(name)?;
            print(json, &view, |out, view| writeln!(out, "created tenant `{}`", view.name))
        }
        TenantCommand::List => {
            let views = open(&group.shared.data)?.tenants()?;
            hint_if(views.is_empty(), "no tenants yet: `bailiwick tenant create NAME` adds one");
            print(json, &views, |out, views| {
                let row =
                    |view: &TenantView| [view.name.clone(), view.created_at.clone(), root_of(view)];
                table(out, ["name", "created", "root"], &views.iter().map(row).collect::<Vec<_>>())
            })
        }
        TenantCommand::Show { name } => {
            let view = open(&group.shared.data)?.tenant(name)?;
            print(json, &view, |out, view| {
                let id = ("id", view.id.to_string());
                let created = ("created", view.created_at.clone());
                fields(out, &[("name", view.name.clone()), id, created, ("root", root_of(view))])
            })
        }
        TenantCommand::Delete { name } => {
            open(&group.shared.data)?.delete_tenant(name)?;
            deleted(json, "tenant", name)
        }
    }
}

pub(crate) fn resource(group: &Group<ResourceCommand>) -> Result<(), Failure> {
    let json = group.shared.json;
    match &group.command {
        ResourceCommand::Create {
            name,
            tenant,
            region,
            config,
            no_prefix_cache,
            forward,
            disable_local_auth,
            retention_days,
        } => {
            let new = NewResource {
                name: name.clone(),
                tenant: tenant.clone(),
                region: region.clone(),
                prefix_cache: !no_prefix_cache,
                forward: forwarded(forward)?.unwrap_or_default(),
                disable_local_auth: *disable_local_auth,
                retention_days: *retention_days,
            };
            let management = configured(&group.shared.data, config.as_deref())?;
            let view = management.create_resource(&new)?;
            print(json, &view, |out, view| {
                writeln!(out, "created resource `{}`", view.resource.name)?;
                let keys = [("Key1", &view.key1), ("Key2", &view.key2)];
                fields(out, &keys.map(|(name, key)| (name, key.reveal().to_owned())))
            })?;
            note(&format!(
                "The keys are shown only now. `bailiwick key rotate {name} --key Key1` replaces \
                 one that is lost."
            ));
            Ok(())
        }
        ResourceCommand::Update {
            name,
            prefix_cache,
            forward,
            disable_local_auth,
            lockbox,
            stored_completions,
            retention_days,
            subject_header,
        } => {
            let update = ResourceUpdate {
                prefix_cache: prefix_cache.map(|switch| switch == Switch::On),
                forward: forwarded(forward)?,
                disable_local_auth: disable_local_auth.map(|switch| switch == Switch::On),
                lockbox: lockbox.map(|switch| switch == Switch::On),
                stored_completions_disabled: stored_completions.map(|switch| switch == Switch::Off),
                retention_days: *retention_days,
                subject_header: subject_header.as_deref().map(header).transpose()?,
                ..ResourceUpdate::default()
            };
            let view = open(&group.shared.data)?.update_resource(name, &update)?;
            print(json, &view, show_resource)
        }
        ResourceCommand::Network { name, public_access, default_action, ip_rule, no_ip_rules } => {
            let management = open(&group.shared.data)?;
            let ip_rules = (*no_ip_rules || !ip_rule.is_empty()).then(|| ip_rule.clone());
            let network = NetworkChange {
                public: public_access.map(|switch| match switch {
                    Switch::On => PublicNetworkAccess::Enabled,
                    Switch::Off => PublicNetworkAccess::Disabled,
                }),
                default_action: default_action.map(Into::into),
                ip_rules,
            };
            let update = ResourceUpdate { network, ..ResourceUpdate::default() };
            let view = management.update_resource(name, &update)?;
            print(json, &view, show_resource)
        }
        ResourceCommand::List { tenant } => {
            let views = open(&group.shared.data)?.resources(tenant.as_deref())?;
            hint_if(
                views.is_empty(),
                "no resources yet: `bailiwick resource create NAME --tenant TENANT` adds one",
            );
            print(json, &views, |out, views| {
                let row = |view: &ResourceView| {
                    let forward = view.forward.to_string();
                    let cells =
                        [&view.name, &view.tenant, &view.region, &forward, &view.created_at];
                    cells.map(String::clone)
                };
                let rows: Vec<_> = views.iter().map(row).collect();
                table(out, ["name", "tenant", "region", "forwards", "created"], &rows)
            })
        }
        ResourceCommand::Show { name } => {
            print(json, &open(&group.shared.data)?.resource(name)?, show_resource)
        }
        ResourceCommand::Delete { name } => {
            open(&group.shared.data)?.delete_resource(name)?;
            deleted(json, "resource", name)
        }
    }
}

pub(crate) fn role(group: &Group<RoleCommand>) -> Result<(), Failure> {
    let (management, json) = (open(&group.shared.data)?, group.shared.json);
    match &group.command {
        RoleCommand::Assign(args) => management.assign_role(&assignment(args))?,
        RoleCommand::Remove(args) => management.remove_role(&assignment(args))?,
        RoleCommand::Team(args) => {
            management.set_team(&args.team, &args.who.tenant, &args.who.object)?;
            return print(json, &management.teams()?, |out, members| show_teams(out, members));
        }
        RoleCommand::List => {}
    }
    let views = management.role_assignments()?;
    hint_if(
        views.is_empty(),
        "no roles yet: only keys, and tokens with the app role `OpenAI.User`, give access",
    );
    print(json, &views, |out, views| {
        let row = |view: &RoleAssignmentView| {
            [
                view.role.to_owned(),
                view.scope_in_words(),
                view.kind.to_owned(),
                view.tenant.clone(),
                view.object_id.clone(),
                view.principal_id(),
                view.team.clone().unwrap_or_default(),
            ]
        };
        let rows: Vec<_> = views.iter().map(row).collect();
        table(out, ["role", "at", "kind", "tenant", "object", "id in the log", "team"], &rows)
    })
}

fn show_teams(out: &mut dyn io::Write, members: &[TeamMemberView]) -> io::Result<()> {
    let row = |member: &TeamMemberView| {
        let id = member.principal.to_string();
        [member.team.clone(), member.tenant.clone(), member.object_id.clone(), id]
    };
    let rows: Vec<_> = members.iter().map(row).collect();
    table(out, ["team", "tenant", "object", "id in the log"], &rows)
}

pub(crate) fn workstation(group: &Group<WorkstationCommand>) -> Result<(), Failure> {
    let management = open(&group.shared.data)?;
    match &group.command {
        WorkstationCommand::Enroll { certificate, name, region, by, keys } => {
            let by = (by.tenant.as_str(), by.object.as_str());
            let salt = random().map_err(StoreError::from)?;
            signer::signing(keys, |signed| {
                let signing = Signing { salt, signed };
                management.enroll_workstation(certificate, (name, region), by, signing)
            })?;
        }
        WorkstationCommand::Revoke { certificate, reason, by, keys } => {
            let by = (by.tenant.as_str(), by.object.as_str());
            let salt = random().map_err(StoreError::from)?;
            signer::signing(keys, |signed| {
                management.revoke_workstation(certificate, reason, by, Signing { salt, signed })
            })?;
        }
        WorkstationCommand::List => {}
    }
    let views = management.workstations()?;
    hint_if(views.is_empty(), "no workstations yet: `bailiwick workstation enroll` adds one");
    print(group.shared.json, &views, |out, views| {
        let row = |view: &WorkstationView| {
            let until = view.expires.clone();
            [
                view.name.clone(),
                view.region.clone(),
                view.state.to_owned(),
                until,
                view.enrolled_by.to_string(),
                view.fingerprint.clone(),
            ]
        };
        let rows: Vec<_> = views.iter().map(row).collect();
        table(out, ["name", "region", "state", "until", "enrolled by", "certificate"], &rows)
    })
}

fn assignment(args: &RoleArgs) -> RoleAssignment {
    let scope = match (&args.resource, &args.deployment) {
        (None, _) if args.service => ScopeName::Service,
        (None, _) => ScopeName::Tenant,
        (Some(name), None) => ScopeName::Resource { name: name.clone() },
        (Some(resource), Some(name)) => {
            ScopeName::Deployment { resource: resource.clone(), name: name.clone() }
        }
    };
    RoleAssignment {
        role: args.role.clone(),
        tenant: args.tenant.clone(),
        object_id: args.object.clone(),
        workload: args.workload,
        scope,
    }
}

pub(crate) fn deployment(group: &Group<DeploymentCommand>) -> Result<(), Failure> {
    let json = group.shared.json;
    match &group.command {
        DeploymentCommand::Create {
            name,
            resource,
            model,
            task,
            sku,
            tokens_per_minute,
            requests_per_minute,
            spillover,
            filter,
            no_wait,
        } => {
            let new = NewDeployment {
                name: name.clone(),
                model: model.clone(),
                task: (*task).into(),
                sku: Some(*sku),
                tokens_per_minute: *tokens_per_minute,
                requests_per_minute: *requests_per_minute,
                spillover_deployment_name: spillover.clone(),
                rai_policy_name: (filter != DEFAULT_FILTER).then(|| filter.clone()),
            };
            let management = open(&group.shared.data)?;
            let view = management.create_deployment(resource, &new)?;
            // The service loads a model with a file now, and a fine-tuned model at its first request.
            let model = management.model(model)?;
            let waits = !no_wait && model.file.is_some() && model.fine_tuned.is_none();
            print(json, &view, |out, view| {
                writeln!(out, "created deployment `{}` in `{}`", view.name, view.resource)
            })?;
            if waits { wait::until_loaded(&group.shared.data, &view) } else { Ok(()) }
        }
        DeploymentCommand::Update {
            name,
            resource,
            sku,
            tokens_per_minute,
            requests_per_minute,
            spillover,
            filter,
        } => {
            let spillover_deployment_name = match spillover.as_deref() {
                None => NameUpdate::Unchanged,
                Some("none") => NameUpdate::None,
                Some(name) => NameUpdate::Name(name.to_owned()),
            };
            let update = DeploymentUpdate {
                sku: *sku,
                tokens_per_minute: *tokens_per_minute,
                requests_per_minute: *requests_per_minute,
                spillover_deployment_name,
                rai_policy_name: match filter.as_deref() {
                    None => NameUpdate::Unchanged,
                    Some(DEFAULT_FILTER) => NameUpdate::None,
                    Some(name) => NameUpdate::Name(name.to_owned()),
                },
            };
            let view = open(&group.shared.data)?.update_deployment(resource, name, update)?;
            print(json, &view, show_deployment)
        }
        DeploymentCommand::List { resource } => {
            let views = open(&group.shared.data)?.deployments(resource.as_deref())?;
            hint_if(
                views.is_empty(),
                "no deployments yet: `bailiwick deployment create NAME --resource RESOURCE --model \
                 MODEL` adds one",
            );
            print(json, &views, |out, views| {
                let row = |view: &DeploymentView| {
                    let limits = &view.limits;
                    [
                        view.name.clone(),
                        view.id.to_string(),
                        view.resource.clone(),
                        view.model.clone(),
                        view.task.name().to_owned(),
                        view.sku.name().to_owned(),
                        limits.tokens_per_minute.to_string(),
                        limits.requests_per_minute.to_string(),
                    ]
                };
                let header = [
                    "name",
                    "id",
                    "resource",
                    "model",
                    "task",
                    "sku",
                    "tokens/minute",
                    "requests/minute",
                ];
                table(out, header, &views.iter().map(row).collect::<Vec<_>>())
            })
        }
        DeploymentCommand::Show { name, resource } => {
            let view = open(&group.shared.data)?.deployment(resource, name)?;
            let workers = board::read(&group.shared.data).unwrap_or_default().workers;
            print(json, &view.with_worker(&workers), show_deployment)
        }
        DeploymentCommand::Delete { name, resource } => {
            open(&group.shared.data)?.delete_deployment(resource, name)?;
            deleted(json, "deployment", name)
        }
    }
}

pub(crate) fn key(group: &Group<KeyCommand>) -> Result<(), Failure> {
    let json = group.shared.json;
    let management = open(&group.shared.data)?;
    match &group.command {
        KeyCommand::List { resource } => print(json, &management.keys(resource)?, |out, keys| {
            let rows: Vec<_> =
                keys.iter().map(|key| [key.key_name.to_string(), key.created_at.clone()]).collect();
            table(out, ["key", "created"], &rows)
        }),
        KeyCommand::Rotate { resource: Some(resource), key: Some(key), .. } => {
            let view = management.rotate_key(resource, (*key).into())?;
            print(json, &view, |out, view| writeln!(out, "{}", view.key.reveal()))?;
            note(&format!(
                "This is the new {} of `{resource}`, shown only now. The old one has stopped \
                 working.",
                view.key_name
            ));
            Ok(())
        }
        KeyCommand::Rotate { .. } => {
            let file = management.rotate_admin_key()?;
            let data = serde_json::json!({ "file": file });
            print(json, &data, |out, _| {
                writeln!(out, "the administrator's new key is in {}", file.display())
            })
        }
    }
}

pub(crate) fn model(group: &Group<ModelCommand>) -> Result<(), Failure> {
    let json = group.shared.json;
    match &group.command {
        ModelCommand::Add { source, served: true, task, context_tokens, .. } => {
            let task = task.ok_or_else(|| Failure::plain("a served model needs a `--task`"))?;
            let new = NewServedModel {
                name: source.to_string_lossy().into_owned(),
                task: task.into(),
                context_tokens: *context_tokens,
            };
            let view = create(&group.shared.data)?.add_served_model(&new)?;
            print(json, &view, |out, view| {
                writeln!(out, "added model `{}`", view.name)?;
                show_model(out, view)
            })
        }
        ModelCommand::Add { source, name, file, sha256, in_place, config, .. } => {
            let name = name.as_deref().unwrap_or_default();
            let repository = source.to_str().filter(|source| NewFromHub::is_named(source));
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let view = if let Some(repository) = repository {
                let (new, hub) = from_hub(
                    (name, repository, file.as_deref(), sha256.as_deref()),
                    *in_place,
                    config.as_deref(),
                )?;
                runtime.block_on(fetch_model(&create(&group.shared.data)?, new, &hub))?
            } else {
                let new = NewModel {
                    name: name.to_owned(),
                    path: source.clone(),
                    file: file.clone(),
                    sha256: sha256.clone(),
                    in_place: *in_place,
                };
                runtime.block_on(add_model(&create(&group.shared.data)?, new))?
            };
            print(json, &view, |out, view| {
                writeln!(out, "added model `{}`", view.name)?;
                show_model(out, view)
            })
        }
        ModelCommand::List => {
            let views = open(&group.shared.data)?.models()?;
            hint_if(
                views.is_empty(),
                "no models yet: `bailiwick model add FILE --name NAME` adds one (docs/models.md)",
            );
            print(json, &views, |out, views| {
                let row = |view: &ModelView| {
                    let file = view.file.as_ref();
                    [
                        view.name.clone(),
                        view.architecture.clone(),
                        file.map_or_else(String::new, |_| count(view.parameters)),
                        file.map_or_else(String::new, |file| size(file.size_bytes)),
                        file.map_or_else(String::new, |file| {
                            file.sha256.chars().take(12).collect()
                        }),
                        view.license.clone().unwrap_or_default(),
                        origin(view),
                    ]
                };
                let header =
                    ["name", "architecture", "weights", "size", "sha-256", "licence", "origin"];
                table(out, header, &views.iter().map(row).collect::<Vec<_>>())
            })
        }
        ModelCommand::Show { name } => {
            print(json, &open(&group.shared.data)?.model(name)?, show_model)
        }
        ModelCommand::Delete { name } => {
            open(&group.shared.data)?.delete_model(name)?;
            deleted(json, "model", name)
        }
    }
}

/// Returns the model to fetch, and the hub that reaches the mirror.
fn from_hub(
    (name, repository, file, sha256): (&str, &str, Option<&str>, Option<&str>),
    in_place: bool,
    config: Option<&Path>,
) -> Result<(NewFromHub, Hub), Failure> {
    if in_place {
        return Err(Failure::new(
            "`--in-place` is for local files, and this file is fetched",
            "leave `--in-place` out; the file is stored in the data directory",
        ));
    }
    let file = file.ok_or_else(|| {
        Failure::new(
            format!("`{repository}` is a repository, and no file of it is named"),
            "name a file, as the repository's page lists it: `--file NAME.gguf`",
        )
    })?;
    let new = NewFromHub::parse(name, repository, file, sha256).map_err(ManageError::from)?;
    let config = super::serve::load(config)?;
    let unusable = |error: OutwardError| Failure::plain(error.to_string());
    let egress = outward::without_credentials(&config).map_err(unusable)?;
    let hub = outward::hub(&config, &egress).map_err(unusable)?;
    Ok((new, hub.ok_or(ManageError::from(SourceError::NoMirror))?))
}

/// Describes the engines that serve a model.
fn served_by(engines: &[String]) -> String {
    if engines.is_empty() {
        return "served by no engine yet".to_owned();
    }
    format!("served by {}", engines.join(", "))
}

fn is_toy(view: &ModelView) -> bool {
    view.file.as_ref().is_some_and(|file| file.sha256 == quickstart::TOY_SHA256)
}

/// Returns the repository of a model, without the rest of its source.
fn origin(view: &ModelView) -> String {
    if let Some(engines) = &view.served_by {
        return served_by(engines);
    }
    if let Some(tuned) = &view.fine_tuned {
        return format!("fine-tuned for {}", tuned.resource);
    }
    if is_toy(view) {
        return "the demonstration's toy: not for quality".to_owned();
    }
    let source = view.source.as_deref().unwrap_or_default();
    source.split([',', '/']).take(2).collect::<Vec<_>>().join("/")
}

/// Describes the retention of prompts and completions in words.
fn retention(view: &ResourceView) -> String {
    let logging = view.capabilities.iter().find(|capability| capability.name == "ContentLogging");
    match logging {
        Some(off) if off.value == "false" => format!("none since {}", off.since),
        _ => format!("sealed, at most {} days", view.retention_days),
    }
}

/// Describes a penalty in words.
fn penalty(penalty: &AbusePenaltyView) -> String {
    let AbusePenaltyView { action, rate_limit_percentage, expiration } = penalty;
    match rate_limit_percentage {
        Some(left) => format!("{action} to {left} % of the rate limits, until {expiration}"),
        None => format!("{action}, until {expiration}"),
    }
}

/// Describes the admitted networks in words.
fn networks(view: &ResourceView) -> String {
    let rules: Vec<String> =
        view.network_acls.ip_rules.iter().map(|rule| rule.value.to_string()).collect();
    match (view.public_network_access, view.network_acls.default_action) {
        (PublicNetworkAccess::Disabled, _) => "only the private listener".to_owned(),
        (PublicNetworkAccess::Enabled, DefaultAction::Allow) => "all".to_owned(),
        (PublicNetworkAccess::Enabled, DefaultAction::Deny) if rules.is_empty() => {
            "only the private listener".to_owned()
        }
        (PublicNetworkAccess::Enabled, DefaultAction::Deny) => rules.join(", "),
    }
}

/// Reads the values of `--forward`; `None` if there are none.
fn forwarded(given: &[Forwarded]) -> Result<Option<Forward>, Failure> {
    if given.len() > 1 && given.contains(&Forwarded::None) {
        return Err(Failure::plain(
            "`--forward none` forwards nothing; leave it out, or the other fields",
        ));
    }
    let forward = given.iter().filter_map(|field| field.label()).collect();
    Ok((!given.is_empty()).then_some(forward))
}

/// Reads the value of `--subject-header`.
fn header(given: &str) -> Result<Option<SubjectHeader>, Failure> {
    if given == "none" {
        return Ok(None);
    }
    given.parse().map(Some).map_err(|error: BadHeader| Failure::plain(error.to_string()))
}

/// Describes the labels that other engines get.
fn forwards(forward: Forward) -> String {
    if forward == Forward::NONE {
        return "none: other engines get no `user`, `safety_identifier` or `metadata`".to_owned();
    }
    forward.to_string()
}

fn show_resource(out: &mut dyn io::Write, view: &ResourceView) -> io::Result<()> {
    let prefix_cache = if view.prefix_cache { "on" } else { "off" };
    let authentication = if view.disable_local_auth { "tokens only" } else { "keys and tokens" };
    let lockbox = if view.lockbox {
        "on: the owner must consent to each access to a record"
    } else {
        "off: access to a flagged record needs no consent of the owner"
    };
    let stored_completions = if view.stored_completions_disabled {
        "off: chat completions are not kept for callers"
    } else {
        "on: callers may ask to keep chat completions"
    };
    let mut lines = vec![
        ("name", view.name.clone()),
        ("id", view.id.to_string()),
        ("tenant", view.tenant.clone()),
        ("region", view.region.clone()),
        ("prefix cache", prefix_cache.to_owned()),
        ("forwards", forwards(view.forward)),
        ("authentication", authentication.to_owned()),
        ("networks", networks(view)),
        ("lockbox", lockbox.to_owned()),
        ("stored completions", stored_completions.to_owned()),
        ("retention", retention(view)),
        (
            "subject header",
            view.subject_header.as_ref().map_or("none", SubjectHeader::name).to_owned(),
        ),
        ("deployments", view.deployments.join(", ")),
        ("created", view.created_at.clone()),
    ];
    lines.extend(view.keys.iter().map(|key| match key.key_name {
        policy::principal::KeyName::Key1 => ("Key1 created", key.created_at.clone()),
        policy::principal::KeyName::Key2 => ("Key2 created", key.created_at.clone()),
    }));
    lines.extend(view.abuse_penalty.as_ref().map(|shown| ("abuse penalty", penalty(shown))));
    fields(out, &lines)
}

fn show_deployment(out: &mut dyn io::Write, view: &DeploymentView) -> io::Result<()> {
    let mut lines = vec![
        ("name", view.name.clone()),
        ("id", view.id.to_string()),
        ("resource", view.resource.clone()),
        ("model", view.model.clone()),
        ("task", view.task.name().to_owned()),
        ("sku", view.sku.name().to_owned()),
        ("tokens/minute", view.limits.tokens_per_minute.to_string()),
        ("requests/minute", view.limits.requests_per_minute.to_string()),
        ("created", view.created_at.clone()),
    ];
    lines.push(("filter", view.rai_policy_name.clone()));
    lines.extend(view.spillover_deployment_name.clone().map(|name| ("spillover", name)));
    if let Some(worker) = &view.worker {
        lines.push(("state", worker.state.clone()));
        lines.extend(worker.reason.clone().map(|reason| ("reason", reason)));
    }
    fields(out, &lines)
}

fn show_model(out: &mut dyn io::Write, view: &ModelView) -> io::Result<()> {
    let yes_no = |yes| if yes { "yes" } else { "no" }.to_owned();
    let mut lines = vec![("name", view.name.clone()), ("id", view.id.to_string())];
    if let Some(engines) = &view.served_by {
        let context = match view.context_tokens {
            0 => "unknown".to_owned(),
            tokens => format!("{tokens} tokens"),
        };
        lines.extend([
            ("engines", served_by(engines)),
            ("context", context),
            ("task", if view.generates { Task::Chat } else { Task::Embeddings }.name().to_owned()),
        ]);
    }
    if let Some(file) = &view.file {
        lines.extend([
            ("title", view.title.clone().unwrap_or_default()),
            ("architecture", view.architecture.clone()),
            ("weights", count(view.parameters)),
            ("context", format!("{} tokens", view.context_tokens)),
            ("vectors", format!("{} numbers", view.embedding_length)),
            ("vocabulary", format!("{} tokens", view.vocabulary)),
            ("generates", yes_no(view.generates)),
            ("chat template", yes_no(view.chat_template)),
            ("size", size(file.size_bytes)),
            ("sha-256", file.sha256.clone()),
            ("licence", view.license.clone().unwrap_or_default()),
            ("source", view.source.clone().unwrap_or_default()),
            ("file", file.path.clone()),
        ]);
    }
    if let Some(tuned) = &view.fine_tuned {
        lines.extend([
            ("fine-tuned for", tuned.resource.clone()),
            ("by the job", tuned.job.clone()),
            ("adapter's sha-256", tuned.adapter_sha256.clone()),
        ]);
    }
    lines.push(("created", view.created_at.clone()));
    fields(out, &lines)?;
    if is_toy(view) {
        writeln!(out, "\n{}", quickstart::TOY)?;
    }
    show_template(out, &view.template)
}

/// Prints the abilities of a chat template, one per line; prints no section if they were not
/// examined.
fn show_template(out: &mut dyn io::Write, notes: &[TemplateNote]) -> io::Result<()> {
    if notes.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nWhat the chat template does with conversations:")?;
    let row = |note: &TemplateNote| {
        let works = match note.works {
            Works::AsSent => "as sent",
            Works::Otherwise => "otherwise",
            Works::No => "no",
        };
        [note.what.clone(), works.to_owned(), note.how.clone()]
    };
    table(out, ["part", "works", "how"], &notes.iter().map(row).collect::<Vec<_>>())
}

pub(super) fn deleted(json: bool, kind: &str, name: &str) -> Result<(), Failure> {
    let data = serde_json::json!({ "deleted": { "kind": kind, "name": name } });
    print(json, &data, |out, _| writeln!(out, "deleted {kind} `{name}`"))
}

fn hint_if(condition: bool, hint: &str) {
    if condition {
        note(hint);
    }
}
