//! Images and sounds in messages: the form and the size of a data URL (RFC 2397) and of base64
//! (RFC 4648). Nothing is decoded here, and no URL is fetched.

use crate::error::{Code, Invalid};

/// The formats of images.
const IMAGES: [&str; 4] = ["png", "jpeg", "gif", "webp"];

/// The accepted form of base64, as a regular expression: not empty, padded, and with zeros in the
/// bits that encode nothing.
const BASE64: &str = "([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=|\
                      [A-Za-z0-9+/][AQgw]==)";

/// Returns the form of an image's URL, as a regular expression.
pub(crate) fn image_pattern() -> String {
    format!("^data:image/({});base64,{BASE64}$", IMAGES.join("|"))
}

/// Returns the form of a sound's data, as a regular expression.
pub(crate) fn sound_pattern() -> String {
    format!("^{BASE64}$")
}

/// Checks that an image is a data URL of at most `max` bytes.
///
/// # Errors
/// If it is another URL, of another format, not base64, or too long.
pub(crate) fn image(param: &str, url: &str, max: usize) -> Result<(), Invalid> {
    let Some(rest) = url.strip_prefix("data:") else {
        let message = format!(
            "Invalid '{param}': this service fetches no URL, because a fetch would send data out \
             of it. Send the image itself, as a data URL: 'data:image/png;base64,...'."
        );
        return Err(Invalid::value(param, message));
    };
    let format = IMAGES.iter().find_map(|format| {
        rest.strip_prefix("image/")?.strip_prefix(format)?.strip_prefix(";base64,")
    });
    let Some(data) = format else {
        let message = format!(
            "Invalid '{param}': expected a data URL of an image in base64, such as \
             'data:image/png;base64,...'. The formats are png, jpeg, gif and webp."
        );
        return Err(Invalid::value(param, message));
    };
    fits(param, url, max)?;
    base64(param, data)
}

/// Checks that a sound is base64 of at most `max` bytes.
///
/// # Errors
/// If it is not base64, or too long.
pub(crate) fn sound(param: &str, data: &str, max: usize) -> Result<(), Invalid> {
    fits(param, data, max)?;
    base64(param, data)
}

fn fits(param: &str, text: &str, max: usize) -> Result<(), Invalid> {
    if text.len() <= max {
        return Ok(());
    }
    Err(Invalid {
        param: Some(param.to_owned()),
        code: Code::StringAboveMax,
        message: format!(
            "Invalid '{param}': too long. Expected at most {max} bytes of base64, but got {} \
             instead.",
            text.len()
        ),
    })
}

fn base64(param: &str, data: &str) -> Result<(), Invalid> {
    if is_base64(data.as_bytes()) {
        return Ok(());
    }
    let message = format!(
        "Invalid '{param}': expected base64 of RFC 4648, section 4, with its padding and without \
         line breaks."
    );
    Err(Invalid::value(param, message))
}

fn is_base64(text: &[u8]) -> bool {
    let data = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let Some(last) = data.last().copied().and_then(sextet) else { return false };
    // The last character of a shorter group has bits that encode nothing.
    let unused = match data.len() % 4 {
        2 => 0b1111,
        3 => 0b11,
        _ => 0,
    };
    text.len().is_multiple_of(4)
        && last & unused == 0
        && data.iter().all(|&character| sextet(character).is_some())
}

/// Returns the six bits that a character of base64 encodes.
fn sextet(character: u8) -> Option<u8> {
    match character {
        b'A'..=b'Z' => Some(character - b'A'),
        b'a'..=b'z' => Some(character - b'a' + 26),
        b'0'..=b'9' => Some(character - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use ::base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::*;

    #[test]
    fn base64_is_read_as_another_reader_reads_it() {
        // Every text of up to eight characters out of these, which cover each class.
        let alphabet = b"AQg8/=-";
        let mut texts: Vec<Vec<u8>> = vec![Vec::new()];
        for length in 1..=6 {
            let longer: Vec<_> = texts
                .iter()
                .filter(|text| text.len() == length - 1)
                .flat_map(|text| alphabet.iter().map(|&next| [text.as_slice(), &[next]].concat()))
                .collect();
            texts.extend(longer);
        }
        let valid = texts.iter().filter(|text| is_base64(text)).count();
        assert!(valid > 100, "{valid}");
        for text in texts.iter().filter(|text| !text.is_empty()) {
            let read = STANDARD.decode(text).is_ok();
            assert_eq!(is_base64(text), read, "{}", String::from_utf8_lossy(text));
        }
        for length in 1..200_u8 {
            let bytes: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(37)).collect();
            assert!(is_base64(STANDARD.encode(bytes).as_bytes()), "{length} bytes");
        }
        assert!(!is_base64(b""), "an image without bytes is none");
    }

    #[test]
    fn an_image_is_a_data_url_and_each_other_one_is_refused_with_the_reason() {
        let check = |url: &str| image("p", url, 64).map_err(|wrong| (wrong.code, wrong.message));
        for format in IMAGES {
            assert_eq!(check(&format!("data:image/{format};base64,iVBORw0KGgo=")), Ok(()));
        }
        for (url, said) in [
            ("https://canary.example/a.png", "fetches no URL"),
            ("file:///canary", "fetches no URL"),
            ("", "fetches no URL"),
            ("data:,canary", "png, jpeg, gif and webp"),
            ("data:image/svg+xml;base64,AAAA", "png, jpeg, gif and webp"),
            ("data:image/png,canary", "png, jpeg, gif and webp"),
            ("data:image/png;charset=canary;base64,AAAA", "png, jpeg, gif and webp"),
            ("data:image/png;base64,", "expected base64"),
            ("data:image/png;base64,canary", "expected base64"),
            ("data:image/png;base64,AAAA\n", "expected base64"),
        ] {
            let (code, message) = check(url).unwrap_err();
            assert_eq!(code, Code::InvalidValue, "{url}");
            assert!(message.contains(said) && !message.contains("canary"), "{url}: {message}");
        }
    }

    #[test]
    fn media_are_refused_above_their_limit_only() {
        let data = "A".repeat(64);
        assert_eq!(sound("p", &data, 64), Ok(()));
        let wrong = sound("p", &data, 63).unwrap_err();
        assert_eq!(wrong.code, Code::StringAboveMax);
        assert!(wrong.message.contains("at most 63 bytes"), "{}", wrong.message);
        let url = format!("data:image/png;base64,{data}");
        assert_eq!(image("p", &url, url.len()), Ok(()));
        assert_eq!(image("p", &url, url.len() - 1).unwrap_err().code, Code::StringAboveMax);
    }
}
