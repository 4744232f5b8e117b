//! A response as it is kept: its sealed head is a JSON object with the response and its input.

use engine::request::Text;
use policy::content::{Content, ContentBytes};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use utoipa::ToSchema;

use super::{
    item::{self, Item, ItemBody},
    response::{INPUT_PLACE, Made, Stage, item_id},
};
use crate::{error::Invalid, page::Page};

/// A kept response.
#[derive(Debug)]
pub struct Kept {
    /// The response, as JSON text.
    response: Content,
    /// The items of its own request.
    pub input: Vec<Item>,
    /// What the model said.
    pub output: Vec<Item>,
    /// The response that it continues.
    pub previous: Option<Text>,
    /// Whether it is made in the background.
    pub background: bool,
}

#[derive(Serialize)]
struct Head<'a, R> {
    response: R,
    input: &'a [Item],
}

#[derive(Deserialize)]
struct ReadHead<'a> {
    #[serde(borrow)]
    response: &'a RawValue,
    input: Vec<ItemBody>,
}

#[derive(Deserialize)]
struct ReadResponse {
    output: Vec<ItemBody>,
    #[serde(default)]
    previous_response_id: Option<Text>,
    #[serde(default)]
    background: bool,
}

/// A head cannot be read: this service did not write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the head of a kept response cannot be read")]
pub struct Unreadable;

impl Kept {
    /// Writes the head of a response.
    ///
    /// # Errors
    /// If it cannot be written; this should not happen.
    pub fn head(made: &Made, input: &[Item]) -> Result<ContentBytes, Unreadable> {
        let head = Head { response: made.response(), input };
        serde_json::to_vec(&head).map(ContentBytes::new).map_err(|_| Unreadable)
    }

    /// Reads a head.
    ///
    /// # Errors
    /// If this service did not write it.
    pub fn read(head: &ContentBytes) -> Result<Self, Unreadable> {
        let head: ReadHead<'_> = serde_json::from_slice(head.reveal()).map_err(|_| Unreadable)?;
        let text = head.response.get();
        let response: ReadResponse = serde_json::from_str(text).map_err(|_| Unreadable)?;
        let items = |bodies| item::read(bodies, "item").map_err(|_| Unreadable);
        Ok(Self {
            response: Content::new(text.to_owned()),
            input: items(head.input)?,
            output: items(response.output)?,
            previous: response.previous_response_id,
            background: response.background,
        })
    }

    /// Returns the response as JSON.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        self.response.reveal().as_bytes()
    }

    /// Ends a response that was not complete when the service stopped: returns its head with another
    /// status, and notes it.
    ///
    /// # Errors
    /// If it cannot be written; this should not happen.
    pub fn stop(&mut self, stage: &Stage) -> Result<ContentBytes, Unreadable> {
        let mut response: Value =
            serde_json::from_str(self.response.reveal()).map_err(|_| Unreadable)?;
        let fields = response.as_object_mut().ok_or(Unreadable)?;
        fields.insert("status".to_owned(), stage.status().into());
        if let Stage::Failed { code, message } = stage {
            let error = serde_json::json!({ "code": code, "message": message });
            fields.insert("error".to_owned(), error);
        }
        self.response = Content::new(serde_json::to_string(&response).map_err(|_| Unreadable)?);
        let head = Head { response, input: &self.input };
        serde_json::to_vec(&head).map(ContentBytes::new).map_err(|_| Unreadable)
    }

    /// Returns the item that an id names.
    #[must_use]
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.input.iter().chain(&self.output).find(|item| item.id() == Some(id))
    }

    /// Returns a page of the input. The items have ids.
    ///
    /// # Errors
    /// If `after` or `before` is no item of it.
    pub fn page(self, page: &Page) -> Result<ItemPage, Invalid> {
        let mut items = self.input;
        if !page.ascending {
            items.reverse();
        }
        let (data, has_more) = page.of(items, |item, id| item.id() == Some(id))?;
        Ok(ItemPage::new(data, has_more))
    }
}

