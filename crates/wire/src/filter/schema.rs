//! The schemas of the annotations for `/openapi.json`: fields that a filter has switched off are
//! absent, so all are optional.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ArrayBuilder, Object, ObjectBuilder, Ref, Schema, Type},
    },
};

use super::{Checked, FilterResults, ListMatch, NotChecked};

const SEVERITY: &str = "ContentFilterSeverityResult";
const DETECTED: &str = "ContentFilterDetectionResult";
const LISTS: &str = "ContentFilterBlocklistResult";

/// The categories, and the schema of each.
const CATEGORIES: [(&str, &str); 10] = [
    ("custom_blocklists", LISTS),
    ("hate", SEVERITY),
    ("indirect_attack", DETECTED),
    ("jailbreak", DETECTED),
    ("profanity", DETECTED),
    ("protected_material_code", DETECTED),
    ("protected_material_text", DETECTED),
    ("self_harm", SEVERITY),
    ("sexual", SEVERITY),
    ("violence", SEVERITY),
];

type Named = Vec<(String, RefOr<Schema>)>;

fn results() -> ObjectBuilder {
    CATEGORIES.iter().fold(ObjectBuilder::new().schema_type(Type::Object), |object, (name, of)| {
        object.property(*name, Ref::from_schema_name(*of))
    })
}

fn finding() -> ObjectBuilder {
    let filtered = boolean("True if this finding blocks the text.");
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("filtered", filtered)
        .required("filtered")
}

fn boolean(description: &str) -> Object {
    ObjectBuilder::new().schema_type(Type::Boolean).description(Some(description)).build()
}

fn findings(schemas: &mut Named) {
    let severity = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(["safe", "low", "medium", "high"]))
        .description(Some("The highest severity found."));
    let matches = ArrayBuilder::new()
        .items(Ref::from_schema_name(ListMatch::name()))
        .description(Some("The lists that the text matches."));
    let kinds = [
        (SEVERITY, finding().property("severity", severity).required("severity")),
        (
            DETECTED,
            finding().property("detected", boolean("True if it was found.")).required("detected"),
        ),
        (LISTS, finding().property("details", matches)),
    ];
    schemas.extend(kinds.map(|(name, schema)| (name.to_owned(), Schema::from(schema).into())));
    schemas.push((ListMatch::name().into_owned(), ListMatch::schema()));
}

impl PartialSchema for FilterResults {
    fn schema() -> RefOr<Schema> {
        Schema::from(results().description(Some("The findings, by category."))).into()
    }
}

impl ToSchema for FilterResults {
    fn name() -> std::borrow::Cow<'static, str> {
        "ContentFilterResults".into()
    }

    fn schemas(schemas: &mut Named) {
        findings(schemas);
    }
}

impl PartialSchema for Checked {
    fn schema() -> RefOr<Schema> {
        let about = "The findings, by category, or `error` if the text was not filtered.";
        let error = Ref::from_schema_name(NotChecked::name());
        Schema::from(results().property("error", error).description(Some(about))).into()
    }
}

impl ToSchema for Checked {
    fn name() -> std::borrow::Cow<'static, str> {
        "ContentFilterResultsOrError".into()
    }

    fn schemas(schemas: &mut Named) {
        findings(schemas);
        schemas.push((NotChecked::name().into_owned(), NotChecked::schema()));
    }
}
