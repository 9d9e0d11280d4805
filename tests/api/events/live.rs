//! Live availability: a client that applies what a stream tells has what the plain answer shows.

use std::time::Duration;

use domain::{accounts::Role, ids::EventId};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
};
use uuid::Uuid;

use crate::support::{
    EventBuilder, PATIENCE, Settings, TestEvent, TestServer, accounts,
    client::quantity,
    listener::{Listener, Told, patient_client},
    until,
};

async fn shown(server: &TestServer, event: &TestEvent, query: &str) -> Value {
    server.api.get(&event.path(&format!("availability{query}"))).await.ok()
}

fn version(shown: &Value) -> i64 {
    shown["version"].as_i64().unwrap()
}

/// Guards: the snapshot in `History::resume`, the comparison in `changes_since`, `is_wanted`.
#[tokio::test]
async fn a_stream_begins_with_the_plain_answer_and_goes_on_with_what_changes() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::seated(2, 5).and_ga("Standing", 10).and_ga("Box", 3)).await;
    let api = server.signed_in().await;
    api.book(&event, &event.seats([0])).await.created();
    for query in ["", "?seats=true"] {
        let before = shown(&server, &event, query).await;
        let mut listener = Listener::open(&server, &event, query).await;
        for (name, value) in [
            ("content-type", "text/event-stream"),
            ("cache-control", "no-store, no-transform"),
            ("x-accel-buffering", "no"),
        ] {
            assert_eq!(listener.headers()[name], value);
        }
        assert_eq!(listener.event().await, ("snapshot".to_owned(), before.clone()));

        let free = usize::from(!query.is_empty()) * 4 + 1;
        let hold = api.hold(&event, &event.seats([free, free + 1])).await.created();
        listener.until_version(version(&before) + 1).await;
        listener.assert_knows(&shown(&server, &event, query).await);
        api.book(&event, &json!({ "holdId": hold["id"] })).await.created();
        let booked = api.book(&event, &quantity(event.types[1], 4)).await.created();
        let (_, delta) = listener.event().await;
        assert!(delta["ticketTypes"].as_array().unwrap().len() < 3, "the box has not changed: {delta}");
        assert_eq!(delta.get("seats").is_some(), !query.is_empty());
        api.delete(&format!("/api/v1/bookings/{}", booked["id"].as_str().unwrap())).await;
        let after = shown(&server, &event, query).await;
        listener.until_version(version(&after)).await;
        listener.assert_knows(&after);
        assert_eq!(listener.snapshots, 1);
    }
}

/// Guards: the search in `History::resume`, also for one who comes back when nobody has listened meanwhile.
#[tokio::test]
async fn one_who_comes_back_is_told_what_it_missed() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::seated(2, 10)).await;
    let api = server.signed_in().await;
    let query = "?seats=true";
    for others_listen in [false, true] {
        let other = if others_listen { Some(Listener::open(&server, &event, "").await) } else { None };
        let mut listener = Listener::open(&server, &event, query).await;
        listener.event().await;
        listener.leave();
        // Nothing was missed, so nothing is told before something changes.
        let mut listener = listener.resume(&server, &event, query).await;
        let first = usize::from(others_listen) * 10;
        api.book(&event, &event.seats([first])).await.created();
        listener.until_version(version(&shown(&server, &event, query).await)).await;
        assert_eq!((listener.snapshots, listener.deltas), (0, 1));

        let seen = listener.version;
        listener.leave();
        for seat in first + 1..first + 4 {
            api.book(&event, &event.seats([seat])).await.created();
        }
        let mut listener = listener.resume(&server, &event, query).await;
        let after = shown(&server, &event, query).await;
        listener.until_version(version(&after)).await;
        listener.assert_knows(&after);
        assert_eq!(listener.snapshots, 0);
        // The parameter does as the header.
        let path = event.path(&format!("availability?lastEventId={}", seen.unwrap()));
        let mut by_parameter = Listener::of(Listener::ask(&patient_client(), &server, &path, None).await);
        by_parameter.version = seen;
        by_parameter.until_version(version(&after)).await;
        assert_eq!(by_parameter.snapshots, 0);
        drop(other);
    }
}