/// Gives ids to the items of a request that have none. `response` is the response's id.
pub fn number(items: &mut [Item], response: &str) {
    for (place, item) in (INPUT_PLACE..).zip(items) {
        let id = item.id().map_or_else(|| item_id(item.prefix(), response, place), str::to_owned);
        item.keep_as(id);
    }
}

/// Returns the digits of the response that an item's id names; `None` if it is not the id of an item
/// of a response.
#[must_use]
pub fn response_of(item: &str) -> Option<&str> {
    let (_, digits) = item.split_once('_')?;
    let (response, place) = digits.split_at_checked(32)?;
    (place.len() == 8).then_some(response)
}

/// A page of a response's input.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ResponseItemList)]
pub struct ItemPage {
    /// Always `list`.
    pub object: &'static str,
    /// The items.
    #[schema(value_type = Vec<Object>)]
    pub data: Vec<Item>,
    /// The id of the first item.
    #[schema(value_type = Option<String>)]
    pub first_id: Option<Text>,
    /// The id of the last item.
    #[schema(value_type = Option<String>)]
    pub last_id: Option<Text>,
    /// Whether there are more.
    pub has_more: bool,
}

impl ItemPage {
    fn new(data: Vec<Item>, has_more: bool) -> Self {
        let id = |item: Option<&Item>| Some(Text::from(item?.id()?.to_owned()));
        let (first_id, last_id) = (id(data.first()), id(data.last()));
        Self { object: "list", data, first_id, last_id, has_more }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        page::Sizes,
        responses::{parse, response},
    };

    fn made() -> (Made, Vec<Item>) {
        let request = parse(
            br#"{"input": [{"role": "user", "content": "a"}, {"role": "user",
            "content": "b"}], "previous_response_id": "resp_1"}"#,
        )
        .unwrap();
        let outline = request.outline(true, false);
        let id = format!("resp_{}", "ab".repeat(16));
        let mut input = request.input;
        number(&mut input, &id);
        let head = response::Head { id, created_at: 5, model: "m".to_owned(), outline };
        (Made::new(head), input)
    }

    #[test]
    fn a_kept_response_is_read_as_it_was_written() {
        let (mut made, input) = made();
        made.output.push(Item::user(Text::from("c".to_owned())));
        let head = Kept::head(&made, &input).unwrap();
        let mut kept = Kept::read(&head).unwrap();
        assert_eq!((&kept.input, &kept.output), (&input, &made.output));
        assert_eq!(kept.previous, Some(Text::from("resp_1".to_owned())));
        let response = serde_json::to_vec(&made.response()).unwrap();
        assert_eq!(kept.json(), response);
        let id = input[1].id().unwrap();
        assert_eq!(kept.item(id), Some(&input[1]));
        assert_eq!(response_of(id), Some("ab".repeat(16).as_str()));
        let stage = Stage::Failed { code: "server_error".to_owned(), message: "m".to_owned() };
        let again = Kept::read(&kept.stop(&stage).unwrap()).unwrap();
        let response: Value = serde_json::from_slice(again.json()).unwrap();
        assert_eq!(response["error"], json!({"code": "server_error", "message": "m"}));
        assert_eq!(response["status"], "failed");
    }

    #[test]
    fn the_input_has_pages() {
        let page = |query| {
            let (made, input) = made();
            let kept = Kept::read(&Kept::head(&made, &input).unwrap()).unwrap();
            let page = kept.page(&Page::parse(query, Sizes::USUAL).unwrap()).unwrap();
            serde_json::to_value(page).unwrap()
        };
        let newest = page(Some("limit=1"));
        assert_eq!(newest["data"][0]["content"][0]["text"], "b");
        assert_eq!(newest["has_more"], true);
        let after = format!("limit=1&after={}", newest["last_id"].as_str().unwrap());
        let oldest = page(Some(&after));
        assert_eq!(oldest["data"][0]["content"][0]["text"], "a");
        assert_eq!(oldest["has_more"], false);
        assert_eq!(page(Some("order=asc"))["first_id"], oldest["first_id"]);
    }
}
