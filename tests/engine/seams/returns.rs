//! Whether everything can be given back.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::{memory, stage::Stage};

/// For what was about to expire.
const SOON: Duration = Duration::from_secs(20);
const TAKEN: &str = "SELECT id, false AS booking, kind = 'BLOCK' AS block FROM holds
        WHERE event_id = $1 AND status = 'ACTIVE'
    UNION ALL SELECT id, true, false FROM bookings WHERE event_id = $1 AND status IN ('CONFIRMED', 'PENDING_PAYMENT')";

/// What is given back.
#[derive(Clone, Copy, Debug)]
enum Thing {
    Hold(Uuid),
    Block(Uuid),
    Booking(Uuid),
}

/// Each hold can be booked or released, each booking cancelled, each block given free; then all places are free.
pub(crate) async fn everything_can_be_given_back(stage: &Stage) -> Vec<String> {
    let mut wrong = Vec::new();
    for thing in taken(stage).await {
        let thing = match thing {
            // Every other one.
            Thing::Hold(id) if id.as_bytes()[15] & 1 == 0 => match book(stage, id).await {
                Ok(Some(booking)) => Thing::Booking(booking),
                Ok(None) => thing,
                Err(error) => {
                    wrong.push(error);
                    thing
                }
            },
            thing => thing,
        };
        wrong.extend(give_back(stage, thing).await);
    }
    let began = Instant::now();
    // What expired a moment ago can't be given back any more, and goes by itself.
    while wrong.is_empty() && !taken(stage).await.is_empty() {
        if began.elapsed() > SOON {
            wrong.push(format!("neither given back nor expired: {:?}", taken(stage).await));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    if wrong.is_empty() {
        wrong.extend(memory::all_is_free(stage).await);
    }
    wrong
}

async fn taken(stage: &Stage) -> Vec<Thing> {
    let rows = stage.lane.watcher.query(TAKEN, &[&stage.event.id]).await.unwrap();
    let thing = |row: &tokio_postgres::Row| match (row.get(1), row.get(2)) {
        (true, _) => Thing::Booking(row.get(0)),
        (_, true) => Thing::Block(row.get(0)),
        _ => Thing::Hold(row.get(0)),
    };
    rows.iter().map(thing).collect()
}

/// The booking that the hold became; none when that is refused.
async fn book(stage: &Stage, hold: Uuid) -> Result<Option<Uuid>, String> {
    let body = json!({ "holdId": hold });
    let answer = stage.buyer(Method::POST, stage.event.path("bookings"), Some(body)).send().await;
    match answer.status {
        201 => Ok(answer.json()["id"].as_str().and_then(|id| id.parse().ok())),
        404 | 409 | 422 => Ok(None),
        status => Err(format!("a hold that is to be booked: {status} {}", answer.json())),
    }
}

async fn give_back(stage: &Stage, thing: Thing) -> Option<String> {
    let call = match thing {
        Thing::Booking(id) => stage.buyer(Method::DELETE, format!("/api/v1/bookings/{id}"), None),
        Thing::Block(id) => stage.organizer(Method::DELETE, &format!("/blocks/{id}"), None),
        Thing::Hold(id) => stage.buyer(Method::DELETE, format!("/api/v1/holds/{id}"), None),
    };
    let answer = call.send().await;
    // A hold may have expired a moment ago.
    let is_fine = matches!((answer.status, thing), (200..300, _) | (404, Thing::Hold(_)));
    let text = || format!("{thing:?} can't be given back: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
    (!is_fine).then(text)
}
