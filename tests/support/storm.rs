//! A storm of bookings: buyers who ask for one thing after the other, and repeat themselves until they have an answer that
//! stands, whatever happens to the server meanwhile.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use rand::Rng;
use tokio::task::JoinSet;
use tokio_postgres::Client;
use uuid::Uuid;

use super::{
    EventBuilder, TestEvent,
    accounts::add_accounts,
    audit::audit,
    client::{quantity, uuid},
    retry::Stubborn,
    until,
    wire::Told,
};

/// See the module's page.
pub(crate) struct Storm {
    clients: JoinSet<()>,
    stop: Arc<AtomicBool>,
    told: Arc<Mutex<Vec<(String, Told)>>>,
}

/// An event for a storm: seats that run out, and places that do not.
pub(crate) async fn event_of_a_storm(client: &Client) -> TestEvent {
    EventBuilder::seated(20, 20).and_ga("Standing", 1_000_000).create(client).await
}

impl Storm {
    /// So many buyers begin, and go on until [`Storm::end`].
    pub(crate) async fn begin(address: SocketAddr, client: &Client, event: &TestEvent, buyers: usize) -> Self {
        let (stop, told) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let mut clients = JoinSet::new();
        for (number, buyer) in add_accounts(client, buyers, domain::accounts::Role::User).await.into_iter().enumerate()
        {
            let (event, stop, told) = (event.clone(), stop.clone(), told.clone());
            let mut client = Stubborn::new(address, &buyer);
            clients.spawn(async move {
                for request in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let key = format!("{number}-{request}");
                    // Neighbours want the same seats.
                    let body = match request % 2 {
                        0 => event.seats([(number / 2 + request * buyers / 2) % event.seats[0].len()]),
                        _ => quantity(event.types[1], 1),
                    };
                    let answer = client.book(event.id, &key, &body).await;
                    told.lock().unwrap().push((key, answer));
                }
            });
        }
        Self { clients, stop, told }
    }

    /// How many requests have an answer that stands.
    pub(crate) fn answered(&self) -> usize {
        self.told.lock().unwrap().len()
    }

    /// Lets it rage for some more answers.
    pub(crate) async fn rage(&self, random: &mut impl Rng, answers: std::ops::Range<usize>) {
        let enough = self.answered() + random.random_range(answers);
        until("the storm goes on", async || self.answered() >= enough).await;
    }

    /// The bookings that were acknowledged so far.
    pub(crate) fn acknowledged(&self) -> Vec<Uuid> {
        let told = self.told.lock().unwrap();
        told.iter().filter(|(_, told)| told.status == 201).map(|(_, told)| uuid(&told.json()["id"])).collect()
    }

    /// Waits for the last answers: everybody has one that stands, and the ledger has just what they were told.
    pub(crate) async fn end(self, client: &Client) {
        self.stop.store(true, Ordering::Relaxed);
        let mut booked = {
            let Self { clients, told, .. } = self;
            clients.join_all().await;
            let told = told.lock().unwrap();
            for (key, told) in told.iter().filter(|(_, told)| told.status != 201) {
                let code = told.code();
                assert!(told.status == 409 && code == "BOOKING_002", "{key}: {} {:?}", told.status, told.json());
            }
            told.iter()
                .filter(|(_, told)| told.status == 201)
                .map(|(_, told)| uuid(&told.json()["id"]))
                .collect::<Vec<_>>()
        };
        booked.sort_unstable();
        let rows = client.query("SELECT id FROM bookings ORDER BY id", &[]).await.unwrap();
        let written: Vec<Uuid> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(written.len(), booked.len(), "one booking a request that was acknowledged");
        assert_eq!(written, booked, "what was acknowledged is what is written");
        audit(client).await;
    }
}
