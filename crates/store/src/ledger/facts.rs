//! Encoding of a receipt's facts in the row: without the facts that other columns hold, and without
//! field names. This takes half as many bytes as in the signed claims.
//!
//! Existing rows are not rewritten when the format changes, so `decode` reads all formats. A list
//! with the length of another format is not a list of this format, a number is not a list, and a
//! map is neither, so the formats cannot be confused.

use minicbor::{Decode, Decoder, Encode, Encoder};
use policy::id::RequestId;
use tlog::{
    canon::{self, Digest, NotCanonical},
    receipt::{Attempt, Check, Facts, Outcome, PersonalFound, Screened, Stored, Written},
};

use crate::error::StoreError;

/// [`Facts`] without the request id, which is a column, and without the place of the record, which
/// is the same for a day's records.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct Row {
    /// Start time minus the time in the request's id; almost zero.
    #[n(0)]
    after_id_ms: i64,
    /// Finish time minus start time. The finish time comes from the log's clock, so this can be
    /// negative.
    #[n(1)]
    took_ms: i64,
    #[n(2)]
    status: u16,
    #[n(3)]
    outcome: Outcome,
    #[n(4)]
    sha256: Bodies,
    #[n(5)]
    prompt_tokens: u64,
    #[n(6)]
    completion_tokens: u64,
}

/// The previous format.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct EarlierRow {
    #[n(0)]
    started_ms: u64,
    #[n(1)]
    took_ms: i64,
    #[n(2)]
    status: u16,
    #[n(3)]
    outcome: Outcome,
    #[n(4)]
    request_sha256: Digest,
    #[n(5)]
    response_sha256: Digest,
    #[n(6)]
    prompt_tokens: u64,
    #[n(7)]
    completion_tokens: u64,
}

/// Row of a request that had fields without effect. Few requests have them, so only their rows are
/// longer.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct LongerRow {
    #[n(0)]
    row: Row,
    #[n(1)]
    no_effect: Vec<String>,
}

/// Row of a request that was tried on several engines.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct LongestRow {
    #[n(0)]
    row: Row,
    /// Empty for a request without such fields.
    #[n(1)]
    no_effect: Vec<String>,
    #[n(2)]
    attempts: Vec<Attempt>,
}

/// Row of a request in which the content filter found nothing: that of most requests.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct FoundNothingRow {
    #[n(0)]
    row: Row,
    #[n(1)]
    checks: Checks,
}

/// Row of a request that the content filter checked, with everything that a row can have.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct WholeRow {
    #[n(0)]
    row: Row,
    /// Empty for a request without such fields.
    #[n(1)]
    no_effect: Vec<String>,
    /// Empty for a request that was tried on one engine.
    #[n(2)]
    attempts: Vec<Attempt>,
    #[n(3)]
    screened: Screened,
}

/// Row of a request that wrote or destroyed objects: any of the other rows, as bytes, and the
/// objects. No other row begins with bytes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct WritingRow {
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    row: Vec<u8>,
    #[n(1)]
    objects: Vec<Written>,
}

/// Row of a request whose resource or processor looks for personal data: any of the other rows, as
/// bytes, and what was found. Objects are a list, and this is a map.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct PersonalRow {
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    row: Vec<u8>,
    #[n(1)]
    personal: PersonalFound,
}

/// How far both sides were checked, as one number: the completion's times four, and the prompt's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Checks {
    prompt: Check,
    completion: Check,
}

/// The parts of a row in any format.
struct Parts {
    row: Row,
    no_effect: Vec<String>,
    attempts: Vec<Attempt>,
    screened: Option<Screened>,
}

/// The digests of both bodies, as one byte string.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bodies {
    request: Digest,
    response: Digest,
}

/// Returns the bytes for the row.
pub(super) fn encode(facts: &Facts) -> Vec<u8> {
    let row = Row {
        after_id_ms: after_id_ms(facts.started_ms, facts.request),
        took_ms: facts.finished_ms.wrapping_sub(facts.started_ms).cast_signed(),
        status: facts.status,
        outcome: facts.outcome,
        sha256: Bodies { request: facts.request_sha256, response: facts.response_sha256 },
        prompt_tokens: facts.prompt_tokens,
        completion_tokens: facts.completion_tokens,
    };
    let row = match (&facts.no_effect, &facts.attempts, &facts.screened) {
        (None, None, None) => canon::encode(&row),
        (Some(paths), None, None) => canon::encode(&LongerRow { row, no_effect: paths.clone() }),
        (paths, Some(attempts), None) => canon::encode(&LongestRow {
            row,
            no_effect: paths.clone().unwrap_or_default(),
            attempts: attempts.clone(),
        }),
        (None, None, Some(Screened { prompt, completion, findings })) if findings.is_empty() => {
            let checks = Checks { prompt: *prompt, completion: *completion };
            canon::encode(&FoundNothingRow { row, checks })
        }
        (paths, attempts, Some(screened)) => canon::encode(&WholeRow {
            row,
            no_effect: paths.clone().unwrap_or_default(),
            attempts: attempts.clone().unwrap_or_default(),
            screened: screened.clone(),
        }),
    };
    let row = match &facts.objects {
        None => row,
        Some(objects) => canon::encode(&WritingRow { row, objects: objects.clone() }),
    };
    match &facts.personal {
        None => row,
        Some(personal) => canon::encode(&PersonalRow { row, personal: personal.clone() }),
    }
}

