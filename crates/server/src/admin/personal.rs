//! The routes of settings about personal data.

use axum::{Json, extract::Path};
use serde::Serialize;

use super::{Answer, OnBehalf, blocking};
use crate::{
    http::Parsed,
    manage::{PersonalOf, PersonalUpdate},
};

pub(super) async fn of_resource(
    OnBehalf(m): OnBehalf,
    Path(name): Path<String>,
) -> Answer<impl Serialize> {
    blocking(move || m.personal(&PersonalOf::Resource(name))).await.map(Json)
}

pub(super) async fn set_of_resource(
    OnBehalf(m): OnBehalf,
    Path(name): Path<String>,
    Parsed(update): Parsed<PersonalUpdate>,
) -> Answer<impl Serialize> {
    blocking(move || m.set_personal(&PersonalOf::Resource(name), &update)).await.map(Json)
}

pub(super) async fn of_processor(
    OnBehalf(m): OnBehalf,
    Path(name): Path<String>,
) -> Answer<impl Serialize> {
    blocking(move || m.personal(&PersonalOf::Processor(name))).await.map(Json)
}

pub(super) async fn set_of_processor(
    OnBehalf(m): OnBehalf,
    Path(name): Path<String>,
    Parsed(update): Parsed<PersonalUpdate>,
) -> Answer<impl Serialize> {
    blocking(move || m.set_personal(&PersonalOf::Processor(name), &update)).await.map(Json)
}
