//! Compression of response bodies: whole ones, of types that gain by it, from a size on.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::negotiation::Coding;

/// From this size on a body is compressed on a thread of its own: milliseconds that a thread of the server must not be away.
pub(crate) const BYTES_ASIDE: usize = 64 << 10;

// Low levels: an answer is made for one request, and somebody waits for it.
const GZIP_LEVEL: u32 = 2;
const BROTLI_QUALITY: i32 = 3;
const ZSTD_LEVEL: i32 = 1;
/// A window of 256 KiB, which holds all but seat maps: a larger one is memory for every answer on its way.
const BROTLI_WINDOW_BITS: i32 = 18;

/// Whether the body of an answer may be compressed: nobody has coded it, no part was asked for, its handler allows it
/// (`Cache-Control: no-transform` forbids it), and its type gains by it. A live stream does not: what is held back until a
/// block is full comes late.
pub(super) fn is_eligible(status: StatusCode, headers: &HeaderMap) -> bool {
    status != StatusCode::PARTIAL_CONTENT
        && !headers.contains_key(header::CONTENT_ENCODING)
        && !is_no_transform(headers)
        && headers.get(header::CONTENT_TYPE).is_some_and(gains)
}

fn is_no_transform(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case("no-transform")))
}

/// Images, videos and archives are compressed already.
fn gains(content_type: &HeaderValue) -> bool {
    // The names of our types are in small letters.
    let Ok(text) = content_type.to_str() else { return false };
    let kind = text.split(';').next().unwrap_or_default().trim_end();
    match kind.split_once('/') {
        Some(("text", sub)) => sub != "event-stream",
        Some(("application", sub)) => {
            matches!(sub, "json" | "javascript" | "xml" | "wasm" | "manifest+json")
                || sub.ends_with("+json")
                || sub.ends_with("+xml")
        }
        Some(("image", sub)) => sub == "svg+xml",
        _ => false,
    }
}

/// The body in this coding. Memory is no file, so it fails only if the library does.
pub fn compress(coding: Coding, body: &[u8]) -> io::Result<Bytes> {
    // JSON shrinks to a tenth.
    let room = Vec::with_capacity(body.len() / 8);
    let compressed = match coding {
        Coding::Gzip => {
            let mut encoder = GzEncoder::new(room, flate2::Compression::new(GZIP_LEVEL));
            encoder.write_all(body)?;
            encoder.finish()?
        }
        Coding::Brotli => {
            let parameters = brotli::enc::BrotliEncoderParams {
                quality: BROTLI_QUALITY,
                lgwin: BROTLI_WINDOW_BITS,
                size_hint: body.len(),
                ..Default::default()
            };
            let mut out = room;
            brotli::BrotliCompress(&mut &*body, &mut out, &parameters)?;
            out
        }
        Coding::Zstd => zstd::bulk::compress(body, ZSTD_LEVEL)?,
    };
    Ok(Bytes::from(compressed))
}

/// What a compressed answer says about itself. A strong validator promises the same bytes (RFC 9110, 8.8.1), which a coding
/// breaks, so it becomes a weak one; `If-None-Match` compares weakly anyway.
pub fn label(headers: &mut HeaderMap, coding: Coding) {
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.as_str()));
    weaken(headers);
}

/// Makes the validator, if there is one, a weak one.
pub(super) fn weaken(headers: &mut HeaderMap) {
    let Some(strong) = headers.get(header::ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/")) else { return };
    if let Ok(weak) = HeaderValue::from_bytes(&[b"W/", strong.as_bytes()].concat()) {
        headers.insert(header::ETAG, weak);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::{super::negotiation::BYTES_MIN, *};

    #[test]
    fn what_was_compressed_comes_back() {
        for length in [0, 1, BYTES_MIN, 300_000] {
            let body: Vec<u8> = (0..length).map(|at| b"{\"seat\":17}"[at % 11]).collect();
            for coding in [Coding::Gzip, Coding::Brotli, Coding::Zstd] {
                let compressed = compress(coding, &body).unwrap();
                let mut back = Vec::new();
                match coding {
                    Coding::Gzip => flate2::read::GzDecoder::new(&*compressed).read_to_end(&mut back).unwrap(),
                    Coding::Brotli => brotli::Decompressor::new(&*compressed, 4096).read_to_end(&mut back).unwrap(),
                    Coding::Zstd => zstd::Decoder::new(&*compressed).unwrap().read_to_end(&mut back).unwrap(),
                };
                assert_eq!(back, body, "{coding:?}, {length} bytes");
                assert!(length < BYTES_MIN || compressed.len() * 10 < length, "{coding:?}: {}", compressed.len());
            }
        }
    }

    #[test]
    fn types_that_gain_are_compressed_and_streams_are_not() {
        let is_eligible = |kind: &'static str, control: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(control));
            is_eligible(StatusCode::OK, &headers)
        };
        for kind in ["application/json", "application/problem+json", "text/html; charset=utf-8", "image/svg+xml"] {
            assert!(is_eligible(kind, "no-store"), "{kind}");
            assert!(!is_eligible(kind, "public, No-Transform"), "{kind}");
        }
        for kind in ["text/event-stream", "image/png", "video/mp4", "application/octet-stream", "application/zip", ""] {
            assert!(!is_eligible(kind, "no-store"), "{kind}");
        }
        assert!(!super::is_eligible(StatusCode::OK, &HeaderMap::new()));
        let json: HeaderMap =
            [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))].into_iter().collect();
        assert!(!super::is_eligible(StatusCode::PARTIAL_CONTENT, &json));
    }

    #[test]
    fn a_strong_validator_becomes_a_weak_one() {
        for (tag, expected) in [("\"7\"", "W/\"7\""), ("W/\"7\"", "W/\"7\"")] {
            let mut headers: HeaderMap = [(header::ETAG, HeaderValue::from_static(tag))].into_iter().collect();
            label(&mut headers, Coding::Brotli);
            assert_eq!(
                (&headers[header::ETAG], &headers[header::CONTENT_ENCODING]),
                (&HeaderValue::from_static(expected), &HeaderValue::from_static("br"))
            );
        }
    }
}
