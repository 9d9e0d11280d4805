//! Events move between versions of their seat map while they sell, on one node and on two.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use uuid::Uuid;

use super::{OWN, organizer, places, seat_maps::layout, seated::Seated};
use crate::support::{Api, Settings, TestServer, until};

/// Claims on seats that the event's version does not have. Between two moves there is none, however many are made meanwhile.
const STRAYS: &str = "SELECT count(*) FROM seat_claims x WHERE x.event_id = $1 AND NOT EXISTS (
    SELECT FROM events e JOIN sections c ON c.seat_map_version_id = e.seat_map_version_id JOIN seat_rows r ON r.section_id = c.id
        JOIN seats s ON s.row_id = r.id WHERE e.id = x.event_id AND coalesce(s.first_id, s.id) = x.seat_id)";

/// What buyers were promised and did not give back: each seat by its words.
type Promised = Vec<(String, Uuid)>;

/// Buyers book, hold and cancel until the event has moved `rounds` times, or was refused to; what they have then, and how often
/// it moved and was refused to.
async fn storm(
    server: &TestServer,
    of: &Seated,
    versions: &[u64],
    rounds: usize,
    mover: &Api,
) -> (Promised, usize, usize) {
    let (is_over, has) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let buyers = server.buyers(6).await;
    let storm = buyers.iter().enumerate().map(|(number, buyer)| {
        let (api, is_over, has) = (server.api.of(buyer), &is_over, &has);
        async move {
            for round in 0.. {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                let Some((words, seat)) = of.some_free(&api, number * 7 + round).await else { continue };
                let what = if round % 3 == 0 { "holds" } else { "bookings" };
                let made = of.promised(&api, what, seat).await;
                match made {
                    Some(id) if round % 2 == 0 => {
                        until("it is given back", async || {
                            [200, 204].contains(&api.delete(&format!("/api/v1/{what}/{id}")).await.status)
                        })
                        .await
                    }
                    Some(_) => has.lock().unwrap().push((words, seat)),
                    None => {}
                }
            }
        }
    });
    let moves = async {
        let (mut moved, mut refused) = (0, 0);
        for round in 0..rounds {
            let answer = of.move_to(mover, versions[round % versions.len()]).await;
            match answer.status {
                200 => {
                    moved += 1;
                    let strays: i64 = server.client.query_one(STRAYS, &[&of.event]).await.unwrap().get(0);
                    assert_eq!(strays, 0, "somebody has a seat that the event does not sell");
                }
                _ => refused += answer.problem(409, "EVENT_003").as_object().map_or(0, |_| 1),
            }
        }
        is_over.store(true, Ordering::Relaxed);
        (moved, refused)
    };
    let (_, (moved, refused)) = tokio::join!(futures_util::future::join_all(storm), moves);
    (has.into_inner().unwrap(), moved, refused)
}

/// Everybody has what they were promised, and nobody anything else.
async fn nothing_is_lost(server: &TestServer, of: &Seated, api: &Api, has: &Promised) {
    let now = of.seats(api).await;
    assert!(!has.is_empty());
    for (words, seat) in has {
        let (id, state) = &now[words];
        assert!(id == seat && state != "FREE", "{words}: {state}");
    }
    let taken = now.values().filter(|(_, state)| state != "FREE").count() as u64;
    let (held, sold, available) = places(api, of.event).await;
    assert_eq!((held + sold, held + sold + available), (taken, now.len() as u64));
    assert_eq!(taken, has.len() as u64, "what was given back is free");
    server.audit().await;
}

/// Three further versions: each leaves out some seats of the back, and some have seats that the others have not.
async fn house(server: &TestServer, api: &Api) -> (Seated, Vec<u64>) {
    let of = Seated::of(server, api, &layout(&[("Stalls", "ABCDEFGH", 12)])).await;
    let mut versions = vec![1];
    for (rows, seats) in [("ABCDEFGH", 10), ("ABCDEFG", 12), ("ABCDEFGHI", 13)] {
        versions.push(of.redraw(api, &layout(&[("Stalls", rows, seats)])).await);
    }
    (of, versions)
}

