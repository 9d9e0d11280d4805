//! What clients are sent: codings, validators, 304.

use std::io::Read;

use bytes::Bytes;
use reqwest::{Method, header::HeaderMap};

use super::freshness::settings;
use crate::support::{EventBuilder, TestServer};

const CODINGS: [&str; 3] = ["gzip", "br", "zstd"];
const LIST: &str = "/api/v1/events";

/// A server with a list long enough to be compressed, and a client that takes bodies as they come.
async fn server() -> (TestServer, reqwest::Client) {
    let server = settings().start().await;
    for _ in 0..5 {
        server.event(EventBuilder::ga(10)).await;
    }
    (server, reqwest::Client::new())
}

struct Seen {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn etag(&self) -> String {
        self.header("etag").unwrap().to_owned()
    }
}

async fn ask(server: &TestServer, client: &reqwest::Client, method: Method, headers: &[(&str, &str)]) -> Seen {
    let mut request = client.request(method, format!("http://{}{LIST}", server.running.address));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Seen { status, headers, body: response.bytes().await.unwrap() }
}

fn unpacked(coding: &str, body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match coding {
        "gzip" => flate2::read::GzDecoder::new(body).read_to_end(&mut plain).unwrap(),
        "br" => brotli::Decompressor::new(body, 4096).read_to_end(&mut plain).unwrap(),
        _ => zstd::Decoder::new(body).unwrap().read_to_end(&mut plain).unwrap(),
    };
    plain
}

#[tokio::test]
async fn each_form_says_what_it_is_and_holds_the_same() {
    let (server, client) = server().await;
    let plain = ask(&server, &client, Method::GET, &[]).await;
    assert!(plain.body.len() > 1024 && plain.header("content-encoding").is_none());
    let mut etags = vec![plain.etag()];
    for coding in CODINGS {
        // The first one makes the form, the second one is given it.
        for _ in 0..2 {
            let coded = ask(&server, &client, Method::GET, &[("accept-encoding", coding)]).await;
            assert_eq!((coded.status, coded.header("content-encoding")), (200, Some(coding)));
            assert_eq!(unpacked(coding, &coded.body), plain.body);
            assert_eq!(coded.header("content-length"), Some(&*coded.body.len().to_string()));
            assert!(coded.body.len() * 2 < plain.body.len());
            for name in ["vary", "cache-control", "content-type"] {
                assert_eq!(coded.header(name), plain.header(name), "{name}");
            }
            if !etags.contains(&coded.etag()) {
                etags.push(coded.etag());
            }
        }
    }
    assert_eq!(etags.len(), 4, "one for each form, and always the same: {etags:?}");
    assert!(etags.iter().all(|etag| etag.starts_with('"')), "strong: {etags:?}");
    assert_eq!(plain.header("vary"), Some("accept-encoding"));
    assert_eq!(plain.header("cache-control"), Some("public, max-age=5"));
    let refuses_plain = ask(&server, &client, Method::GET, &[("accept-encoding", "br, identity;q=0")]).await;
    assert_eq!(refuses_plain.header("content-encoding"), Some("br"));
    // A weight of 0 refuses, whatever else is said.
    for (accepts, coding) in [
        ("gzip;q=0", None),
        ("br;q=0, gzip;q=0.1", Some("gzip")),
        ("zstd;q=0, *", Some("gzip")),
        ("gzip;q=0, *;q=0.5", None),
        ("br;q=0.5, identity", None),
        ("br;q=0.0", None),
    ] {
        let seen = ask(&server, &client, Method::GET, &[("accept-encoding", accepts)]).await;
        assert_eq!((seen.status, seen.header("content-encoding")), (200, coding), "{accepts}");
    }
    for refuses_all in ["*;q=0", "identity;q=0", "identity;q=0, gzip;q=0"] {
        let seen = ask(&server, &client, Method::GET, &[("accept-encoding", refuses_all)]).await;
        assert_eq!(seen.status, 406, "{refuses_all}");
    }
}

