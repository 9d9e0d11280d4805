//! Clients that come from wherever a test says, and servers that believe it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, ChildServer, PATIENCE, Settings, TestDatabase, TestRedis};

/// What everybody may ask.
pub(crate) const PUBLIC: &str = "/api/v1/venues";

/// A server whose proxy is this machine, and that trusts nobody.
pub(crate) fn settings() -> Settings {
    Settings::default().set("BOXOFFICE__RATE_LIMIT__TRUSTED", "").set("BOXOFFICE__HTTP__TRUSTED_PROXIES", "127.0.0.0/8")
}

/// Servers as processes of their own, on one database and one Redis.
pub(crate) async fn servers(
    count: usize,
    redis: &TestRedis,
    limits: &[(&str, &str)],
) -> (Vec<ChildServer>, TestDatabase) {
    let database = TestDatabase::migrated().await;
    let mut servers = Vec::new();
    for _ in 0..count {
        let mut settings = settings().set("DATABASE_URL", database.url()).set("REDIS_URL", redis.url());
        for (name, value) in limits {
            settings = settings.set(&format!("BOXOFFICE__RATE_LIMIT__{name}"), value);
        }
        servers.push(ChildServer::start(settings).await);
    }
    (servers, database)
}

/// A client at an address of its own.
#[derive(Clone)]
pub(crate) struct Visitor {
    http: reqwest::Client,
    server: SocketAddr,
    pub(crate) address: Ipv4Addr,
    cookie: Option<String>,
}

impl Visitor {
    /// At the address 198.18.0.0 plus `number`.
    pub(crate) fn new(server: SocketAddr, number: u32) -> Self {
        let http = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        Self {
            http,
            server,
            address: Ipv4Addr::from_bits(Ipv4Addr::new(198, 18, 0, 0).to_bits() + number),
            cookie: None,
        }
    }

    /// The same machine, at another address.
    pub(crate) fn at(&self, number: u32) -> Self {
        Self { address: Self::new(self.server, number).address, ..self.clone() }
    }

    /// The same client, asking another server.
    pub(crate) fn of(&self, server: SocketAddr) -> Self {
        Self { server, ..self.clone() }
    }

    /// The same with the cookies of an answer that are none of a session.
    pub(crate) fn on_device_of(&self, answer: &Answer) -> Self {
        let set = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
        let device = set.filter(|cookie| !cookie.contains("refresh")).map(|cookie| cookie.split(';').next().unwrap());
        Self { cookie: Some(device.collect::<Vec<_>>().join("; ")), ..self.clone() }
    }

    pub(crate) async fn send(&self, method: Method, path: &str, token: Option<&str>, body: Option<Value>) -> Answer {
        let mut request = self.http.request(method, format!("http://{}{path}", self.server));
        request = request.header("x-forwarded-for", self.address.to_string());
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        if let Some(body) = body {
            request = request.header("idempotency-key", uuid::Uuid::now_v7().to_string()).json(&body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.bytes().await.unwrap() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, None).await
    }

    /// With a wrong password.
    pub(crate) async fn sign_in(&self, email: &str) -> Answer {
        self.sign_in_with(email, "not the password").await
    }

    pub(crate) async fn sign_in_with(&self, email: &str, password: &str) -> Answer {
        self.post("auth/login", json!({ "email": email, "password": password })).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, &format!("/api/v1/{path}"), None, Some(body)).await
    }

    /// Asks until it is refused, and says how often it was not.
    pub(crate) async fn until_refused(&self, path: &str) -> u32 {
        let mut served = 0;
        loop {
            let answer = self.get(path).await;
            if answer.status == 429 {
                return served;
            }
            assert_eq!(answer.status, 200);
            served += 1;
        }
    }
}

/// What `RateLimit` says: the tier, how many are left, and in how many seconds none will be missing.
#[track_caller]
pub(crate) fn standing(answer: &Answer) -> (String, u32, u64) {
    let text = answer.header("ratelimit").expect("a RateLimit field");
    let mut parts = text.split(';');
    let tier = parts.next().unwrap().trim_matches('"').to_owned();
    let remaining = parts.next().unwrap().strip_prefix("r=").unwrap().parse().unwrap();
    (tier, remaining, parts.next().unwrap().strip_prefix("t=").unwrap().parse().unwrap())
}

#[track_caller]
pub(crate) fn retry_after(answer: &Answer) -> u64 {
    answer.problem(429, "RATE_001");
    answer.header("retry-after").unwrap().parse().unwrap()
}

/// How many are regained since `began`, at most.
pub(crate) fn regained(began: Instant, interval: Duration) -> u32 {
    u32::try_from(began.elapsed().as_nanos() / interval.as_nanos() + 1).unwrap()
}
