//! The steps of a walk.

use futures_util::future::join_all;
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    known::{Known, KnownBooking},
    once_in,
    requests::{Gives, Request, Who},
    scene::{CODES, Scene},
};

/// Ways to pay, the usual ones more often.
const METHODS: [&str; 11] = [
    "sandbox_success",
    "sandbox_success",
    "sandbox_success",
    "card",
    "sandbox_declined",
    "sandbox_action",
    "sandbox_action",
    "sandbox_slow",
    "sandbox_late",
    "sandbox_timeout",
    "sandbox_refund_fails",
];

#[derive(Debug)]
pub(crate) enum Step {
    /// Requests at once.
    Ask(Vec<Request>),
    /// A request that was done before, with its key.
    Repeat(Request, Value),
    /// The gateway tells again what it has told.
    TellAgain,
    /// What it has told before comes as if it were new.
    TellLate,
    Crash,
}

impl Step {
    pub(crate) fn choose(random: &mut StdRng, scene: &Scene, known: &mut Known) -> Self {
        match random.random_range(0..1000) {
            0..8 => Self::Crash,
            8..30 => Self::TellAgain,
            30..55 => Self::TellLate,
            55..110 => match known.done.choose(random) {
                Some((request, told)) => Self::Repeat(request.clone(), told.clone()),
                None => Self::Ask(vec![places(random, scene)]),
            },
            110..114 => Self::Ask(cancel_event(random, scene, known)),
            114..380 => Self::Ask(vec![places(random, scene)]),
            380..480 => Self::Ask(of_hold(random, scene, known)),
            _ => Self::Ask(of_booking(random, scene, known)),
        }
    }

    /// Takes it. What was wrong with its answers.
    pub(crate) async fn take(&self, scene: &mut Scene, known: &mut Known) -> Vec<String> {
        match self {
            Self::Ask(requests) => {
                let answers = join_all(requests.iter().map(|request| request.send(scene))).await;
                let told = requests.iter().zip(answers);
                told.flat_map(|(request, answer)| match answer {
                    Some(answer) => request.learn(known, &answer),
                    None => vec![format!("{} is not answered", request.kind())],
                })
                .collect()
            }
            Self::Repeat(request, told) => repeat(scene, known, request, told).await,
            Self::TellAgain => {
                known.count("told again");
                let again = "UPDATE sandbox_documents SET due_at = now() WHERE id IN (
                    SELECT id FROM sandbox_documents WHERE kind = 'message' AND due_at IS NULL ORDER BY random() LIMIT 5)";
                scene.client.execute(again, &[]).await.unwrap();
                Vec::new()
            }
            Self::TellLate => {
                known.count("told late");
                // Each as another message, and some after others that the gateway tells meanwhile.
                let late = "INSERT INTO sandbox_documents (id, kind, created_at, due_at, body)
                    SELECT new, 'message', now(), now() + random() * interval '2 s',
                        jsonb_set(jsonb_set(body, '{event,id}', to_jsonb(new)), '{tries}', '0')
                    FROM (SELECT body, 'evt_' || replace(gen_random_uuid()::text, '-', '') AS new FROM sandbox_documents
                        WHERE kind = 'message' ORDER BY random() LIMIT 4) AS told";
                scene.client.execute(late, &[]).await.unwrap();
                Vec::new()
            }
            Self::Crash => {
                known.count("crash");
                scene.crash().await;
                Vec::new()
            }
        }
    }
}

/// The same request again: the same thing, whatever has become of it since.
async fn repeat(scene: &Scene, known: &mut Known, request: &Request, told: &Value) -> Vec<String> {
    let Some(answer) = request.send(scene).await else { return vec![format!("{} is not answered", request.kind())] };
    known.count("repeated");
    if !(200..300).contains(&answer.status) {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        return vec![format!("{} is done, and then answered {}: {text}", request.kind(), answer.status)];
    }
    let again = answer.json();
    // What is shown beside the booking, such as the name of its event, may change.
    let is_same = ["id", "total", "amount", "bookingId"].iter().all(|member| again[member] == told[member]);
    let is_same = is_same && (request.gives != Gives::Payment || again["status"] == told["status"]);
    (!is_same).then(|| format!("{} was told {told}, and then {again}", request.kind())).into_iter().collect()
}

/// A wish for places: to know what they cost, to hold them, or to book them.
fn places(random: &mut StdRng, scene: &Scene) -> Request {
    let (sale, buyer) = (random.random_range(0..scene.sales.len()), random.random_range(0..scene.buyers.len()));
    let event = &scene.sales[sale].event;
    let items = match random.random_range(0..6) {
        0 => json!([{ "ticketTypeId": event.types[2], "quantity": random.random_range(1..4), "bestAvailable": true }]),
        1 => {
            let seats = &event.seats[2];
            let at = random.random_range(0..seats.len());
            json!([{ "ticketTypeId": event.types[2], "seatIds": [seats[at]] }])
        }
        2 => json!([
            { "ticketTypeId": event.types[0], "quantity": random.random_range(1..3) },
            { "ticketTypeId": event.types[1], "quantity": 1 },
        ]),
        _ => json!([{ "ticketTypeId": event.types[0], "quantity": random.random_range(1..5) }]),
    };
    let mut body = json!({ "items": items });
    if once_in(random, 3) {
        body["promoCode"] = json!(CODES[random.random_range(0..CODES.len())]);
    }
    let who = Who::Buyer(buyer);
    match random.random_range(0..10) {
        0 => Request { body: Some(body), ..Request::new(who, Method::POST, format!("/events/{}/quotes", event.id)) },
        1..5 => Request::post(who, format!("/events/{}/holds", event.id), body).gives(Gives::Hold { sale }),
        _ => {
            if once_in(random, 3) {
                body["attendees"] = json!([{ "name": "Ada Lovelace" }]);
            }
            Request::post(who, format!("/events/{}/bookings", event.id), body).gives(Gives::Booking { sale })
        }
    }
}

