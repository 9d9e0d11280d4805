//! Where a walk takes place: a server that may be killed, events, and those who buy.

use domain::accounts::Role;
use rand::{Rng, rngs::StdRng};
use tokio_postgres::Client;

use crate::{
    money::till::{Sale, Terms},
    support::{Api, Buyer, ChildServer, EventBuilder, Settings, TestDatabase, accounts::add_accounts},
};

const EVENTS: usize = 4;
const BUYERS: usize = 6;

/// How long bookings wait for their payment, by card and by transfer, and holds at most.
const SECONDS: (i32, i32, i32) = (5, 7, 9);
const TERMS: [Terms; 4] = [
    Terms { seconds: SECONDS, ..Terms::PLAIN },
    Terms { tax_rate: "0.19", keeps: "0.10", seconds: SECONDS, ..Terms::PLAIN },
    Terms {
        tax_rate: "0.077",
        tax_included: false,
        fees: r#"[{ "name": "Service", "kind": "PERCENT", "value": "0.055", "cap": "2.00" }]"#,
        keeps: "0.333",
        seconds: SECONDS,
    },
    Terms {
        tax_rate: "0.20",
        tax_included: true,
        fees: r#"[{ "name": "Post", "kind": "FIXED_PER_BOOKING", "value": "4.99" },
            { "name": "Hall", "kind": "FIXED_PER_TICKET", "value": "0.75" }]"#,
        keeps: "1",
        seconds: SECONDS,
    },
];

/// The codes of each event.
pub(crate) const CODES: [&str; 4] = ["THIRD", "LAST", "GIFT", "NOBODY"];

/// See the module's page.
pub(crate) struct Scene {
    pub(crate) server: ChildServer,
    pub(crate) sales: Vec<Sale>,
    pub(crate) buyers: Vec<Buyer>,
    /// Looks at the tables.
    pub(crate) client: Client,
    _database: TestDatabase,
}

impl Scene {
    pub(crate) async fn set(random: &mut StdRng) -> Self {
        let database = TestDatabase::migrated().await;
        let client = database.connect().await;
        let mut sales = Vec::new();
        for _ in 0..EVENTS {
            let event = EventBuilder::ga(40).price("19.99").and_ga("Child", 20).price("0");
            let event = event.and_seated("Stalls", 4, 8).price("33.33").per_booking(1, 8);
            let sale = Sale::of(&client, event, TERMS[random.random_range(0..TERMS.len())]).await;
            sale.code(&client, "THIRD", "PERCENT", Some("0.3333"), None).await;
            sale.code(&client, "LAST", "FIXED", Some("5"), Some(3)).await;
            sale.code(&client, "GIFT", "PERCENT", Some("1"), Some(10)).await;
            sales.push(sale);
        }
        let buyers = add_accounts(&client, BUYERS, Role::User).await;
        let settings = Settings::default()
            .set("DATABASE_URL", database.url())
            .set("BOXOFFICE__PAYMENTS__TIMEOUT", "500ms")
            .set("BOXOFFICE__PAYMENTS__CHECK_AFTER", "1s")
            .set("BOXOFFICE__JOBS__POLL", "200ms")
            .set("BOXOFFICE__INVENTORY__HOLD", "4s")
            // A payment that never answers is no reason to leave the gateway alone: that is tested by itself.
            .set("BOXOFFICE__BREAKERS__FAILURES", "1000");
        let server = ChildServer::start(settings).await;
        Self { server, sales, buyers, client, _database: database }
    }

    /// Kills the server, and starts it again. What it was at when it died may be done at once by whoever comes next.
    pub(crate) async fn crash(&mut self) {
        self.server.kill();
        expire_leases(&self.client).await;
        self.server.launch();
        self.server.ready().await;
    }

    pub(crate) fn buyer(&self, buyer: usize) -> Api {
        self.server.api.of(&self.buyers[buyer])
    }

    pub(crate) fn organizer(&self, sale: usize) -> Api {
        self.server.api.of(&self.sales[sale].organizer)
    }

    /// Shows the server's log if something was wrong.
    pub(crate) fn end(&self, is_wrong: bool) {
        if is_wrong {
            let log = self.server.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("the end of the server's log:\n{}", lines[lines.len().saturating_sub(30)..].join("\n"));
        }
    }
}

/// Of jobs whose worker has died: nobody waits for their time limit in a test.
pub(crate) async fn expire_leases(client: &Client) {
    client.execute("UPDATE jobs SET due_at = now() WHERE status = 'PENDING' AND attempts > 0", &[]).await.unwrap();
}