/// Decodes the facts from all their columns.
///
/// # Errors
/// [`StoreError::Damaged`] when the bytes have no known format.
pub(super) fn decode(
    bytes: &[u8],
    request: RequestId,
    stored: Option<Stored>,
) -> Result<Facts, StoreError> {
    if let Ok(PersonalRow { row, personal }) = canon::decode(bytes, "a receipt's row") {
        let facts = decode(&row, request, stored)?;
        return Ok(Facts { personal: Some(personal), ..facts });
    }
    if let Ok(WritingRow { row, objects }) = canon::decode(bytes, "a receipt's row") {
        let facts = decode(&row, request, stored)?;
        return Ok(Facts { objects: Some(objects), ..facts });
    }
    let Ok(Parts { row, no_effect, attempts, screened }) = parts(bytes, request) else {
        // The first format held the whole facts.
        return canon::decode(bytes, "a receipt's facts")
            .map_err(|_| StoreError::Damaged { what: "receipt" });
    };
    let started_ms = request.time_ms().wrapping_add(row.after_id_ms.cast_unsigned());
    Ok(Facts {
        request,
        started_ms,
        finished_ms: started_ms.wrapping_add(row.took_ms.cast_unsigned()),
        status: row.status,
        outcome: row.outcome,
        request_sha256: row.sha256.request,
        response_sha256: row.sha256.response,
        prompt_tokens: row.prompt_tokens,
        completion_tokens: row.completion_tokens,
        stored,
        no_effect: Some(no_effect).filter(|paths| !paths.is_empty()),
        attempts: Some(attempts).filter(|attempts| !attempts.is_empty()),
        screened,
        objects: None,
        personal: None,
    })
}

/// Decodes a row of any format that is a list.
fn parts(bytes: &[u8], request: RequestId) -> Result<Parts, NotCanonical> {
    let what = "a receipt's row";
    let alone = |row| Parts { row, no_effect: Vec::new(), attempts: Vec::new(), screened: None };
    if let Ok(FoundNothingRow { row, checks: Checks { prompt, completion } }) =
        canon::decode(bytes, what)
    {
        let screened = Some(Screened { prompt, completion, findings: Vec::new() });
        return Ok(Parts { screened, ..alone(row) });
    }
    if let Ok(row) = canon::decode(bytes, what) {
        return Ok(alone(row));
    }
    if let Ok(LongerRow { row, no_effect }) = canon::decode(bytes, what) {
        return Ok(Parts { no_effect, ..alone(row) });
    }
    if let Ok(LongestRow { row, no_effect, attempts }) = canon::decode(bytes, what) {
        return Ok(Parts { no_effect, attempts, ..alone(row) });
    }
    if let Ok(WholeRow { row, no_effect, attempts, screened }) = canon::decode(bytes, what) {
        return Ok(Parts { row, no_effect, attempts, screened: Some(screened) });
    }
    canon::decode(bytes, what).map(|earlier: EarlierRow| alone(earlier.row(request)))
}

impl EarlierRow {
    fn row(self, request: RequestId) -> Row {
        Row {
            after_id_ms: after_id_ms(self.started_ms, request),
            took_ms: self.took_ms,
            status: self.status,
            outcome: self.outcome,
            sha256: Bodies { request: self.request_sha256, response: self.response_sha256 },
            prompt_tokens: self.prompt_tokens,
            completion_tokens: self.completion_tokens,
        }
    }
}

/// Returns the bytes in the previous format.
#[cfg(test)]
pub(super) fn encode_earlier(facts: &Facts) -> Vec<u8> {
    canon::encode(&EarlierRow {
        started_ms: facts.started_ms,
        took_ms: facts.finished_ms.wrapping_sub(facts.started_ms).cast_signed(),
        status: facts.status,
        outcome: facts.outcome,
        request_sha256: facts.request_sha256,
        response_sha256: facts.response_sha256,
        prompt_tokens: facts.prompt_tokens,
        completion_tokens: facts.completion_tokens,
    })
}

