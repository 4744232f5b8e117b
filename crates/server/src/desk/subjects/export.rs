//! The archive of an export: pages for people, JSON for programs, and the content itself. Each record
//! and object is opened, written and forgotten, one after the other.

use std::io::{self, Write};

use policy::content::Content as Name;
use serde_json::{Map, Value, json};
use store::Content;

use super::{page, talk};
use crate::{archive::Archive, desk::content};

/// Version of the archive's form: docs/operate/data-subjects.md describes it.
const FORM: u32 = 1;

/// Files of an archive that are always there.
pub(super) const INDEX: &str = "index.html";
pub(super) const EXPORT: &str = "export.json";

/// Subject of the export.
#[derive(Debug, Clone)]
pub(super) struct About {
    /// The data subject, as the customer names it.
    pub subject: Name,
    /// The request that the export answers.
    pub request: String,
    /// Name of the tenant.
    pub tenant: String,
    /// The officer's id.
    pub officer: String,
    /// The time, in milliseconds since 1970.
    pub now_ms: u64,
}

/// An archive that is being made.
pub(super) struct Export<W: Write> {
    about: About,
    archive: Archive<W>,
    records: Vec<Value>,
    objects: Vec<Value>,
}

impl<W: Write> Export<W> {
    /// Begins the archive.
    pub(super) fn begin(about: About, out: W) -> Self {
        let archive = Archive::begin(out, about.now_ms);
        Self { about, archive, records: Vec::new(), objects: Vec::new() }
    }

    /// Adds a record. `facts` is the record in the list, with everything that happened to it.
    ///
    /// # Errors
    /// If the client is gone.
    pub(super) fn record(
        &mut self,
        mut facts: Map<String, Value>,
        opened: &Content,
        receipt: Option<&[u8]>,
    ) -> io::Result<()> {
        let id = opened.request.to_string();
        let (file, page) = (format!("records/{id}.json"), format!("records/{id}.html"));
        facts.insert("file".to_owned(), file.clone().into());
        facts.insert("page".to_owned(), page.clone().into());
        if let Some(receipt) = receipt {
            let name = format!("receipts/{id}.cose");
            self.archive.add(&name, receipt)?;
            facts.insert("receipt".to_owned(), name.into());
        }
        self.archive.add(&file, &text(&content::json(opened))?)?;
        let turns = [talk::asked(&opened.request_body), talk::answered(&opened.response_body)];
        self.archive.add(&page, page::record(&facts, &turns, opened).as_bytes())?;
        self.records.push(Value::Object(facts));
        Ok(())
    }

    /// Adds the rest of a record that cannot be opened any more: its facts, and the reason.
    pub(super) fn record_without_content(&mut self, mut facts: Map<String, Value>, why: &str) {
        facts.insert("missing".to_owned(), why.into());
        self.records.push(Value::Object(facts));
    }

    /// Adds an object: its head, which is JSON, and its body, piece by piece.
    ///
    /// # Errors
    /// If the client is gone, or a piece cannot be read.
    pub(super) fn object<P: AsRef<[u8]>>(
        &mut self,
        id: &str,
        mut facts: Map<String, Value>,
        head: &[u8],
        body: Option<(u64, impl FnMut() -> io::Result<Option<P>>)>,
    ) -> io::Result<()> {
        if !head.is_empty() {
            let name = format!("objects/{id}.json");
            self.archive.add(&name, head)?;
            facts.insert("file".to_owned(), name.into());
        }
        if let Some((size, next)) = body {
            let name = format!("objects/{id}.content");
            self.archive.add_pieces(&name, size, next)?;
            facts.insert("content".to_owned(), name.into());
        }
        self.objects.push(Value::Object(facts));
        Ok(())
    }

    /// Adds an object without its content, and why.
    pub(super) fn object_without_content(&mut self, mut facts: Map<String, Value>, why: &str) {
        facts.insert("missing".to_owned(), why.into());
        self.objects.push(Value::Object(facts));
    }

    /// Adds the other known facts, the page and the list, and ends the archive.
    ///
    /// # Errors
    /// If the client is gone.
    pub(super) fn finish(mut self, rest: Map<String, Value>) -> io::Result<W> {
        let About { subject, request, tenant, officer, now_ms } = &self.about;
        let mut export = json!({
            "object": "subject.export",
            "form": FORM,
            "request": request,
            "tenant": tenant,
            "subject": subject.reveal(),
            "made_ms": now_ms,
            "made_by": officer,
            "records": self.records,
            "objects": self.objects,
        });
        if let Some(export) = export.as_object_mut() {
            export.extend(rest);
        }
        self.archive.add(EXPORT, &text(&export)?)?;
        let page = page::index(&export);
        self.archive.add(INDEX, page.as_bytes())?;
        self.archive.finish()
    }
}

fn text(value: &Value) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}

#[cfg(test)]
mod tests;
