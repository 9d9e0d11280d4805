//! Requests of a walk: who asks for what, and what may be answered.

use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

use super::{known::Known, scene::Scene};
use crate::support::{Answer, client::new_key};

/// Tries of a request that is not answered, or answered with a failure that has to be tried again.
const TRIES: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Buyer(usize),
    /// Of this event.
    Organizer(usize),
}

/// What comes of it if it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gives {
    Nothing,
    Hold { sale: usize },
    Booking { sale: usize },
    Payment,
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) who: Who,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) key: Option<String>,
    pub(crate) body: Option<Value>,
    pub(crate) gives: Gives,
}

impl Request {
    pub(crate) fn new(who: Who, method: Method, path: String) -> Self {
        Self { who, method, path: format!("/api/v1{path}"), key: None, body: None, gives: Gives::Nothing }
    }

    /// That creates something, by a key of its own.
    pub(crate) fn post(who: Who, path: String, body: Value) -> Self {
        Self { key: Some(new_key()), body: Some(body), ..Self::new(who, Method::POST, path) }
    }

    pub(crate) fn gives(self, gives: Gives) -> Self {
        Self { gives, ..self }
    }

    /// Without ids, for counting.
    pub(crate) fn kind(&self) -> String {
        let parts = self.path.trim_start_matches("/api/v1").split('/');
        let parts: Vec<&str> = parts.map(|part| if part.parse::<Uuid>().is_ok() { "*" } else { part }).collect();
        format!("{} {}", self.method, parts.join("/"))
    }

    /// Sends it, as a client that repeats what has no answer that stands.
    pub(crate) async fn send(&self, scene: &Scene) -> Option<Answer> {
        let api = match self.who {
            Who::Buyer(buyer) => scene.buyer(buyer),
            Who::Organizer(sale) => scene.organizer(sale),
        };
        let mut last = None;
        for _ in 0..TRIES {
            last = api.try_send(self.method.clone(), &self.path, self.key.as_deref(), self.body.as_ref()).await;
            let is_running = |answer: &Answer| answer.status == 409 && answer.header("retry-after").is_some();
            match &last {
                Some(answer) if answer.status != 503 && answer.status != 502 && !is_running(answer) => break,
                _ => tokio::time::sleep(std::time::Duration::from_millis(40)).await,
            }
        }
        last
    }

    /// Learns from the answer. What is wrong with it.
    pub(crate) fn learn(&self, known: &mut Known, answer: &Answer) -> Vec<String> {
        known.note(self, answer);
        let text = || String::from_utf8_lossy(&answer.body).into_owned();
        if !matches!(answer.status, 200..300 | 404 | 409 | 422 | 502 | 503) {
            return vec![format!("{} is answered {}: {}", self.kind(), answer.status, text())];
        }
        if !(200..300).contains(&answer.status) || answer.body.is_empty() {
            return Vec::new();
        }
        let told = answer.json();
        match (self.gives, self.who) {
            (Gives::Hold { sale }, Who::Buyer(buyer)) => known.hold(sale, buyer, &told),
            (Gives::Booking { sale }, Who::Buyer(buyer)) => known.booking(sale, buyer, &told),
            (Gives::Payment, _) => known.payment(&told),
            _ => {}
        }
        known.refunds(&told);
        if self.key.is_some() {
            known.remember(self, told.clone());
        }
        adds_up(&told).err().map(|fault| format!("{}: {fault}: {told}", self.kind())).into_iter().collect()
    }
}

fn amount(of: &Value) -> Option<Decimal> {
    of["amount"].as_str()?.parse().ok()
}

/// Lines and sums of a quote, a hold or a booking.
fn adds_up(told: &Value) -> Result<(), String> {
    let Some((items, total)) = told["items"].as_array().zip(amount(&told["total"])) else { return Ok(()) };
    let of_lines = |part: &str| items.iter().map(|item| amount(&item[part])).sum::<Option<Decimal>>();
    let lines = (of_lines("price"), of_lines("discount"), of_lines("fee"), of_lines("tax"));
    let (Some(price), Some(discount), Some(fee), Some(tax)) = lines else {
        return Err("a line lacks a part".to_owned());
    };
    let sums = (amount(&told["discount"]), amount(&told["fees"]), amount(&told["tax"]));
    if sums != (Some(discount), Some(fee), Some(tax)) {
        return Err("the lines are not the sums".to_owned());
    }
    let on_top = if told["taxIncluded"] == true { Decimal::ZERO } else { tax };
    if total != price - discount + fee + on_top {
        return Err("the sums are not the total".to_owned());
    }
    match amount(&told["refunded"]) {
        Some(refunded) if refunded > total => Err("more goes back than was paid".to_owned()),
        _ => Ok(()),
    }
}