/// Guards: the pause. Nothing that anybody was promised is lost, moved or sold twice, and nobody is sent away.
#[tokio::test]
async fn versions_move_in_the_middle_of_a_storm() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (of, versions) = house(&server, &api).await;
    let (has, moved, refused) = storm(&server, &of, &versions, 40, &api).await;
    assert!(moved >= 4 && refused > 0, "{moved} moved, {refused} refused");
    nothing_is_lost(&server, &of, &api, &has).await;
    let metrics = Api::of_operators(server.running.operations_address).get("/metrics").await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    let never = "boxoffice_actor_restarts_total{actor=\"inventory\"} 0";
    assert!(metrics.lines().any(|line| line == never), "what was decided before a move was in the ledger before it");
}

/// Guards: that claims are looked at under the quotas' locks, after `plan_changed`. A commit of another node is on its way when the
/// event is about to move: it is waited for, and its seat is somebody's.
#[tokio::test]
async fn a_seat_that_is_taken_at_the_same_moment_stays() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let of = Seated::of(&server, &api, &layout(&[("Stalls", "A", 3)])).await;
    let shorter = of.redraw(&api, &layout(&[("Stalls", "A", 2)])).await;
    let seat = of.seats(&api).await["Stalls/A/3"].0;
    let mut elsewhere = server.db.connect().await;
    // The order of `ledger_commit`.
    let commit = elsewhere.transaction().await.unwrap();
    let counted = "UPDATE quotas SET held = held + 1, version = version + 1 WHERE event_id = $1";
    commit.execute(counted, &[&of.event]).await.unwrap();
    let claim = "INSERT INTO seat_claims (event_id, seat_id, holder_id, sold) VALUES ($1, $2, $2, false)";
    commit.execute(claim, &[&of.event, &seat]).await.unwrap();
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let lands = async {
        until("the move waits", async || server.client.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 1)
            .await;
        commit.commit().await.unwrap();
    };
    let (moved, ()) = tokio::join!(of.move_to(&api, shorter), lands);
    moved.problem(409, "EVENT_003");
}

/// Guards: `plan_changed` in the move, under load. Another node moves the event, and nothing pauses the one that sells.
#[tokio::test]
async fn versions_are_moved_by_another_node_in_the_middle_of_a_storm() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (of, versions) = house(&server, &api).await;
    let elsewhere = boxoffice::serve::start(Settings::default().node("elsewhere").config(&server.db)).await.unwrap();
    let there = Api::new(elsewhere.address).with_token(api.token().unwrap());
    let (has, moved, _) = storm(&server, &of, &versions, 40, &there).await;
    assert!(moved >= 4, "{moved} moved");
    until("it is there again", async || {
        api.get(&format!("/api/v1/events/{}/availability", of.event)).await.status == 200
    })
    .await;
    let last = api.get(&format!("{OWN}/{}/seat-map", of.event)).await.ok()["version"].as_u64().unwrap();
    // Not the picture of a memory that is about to notice.
    of.move_to(&api, last).await.ok();
    server.running.inventories.reload(domain::ids::EventId(of.event));
    nothing_is_lost(&server, &of, &api, &has).await;
    elsewhere.stop().await;
}

/// Guards: `plan_changed` in the move. A node that has not paused decides on the old map, and the ledger does not take it.
#[tokio::test]
async fn a_move_by_another_node_is_noticed() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let of = Seated::of(&server, &api, &layout(&[("Stalls", "A", 3)])).await;
    let shorter = of.redraw(&api, &layout(&[("Stalls", "A", 2)])).await;
    let buyer = server.signed_in().await;
    let at = of.seats(&api).await;
    of.ask(&buyer, "bookings", 0, at["Stalls/A/1"].0).await.created();
    let elsewhere = boxoffice::serve::start(Settings::default().node("elsewhere").config(&server.db)).await.unwrap();
    let there = Api::new(elsewhere.address).with_token(api.token().unwrap());
    of.move_to(&there, shorter).await.ok();
    assert_eq!(of.ask(&buyer, "bookings", 0, at["Stalls/A/3"].0).await.faults()[0].1, "UNKNOWN");
    of.ask(&buyer, "bookings", 0, at["Stalls/A/2"].0).await.created();
    // Where nothing is booked any more, the next look of the sampler finds it.
    of.move_to(&there, 1).await.ok();
    until("the seat is back", async || of.seats(&api).await.contains_key("Stalls/A/3")).await;
    of.move_to(&there, shorter).await.ok();
    server.audit().await;
    elsewhere.stop().await;
}