/// Start time minus the time in the id. Wraps around, so it also works for an id without a time:
/// `decode` adds the same number again.
fn after_id_ms(started_ms: u64, request: RequestId) -> i64 {
    started_ms.wrapping_sub(request.time_ms()).cast_signed()
}

impl Checks {
    const ALL: [Check; 4] =
        [Check::NothingToCheck, Check::Filtered, Check::FilteredLater, Check::NotFiltered];

    fn number(self) -> u8 {
        let place = |check| Self::ALL.iter().position(|one| *one == check).unwrap_or_default();
        let number = place(self.completion) * Self::ALL.len() + place(self.prompt);
        u8::try_from(number).unwrap_or_default()
    }

    fn of(number: u8) -> Option<Self> {
        let (completion, prompt) = (usize::from(number >> 2), usize::from(number & 3));
        Some(Self { prompt: *Self::ALL.get(prompt)?, completion: *Self::ALL.get(completion)? })
    }
}

impl<C> Encode<C> for Checks {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        encoder.u8(self.number())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Checks {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let unknown = || minicbor::decode::Error::message("an unknown check");
        Self::of(decoder.u8()?).ok_or_else(unknown)
    }
}

impl<C> Encode<C> for Bodies {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        encoder.bytes([self.request.0, self.response.0].as_flattened())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Bodies {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        match decoder.bytes()?.as_chunks() {
            ([request, response], []) => {
                Ok(Self { request: Digest(*request), response: Digest(*response) })
            }
            _ => Err(minicbor::decode::Error::message("not two digests")),
        }
    }
}

#[cfg(test)]
mod tests {
    use policy::id::KeyId;
    use tlog::receipt::{AttemptFailure, Category, Finding, Severity, Side};

    use super::*;

    #[test]
    fn facts_are_read_as_they_were_kept_by_this_version_and_those_before() {
        let requests = [
            RequestId::at(5, [1; 10]),
            RequestId::at(0, [0; 10]),
            RequestId::from_random([255; 16]),
        ];
        let times = [(5, 7), (7, 5), (0, u64::MAX), (u64::MAX, 0), (u64::MAX, u64::MAX)];
        let stored = [None, Some(Stored { key: KeyId::from_random([2; 16]), deadline_ms: 9 })];
        for (request, (started_ms, finished_ms), stored) in requests
            .into_iter()
            .flat_map(|request| times.map(|times| (request, times)))
            .flat_map(|(request, times)| stored.clone().map(|stored| (request, times, stored)))
        {
            let facts = Facts {
                request,
                started_ms,
                finished_ms,
                status: 499,
                outcome: Outcome::HungUp,
                request_sha256: Digest([3; 32]),
                response_sha256: Digest([4; 32]),
                prompt_tokens: 300,
                completion_tokens: u64::MAX,
                stored: stored.clone(),
                no_effect: None,
                attempts: None,
                screened: None,
                objects: None,
                personal: None,
            };
            let kept = encode(&facts);
            assert_eq!(decode(&kept, request, stored.clone()).unwrap(), facts);
            let no_effect = Some(vec!["verbosity".into(), "messages[0].cache_control".into()]);
            let longer = Facts { no_effect, ..facts.clone() };
            assert_eq!(decode(&encode(&longer), request, stored.clone()).unwrap(), longer);
            let attempts = Some(vec![attempt(), attempt()]);
            for tried in [
                Facts { attempts: attempts.clone(), ..facts.clone() },
                Facts { attempts: attempts.clone(), ..longer.clone() },
            ] {
                assert_eq!(decode(&encode(&tried), request, stored.clone()).unwrap(), tried);
                for screened in screenings() {
                    let seen = Facts { screened: Some(screened), ..tried.clone() };
                    assert_eq!(decode(&encode(&seen), request, stored.clone()).unwrap(), seen);
                }
            }
            for screened in screenings() {
                for plain in [&facts, &longer] {
                    let seen = Facts { screened: Some(screened.clone()), ..plain.clone() };
                    assert_eq!(decode(&encode(&seen), request, stored.clone()).unwrap(), seen);
                }
            }
            let earlier = encode_earlier(&facts);
            assert_eq!(decode(&earlier, request, stored).unwrap(), facts);
            let whole = canon::encode(&facts);
            assert_eq!(decode(&whole, request, None).unwrap(), facts);
        }
    }

    fn attempt() -> Attempt {
        Attempt {
            engine: "e".into(),
            region: "r".into(),
            failure: AttemptFailure::TimedOut,
            processor: Some("p".into()),
        }
    }

