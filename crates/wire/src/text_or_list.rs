//! Fields that hold a string, or an array of objects.

use std::fmt;

use engine::request::Text;
use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};
use utoipa::{
    ToSchema,
    openapi::{
        RefOr,
        schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Ref, Schema, Type},
    },
};

/// Reads a string or an array of `T`. `expected` is for errors: "a string or an array of …".
///
/// # Errors
/// If the value is neither.
pub(crate) fn text_or_list<'de, D, T, V>(
    deserializer: D,
    expected: &'static str,
    text: fn(Text) -> V,
    list: fn(Vec<T>) -> V,
) -> Result<V, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_any(TextOrList { expected, text, list })
}

struct TextOrList<T, V> {
    expected: &'static str,
    text: fn(Text) -> V,
    list: fn(Vec<T>) -> V,
}

impl<'de, T: Deserialize<'de>, V> Visitor<'de> for TextOrList<T, V> {
    type Value = V;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<V, E> {
        Ok((self.text)(Text::from(text.to_owned())))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<V, E> {
        Ok((self.text)(Text::from(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<V, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok((self.list)(items))
    }
}

/// Returns the schema of a string, or of an array with at least one `T`.
pub(crate) fn schema<T: ToSchema>() -> RefOr<Schema> {
    let item = Ref::from_schema_name(T::name());
    Schema::from(
        OneOfBuilder::new()
            .item(ObjectBuilder::new().schema_type(Type::String))
            .item(ArrayBuilder::new().items(item).min_items(Some(1))),
    )
    .into()
}
