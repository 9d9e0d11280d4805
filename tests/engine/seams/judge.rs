//! What must be true after a race, no matter who won it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::ids::EventId;
use reqwest::Method;

use super::{
    memory,
    operations::{Operation, Promise, Told},
    race::{Plan, State},
    returns,
    stage::Stage,
};
use crate::support::{Answer, audit::contradictions};

/// For what goes on after the answers.
const SOON: Duration = Duration::from_secs(20);
/// Seats that somebody has and the event does not sell.
const STRAYS: &str = "SELECT count(*) FROM seat_claims x JOIN events v ON v.id = x.event_id
    WHERE x.event_id = $1 AND v.seat_map_version_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM sections c JOIN seat_rows r ON r.section_id = c.id JOIN seats s ON s.row_id = r.id
        WHERE c.seat_map_version_id = v.seat_map_version_id AND coalesce(s.first_id, s.id) = x.seat_id)";

/// Everything that is wrong.
pub(crate) async fn judge(stage: &Arc<Stage>, plan: &Plan, told: &[(&'static Operation, Told)]) -> Vec<String> {
    let mut wrong = Vec::new();
    // Who is followed stays loaded: one that is unloaded forgets what it should have been told.
    let deadline = Instant::now() + SOON;
    let _following = stage.lane.server.running.inventories.follow(EventId(stage.event.id), deadline.into()).await;
    for (operation, told) in told {
        match told {
            Told::Answer(answer) => wrong.extend(may_be_said(operation, answer)),
            Told::System(done) => wrong.extend(done.as_ref().err().map(|error| format!("{}: {error}", operation.name))),
        }
    }
    wrong.extend(cancellations_end(stage).await);
    let client = &stage.lane.watcher;
    wrong.extend(contradictions(client, Some(stage.event.id)).await);
    for (operation, told) in told {
        if let Told::Answer(answer) = told
            && (200..300).contains(&answer.status)
        {
            wrong.extend(is_kept(stage, operation, answer).await);
        }
    }
    let strays: i64 = client.query_one(STRAYS, &[&stage.event.id]).await.unwrap().get(0);
    if strays > 0 {
        wrong.push(format!("{strays} seats are held or sold that the event does not have"));
    }
    wrong.extend(memory::memory_is_right(stage).await);
    wrong.extend(everything_can_be_shown(stage).await);
    wrong.extend(what_is_over_takes_nothing(stage).await);
    wrong.extend(returns::everything_can_be_given_back(stage).await);
    wrong.extend(
        contradictions(client, Some(stage.event.id)).await.into_iter().map(|text| format!("given back: {text}")),
    );
    wrong.extend(nothing_died(stage, plan));
    wrong
}

/// Done, or a refusal that somebody can act on. Never a failure of the server.
fn may_be_said(operation: &Operation, answer: &Answer) -> Option<String> {
    let is_fine = matches!(answer.status, 200..300 | 404 | 409 | 412 | 422);
    (!is_fine).then(|| format!("{}: {} {}", operation.name, answer.status, String::from_utf8_lossy(&answer.body)))
}

/// Whether it is as the answer said.
async fn is_kept(stage: &Stage, operation: &Operation, answer: &Answer) -> Option<String> {
    let (query, id) = match operation.promise {
        Promise::Nothing => return None,
        Promise::Exists => {
            let id = answer.json()["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_default();
            ("SELECT EXISTS (SELECT FROM bookings WHERE id = $1) OR EXISTS (SELECT FROM holds WHERE id = $1)", id)
        }
        Promise::HoldIsReleased => {
            let query = "SELECT status IN ('RELEASED', 'EXPIRED') FROM holds WHERE id = $1";
            (query, stage.hold)
        }
        Promise::HoldIsBooked => ("SELECT status = 'CONVERTED' FROM holds WHERE id = $1", stage.hold),
        Promise::BookingIsCancelled => ("SELECT status = 'CANCELLED' FROM bookings WHERE id = $1", stage.booking),
        Promise::PaidIsCancelled => ("SELECT status = 'CANCELLED' FROM bookings WHERE id = $1", stage.paid),
        Promise::UnpaidIsOver => {
            ("SELECT status IN ('CANCELLED', 'EXPIRED') FROM bookings WHERE id = $1", stage.unpaid)
        }
        Promise::PaidOrGivenBack => {
            let id = answer.json()["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_default();
            let query = "SELECT p.state <> 'SUCCEEDED' OR p.pays_booking OR EXISTS (SELECT FROM refunds r WHERE r.payment_id = p.id)
                FROM payments p WHERE p.id = $1";
            (query, id)
        }
        Promise::BlockIsReleased => ("SELECT status = 'RELEASED' FROM holds WHERE id = $1", stage.block),
    };
    let row = stage.lane.watcher.query_opt(query, &[&id]).await.unwrap();
    let is_kept = row.is_some_and(|row| row.get(0));
    (!is_kept)
        .then(|| format!("{} answered {}, and it is not so: {:?}", operation.name, answer.status, operation.promise))
}

/// The bookings of a cancelled event go after the answer.
async fn cancellations_end(stage: &Stage) -> Option<String> {
    let open = "SELECT count(*) FROM event_cancellations WHERE event_id = $1 AND finished_at IS NULL";
    let began = Instant::now();
    loop {
        let open: i64 = stage.lane.watcher.query_one(open, &[&stage.event.id]).await.unwrap().get(0);
        if open == 0 {
            return None;
        }
        if began.elapsed() > SOON {
            return Some("the bookings of the cancelled event are not cancelled".to_owned());
        }
        stage.lane.server.running.upkeep.upkeep.wake();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What the buyer has, or had, can be looked at.
async fn everything_can_be_shown(stage: &Stage) -> Vec<String> {
    let mut wrong = Vec::new();
    let things = [
        ("holds", stage.hold),
        ("holds", stage.released),
        ("bookings", stage.booking),
        ("bookings", stage.paid),
        ("bookings", stage.unpaid),
        ("bookings", stage.lapsed),
    ];
    for (what, id) in things.into_iter().filter(|(_, id)| !id.is_nil()) {
        let answer = stage.buyer(Method::GET, format!("/api/v1/{what}/{id}"), None).send().await;
        if answer.status != 200 {
            wrong.push(format!("one of the {what} can't be shown: {}", answer.status));
        }
    }
    wrong
}

async fn event_status(stage: &Stage) -> Option<String> {
    let query = "SELECT status::text FROM events WHERE id = $1";
    stage.lane.watcher.query_opt(query, &[&stage.event.id]).await.unwrap().map(|row| row.get(0))
}

/// A cancelled or archived event takes neither blocks nor bookings.
async fn what_is_over_takes_nothing(stage: &Stage) -> Option<String> {
    let status = event_status(stage).await?;
    if !["CANCELLED", "ARCHIVED"].contains(&status.as_str()) {
        return None;
    }
    for (what, call) in [
        ("block", stage.organizer(Method::POST, "/blocks", Some(stage.wish()))),
        ("hold", stage.buyer(Method::POST, stage.event.path("holds"), Some(stage.wish()))),
    ] {
        let answer = call.send().await;
        if !(400..500).contains(&answer.status) {
            return Some(format!("the event is {status}, and a {what} is answered {}", answer.status));
        }
    }
    None
}

/// No inventory died, but for one that was killed, and one that could not know of a change: it was not loaded when that began.
fn nothing_died(stage: &Stage, plan: &Plan) -> Vec<String> {
    let is_killed = plan.state == State::Restarted || plan.first.kills() || plan.second.kills();
    let may_be_stale = plan.state != State::Loaded || is_killed;
    let is_fine = |reason: &str| (is_killed && reason == "killed") || (may_be_stale && reason.contains("stale"));
    crate::support::log::deaths(stage.event.id)
        .into_iter()
        .filter(|reason| !is_fine(reason))
        .map(|reason| format!("the inventory died: {reason}"))
        .collect()
}
