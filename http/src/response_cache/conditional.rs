//! Conditional requests: `If-None-Match` (RFC 9110, 13.1.2).

use http::{HeaderMap, header};

/// Whether the client has what this entity tag names. Compared weakly: a mark of weakness makes no difference. A header that is
/// not well-formed names what stands in it before the fault.
pub fn has(headers: &HeaderMap, etag: &[u8]) -> bool {
    if !headers.contains_key(header::IF_NONE_MATCH) {
        return false;
    }
    headers.get_all(header::IF_NONE_MATCH).iter().any(|value| names(value.as_bytes(), etag))
}

fn names(mut list: &[u8], etag: &[u8]) -> bool {
    if list.trim_ascii() == b"*" {
        return true;
    }
    loop {
        list = list.trim_ascii_start();
        if let Some(rest) = list.strip_prefix(b",") {
            list = rest;
            continue;
        }
        list = list.strip_prefix(b"W/").unwrap_or(list);
        // An opaque tag may hold commas, and no quotation marks.
        let Some(end) = list.strip_prefix(b"\"").and_then(|rest| rest.iter().position(|byte| *byte == b'"')) else {
            return false;
        };
        let (tag, rest) = list.split_at(end + 2);
        if tag == etag {
            return true;
        }
        list = rest;
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn tags_are_compared_weakly_in_lists_of_any_form() {
        let has = |values: &[&'static str]| {
            let pairs = values.iter().map(|value| (header::IF_NONE_MATCH, HeaderValue::from_static(value)));
            has(&pairs.collect(), b"\"a,b\"")
        };
        for matching in [
            &["\"a,b\""][..],
            &["W/\"a,b\""],
            &["*"],
            &[" * "],
            &["\"x\", W/\"y\" ,\"a,b\""],
            &["\"x\"\"a,b\""],
            &[",,\"a,b\",,"],
            &["\"x\"", "\"a,b\""],
        ] {
            assert!(has(matching), "{matching:?}");
        }
        for other in [
            &[][..],
            &[""],
            &["a,b"],
            &["\"a\", \"b\""],
            &["\"A,B\""],
            &["w/\"a,b\""],
            &["\"a,b"],
            &["\"x\", *"],
            &["x, \"a,b\""],
            &["W/*"],
        ] {
            assert!(!has(other), "{other:?}");
        }
    }
}
