//! Bodies made smaller for those who ask.

use std::io::Read;

use super::support::{Answer, Kernel};

/// The body as it was before it was compressed.
fn unpacked(answer: &Answer) -> Vec<u8> {
    let mut body = Vec::new();
    match answer.header("content-encoding") {
        None => body.clone_from(&answer.body),
        Some("gzip") => drop(flate2::read::GzDecoder::new(&*answer.body).read_to_end(&mut body).unwrap()),
        Some("br") => drop(brotli::Decompressor::new(&*answer.body, 4096).read_to_end(&mut body).unwrap()),
        Some("zstd") => drop(zstd::Decoder::new(&*answer.body).unwrap().read_to_end(&mut body).unwrap()),
        Some(other) => panic!("{other}"),
    }
    body
}

#[tokio::test]
async fn a_large_body_comes_as_the_client_likes_it_best() {
    let kernel = Kernel::start().await;
    // Compressed where it is made, and on a thread of its own.
    for path in ["/api/v1/sized?bytes=2000", "/api/v1/sized?bytes=500000"] {
        let plain = kernel.get(path).await;
        assert_eq!((plain.header("content-encoding"), plain.header("etag")), (None, Some("\"seven\"")));
        assert_eq!(plain.all("vary"), "accept-encoding", "a cache must know that there are other forms");
        for (accepted, coding) in [
            ("gzip", Some("gzip")),
            ("br", Some("br")),
            ("zstd", Some("zstd")),
            ("gzip, deflate, br;q=0.9", Some("gzip")),
            ("gzip, deflate, br, zstd", Some("zstd")),
            ("identity;q=0, *", Some("gzip")),
            ("gzip;q=0.5, identity", None),
            ("gzip;q=0", None),
            ("deflate", None),
        ] {
            let answer = kernel.get_with(path, &format!("accept-encoding: {accepted}\r\n")).await;
            assert_eq!((answer.status, answer.header("content-encoding")), (200, coding), "{accepted}");
            assert_eq!(unpacked(&answer), plain.body, "{accepted}");
            assert_eq!(answer.all("vary"), "accept-encoding", "{accepted}");
            // Other bytes than those that the strong one names.
            let tag = if coding.is_some() { "W/\"seven\"" } else { "\"seven\"" };
            assert_eq!(answer.header("etag"), Some(tag), "{accepted}");
            assert!(coding.is_none() || answer.body.len() * 10 < plain.body.len(), "{accepted}");
        }
    }
}

#[tokio::test]
async fn small_bodies_stay_as_they_are_unless_that_is_refused() {
    let kernel = Kernel::start().await;
    let small = kernel.get_with("/api/v1/sized?bytes=1023", "accept-encoding: gzip\r\n").await;
    assert_eq!((small.body.len(), small.header("content-encoding"), small.header("vary")), (1023, None, None));
    let large = kernel.get_with("/api/v1/sized?bytes=1024", "accept-encoding: gzip\r\n").await;
    assert_eq!(large.header("content-encoding"), Some("gzip"));
    let refused = kernel.get_with("/api/v1/sized?bytes=100", "accept-encoding: br, identity;q=0\r\n").await;
    assert_eq!((refused.header("content-encoding"), unpacked(&refused).len()), (Some("br"), 100));
}

#[tokio::test]
async fn a_head_has_the_headers_of_the_get() {
    let kernel = Kernel::start().await;
    for headers in ["", "accept-encoding: gzip\r\n", "accept-encoding: br\r\n"] {
        for path in ["/api/v1/sized", "/problems"] {
            let get = kernel.get_with(path, headers).await;
            let head = kernel.send(&format!("HEAD {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n")).await;
            let comparable = |answer: &Answer| {
                let mut headers = answer.headers.clone();
                headers.retain(|(name, _)| name != "date" && name != "x-request-id");
                // Their order means nothing, and the length of a body that is sent comes last.
                headers.sort();
                (answer.status, headers)
            };
            assert_eq!(comparable(&head), comparable(&get), "{path} {headers}");
        }
    }
}

#[tokio::test]
async fn what_the_handler_varies_by_is_kept() {
    let kernel = Kernel::start().await;
    let answer = kernel.get_with("/problems", "accept-encoding: gzip\r\n").await;
    assert_eq!((answer.header("content-encoding"), &*answer.all("vary")), (Some("gzip"), "accept, accept-encoding"));
}
