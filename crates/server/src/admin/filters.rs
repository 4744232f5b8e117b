//! The routes of content filters and blocklists.

use axum::{Json, extract::Path, http::StatusCode};
use serde::Serialize;
use store::{BlocklistItem, Expect, ItemsChange};

use super::{AdminError, Answer, OnBehalf, blocking, deleted};
use crate::{
    http::Parsed,
    manage::{BlocklistBody, ItemBody, ItemView, NamedItemBody, PolicyBody},
};

type Written<T> = Result<(StatusCode, Json<T>), AdminError>;
/// The names of a resource and of its filter or list.
type Two = Path<(String, String)>;
/// The names of a resource, of its list and of an item.
type Three = Path<(String, String, String)>;

pub(super) async fn filters(
    OnBehalf(m): OnBehalf,
    Path(resource): Path<String>,
) -> Answer<impl Serialize> {
    blocking(move || m.filters(&resource)).await.map(Json)
}

pub(super) async fn filter(
    OnBehalf(m): OnBehalf,
    Path((resource, name)): Two,
) -> Answer<impl Serialize> {
    blocking(move || m.filter(&resource, &name)).await.map(Json)
}

pub(super) async fn write_filter(
    OnBehalf(m): OnBehalf,
    Path((resource, name)): Two,
    Parsed(body): Parsed<PolicyBody>,
) -> Written<impl Serialize> {
    written(blocking(move || m.write_filter_body(&resource, &name, &body, Expect::Either)).await)
}

pub(super) async fn delete_filter(
    OnBehalf(m): OnBehalf,
    Path((resource, name)): Two,
) -> Result<StatusCode, AdminError> {
    deleted(blocking(move || m.delete_filter(&resource, &name)).await)
}

pub(super) async fn blocklists(
    OnBehalf(m): OnBehalf,
    Path(resource): Path<String>,
) -> Answer<impl Serialize> {
    blocking(move || m.blocklists(&resource)).await.map(Json)
}

pub(super) async fn blocklist(
    OnBehalf(m): OnBehalf,
    Path((resource, name)): Two,
) -> Answer<impl Serialize> {
    blocking(move || m.blocklist(&resource, &name)).await.map(Json)
}

pub(super) async fn write_blocklist(
    OnBehalf(m): OnBehalf,
    Path((resource, name)): Two,
    Parsed(body): Parsed<BlocklistBody>,
) -> Written<impl Serialize> {
    let write = move || m.write_blocklist(&resource, &name, body.description(), Expect::Either);
    written(blocking(write).await)
}

pub(super) async fn delete_blocklist(
    OnBehalf(m): OnBehalf,
    Path((resource, name)): Two,
) -> Result<StatusCode, AdminError> {
    deleted(blocking(move || m.delete_blocklist(&resource, &name)).await)
}

pub(super) async fn add_items(
    OnBehalf(m): OnBehalf,
    Path((resource, name)): Two,
    Parsed(items): Parsed<Vec<NamedItemBody>>,
) -> Answer<impl Serialize> {
    let items = ItemsChange::Add(items.into_iter().map(BlocklistItem::from).collect());
    blocking(move || m.change_blocklist(&resource, &name, items)).await.map(Json)
}

pub(super) async fn delete_items(
    OnBehalf(m): OnBehalf,
    Path((resource, name)): Two,
    Parsed(items): Parsed<Vec<String>>,
) -> Answer<impl Serialize> {
    let items = ItemsChange::Remove(items);
    blocking(move || m.change_blocklist(&resource, &name, items)).await.map(Json)
}

pub(super) async fn items(
    OnBehalf(m): OnBehalf,
    Path((resource, name)): Two,
) -> Answer<impl Serialize> {
    let items = blocking(move || m.blocklist_items(&resource, &name)).await?;
    Ok(Json(items.into_iter().map(ItemView::from).collect::<Vec<_>>()))
}

pub(super) async fn item(
    OnBehalf(m): OnBehalf,
    Path((resource, name, item)): Three,
) -> Answer<impl Serialize> {
    blocking(move || m.blocklist_item(&resource, &name, &item)).await.map(Json)
}

pub(super) async fn write_item(
    OnBehalf(m): OnBehalf,
    Path((resource, name, item)): Three,
    Parsed(body): Parsed<ItemBody>,
) -> Answer<impl Serialize> {
    let change = ItemsChange::Add(vec![body.named(item.clone())]);
    let write = move || {
        m.change_blocklist(&resource, &name, change)?;
        m.blocklist_item(&resource, &name, &item)
    };
    blocking(write).await.map(Json)
}

pub(super) async fn delete_item(
    OnBehalf(m): OnBehalf,
    Path((resource, name, item)): Three,
) -> Result<StatusCode, AdminError> {
    let change = ItemsChange::Remove(vec![item]);
    deleted(blocking(move || m.change_blocklist(&resource, &name, change).map(|_| ())).await)
}

/// Answers 201 for a new thing, and 200 for a changed one.
fn written<T>(result: Result<(bool, T), AdminError>) -> Written<T> {
    let (created, view) = result?;
    Ok((if created { StatusCode::CREATED } else { StatusCode::OK }, Json(view)))
}
