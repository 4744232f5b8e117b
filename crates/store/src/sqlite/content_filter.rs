//! Content filters and blocklists of resources.

use std::collections::{BTreeMap, HashMap};

use policy::{
    content::Content,
    guard::{
        blocklist::Term,
        filter::{Action, Filter, Mode, Rule, Threshold, WhenDown},
        verdict::{BlocklistName, Category, Digest, Side},
    },
    id::{BlocklistId, ContentFilterId, DeploymentId, ResourceId},
};
use rusqlite::{Row, params};

use super::{Database, Write, directory::column};
use crate::{
    directory::{OwnBlocklist, OwnFilter},
    error::{Kind, StoreError},
    row::BlocklistItem,
};

/// A rule of a filter: of a category or of a list, on a side.
type RuleRow = (ContentFilterId, Result<Category, BlocklistId>, Side, Rule);

impl Database {
    /// Returns the blocklists of all resources, without their terms.
    pub(crate) fn blocklists(&self) -> Result<Vec<OwnBlocklist>, StoreError> {
        self.all("SELECT * FROM blocklist", |row| {
            let name: String = column(row, "name")?;
            Ok(OwnBlocklist {
                id: BlocklistId::from_random(column(row, "id")?),
                resource: ResourceId::from_random(column(row, "resource")?),
                name: BlocklistName::new(&name)
                    .map_err(|_| StoreError::Damaged { what: "blocklist.name" })?,
                description: column(row, "description")?,
                digest: Digest::new(column(row, "digest")?),
                terms: column(row, "terms")?,
                created_at: column(row, "created_at")?,
            })
        })
    }

    /// Returns the items of a blocklist, in the order in which they were added.
    pub(crate) fn items_of(&self, list: BlocklistId) -> Result<Vec<BlocklistItem>, StoreError> {
        let sql = "SELECT name, regex, pattern FROM blocklist_item
                   WHERE blocklist = ?1 ORDER BY position";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([list.as_bytes()])?;
        let mut items = Vec::new();
        while let Some(row) = rows.next()? {
            let pattern = Content::new(column(row, "pattern")?);
            let regex: bool = column(row, "regex")?;
            let term = if regex { Term::Regex(pattern) } else { Term::Exact(pattern) };
            items.push(BlocklistItem { name: column(row, "name")?, term });
        }
        Ok(items)
    }

    /// Returns the terms of a blocklist, in the order in which they were added.
    pub(crate) fn terms_of(&self, list: BlocklistId) -> Result<Vec<Term>, StoreError> {
        Ok(self.items_of(list)?.into_iter().map(|item| item.term).collect())
    }

    /// Returns the content filters of all resources, with `lists`: all blocklists.
    pub(crate) fn content_filters(
        &self,
        lists: &[OwnBlocklist],
    ) -> Result<Vec<OwnFilter>, StoreError> {
        let by_id: HashMap<_, _> = lists.iter().map(|list| (list.id, list)).collect();
        let mut rules: HashMap<_, Vec<_>> = HashMap::new();
        for (filter, of, side, rule) in self.all("SELECT * FROM content_filter_rule", rule)? {
            rules.entry(filter).or_default().push((of, side, rule));
        }
        let mut filters = self.all("SELECT * FROM content_filter", filter)?;
        let damaged = StoreError::Damaged { what: "content_filter_rule" };
        for own in &mut filters {
            let mut digests = BTreeMap::new();
            for (of, side, rule) in rules.remove(&own.id).unwrap_or_default() {
                let category = match of {
                    Ok(category) => category,
                    Err(list) => {
                        let Some(list) = by_id.get(&list) else { return Err(damaged) };
                        digests.insert(list.name.clone(), list.digest);
                        Category::Blocklist(list.name.clone())
                    }
                };
                let Ok(with) = own.filter.clone().with(category, side, rule) else {
                    return Err(damaged);
                };
                own.filter = with;
            }
            own.digest = own.filter.digest(&digests);
        }
        Ok(filters)
    }

    /// Returns the deployments with a filter, as typed on the command line.
    pub(crate) fn deployments_filtered_by(
        &self,
        filter: ContentFilterId,
    ) -> Result<Vec<String>, StoreError> {
        self.names(
            "SELECT d.name || ' --resource ' || r.name
             FROM deployment d JOIN resource r ON r.id = d.resource
             WHERE d.content_filter = ?1 ORDER BY 1",
            filter.as_bytes(),
        )
    }

    /// Returns the filters that name a blocklist, as typed on the command line.
    pub(crate) fn filters_naming(&self, list: BlocklistId) -> Result<Vec<String>, StoreError> {
        self.names(
            "SELECT DISTINCT r.name || ' ' || f.name
             FROM content_filter_rule u JOIN content_filter f ON f.id = u.filter
             JOIN resource r ON r.id = f.resource WHERE u.blocklist = ?1 ORDER BY 1",
            list.as_bytes(),
        )
    }
}

