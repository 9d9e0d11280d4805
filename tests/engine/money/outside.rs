//! A payment gateway that is not the server's: it speaks as much of Stripe's API as the adapter uses, outlives servers that are killed, and
//! misbehaves when it is told to. What it has charged and given back is the truth that servers are judged by.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use boxoffice_payments::stripe::signature::sign;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::sleep,
};
use uuid::Uuid;

use super::bare::{self, Asked};
use crate::support::{Settings, tripwire::Tripwire};

const SECRET_KEY: &str = "sk_test_of_the_tests";
const WEBHOOK_SECRET: &str = "whsec_of_the_tests";
/// Between tries to deliver a message.
const RETRY: Duration = Duration::from_millis(300);

/// How it behaves. Unless it is fine, it tells nothing either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Fine,
    /// Does what it is asked, and never answers.
    Hangs,
    /// Does nothing, and answers 500.
    Errors,
    /// Does what it is asked, and breaks the connection.
    Resets,
    /// Does what it is asked, and answers when nobody waits any more.
    Late,
    /// Does what it is asked when nobody waits any more: looked for meanwhile, it is not there.
    Slow,
}

/// Longer than anybody waits for an answer, and than it takes until an attempt is asked about.
const LONG: Duration = Duration::from_secs(2);

/// What it knows: objects as they are shown.
#[derive(Default)]
struct Books {
    intents: BTreeMap<String, Value>,
    refunds: BTreeMap<String, Value>,
    /// By key, the id of what was made.
    keys: BTreeMap<String, String>,
}

struct Shared {
    books: Mutex<Books>,
    mood: Mutex<Mood>,
    wire: Arc<Tripwire>,
    asked: AtomicUsize,
    /// Whether a payment is paid as soon as it is begun. Otherwise its payer pays on a page.
    pays_at_once: AtomicBool,
    /// Of the server.
    webhook: Mutex<Option<String>>,
    http: reqwest::Client,
    /// Messages on their way.
    messages: Mutex<JoinSet<()>>,
    /// Ids of those that the server has taken.
    taken: Mutex<BTreeSet<String>>,
}

/// See the module's page. Ends when dropped.
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    _accepting: JoinSet<()>,
}