/// Guards: that `History::resume` compares with what is known; `last_seen`.
#[tokio::test]
async fn one_whose_version_leads_nowhere_begins_anew() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(100)).await;
    let api = server.signed_in().await;
    for _ in 0..3 {
        api.book(&event, &event.places(1)).await.created();
    }
    let after = shown(&server, &event, "").await;
    let path = event.path("availability");
    for id in ["", "nonsense", "-1", "0", "2", "4", "999999999", "99999999999999999999", "3.0"] {
        let mut listener = Listener::of(Listener::ask(&patient_client(), &server, &path, Some(id)).await);
        assert_eq!(listener.event().await, ("snapshot".to_owned(), after.clone()), "{id}");
    }
}

#[tokio::test]
async fn there_is_no_stream_of_what_is_not_to_be_seen() {
    let server = TestServer::start().await;
    let draft = server.event(EventBuilder::ga(10).status("DRAFT")).await;
    let event = server.event(EventBuilder::ga(10)).await;
    let unknown = format!("/api/v1/events/{}/availability", Uuid::now_v7());
    let by_slug = format!("/api/v1/events/{}/availability", event.slug);
    let client = patient_client();
    for path in [draft.path("availability"), unknown, by_slug] {
        assert_eq!(Listener::ask(&client, &server, &path, None).await.status(), 404, "{path}");
    }
    for query in ["?seats=yes", "?colour=red", "?lastEventId=1&lastEventId=2"] {
        let path = event.path(&format!("availability{query}"));
        assert_eq!(Listener::ask(&client, &server, &path, None).await.status(), 422, "{query}");
    }
    // Without a stream it means nothing, and harms nobody: a document of the API can't tell the two apart.
    server.api.get(&event.path("availability?lastEventId=1")).await.ok();
}

/// Guards: coalescing that forgets the last version; a wake-up that is lost between reading and waiting.
#[tokio::test]
async fn every_stream_ends_a_storm_with_what_the_ledger_has() {
    let settings = Settings::default().set("BOXOFFICE__HTTP__STREAM_WINDOW", "20ms");
    let server = settings.start().await;
    let event = server.event(EventBuilder::seated(10, 20).and_ga("Standing", 1_000)).await;
    let mut listeners = JoinSet::new();
    let (told, ledger) = tokio::sync::watch::channel(None);
    for number in 0..20 {
        let query = if number % 2 == 0 { "?seats=true" } else { "" };
        let mut listener = Listener::open(&server, &event, query).await;
        listener.event().await;
        let mut ledger = ledger.clone();
        listeners.spawn(async move {
            // Reads all the while, and knows only at the end how far it must come.
            let end = tokio::select! {
                end = ledger.wait_for(Option::is_some) => end.unwrap().unwrap(),
                () = async { while listener.next().await.is_some() {} } => panic!("the stream ends in a storm"),
            };
            listener.until_version(end).await;
            (query, listener)
        });
    }
    let mut buyers = JoinSet::new();
    for (number, buyer) in server.buyers(20).await.iter().enumerate() {
        let (api, event) = (server.api.of(buyer), event.clone());
        buyers.spawn(async move {
            for round in 0..5 {
                api.book(&event, &event.seats([number * 5 + round])).await.created();
                api.book(&event, &quantity(event.types[1], 1)).await.created();
            }
        });
    }
    buyers.join_all().await;
    told.send_replace(Some(version(&shown(&server, &event, "").await)));
    for (query, listener) in listeners.join_all().await {
        listener.assert_knows(&shown(&server, &event, query).await);
        assert_eq!(listener.snapshots, 1);
    }
    server.audit().await;
}