impl Write<'_> {
    /// Adds or replaces a filter and its rules. `lists` has the ids of the lists that it names.
    pub(crate) fn put_content_filter(
        &self,
        own: &OwnFilter,
        lists: &BTreeMap<BlocklistName, BlocklistId>,
    ) -> Result<(), StoreError> {
        let id = own.id.as_bytes();
        self.add(
            (Kind::Filter, &own.name),
            "INSERT INTO content_filter (id, resource, name, mode, when_down, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (id) DO UPDATE SET mode = ?4, when_down = ?5",
            params![
                id,
                own.resource.as_bytes(),
                own.name,
                own.filter.mode().name(),
                own.filter.when_down().name(),
                own.created_at
            ],
        )?;
        self.connection.execute("DELETE FROM content_filter_rule WHERE filter = ?1", [id])?;
        for side in Side::BOTH {
            for (category, rule) in own.filter.needed(side) {
                let list = match category {
                    Category::Blocklist(name) => lists.get(name),
                    _ => None,
                };
                self.connection.execute(
                    "INSERT INTO content_filter_rule
                         (filter, category, blocklist, side, action, threshold)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    params![
                        id,
                        category.policy_name(),
                        list.map(BlocklistId::as_bytes),
                        side.name(),
                        rule.action.name(),
                        rule.threshold.name()
                    ],
                )?;
            }
        }
        Ok(())
    }

    /// Deletes a filter.
    pub(crate) fn delete_content_filter(&self, filter: ContentFilterId) -> Result<(), StoreError> {
        let id = filter.as_bytes();
        self.connection.execute("DELETE FROM content_filter_rule WHERE filter = ?1", [id])?;
        self.connection.execute("DELETE FROM content_filter WHERE id = ?1", [id])?;
        Ok(())
    }

    /// Sets the filter of a deployment.
    pub(crate) fn set_content_filter(
        &self,
        deployment: DeploymentId,
        filter: Option<ContentFilterId>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE deployment SET content_filter = ?2 WHERE id = ?1";
        let filter = filter.as_ref().map(ContentFilterId::as_bytes);
        self.connection.execute(sql, params![deployment.as_bytes(), filter])?;
        Ok(())
    }

    /// Adds or replaces a blocklist, without its items.
    pub(crate) fn put_blocklist(&self, list: &OwnBlocklist) -> Result<(), StoreError> {
        self.add(
            (Kind::Blocklist, list.name.as_str()),
            "INSERT INTO blocklist (id, resource, name, description, digest, terms, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (id) DO UPDATE SET description = ?4, digest = ?5, terms = ?6",
            params![
                list.id.as_bytes(),
                list.resource.as_bytes(),
                list.name.as_str(),
                list.description,
                list.digest.bytes(),
                list.terms,
                list.created_at
            ],
        )
    }

    /// Replaces the items of a blocklist.
    pub(crate) fn put_items(
        &self,
        list: BlocklistId,
        items: &[BlocklistItem],
    ) -> Result<(), StoreError> {
        let id = list.as_bytes();
        self.connection.execute("DELETE FROM blocklist_item WHERE blocklist = ?1", [id])?;
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO blocklist_item (blocklist, name, position, regex, pattern)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for (position, item) in (0_i64..).zip(items) {
            let (regex, pattern) = match &item.term {
                Term::Exact(text) => (false, text),
                Term::Regex(text) => (true, text),
            };
            insert.execute(params![id, item.name, position, regex, pattern.reveal()])?;
        }
        Ok(())
    }

    /// Deletes a blocklist and its items.
    pub(crate) fn delete_blocklist(&self, list: BlocklistId) -> Result<(), StoreError> {
        let id = list.as_bytes();
        self.connection.execute("DELETE FROM blocklist_item WHERE blocklist = ?1", [id])?;
        self.connection.execute("DELETE FROM blocklist WHERE id = ?1", [id])?;
        Ok(())
    }

    /// Deletes the filters and blocklists of a resource without deployments.
    pub(super) fn delete_filters_of(&self, resource: ResourceId) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM content_filter_rule
             WHERE filter IN (SELECT id FROM content_filter WHERE resource = ?1)",
            "DELETE FROM content_filter WHERE resource = ?1",
            "DELETE FROM blocklist_item
             WHERE blocklist IN (SELECT id FROM blocklist WHERE resource = ?1)",
            "DELETE FROM blocklist WHERE resource = ?1",
        ] {
            self.connection.execute(sql, [resource.as_bytes()])?;
        }
        Ok(())
    }
}

/// Reads a filter without its rules and its digest.
fn filter(row: &Row<'_>) -> Result<OwnFilter, StoreError> {
    let (mode, when_down): (String, String) = (column(row, "mode")?, column(row, "when_down")?);
    let mode = Mode::from_name(&mode).ok_or(StoreError::Damaged { what: "content_filter.mode" })?;
    let when_down = WhenDown::from_name(&when_down)
        .ok_or(StoreError::Damaged { what: "content_filter.when_down" })?;
    Ok(OwnFilter {
        id: ContentFilterId::from_random(column(row, "id")?),
        resource: ResourceId::from_random(column(row, "resource")?),
        name: column(row, "name")?,
        filter: Filter::empty().with_mode(mode).with_when_down(when_down),
        digest: Digest::new([0; 32]),
        created_at: column(row, "created_at")?,
    })
}

fn rule(row: &Row<'_>) -> Result<RuleRow, StoreError> {
    let damaged = || StoreError::Damaged { what: "content_filter_rule" };
    let category: Option<String> = column(row, "category")?;
    let list: Option<[u8; 16]> = column(row, "blocklist")?;
    let of = match (category, list) {
        (Some(name), None) => Ok(Category::from_policy_name(&name).ok_or_else(damaged)?),
        (None, Some(list)) => Err(BlocklistId::from_random(list)),
        _ => return Err(damaged()),
    };
    let [side, action, threshold] = ["side", "action", "threshold"];
    let side = Side::from_name(&column::<String>(row, side)?).ok_or_else(damaged)?;
    let action = Action::from_name(&column::<String>(row, action)?).ok_or_else(damaged)?;
    let threshold = Threshold::from_name(&column::<String>(row, threshold)?).ok_or_else(damaged)?;
    let filter = ContentFilterId::from_random(column(row, "filter")?);
    Ok((filter, of, side, Rule { action, threshold }))
}