/// Watches that links to neighbours are kept with the page, in each form and in a 304.
#[tokio::test]
async fn a_page_leads_to_its_neighbours_whoever_gives_it() {
    let (server, client) = server().await;
    let ask = async |headers: &[(&str, &str)]| {
        let mut request = client.get(format!("http://{}{LIST}?limit=2", server.running.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), header("link"), header("etag"))
    };
    let (_, first, etag) = ask(&[]).await;
    assert!(first.as_ref().unwrap().contains("rel=\"next\""), "{first:?}");
    for (headers, status) in [
        (vec![], 200),
        (vec![("accept-encoding", "gzip")], 200),
        (vec![("if-none-match", etag.as_deref().unwrap())], 304),
    ] {
        let again = ask(&headers).await;
        assert_eq!((again.0, again.1), (status, first.clone()), "{headers:?}");
    }
}

#[tokio::test]
async fn who_has_an_answer_is_told_so() {
    let (server, client) = server().await;
    for coding in ["identity", "gzip", "br", "zstd"] {
        let accepts = ("accept-encoding", coding);
        let full = ask(&server, &client, Method::GET, &[accepts]).await;
        let etag = full.etag();
        let weak = format!("W/{etag}");
        let list = format!("\"x\", {weak}, \"y\"");
        for known in [&*etag, &weak, &list, "*"] {
            for method in [Method::GET, Method::HEAD] {
                let seen = ask(&server, &client, method.clone(), &[accepts, ("if-none-match", known)]).await;
                assert_eq!((seen.status, seen.body.len()), (304, 0), "{method} {coding} {known}");
                for name in ["etag", "cache-control", "vary", "content-security-policy"] {
                    assert_eq!(seen.header(name), full.header(name), "{name}");
                }
                for name in ["content-type", "content-encoding", "content-length"] {
                    assert_eq!(seen.header(name), None, "{name}");
                }
            }
        }
        let other = ask(&server, &client, Method::GET, &[accepts, ("if-none-match", "\"x\", y, \"")]).await;
        assert_eq!((other.status, other.body), (200, full.body));
    }
    // Who has another form than the one that would be sent has not got that.
    let gzip = ask(&server, &client, Method::GET, &[("accept-encoding", "gzip")]).await.etag();
    let headers = [("accept-encoding", "br"), ("if-none-match", &*gzip)];
    assert_eq!(ask(&server, &client, Method::GET, &headers).await.status, 200);
}

#[tokio::test]
async fn a_head_is_like_its_get() {
    let (server, client) = server().await;
    for headers in [&[][..], &[("accept-encoding", "br")]] {
        let get = ask(&server, &client, Method::GET, headers).await;
        let head = ask(&server, &client, Method::HEAD, headers).await;
        assert!(head.body.is_empty() && head.status == 200);
        for name in ["content-length", "etag", "content-encoding", "vary", "cache-control", "content-type"] {
            assert_eq!(head.header(name), get.header(name), "{name}");
        }
    }
}

#[tokio::test]
async fn a_small_answer_has_one_form() {
    let server = settings().start().await;
    let client = reqwest::Client::new();
    let plain = ask(&server, &client, Method::GET, &[]).await;
    let coded = ask(&server, &client, Method::GET, &[("accept-encoding", "gzip")]).await;
    assert!(plain.body.len() < 1024);
    assert_eq!((coded.etag(), coded.header("content-encoding"), coded.header("vary")), (plain.etag(), None, None));
    // Unless it is refused; then a cache on the way must not give that form to others.
    let refuses = ask(&server, &client, Method::GET, &[("accept-encoding", "gzip, identity;q=0")]).await;
    assert_eq!((refuses.header("content-encoding"), refuses.header("vary")), (Some("gzip"), Some("accept-encoding")));
    assert_ne!(refuses.etag(), plain.etag());
    assert_eq!(unpacked("gzip", &refuses.body), plain.body);
}