/// Guards: that the slot outlives its actor, `Directory::remove` and `is_followed` in `stop_if_idle`.
#[tokio::test]
async fn streams_go_on_when_the_inventory_fails_or_idles() {
    let settings = Settings::default().idle_after(Duration::from_millis(100));
    let server = settings.set("BOXOFFICE__HTTP__STREAM_HEARTBEAT", "50ms").start().await;
    let event = server.event(EventBuilder::seated(1, 10)).await;
    let api = server.signed_in().await;
    let mut listener = Listener::open(&server, &event, "?seats=true").await;
    listener.event().await;
    for round in 0..5 {
        api.book(&event, &event.seats([round])).await.created();
        if round % 2 == 0 {
            server.running.inventories.kill(EventId(event.id));
        } else {
            // Idle for longer than an inventory stays without followers.
            let comments = listener.comments;
            while listener.comments < comments + 4 {
                listener.next().await.unwrap();
            }
        }
        let now = api.book(&event, &event.seats([round + 5])).await;
        now.created();
        let after = shown(&server, &event, "?seats=true").await;
        listener.until_version(version(&after)).await;
        listener.assert_knows(&after);
    }
    assert_eq!(listener.snapshots, 1);
}

/// Guards: the heartbeat in `Broadcaster::broadcast`; that a stream counts as a request in progress (`Body::hold`).
#[tokio::test]
async fn a_stream_outlives_the_deadlines_of_requests_and_says_so() {
    let mut settings = Settings::default()
        .set("BOXOFFICE__HTTP__STREAM_HEARTBEAT", "500ms")
        .set("BOXOFFICE__INVENTORY__REQUEST_DEADLINE", "200ms");
    for limit in ["HEADER_TIMEOUT", "IDLE_TIMEOUT", "REQUEST_TIMEOUT", "WRITE_TIMEOUT"] {
        settings = settings.set(&format!("BOXOFFICE__HTTP__{limit}"), "200ms");
    }
    let server = settings.start().await;
    let event = server.event(EventBuilder::ga(10)).await;
    let mut listener = Listener::open(&server, &event, "").await;
    listener.event().await;
    // Longer than an idle connection that was asked to end is given to do so, five seconds.
    for _ in 0..13 {
        assert_eq!(listener.next().await, Some(Told::Comment(String::new())));
    }
}

/// Guards: `Activity::written`; that a broadcaster waits for nobody.
#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_off_and_others_go_on() {
    let server = Settings::default().set("BOXOFFICE__HTTP__WRITE_TIMEOUT", "300ms").start().await;
    let event = server.event(EventBuilder::seated(300, 100).and_ga("Standing", 100)).await;
    let mut listener = Listener::open(&server, &event, "").await;
    listener.event().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stalled: TcpStream = socket.connect(server.running.address).await.unwrap();
    let path = event.path("availability?seats=true");
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n");
    stalled.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 16];
    stalled.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK\r");
    // Takes nothing more. While it is open, a byte of its side is accepted; once it is closed, it is refused.
    until("the connection is cut", async || {
        stalled.write_all(b"\r\n").await.is_err() || stalled.take_error().unwrap().is_some()
    })
    .await;
    server.signed_in().await.book(&event, &quantity(event.types[1], 1)).await.created();
    listener.until_version(version(&shown(&server, &event, "").await)).await;
}

/// Guards: `Live::end` in `Running::stop`, without which the drain waits for its whole time.
#[tokio::test]
async fn a_shutdown_ends_streams_politely_and_does_not_wait_for_them() {
    let server = Settings::default().set("BOXOFFICE__HTTP__DRAIN_TIMEOUT", "10m").start().await;
    let event = server.event(EventBuilder::ga(10)).await;
    let mut listeners = Vec::new();
    for _ in 0..5 {
        let mut listener = Listener::open(&server, &event, "").await;
        listener.event().await;
        listeners.push(listener);
    }
    server.signed_in().await.book(&event, &event.places(1)).await.created();
    let last = version(&shown(&server, &event, "").await);
    tokio::time::timeout(PATIENCE, server.running.stop()).await.expect("the drain waits for the streams");
    for mut listener in listeners {
        listener.until_version(last).await;
        assert_eq!(listener.next().await, Some(Told::Comment("come again".to_owned())));
        assert_eq!(listener.next().await, None);
    }
}

