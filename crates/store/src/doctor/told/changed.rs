//! Changes of settings, as the texts behind their commitments have them.

use policy::id::ResourceId;
use tlog::entry::{Action, Subject};

use super::{Fields, Id, Told};

impl Told {
    /// Takes in a change. Without its text, only a deletion has an effect.
    pub(super) fn changed(
        &mut self,
        (subject, action): (Subject, Action),
        id: Id,
        text: Option<&str>,
    ) {
        let text = match (text, action) {
            (Some(text), _) => text,
            (None, Action::Deleted) => "",
            // What exists is known without its fields.
            (None, Action::Created) => "",
            (None, Action::Updated) => return,
        };
        match subject {
            Subject::Tenant => change(&mut self.tenants, id, action, text),
            Subject::Deployment => change(&mut self.deployments, id, action, text),
            Subject::Model => change(&mut self.models, id, action, text),
            Subject::Engine => match action {
                Action::Deleted => drop(self.engines.remove(&id)),
                Action::Created | Action::Updated => drop(self.engines.insert(id, text.into())),
            },
            Subject::Resource => match action {
                Action::Deleted => drop(self.resources.remove(&id)),
                Action::Created | Action::Updated => {
                    self.resources.entry(id).or_default().fields.extend(fields(text));
                }
            },
            Subject::NetworkRules | Subject::Lockbox | Subject::Key1 | Subject::Key2 => {
                if let Some(told) = self.resources.get_mut(&id) {
                    let of_key = matches!(subject, Subject::Key1 | Subject::Key2);
                    if of_key {
                        // An entry of an earlier version does not name the new key's digest.
                        told.fields.remove(if subject == Subject::Key1 { "key1" } else { "key2" });
                    }
                    told.fields.extend(fields(text).filter(|(name, _)| name != "resource"));
                }
            }
            Subject::AdminKey => {
                self.admin_key = fields(text).find(|(name, _)| name == "key").map(|(_, key)| key);
            }
            Subject::RoleAssignment => self.role(action, id, text),
            Subject::PolicySet
            | Subject::EgressList
            | Subject::ContentFilter
            | Subject::Blocklist => {}
        }
    }

    /// Takes in a role, a team, and the directory's object behind the random id.
    fn role(&mut self, action: Action, id: Id, text: &str) {
        if let Some((_, team)) = fields(text).find(|(name, _)| name == "team") {
            self.teams.insert(id, team);
            return;
        }
        let (role, object) = match text.split_once(" object=") {
            Some((role, object)) => (role, Some(object)),
            None => (text, None),
        };
        match action {
            Action::Created | Action::Updated => {
                self.roles.insert((id, role.to_owned()));
                if let Some(object) = object {
                    self.objects.insert(id, object.to_owned());
                }
            }
            Action::Deleted => drop(self.roles.remove(&(id, role.to_owned()))),
        }
    }

    /// Takes in a setting for personal data.
    pub(super) fn personal_data(
        &mut self,
        resource: Option<ResourceId>,
        processor: Option<&str>,
        text: Option<&str>,
    ) {
        let Some(text) = text else { return };
        if let Some(processor) = processor {
            self.processors.insert(processor.to_owned(), text.to_owned());
        }
        let resource = resource.and_then(|resource| self.resources.get_mut(resource.as_bytes()));
        if let Some(told) = resource {
            told.personal = Some(text.to_owned());
        }
    }
}

fn change(known: &mut std::collections::BTreeMap<Id, Fields>, id: Id, action: Action, text: &str) {
    match action {
        Action::Deleted => drop(known.remove(&id)),
        Action::Created | Action::Updated => known.entry(id).or_default().extend(fields(text)),
    }
}

/// Returns the fields of a state. No name and no value has a space.
fn fields(text: &str) -> impl Iterator<Item = (String, String)> {
    let fields = text.split(' ').filter_map(|field| field.split_once('='));
    fields.map(|(name, value)| (name.to_owned(), value.to_owned()))
}