    /// Each pair of checks without findings, and one with findings.
    fn screenings() -> Vec<Screened> {
        let pairs = Checks::ALL.into_iter().flat_map(|one| Checks::ALL.map(|two| (one, two)));
        let alone =
            pairs.map(|(prompt, completion)| Screened { prompt, completion, findings: Vec::new() });
        alone.chain([found()]).collect()
    }

    fn found() -> Screened {
        let finding = Finding {
            side: Side::Prompt,
            category: Category::SelfHarm,
            severity: Some(Severity::High),
            filtered: true,
        };
        let (prompt, completion) = (Check::Filtered, Check::NothingToCheck);
        Screened { prompt, completion, findings: vec![finding] }
    }

    /// Fixed bytes as databases hold them, so that no format changes by mistake.
    #[test]
    fn a_row_of_each_format_is_read() {
        let request = RequestId::at(0x0123_4567_89ab, [6; 10]);
        let facts = Facts {
            request,
            started_ms: 0x0123_4567_89ad,
            finished_ms: 0x0123_4567_89ad + 1000,
            status: 200,
            outcome: Outcome::Answered,
            request_sha256: Digest([0xa1; 32]),
            response_sha256: Digest([0xb2; 32]),
            prompt_tokens: 300,
            completion_tokens: 20,
            stored: None,
            no_effect: None,
            attempts: None,
            screened: None,
            objects: None,
            personal: None,
        };
        let (a, b) = ([0xa1; 32], [0xb2; 32]);
        let now: [&[u8]; 4] =
            [b"\x87\x02\x19\x03\xe8\x18\xc8\x00\x58\x40", &a, &b, b"\x19\x01\x2c\x14"];
        let earlier: [&[u8]; 5] = [
            b"\x88\x1b\x00\x00\x01\x23\x45\x67\x89\xad\x19\x03\xe8\x18\xc8\x00\x58\x20",
            &a,
            b"\x58\x20",
            &b,
            b"\x19\x01\x2c\x14",
        ];
        let first: [&[u8]; 7] = [
            b"\xa9\x00\x50\x01\x23\x45\x67\x89\xab",
            &[6; 10],
            b"\x01\x1b\x00\x00\x01\x23\x45\x67\x89\xad\x02\x1b\x00\x00\x01\x23\x45\x67\x8d\x95\
              \x03\x18\xc8\x04\x00\x05\x58\x20",
            &a,
            b"\x06\x58\x20",
            &b,
            b"\x07\x19\x01\x2c\x08\x14",
        ];
        let (now, earlier, first) = (now.concat(), earlier.concat(), first.concat());
        let longer = [&b"\x82"[..], &now, b"\x81\x61a"].concat();
        let told = Facts { no_effect: Some(vec!["a".into()]), ..facts.clone() };
        let attempts = b"\x81\xa4\x00\x61e\x01\x61r\x02\x03\x03\x61p";
        let longest = [&b"\x83"[..], &now, b"\x80", attempts].concat();
        let tried = Facts { attempts: Some(vec![attempt()]), ..facts.clone() };
        let (prompt, completion) = (Check::Filtered, Check::FilteredLater);
        let screened = Screened { prompt, completion, findings: Vec::new() };
        let clean = Facts { screened: Some(screened), ..facts.clone() };
        let found_nothing = [&b"\x82"[..], &now, b"\x09"].concat();
        let harmful = Facts { screened: Some(found()), ..facts.clone() };
        let found = b"\xa3\x00\x01\x01\x00\x02\x81\xa4\x00\x00\x01\x03\x02\x03\x03\xf5";
        let whole = [&b"\x84"[..], &now, b"\x80\x80", found].concat();
        assert_eq!((encode(&facts), encode(&told)), (now.clone(), longer.clone()));
        assert_eq!(encode(&tried), longest);
        assert_eq!((encode(&clean), encode(&harmful)), (found_nothing.clone(), whole.clone()));
        for (row, facts) in [
            (&now, &facts),
            (&found_nothing, &clean),
            (&longer, &told),
            (&longest, &tried),
            (&whole, &harmful),
            (&earlier, &facts),
            (&first, &facts),
        ] {
            assert_eq!(decode(row, request, None).unwrap(), *facts);
            let longer = [row, &b"\x00"[..]].concat();
            assert!(decode(&longer, request, None).is_err(), "something follows");
            for at in 0..row.len() {
                assert!(decode(&row[..at], request, None).is_err(), "cut off at {at}");
            }
            // A list with one part more or less than the format has.
            for first in [row[0] - 1, row[0] + 1] {
                let other = [&[first], &row[1..]].concat();
                assert!(decode(&other, request, None).is_err(), "{first:x}");
            }
        }
    }
}