/// Watches that who may see an event is judged again when that changes, and that nothing is told of it from then on.
#[tokio::test]
async fn a_stream_ends_when_its_event_is_not_public_any_more() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(10)).await;
    let row = server.client.query_one("SELECT organizer_id FROM events WHERE id = $1", &[&event.id]).await.unwrap();
    let token = accounts::token(row.get(0), Role::Organizer, Duration::ZERO);
    let mut listener = Listener::open(&server, &event, "").await;
    assert_eq!(listener.event().await.0, "snapshot");
    let path = format!("/api/v1/organizer/events/{}/unpublish", event.id);
    server.api.with_token(&token).send(reqwest::Method::POST, &path, None, None).await.ok();
    assert_eq!(listener.next().await, Some(Told::Comment("come again".to_owned())));
    assert_eq!(listener.next().await, None);
    let again = Listener::ask(&patient_client(), &server, &event.path("availability"), None).await;
    assert_eq!(again.status(), 404);
}

/// Guards: the permit in `Live::open`, and that a `Place` gives it back.
#[tokio::test]
async fn streams_over_the_limit_are_told_to_come_again() {
    let server = Settings::default().set("BOXOFFICE__HTTP__MAX_STREAMS", 1).start().await;
    let event = server.event(EventBuilder::ga(10)).await;
    let listener = Listener::open(&server, &event, "").await;
    let (client, path) = (patient_client(), event.path("availability"));
    let refused = Listener::ask(&client, &server, &path, None).await;
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &"5".parse().unwrap()));
    server.api.get(&path).await.ok();
    drop(listener);
    until("its place is free", async || Listener::ask(&client, &server, &path, None).await.status() == 200).await;
}

/// Guards: the bound of each network, by where clients are and not their proxy.
#[tokio::test]
async fn streams_of_one_network_over_its_limit_leave_the_others_theirs() {
    let settings = Settings::default().set("BOXOFFICE__HTTP__STREAMS_PER_NETWORK", 1);
    let settings =
        settings.set("BOXOFFICE__RATE_LIMIT__TRUSTED", "").set("BOXOFFICE__HTTP__TRUSTED_PROXIES", "127.0.0.0/8");
    let server = settings.start().await;
    let event = server.event(EventBuilder::ga(10)).await;
    let client = |address: &str| {
        let headers = [("x-forwarded-for".parse().unwrap(), address.parse().unwrap())].into_iter().collect();
        reqwest::Client::builder().default_headers(headers).build().unwrap()
    };
    let path = event.path("availability");
    let listener = Listener::of(Listener::ask(&client("192.0.2.1"), &server, &path, None).await);
    let refused = Listener::ask(&client("192.0.2.1"), &server, &path, None).await;
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"5".parse().unwrap()));
    let _other = Listener::of(Listener::ask(&client("192.0.2.2"), &server, &path, None).await);
    drop(listener);
    until("its place is free", async || {
        Listener::ask(&client("192.0.2.1"), &server, &path, None).await.status() == 200
    })
    .await;
}

#[tokio::test]
async fn streams_share_a_connection_of_http2() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::seated(1, 10)).await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let path = event.path("availability?seats=true");
    let mut listeners = Vec::new();
    for _ in 0..10 {
        let response = Listener::ask(&client, &server, &path, None).await;
        assert_eq!(response.version(), http::Version::HTTP_2);
        listeners.push(Listener::of(response));
    }
    let api = server.signed_in().await;
    for seat in 0..3 {
        api.book(&event, &event.seats([seat])).await.created();
    }
    let after = shown(&server, &event, "?seats=true").await;
    for listener in &mut listeners {
        listener.until_version(version(&after)).await;
        listener.assert_knows(&after);
    }
    tokio::time::timeout(PATIENCE, server.running.stop()).await.expect("the drain waits for the streams");
    for mut listener in listeners {
        while listener.next().await.is_some() {}
    }
}