impl Gateway {
    /// Its messages, and what it is asked, pass the tripwire.
    pub(crate) async fn open(wire: &Arc<Tripwire>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            books: Mutex::default(),
            mood: Mutex::new(Mood::Fine),
            wire: wire.clone(),
            asked: AtomicUsize::new(0),
            pays_at_once: AtomicBool::new(true),
            webhook: Mutex::default(),
            http: reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap(),
            messages: Mutex::default(),
            taken: Mutex::default(),
        });
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, shared.clone()));
        Self { address, shared, _accepting: accepting }
    }

    /// The settings of a server that uses it.
    pub(crate) fn of(&self, settings: Settings) -> Settings {
        settings
            .set("BOXOFFICE__PAYMENTS__PROVIDER", "stripe")
            .set("BOXOFFICE__PAYMENTS__STRIPE_URL", format!("http://{}", self.address))
            .set("BOXOFFICE__PAYMENTS__STRIPE_SECRET_KEY", SECRET_KEY)
            .set("BOXOFFICE__PAYMENTS__STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET)
    }

    /// Tells this server what happens.
    pub(crate) fn tells(&self, server: SocketAddr) {
        let url = format!("http://{server}/api/v1/webhooks/stripe");
        *self.shared.webhook.lock().unwrap_or_else(PoisonError::into_inner) = Some(url);
    }

    pub(crate) fn is(&self, mood: Mood) {
        *self.shared.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }

    pub(crate) fn pays_at_once(&self, pays: bool) {
        self.shared.pays_at_once.store(pays, SeqCst);
    }

    /// How many requests it has heard.
    pub(crate) fn asked(&self) -> usize {
        self.shared.asked.load(SeqCst)
    }

    /// The payer of a payment pays on the page, if that is still open. Whether money came.
    pub(crate) async fn payer_pays(&self, payment: Uuid) -> bool {
        let paid = self.shared.books(|books| {
            let intent = books.intents.values_mut().find(|intent| is_of(intent, "payment_id", payment))?;
            (intent["status"] == "requires_payment_method").then(|| {
                settle(intent, "succeeded");
                intent.clone()
            })
        });
        let is_paid = paid.is_some();
        if let Some(intent) = paid {
            self.shared.tell("payment_intent.succeeded", &intent);
        }
        is_paid
    }

    /// How often a booking was charged, with how much in all, and how often and how much of it went back; in the units of the gateway.
    pub(crate) fn account_of(&self, booking: Uuid) -> (usize, i64, usize, i64) {
        self.shared.books(|books| {
            let intents = books.intents.values().filter(|intent| is_of(intent, "booking_id", booking));
            let charged: Vec<&Value> = intents.filter(|intent| intent["status"] == "succeeded").collect();
            let amount = |of: &Value| of["amount"].as_i64().unwrap_or_default();
            let of_these = |refund: &&Value| {
                charged.iter().any(|intent| intent["id"] == refund["payment_intent"]) && refund["status"] != "failed"
            };
            let refunds: Vec<&Value> = books.refunds.values().filter(of_these).collect();
            let sum = |all: &[&Value]| all.iter().map(|one| amount(one)).sum();
            (charged.len(), sum(&charged), refunds.len(), sum(&refunds))
        })
    }

    /// Messages that the server has said it has, which it must then keep.
    pub(crate) fn taken(&self) -> Vec<String> {
        self.shared.taken.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Attempts that it has more than one payment of, which no server may ask for.
    pub(crate) fn begun_twice(&self) -> Vec<String> {
        self.shared.books(|books| {
            let mut seen = BTreeMap::<String, usize>::new();
            for intent in books.intents.values() {
                *seen.entry(intent["metadata"]["payment_id"].to_string()).or_default() += 1;
            }
            seen.into_iter().filter(|(_, times)| *times > 1).map(|(payment, _)| payment).collect()
        })
    }
}

fn is_of(object: &Value, member: &str, id: Uuid) -> bool {
    object["metadata"][member] == id.to_string()
}

fn settle(intent: &mut Value, status: &str) {
    intent["status"] = json!(status);
    let received = if status == "succeeded" { intent["amount"].clone() } else { json!(0) };
    intent["amount_received"] = received;
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        connections.spawn(async move {
            // Whatever breaks ends the connection.
            let _ = serve(stream, &shared).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, shared: &Arc<Shared>) -> std::io::Result<()> {
    let mut stream = bare::Connection::new(stream);
    while let Some(asked) = stream.read().await? {
        shared.asked.fetch_add(1, SeqCst);
        let name = format!("{} {}", asked.method, asked.path());
        shared.wire.pass(|| format!("gateway is asked {name}")).await?;
        let mood = *shared.mood.lock().unwrap_or_else(PoisonError::into_inner);
        if mood == Mood::Errors {
            stream.answer(500, &json!({ "error": { "type": "api_error", "message": "We are sorry." } })).await?;
            continue;
        }
        if mood == Mood::Slow && asked.method == "POST" {
            // It goes on when the client has hung up.
            let shared = shared.clone();
            let work = tokio::spawn(async move {
                sleep(LONG).await;
                shared.answer(&asked)
            });
            let (status, body) = work.await.map_err(std::io::Error::other)?;
            stream.answer(status, &body).await?;
            continue;
        }
        let (status, body) = shared.answer(&asked);
        shared.wire.pass(|| format!("gateway answers {name}")).await?;
        match mood {
            Mood::Fine | Mood::Slow => {}
            Mood::Hangs => std::future::pending().await,
            Mood::Resets => return Ok(()),
            Mood::Late => sleep(LONG).await,
            Mood::Errors => unreachable!("answered above"),
        }
        stream.answer(status, &body).await?;
    }
    Ok(())
}

fn refused(code: &str, message: &str) -> (u16, Value) {
    (400, json!({ "error": { "type": "invalid_request_error", "code": code, "message": message } }))
}

fn missing() -> (u16, Value) {
    (
        404,
        json!({ "error": { "type": "invalid_request_error", "code": "resource_missing", "message": "No such object." } }),
    )
}

/// All of it: tests have fewer than a page takes.
fn list(all: impl Iterator<Item = Value>) -> (u16, Value) {
    (200, json!({ "object": "list", "data": all.collect::<Vec<_>>(), "has_more": false }))
}

impl Shared {
    fn books<T>(&self, with: impl FnOnce(&mut Books) -> T) -> T {
        with(&mut self.books.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn answer(self: &Arc<Self>, asked: &Asked) -> (u16, Value) {
        assert_eq!(asked.header("authorization"), Some(&*format!("Bearer {SECRET_KEY}")));
        let path: Vec<&str> = asked.path().trim_start_matches("/v1/").split('/').collect();
        let found = |of: fn(&mut Books) -> &mut BTreeMap<String, Value>, id: &str| {
            self.books(|books| of(books).get(id).cloned()).map_or_else(missing, |object| (200, object))
        };
        match (asked.method.as_str(), path.as_slice()) {
            ("POST", ["payment_intents"]) => self.begin(asked),
            ("GET", ["payment_intents"]) => list(self.books(|books| books.intents.clone()).into_values()),
            ("GET", ["payment_intents", id]) => found(|books| &mut books.intents, id),
            ("POST", ["payment_intents", id, "cancel"]) => self.cancel(id),
            ("POST", ["refunds"]) => self.refund(asked),
            ("GET", ["refunds"]) => {
                let of = asked.query("payment_intent").unwrap_or_default();
                let all = self.books(|books| books.refunds.clone()).into_values();
                list(all.filter(move |refund| refund["payment_intent"] == of.as_str()))
            }
            ("GET", ["refunds", id]) => found(|books| &mut books.refunds, id),
            _ => missing(),
        }
    }

    /// What was made with this key before, or else what `make` makes. Without a key, something new each time: that is what keys are for.
    fn once(
        &self,
        asked: &Asked,
        prefix: &str,
        make: impl FnOnce(&mut Books, &str) -> Result<(), (u16, Value)>,
    ) -> Result<(String, bool), (u16, Value)> {
        self.books(|books| {
            let key = asked.header("idempotency-key").map(str::to_owned);
            if let Some(known) = key.as_ref().and_then(|key| books.keys.get(key)) {
                return Ok((known.clone(), false));
            }
            let id = format!("{prefix}_{}", Uuid::now_v7().simple());
            make(books, &id)?;
            books.keys.extend(key.map(|key| (key, id.clone())));
            Ok((id, true))
        })
    }

    fn begin(self: &Arc<Self>, asked: &Asked) -> (u16, Value) {
        let is_paid = self.pays_at_once.load(SeqCst);
        let made = self.once(asked, "pi", |books, id| {
            let mut intent = json!({
                "id": id, "object": "payment_intent", "amount": asked.number("amount"), "amount_received": 0,
                "currency": asked.field("currency"), "status": "requires_payment_method",
                "client_secret": format!("{id}_secret"), "created": Timestamp::now().as_second(), "livemode": false,
                "metadata": {
                    "payment_id": asked.field("metadata[payment_id]"), "booking_id": asked.field("metadata[booking_id]"),
                },
            });
            if is_paid {
                settle(&mut intent, "succeeded");
            }
            books.intents.insert(id.to_owned(), intent);
            Ok(())
        });
        let (id, is_new) = match made {
            Ok(made) => made,
            Err(refused) => return refused,
        };
        let intent = self.books(|books| books.intents[&id].clone());
        if is_new && is_paid {
            self.tell("payment_intent.succeeded", &intent);
        }
        (200, intent)
    }

    fn cancel(self: &Arc<Self>, id: &str) -> (u16, Value) {
        let intent = self.books(|books| {
            let intent = books.intents.get_mut(id)?;
            let is_open = intent["status"] == "requires_payment_method";
            if is_open {
                settle(intent, "canceled");
            }
            Some((intent.clone(), is_open))
        });
        match intent {
            None => missing(),
            Some((intent, true)) => {
                self.tell("payment_intent.canceled", &intent);
                (200, intent)
            }
            Some((_, false)) => refused("payment_intent_unexpected_state", "It is over."),
        }
    }

    fn refund(self: &Arc<Self>, asked: &Asked) -> (u16, Value) {
        let made = self.once(asked, "re", |books, id| {
            let of = asked.field("payment_intent").unwrap_or_default();
            let Some(intent) = books.intents.get(&of).filter(|intent| intent["status"] == "succeeded") else {
                return Err(refused("payment_intent_unexpected_state", "There is no charge to refund."));
            };
            let refund = json!({
                "id": id, "object": "refund", "amount": asked.number("amount"), "currency": intent["currency"],
                "payment_intent": of, "status": "succeeded", "created": Timestamp::now().as_second(),
                "metadata": { "refund_id": asked.field("metadata[refund_id]") },
            });
            // More than was charged is let through: whoever asks for that is to be found out.
            books.refunds.insert(id.to_owned(), refund);
            Ok(())
        });
        let (id, is_new) = match made {
            Ok(made) => made,
            Err(refused) => return refused,
        };
        let refund = self.books(|books| books.refunds[&id].clone());
        if is_new {
            self.tell("refund.created", &refund);
        }
        (200, refund)
    }

    /// Tells the server of an object, until that takes it.
    fn tell(self: &Arc<Self>, kind: &str, object: &Value) {
        let body = json!({
            "id": format!("evt_{}", Uuid::now_v7().simple()), "object": "event", "type": kind,
            "created": Timestamp::now().as_second(), "data": { "object": object },
        });
        let (shared, kind) = (self.clone(), kind.to_owned());
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).spawn(async move {
            while !shared.deliver(&kind, &body).await {
                sleep(RETRY).await;
            }
        });
    }

    /// One try. `true` when there is nothing more to do.
    async fn deliver(&self, kind: &str, body: &Value) -> bool {
        if *self.mood.lock().unwrap_or_else(PoisonError::into_inner) != Mood::Fine {
            return false;
        }
        let Some(url) = self.webhook.lock().unwrap_or_else(PoisonError::into_inner).clone() else { return true };
        if self.wire.pass(|| format!("message {kind}")).await.is_err() {
            return false;
        }
        let (id, body) = (body["id"].as_str().unwrap_or_default().to_owned(), body.to_string());
        let signature = sign(body.as_bytes(), &SecretString::from(WEBHOOK_SECRET), Timestamp::now());
        let request = self.http.post(url).header("stripe-signature", signature);
        let answer = request.header("content-type", "application/json").body(body).send().await;
        let is_taken = answer.is_ok_and(|answer| answer.status().is_success());
        if is_taken {
            self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        }
        self.wire.pass(|| format!("answer to message {kind}")).await.is_ok() && is_taken
    }
}
