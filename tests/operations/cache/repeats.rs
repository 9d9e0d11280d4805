//! Answers that are given again without their handlers: the same as the first ones, under the same rules.

use std::collections::BTreeMap;

use actors::cache::Namespace;
use domain::{cache::Tag, ids::EventId};
use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::freshness::{rename, settings};
use crate::support::{Answer, Api, EventBuilder, TestServer, until};

const LIST: &str = "/api/v1/events?limit=5&sort=title";
/// What differs from answer to answer.
const OWN: [&str; 3] = ["x-request-id", "ratelimit", "date"];

/// Answers given again so far.
fn repeats(server: &TestServer) -> u64 {
    server.running.cache.cache.overview().namespaces.iter().map(|(_, _, counted)| counted.repeated).sum()
}

/// Asks in any manner: bodies come as they are sent, which may be compressed.
async fn ask(api: &Api, path: &str, headers: &[(&'static str, &str)]) -> Answer {
    let request = api.http.get(format!("{}{path}", api.base));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, body: response.bytes().await.unwrap() }
}

fn head(answer: &Answer) -> BTreeMap<String, String> {
    let pairs = answer.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    pairs.filter(|(name, _)| !OWN.contains(&&**name)).collect()
}

/// Asks until the answer is one that was given before: the first ones make it, and its form.
async fn repeated(server: &TestServer, path: &str, headers: &[(&'static str, &str)]) -> Answer {
    let mut answer = None;
    until("an answer is given again", async || {
        let before = repeats(server);
        answer = Some(ask(&server.api, path, headers).await);
        repeats(server) > before
    })
    .await;
    answer.unwrap()
}

#[tokio::test]
async fn an_answer_given_again_is_the_one_that_was_given() {
    let server = settings().set("BOXOFFICE__HTTP__TRUSTED_PROXIES", "127.0.0.0/8").start().await;
    let event = server.event(EventBuilder::ga(10).title("Here")).await;
    for _ in 0..6 {
        server.event(EventBuilder::ga(10)).await;
    }
    let paths = [LIST.to_owned(), format!("/api/v1/events/{}", event.id), format!("/api/v1/venues/{}", event.venue)];
    for path in &paths {
        for accepts in ["identity", "gzip", "gzip, deflate, br, zstd"] {
            for secure in ["http", "https"] {
                let headers = [("accept-encoding", accepts), ("x-forwarded-proto", secure)];
                let first = ask(&server.api, path, &headers).await;
                let again = repeated(&server, path, &headers).await;
                assert_eq!((again.status, &again.body, head(&again)), (200, &first.body, head(&first)), "{headers:?}");
                assert_eq!(again.header("strict-transport-security").is_some(), secure == "https");
                assert!(again.header("ratelimit-policy").is_none() && again.header("ratelimit").is_none());
                let etag = first.etag();
                for known in [&*etag, "*", &format!("\"x\", W/{etag}")] {
                    let headers = [headers[0], headers[1], ("if-none-match", known)];
                    let first = ask(&server.api, path, &headers).await;
                    let again = repeated(&server, path, &headers).await;
                    assert_eq!((again.status, again.body.len(), head(&again)), (304, 0, head(&first)), "{headers:?}");
                }
                let headers = [headers[0], headers[1], ("if-none-match", "\"x\"")];
                assert_eq!(repeated(&server, path, &headers).await.body, first.body);
            }
        }
    }
}

#[tokio::test]
async fn each_answer_has_its_own_request_id() {
    let server = settings().start().await;
    server.event(EventBuilder::ga(10)).await;
    let own = repeated(&server, LIST, &[("x-request-id", "mine-1")]).await;
    assert_eq!(own.header("x-request-id"), Some("mine-1"));
    let ids = [repeated(&server, LIST, &[]).await, repeated(&server, LIST, &[]).await]
        .map(|answer| answer.header("x-request-id").unwrap().to_owned());
    assert!(ids[0] != ids[1] && !ids.contains(&"mine-1".to_owned()), "{ids:?}");
}

/// Watches that nothing is refused less because it was answered before.
#[tokio::test]
async fn what_is_refused_is_refused_at_an_address_that_is_repeated() {
    let server = settings().start().await;
    server.event(EventBuilder::ga(10)).await;
    let first = repeated(&server, LIST, &[]).await;
    let before = repeats(&server);
    for (header, status) in [
        (("accept", "text/csv"), 406),
        (("api-version", "2"), 400),
        (("content-encoding", "gzip"), 415),
        (("accept-encoding", "identity;q=0, *;q=0"), 406),
    ] {
        assert_eq!(ask(&server.api, LIST, &[header]).await.status, status, "{header:?}");
    }
    let headed = server.api.send(Method::HEAD, LIST, None, None).await;
    assert_eq!((headed.status, headed.body.len()), (200, 0));
    assert_eq!(headed.header("content-length"), Some(&*first.body.len().to_string()));
    assert_eq!(server.api.send(Method::OPTIONS, LIST, None, None).await.status, 204);
    assert_eq!(server.api.send(Method::DELETE, LIST, None, None).await.status, 405);
    assert_eq!(repeats(&server), before);
    // A body is no reason to refuse, and has to be read.
    let request = server.api.http.get(format!("{}{LIST}", server.api.base)).body("{}");
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(repeats(&server), before);
}

/// Watches that two servers can't see two requests in the bytes of one because it was answered before.
#[tokio::test]
async fn a_head_with_two_hosts_is_refused_at_an_address_that_is_repeated() {
    let server = settings().start().await;
    server.event(EventBuilder::ga(10)).await;
    repeated(&server, LIST, &[]).await;
    for (hosts, status) in [("host: a\r\n", "200"), ("host: a\r\nhost: b\r\n", "400"), ("", "400")] {
        let mut socket = TcpStream::connect(server.running.address).await.unwrap();
        socket.write_all(format!("GET {LIST} HTTP/1.1\r\n{hosts}connection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.unwrap();
        assert!(answer.starts_with(format!("HTTP/1.1 {status} ").as_bytes()), "{hosts:?}");
    }
}

/// Watches that answers that are given again count, and say how many are left.
#[tokio::test]
async fn answers_given_again_are_limited() {
    let settings = settings().set("BOXOFFICE__RATE_LIMIT__TRUSTED", "").set("BOXOFFICE__RATE_LIMIT__PUBLIC", "20/1h");
    let server = settings.start().await;
    server.event(EventBuilder::ga(10)).await;
    let mut left = Vec::new();
    let refused = loop {
        let answer = server.api.get(LIST).await;
        if answer.status != 200 {
            break answer;
        }
        assert_eq!(answer.header("ratelimit-policy"), Some("\"public\";q=20;w=3600"));
        let limit = answer.header("ratelimit").unwrap();
        left.push(limit.split(";r=").nth(1).unwrap().split(';').next().unwrap().parse::<u32>().unwrap());
    };
    assert_eq!(left, (0..20).rev().collect::<Vec<u32>>(), "each counts once");
    assert!(repeats(&server) >= 15);
    refused.problem(429, "RATE_001");
    assert!(refused.header("retry-after").is_some());
    // Elsewhere on this network nobody is answered either.
    server.api.get("/api/v1/venues").await.problem(429, "RATE_001");
}

#[tokio::test]
async fn a_change_ends_what_is_given_again() {
    let server = settings().start().await;
    let event = server.event(EventBuilder::ga(10).title("Old")).await;
    let path = format!("/api/v1/events/{}", event.slug);
    for round in 0..5 {
        let etag = repeated(&server, &path, &[]).await.etag();
        let title = format!("New {round}");
        rename(&server.client, event.id, &title).await;
        server.running.cache.cache.invalidate(&[Tag::Event(EventId(event.id))]);
        let answer = ask(&server.api, &path, &[("if-none-match", &etag)]).await;
        assert_eq!((answer.status, &answer.ok()["title"]), (200, &json!(title)));
        assert_eq!(repeated(&server, &path, &[]).await.ok()["title"], json!(title));
    }
}

/// Watches that a page of another site is answered by what it is, not by what another asker was told.
#[tokio::test]
async fn a_page_of_another_site_is_told_its_own_name() {
    let origins = "https://shop.example,https://app.example";
    let server = settings().set("BOXOFFICE__HTTP__CORS_ORIGINS", origins).start().await;
    server.event(EventBuilder::ga(10)).await;
    let plain = repeated(&server, LIST, &[]).await;
    assert_eq!(plain.header("access-control-allow-origin"), None);
    for origin in ["https://shop.example", "https://app.example"] {
        for _ in 0..3 {
            let answer = ask(&server.api, LIST, &[("origin", origin)]).await;
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        }
    }
    let stranger = repeated(&server, LIST, &[("origin", "https://evil.example")]).await;
    assert_eq!(stranger.header("access-control-allow-origin"), None);
    assert_eq!(head(&stranger), head(&plain));
}

/// Watches that time goes on for an answer that is given again: it is read again although nobody asks for it in another way.
#[tokio::test]
async fn an_answer_given_again_is_read_anew_in_time() {
    let settings = settings().set("BOXOFFICE__CACHE__FRESH", "200ms").set("BOXOFFICE__CACHE__STALE", "200ms");
    let server = settings.start().await;
    let event = server.event(EventBuilder::ga(10).title("Old")).await;
    let path = format!("/api/v1/events/{}", event.id);
    repeated(&server, &path, &[]).await;
    rename(&server.client, event.id, "New").await;
    until("the new title is shown", async || server.api.get(&path).await.ok()["title"] == json!("New")).await;
    let loads =
        |(name, _, counted): &(Namespace, _, actors::cache::Counted)| (*name == Namespace::Event, counted.loads);
    let overview = server.running.cache.cache.overview();
    let (_, loads) = overview.namespaces.iter().map(loads).find(|(is_it, _)| *is_it).unwrap();
    assert!(loads >= 2);
}
