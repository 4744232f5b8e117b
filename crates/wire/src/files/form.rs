//! The fields of a form that carries a file, in any order.

use policy::content::Content;

use super::{FIELD_BYTES_MAX, Purpose, check_filename};
use crate::{
    error::{Code, Invalid},
    json,
    keeping::{Anchor, ExpiresAfter},
    multipart::FieldHead,
};

/// A field of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The file's bytes.
    File,
    /// Purpose of the file.
    Purpose,
    /// `expires_after[anchor]`.
    Anchor,
    /// `expires_after[seconds]`.
    Seconds,
    /// `expires_after` as JSON.
    ExpiresAfter,
}

/// A form that is being read.
#[derive(Debug, Default)]
pub struct Form {
    filename: Option<Content>,
    purpose: Option<Purpose>,
    anchor: Option<Anchor>,
    seconds: Option<i64>,
    seen: Vec<Field>,
}

/// A complete form.
#[derive(Debug)]
pub struct FileForm {
    /// The file's name.
    pub filename: Content,
    /// Its purpose.
    pub purpose: Purpose,
    /// Milliseconds after which it expires, if its owner said so.
    pub expires_after_ms: Option<u64>,
}

impl Form {
    /// Notes a field that begins.
    ///
    /// # Errors
    /// If it is unknown, came before, or is a file without a usable name.
    pub fn begin(&mut self, head: FieldHead) -> Result<Field, Invalid> {
        let field = match head.name.reveal() {
            "file" => Field::File,
            "purpose" => Field::Purpose,
            "expires_after[anchor]" => Field::Anchor,
            "expires_after[seconds]" => Field::Seconds,
            "expires_after" => Field::ExpiresAfter,
            // The name is not repeated: content may have strayed into it.
            _ => {
                let message = "Unknown field in the form: expected 'file', 'purpose', \
                               'expires_after[anchor]' and 'expires_after[seconds]'."
                    .to_owned();
                return Err(Invalid { param: None, code: Code::UnknownParameter, message });
            }
        };
        if self.seen.contains(&field) {
            let name = field.name();
            let message = format!("Duplicate field: '{name}'. Send it once.");
            return Err(Invalid::value(name, message));
        }
        self.seen.push(field);
        match (field, head.filename) {
            (Field::File, Some(filename)) => {
                check_filename("file", &filename)?;
                self.filename = Some(filename);
            }
            (Field::File, None) => {
                let message = "Invalid 'file': expected a file, with a 'filename' in its \
                               `Content-Disposition`.";
                return Err(Invalid::value("file", message));
            }
            (field, Some(_)) => {
                let name = field.name();
                let message = format!("Invalid '{name}': expected a text, but got a file.");
                return Err(Invalid::value(name, message));
            }
            (_, None) => {}
        }
        Ok(field)
    }

    /// Notes the value of a field other than the file.
    ///
    /// # Errors
    /// If it is invalid.
    pub fn set(&mut self, field: Field, value: &[u8]) -> Result<(), Invalid> {
        let name = field.name();
        if value.len() > FIELD_BYTES_MAX {
            let message =
                format!("Invalid '{name}': too long. Expected at most {FIELD_BYTES_MAX} bytes.");
            let param = Some(name.to_owned());
            return Err(Invalid { param, code: Code::StringAboveMax, message });
        }
        let text = std::str::from_utf8(value)
            .map_err(|_| Invalid::value(name, format!("Invalid '{name}': expected UTF-8.")))?;
        match field {
            Field::File => {}
            Field::Purpose => self.purpose = Some(Purpose::parse(text)?),
            Field::Anchor if text == "created_at" => self.anchor = Some(Anchor::CreatedAt),
            Field::Anchor => {
                let message = format!("Invalid value for '{name}': expected 'created_at'.");
                return Err(Invalid::value(name, message));
            }
            Field::Seconds => {
                let seconds = text.parse().map_err(|_| Invalid {
                    param: Some(name.to_owned()),
                    code: Code::InvalidType,
                    message: format!("Invalid type for '{name}': expected an integer."),
                })?;
                self.seconds = Some(seconds);
            }
            Field::ExpiresAfter => {
                let read: ExpiresAfter = json::parse(value).map_err(|wrong| Invalid {
                    param: Some(wrong.param.map_or(name.to_owned(), |at| format!("{name}.{at}"))),
                    ..wrong
                })?;
                (self.anchor, self.seconds) = (Some(read.anchor), Some(read.seconds));
            }
        }
        Ok(())
    }

    /// Returns the milliseconds after which the file expires, as far as the fields so far say.
    ///
    /// # Errors
    /// If one half is missing, or the time is not allowed.
    pub fn expires_after_ms(&self) -> Result<Option<u64>, Invalid> {
        match (self.anchor, self.seconds) {
            (None, None) => Ok(None),
            (Some(anchor), Some(seconds)) => {
                ExpiresAfter { anchor, seconds }.milliseconds(Field::Seconds.name()).map(Some)
            }
            (None, Some(_)) => Err(Invalid::missing(Field::Anchor.name())),
            (Some(_), None) => Err(Invalid::missing(Field::Seconds.name())),
        }
    }

    /// Returns the purpose, if it is known yet.
    #[must_use]
    pub fn purpose(&self) -> Option<Purpose> {
        self.purpose
    }

    /// Ends the form.
    ///
    /// # Errors
    /// If a field is missing.
    pub fn finish(self) -> Result<FileForm, Invalid> {
        let expires_after_ms = self.expires_after_ms()?;
        let filename = self.filename.ok_or_else(|| Invalid::missing("file"))?;
        let purpose = self.purpose.ok_or_else(|| Invalid::missing("purpose"))?;
        Ok(FileForm { filename, purpose, expires_after_ms })
    }
}

impl Field {
    fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Purpose => "purpose",
            Self::Anchor => "expires_after[anchor]",
            Self::Seconds => "expires_after[seconds]",
            Self::ExpiresAfter => "expires_after",
        }
    }
}