/// Something about a hold, perhaps two things at once.
fn of_hold(random: &mut StdRng, scene: &Scene, known: &Known) -> Vec<Request> {
    let Some(hold) = known.holds.choose(random).copied() else { return vec![places(random, scene)] };
    let who = Who::Buyer(hold.buyer);
    let count = if once_in(random, 4) { 2 } else { 1 };
    let one = |random: &mut StdRng| match random.random_range(0..8) {
        0 => Request::new(who, Method::DELETE, format!("/holds/{}", hold.id)),
        1..3 => Request::new(who, Method::POST, format!("/holds/{}/extensions", hold.id)),
        _ => {
            let event = &scene.sales[hold.sale].event;
            let request = Request::post(who, format!("/events/{}/bookings", event.id), json!({ "holdId": hold.id }));
            request.gives(Gives::Booking { sale: hold.sale })
        }
    };
    (0..count).map(|_| one(random)).collect()
}

/// Something about a booking, perhaps several things at once.
fn of_booking(random: &mut StdRng, scene: &Scene, known: &Known) -> Vec<Request> {
    // Mostly one of the latest: what is older is over or paid.
    let latest = known.bookings.len().saturating_sub(if once_in(random, 3) { 24 } else { 4 });
    let Some(booking) = known.bookings[latest..].choose(random) else { return vec![places(random, scene)] };
    let count = [1, 1, 1, 2, 3][random.random_range(0..5)];
    let mut requests: Vec<Request> = (0..count).map(|_| about(random, booking)).collect();
    if count == 2 && once_in(random, 2) {
        // A double click: the same request twice, with its key or each with its own.
        requests[1] = requests[0].clone();
        if once_in(random, 2) && requests[1].key.is_some() {
            requests[1].key = Some(crate::support::client::new_key());
        }
    }
    requests
}

fn about(random: &mut StdRng, booking: &KnownBooking) -> Request {
    let (buyer, organizer) = (Who::Buyer(booking.buyer), Who::Organizer(booking.sale));
    let of = |rest: &str| format!("/bookings/{}{rest}", booking.id);
    let managed = |rest: &str| format!("/organizer/bookings/{}{rest}", booking.id);
    match random.random_range(0..100) {
        0..52 => {
            let method =
                if once_in(random, 12) { "bank_transfer" } else { METHODS[random.random_range(0..METHODS.len())] };
            Request::post(buyer, of("/payments"), json!({ "method": method })).gives(Gives::Payment)
        }
        52..64 => match booking.payments.choose(random) {
            Some(payment) => {
                let outcome = if once_in(random, 3) { "fail" } else { "succeed" };
                let path = format!("/sandbox/payments/{payment}/actions");
                Request { body: Some(json!({ "outcome": outcome })), ..Request::new(buyer, Method::POST, path) }
            }
            None => Request::new(buyer, Method::GET, of("")),
        },
        64..70 => Request::new(buyer, Method::DELETE, of("")),
        70..77 => Request::post(buyer, of("/cancellations"), json!({ "itemIds": some(random, booking) })),
        77..80 => Request::new(buyer, Method::GET, of(["", "/payments", "/refunds"][random.random_range(0..3)])),
        80..84 => {
            let method = ["cash", "bank", "complimentary"][random.random_range(0..3)];
            Request::post(organizer, managed("/payments"), json!({ "method": method }))
        }
        84..90 => {
            let cents = Decimal::new(random.random_range(1..4000), 2);
            let amount = json!({ "amount": cents.to_string(), "currency": "EUR" });
            Request::post(organizer, managed("/refunds"), json!({ "amount": amount, "reason": "Of our own accord" }))
        }
        90..95 => {
            let body = json!({ "itemIds": some(random, booking), "reason": "A broken seat" });
            Request::post(organizer, managed("/refunds"), body)
        }
        95..96 => {
            let body = json!({ "itemIds": some(random, booking), "reason": "The band is ill" });
            Request::post(organizer, managed("/cancellations"), body)
        }
        _ => match booking.failed.choose(random) {
            Some(refund) => {
                let body = json!({ "byHand": once_in(random, 2) });
                Request::post(organizer, managed(&format!("/refunds/{refund}/retry")), body)
            }
            None => Request::new(organizer, Method::GET, managed("")),
        },
    }
}

fn some(random: &mut StdRng, booking: &KnownBooking) -> Vec<uuid::Uuid> {
    let count = random.random_range(1..=booking.items.len());
    booking.items.choose_multiple(random, count).copied().collect()
}

/// Of an event that was not cancelled yet, unless only one is left.
fn cancel_event(random: &mut StdRng, scene: &Scene, known: &mut Known) -> Vec<Request> {
    let left: Vec<usize> = (0..scene.sales.len()).filter(|sale| !known.cancelled.contains(sale)).collect();
    let Some(sale) = left.choose(random).filter(|_| left.len() > 1) else { return vec![places(random, scene)] };
    known.cancelled.push(*sale);
    let path = format!("/organizer/events/{}/cancel", scene.sales[*sale].event.id);
    vec![Request::new(Who::Organizer(*sale), Method::POST, path)]
}
