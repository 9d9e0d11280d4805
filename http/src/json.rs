//! JSON bodies: small ones with serde_json, large ones with simd-json, whose tables cost more than a small body is worth. On
//! failure the untouched bytes are read again, slowly and precisely, because simd-json's typed errors do not say where.

use std::{borrow::Cow, cell::RefCell};

use application::aside::aside;
use bytes::Bytes;
use domain::validation::FieldError;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::{problem::Problem, problem_codes::Code};

/// Longest part of a parser's message that is repeated to the client, who may have sent a megabyte of it.
const MESSAGE_CHARS_MAX: usize = 200;

/// From this size on simd-json is the faster reader (`cargo bench --bench json`).
const SIMD_BYTES_MIN: usize = 2048;

/// Up to this size of a body its tables stay with the thread. They take about eight times as much and never shrink: those of a few
/// large bodies would keep hundreds of megabytes for good.
const KEPT_BYTES_MAX: usize = 128 << 10;

/// Scratch space of the parser.
struct Scratch {
    buffers: simd_json::Buffers,
    /// The largest body that was read with it.
    largest: usize,
}

/// From this size on a body is read on a thread of its own: a megabyte takes milliseconds, and several times as many if it is
/// wrong and that has to be explained.
pub const ASIDE_BYTES_MIN: usize = 64 << 10;

thread_local! {
    /// Kept between requests: parsing never awaits, so a thread has one parse at a time.
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch { buffers: simd_json::Buffers::new(4096), largest: 0 });
}

/// Reads a large body with tables that stay with the thread, or with some of its own when they would be large.
fn read_large<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, simd_json::Error> {
    // The parser rewrites its input; the bytes themselves are needed again if it fails.
    let mut copy = bytes.to_vec();
    if bytes.len() > KEPT_BYTES_MAX {
        return simd_json::serde::from_slice_with_buffers(&mut copy, &mut simd_json::Buffers::new(bytes.len()));
    }
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.largest = scratch.largest.max(bytes.len());
        simd_json::serde::from_slice_with_buffers(&mut copy, &mut scratch.buffers)
    })
}

/// Reads a body that must be a JSON object. 400 `REQUEST_001` with line and column when it is not JSON or nests deeper
/// than 1,024 levels, 422 `VALIDATION_001` naming the field when it is JSON of another shape.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let result = if bytes.len() < SIMD_BYTES_MIN || has_negative_zero(bytes) {
        serde_json::from_slice(bytes).map_err(|_| None)
    } else {
        read_large(bytes).map_err(Some)
    };
    match result {
        // serde's derived structs also accept arrays, field by field; a contract of named fields does not.
        Ok(value) if is_object(bytes) => Ok(value),
        Ok(_) => Err(explain::<T>(bytes, None)),
        Err(error) => Err(explain::<T>(bytes, error.as_ref())),
    }
}

/// Whether a number may begin with `-0`, which one reader takes for a whole number and the other does not. What a body is answered must
/// not depend on its size.
fn has_negative_zero(bytes: &[u8]) -> bool {
    let begins = |before: u8| matches!(before, b':' | b'[' | b',') || before.is_ascii_whitespace();
    bytes.windows(3).any(|at| at[1] == b'-' && at[2] == b'0' && begins(at[0]))
}

/// The same for a body of any size, where others wait for this thread.
pub async fn read_any<T: DeserializeOwned + Send + 'static>(bytes: Bytes) -> Result<T, Problem> {
    if bytes.len() < ASIDE_BYTES_MIN { read(&bytes) } else { aside(move || read(&bytes)).await }
}

