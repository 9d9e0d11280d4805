//! An event that sells a seat map of its organizer's.

use std::collections::HashMap;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    OWN, act, draft,
    seat_maps::{MAPS, drawn},
};
use crate::support::{
    Answer, Api, TestServer,
    client::{new_key, seats, uuid},
};

/// A published event of the organizer's that sells the sections of a map of theirs, each as a ticket type; places are free.
pub(crate) struct Seated {
    pub(crate) event: Uuid,
    pub(crate) map: Uuid,
    /// By section.
    pub(crate) kinds: Vec<Uuid>,
}

impl Seated {
    pub(crate) async fn of(server: &TestServer, api: &Api, shape: &Value) -> Self {
        let mut body = draft(server).await;
        let map = drawn(api, MAPS, uuid(&body["venueId"]), shape).await;
        body["seatMapId"] = json!(map);
        let event = uuid(&api.post(OWN, &body).await.created()["id"]);
        let path = format!("{OWN}/{event}");
        let quota = json!({ "name": "House", "capacity": 1000 });
        let quota = api.post(&format!("{path}/quotas"), &quota).await.created();
        let sold = api.get(&format!("{path}/seat-map")).await.ok();
        let mut kinds = Vec::new();
        for section in sold["sections"].as_array().unwrap() {
            let price = json!({ "amount": "0", "currency": "EUR" });
            let kind =
                json!({ "name": section["name"], "quotaId": quota["id"], "price": price, "sections": [section["id"]] });
            kinds.push(uuid(&api.post(&format!("{path}/ticket-types"), &kind).await.created()["id"]));
        }
        act(api, event, "publish").await.ok();
        Self { event, map, kinds }
    }

    /// The number of a new version of the map.
    pub(crate) async fn redraw(&self, api: &Api, shape: &Value) -> u64 {
        let made = api.post(&format!("{MAPS}/{}/versions", self.map), shape).await.created();
        made["number"].as_u64().unwrap()
    }

    pub(super) async fn move_to(&self, api: &Api, version: u64) -> Answer {
        let path = format!("{OWN}/{}/seat-map", self.event);
        api.send_with(Method::PUT, &path, &[("if-match", "*")], Some(&json!({ "version": version }))).await
    }

    /// Each seat that is for sale, as `Stalls/A/1`.
    pub(super) async fn seats(&self, api: &Api) -> HashMap<String, (Uuid, String)> {
        seats_of(&api.get(&format!("/api/v1/events/{}/availability?seats=true", self.event)).await.ok())
    }

    /// One of the seats that are free, as far as anybody can see it now.
    pub(super) async fn some_free(&self, api: &Api, number: usize) -> Option<(String, Uuid)> {
        let path = format!("/api/v1/events/{}/availability?seats=true", self.event);
        // A node that has to start again too often stays away for a while.
        let shown = api.get(&path).await;
        if shown.status != 200 {
            shown.problem(503, "SERVICE_001");
            return None;
        }
        let mut free: Vec<_> = seats_of(&shown.json()).into_iter().filter(|(_, (_, state))| state == "FREE").collect();
        free.sort();
        free.get(number).or(free.last()).map(|(words, (seat, _))| (words.clone(), *seat))
    }

    /// The id of what was made of the seat; nothing when somebody was faster, or it has just gone with its version.
    pub(super) async fn promised(&self, api: &Api, what: &str, seat: Uuid) -> Option<String> {
        let path = format!("/api/v1/events/{}/{what}", self.event);
        let (key, body) = (new_key(), seats(self.kinds[0], &[seat]));
        loop {
            let answer = api.send(Method::POST, &path, Some(&key), Some(&body)).await;
            match answer.status {
                201 => return Some(answer.json()["id"].as_str().unwrap().to_owned()),
                409 => {
                    answer.problem(409, "BOOKING_002");
                    return None;
                }
                // The outcome is open: the key tells.
                503 => drop(answer.problem(503, "SERVICE_001")),
                _ => {
                    assert!(answer.faults().iter().all(|(_, code)| code == "UNKNOWN"));
                    return None;
                }
            };
        }
    }

    pub(super) async fn ask(&self, api: &Api, what: &str, kind: usize, seat: Uuid) -> Answer {
        let path = format!("/api/v1/events/{}/{what}", self.event);
        api.send(Method::POST, &path, Some(&new_key()), Some(&seats(self.kinds[kind], &[seat]))).await
    }
}

fn seats_of(shown: &Value) -> HashMap<String, (Uuid, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let seat = |seat: &Value| {
        let words = format!("{}/{}/{}", text(&seat["section"]), text(&seat["row"]), text(&seat["label"]));
        (words, (uuid(&seat["id"]), text(&seat["status"])))
    };
    shown["seats"].as_array().unwrap().iter().map(seat).collect()
}