fn is_object(bytes: &[u8]) -> bool {
    bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

/// Why `bytes` are not a `T`. `first` is what simd-json said.
#[cold]
fn explain<T: DeserializeOwned>(bytes: &[u8], first: Option<&simd_json::Error>) -> Problem {
    if let Some(simd_json::ErrorType::DepthLimitExceeded) = first.map(simd_json::Error::error) {
        return malformed("nested deeper than 1,024 levels");
    }
    if let Err(error) = std::str::from_utf8(bytes) {
        return malformed(format!("not UTF-8 at byte {}", error.valid_up_to()));
    }
    // Syntax first and as a whole: a body that is not JSON is never reported as a wrong field. Skipping values is
    // iterative in serde_json, so depth cannot exhaust the stack here.
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(bytes) {
        return malformed(format!(
            "{} at line {}, column {}",
            without_position(&error.to_string()),
            error.line(),
            error.column()
        ));
    }
    if !is_object(bytes) {
        return FieldError::new("", "INVALID_TYPE", "the body must be a JSON object").into();
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Err(error) if error.inner().is_data() => field_error(&error).into(),
        Err(error) => malformed(without_position(&error.inner().to_string()).to_owned()),
        // The two parsers disagree, about a lone surrogate or a number out of range: the stricter one decides.
        Ok(_) => malformed(first.map_or_else(String::new, simd_json::Error::to_string)),
    }
}

fn malformed(detail: impl Into<Cow<'static, str>>) -> Problem {
    Problem::new(Code::MalformedJson).detail(detail)
}

/// What serde says, as a fault of a field: its path, a stable code, and words without names of Rust types.
fn field_error(error: &serde_path_to_error::Error<serde_json::Error>) -> FieldError {
    let full = error.inner().to_string();
    let message = without_position(&full);
    let path = error.path().to_string();
    let path = if path == "." { "" } else { path.as_str() };
    if message.starts_with("missing field `") {
        return FieldError::new(join(path, quoted(message)), "REQUIRED", "is required");
    }
    if message.starts_with("unknown field `") {
        // The path already ends in the unknown name.
        return FieldError::new(join_once(path, quoted(message)), "UNKNOWN_FIELD", "is not a field of this request");
    }
    if message.starts_with("duplicate field `") {
        return FieldError::new(join_once(path, quoted(message)), "DUPLICATE_FIELD", "appears more than once");
    }
    let code = match message {
        _ if message.starts_with("invalid type:") => "INVALID_TYPE",
        _ if message.starts_with("unknown variant `") => "UNKNOWN_VALUE",
        _ => "INVALID",
    };
    FieldError::new(path.to_owned(), code, plain(message))
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn join_once(path: &str, name: &str) -> String {
    let ends_in_name = path.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if ends_in_name { path.to_owned() } else { join(path, name) }
}

/// The first name between backticks.
fn quoted(message: &str) -> &str {
    message.split('`').nth(1).unwrap_or_default()
}

/// serde_json appends ` at line 1 column 2` to every message.
fn without_position(message: &str) -> &str {
    message.rfind(" at line ").map_or(message, |end| &message[..end])
}

/// serde's message with the name of a Rust type replaced by a word of JSON, bounded in length.
fn plain(message: &str) -> String {
    let (found, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let expected = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" => "an array",
        "a boolean" => "true or false",
        other if other.starts_with("struct ") || other == "a map" => "an object",
        other => other,
    };
    let mut text: String = found.chars().take(MESSAGE_CHARS_MAX).collect();
    if !expected.is_empty() {
        text.push_str(", expected ");
        text.extend(expected.chars().take(MESSAGE_CHARS_MAX));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    struct Reader(std::thread::ThreadId);

    impl<'de> serde::Deserialize<'de> for Reader {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            IgnoredAny::deserialize(deserializer).map(|_| Self(std::thread::current().id()))
        }
    }

    /// Guards: that nobody waits for a body of megabytes to be read but who has sent it.
    #[tokio::test]
    async fn a_large_body_is_read_on_another_thread() {
        for (length, is_aside) in [(10, false), (ASIDE_BYTES_MIN, true)] {
            let body = format!("{{\"text\":\"{}\"}}", "x".repeat(length));
            let Reader(thread) = read_any(body.into()).await.unwrap();
            assert_eq!(thread != std::thread::current().id(), is_aside, "{length}");
        }
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Order {
        items: Vec<Item>,
        #[serde(default)]
        promo_code: Option<String>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Item {
        ticket_type_id: uuid::Uuid,
        quantity: u32,
    }

    /// The same body in a size for the other parser.
    fn padded(body: &str) -> String {
        format!("{body}{}", " ".repeat(SIMD_BYTES_MIN))
    }

    /// What both parsers say.
    fn refusal(body: &str) -> serde_json::Value {
        let [small, large] = [body.to_owned(), padded(body)].map(|body| {
            let reply = read::<Order>(body.as_bytes()).unwrap_err().into_reply("/", "r");
            serde_json::from_slice::<serde_json::Value>(&reply.into_bytes()).unwrap()
        });
        assert_eq!((&small["code"], &small["errors"]), (&large["code"], &large["errors"]), "{body}");
        small
    }

    #[test]
    fn a_wrong_shape_names_the_field_as_the_client_wrote_it() {
        let id = "018f6b2e-0000-7000-8000-000000000000";
        let good = format!(r#"{{"ticketTypeId":"{id}","quantity":2}}"#);
        for (items, field, code) in [
            (format!(r#"{good},{{"ticketTypeId":"{id}"}}"#), "items[1].quantity", "REQUIRED"),
            (format!(r#"{{"ticketTypeId":"{id}","quantity":"2"}}"#), "items[0].quantity", "INVALID_TYPE"),
            (format!(r#"{{"ticketTypeId":"{id}","quantity":-2}}"#), "items[0].quantity", "INVALID"),
            (format!(r#"{{"ticketTypeId":"{id}","quantity":-0}}"#), "items[0].quantity", "INVALID_TYPE"),
            (format!(r#"{{"ticketTypeId":"{id}","quantity": -0.0}}"#), "items[0].quantity", "INVALID_TYPE"),
            (r#"{"ticketTypeId":"x","quantity":2}"#.to_owned(), "items[0].ticketTypeId", "INVALID"),
            (format!(r#"{{"ticketTypeId":"{id}","quantity":2,"colour":1}}"#), "items[0].colour", "UNKNOWN_FIELD"),
            (format!(r#"{{"ticketTypeId":"{id}","quantity":2,"quantity":2}}"#), "items[0].quantity", "DUPLICATE_FIELD"),
        ] {
            let json = refusal(&format!(r#"{{"items":[{items}]}}"#));
            assert_eq!(json["code"], "VALIDATION_001", "{items}: {json}");
            assert_eq!(
                (&json["errors"][0]["field"], &json["errors"][0]["code"]),
                (&field.into(), &code.into()),
                "{json}"
            );
        }
        assert_eq!(refusal("{}")["errors"][0]["field"], "items");
        assert_eq!(refusal(r#"{"items":[],"x":1}"#)["errors"][0]["field"], "x");
        assert_eq!(refusal("[[],null]")["code"], "VALIDATION_001");
    }

    #[test]
    fn messages_speak_of_json_and_are_short() {
        let json = refusal(&format!(r#"{{"items":"{}"}}"#, "x".repeat(10_000)));
        let message = json["errors"][0]["message"].as_str().unwrap();
        assert!(message.len() < 500 && message.ends_with("expected an array"), "{message}");
    }

    #[test]
    fn what_is_not_json_is_reported_with_its_place() {
        let json = refusal("{\"items\": [],\n \"promoCode\": nope}");
        assert_eq!(json["code"], "REQUEST_001");
        assert!(json["detail"].as_str().unwrap().ends_with("at line 2, column 16"), "{json}");
        // A wrong field before a syntax error does not hide it.
        for body in ["", "{", r#"{"items":5,"#, r#"{"items":[]} trailing"#, r#"{"items":[],}"#] {
            assert_eq!(refusal(body)["code"], "REQUEST_001", "{body}");
        }
        let reply = read::<Order>(b"{\"items\":[],\"promoCode\":\"\xff\"}").unwrap_err();
        assert_eq!(reply.code(), Code::MalformedJson);
    }

    #[test]
    fn depth_is_limited_before_the_stack_is() {
        for depth in [2_000, 10_000, 500_000] {
            for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
                let body = format!(r#"{{"items":{}1{}}}"#, open.repeat(depth), close.repeat(depth));
                assert_eq!(refusal(&body)["code"], "REQUEST_001", "{depth} × {open}");
                let cut = format!(r#"{{"items":{}"#, open.repeat(depth));
                assert_eq!(refusal(&cut)["code"], "REQUEST_001", "{depth} × {open}, not closed");
            }
        }
        // Recursive types are the worst case.
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(read::<serde_json::Value>(deep.as_bytes()).is_err());
    }

    /// Guards: that what a large body needed is not kept.
    #[test]
    fn a_large_body_leaves_nothing_behind() {
        let body = |bytes: usize| format!("{{\"items\":[]{}}}", " ".repeat(bytes));
        for bytes in [SIMD_BYTES_MIN, 8 << 20, 100 << 10] {
            assert_eq!(read::<Order>(body(bytes).as_bytes()).unwrap(), Order { items: vec![], promo_code: None });
        }
        let largest = SCRATCH.with_borrow(|scratch| scratch.largest);
        assert!((100 << 10..1 << 20).contains(&largest), "{largest}");
    }

    #[test]
    fn the_scratch_space_serves_the_next_request_after_a_failure() {
        assert!(read::<Order>(padded("{\"items\":[{]}").as_bytes()).is_err());
        for good in [" {\"items\":[]}".to_owned(), padded(" {\"items\":[]}")] {
            assert_eq!(read::<Order>(good.as_bytes()).unwrap(), Order { items: vec![], promo_code: None });
        }
    }
}
