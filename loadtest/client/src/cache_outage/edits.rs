//! An admin who renames events, at one server and the other in turn.

use std::{net::SocketAddr, process::Stdio, rc::Rc, time::Duration};

use anyhow::{Context, bail};
use serde::Serialize;
use serde_json::Value;
use tokio::{
    io::AsyncWriteExt,
    time::{MissedTickBehavior, interval, timeout},
};

use super::{
    questions::Questions,
    truth::{Truth, title},
};
use crate::{
    connection::{Connection, connect},
    scratch::Scratch,
};

const EMAIL: &str = "edits@loadtest.example";
const PASSWORD: &str = "renames-what-others-look-at";
/// How long a request of the admin may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Adds the admin, and gives the body of its sign-in.
pub(super) async fn add_admin(scratch: &Scratch, database: &str) -> anyhow::Result<String> {
    let mut command = scratch.command(&scratch.programs.binary, &scratch.fixture())?;
    command.args(["create-admin", "--email", EMAIL]).env("DATABASE_URL", database);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().context("create-admin")?;
    let mut input = process.stdin.take().context("no input")?;
    input.write_all(format!("{PASSWORD}\n").as_bytes()).await?;
    drop(input);
    let output = timeout(ANSWER_MAX, process.wait_with_output()).await.context("create-admin takes too long")??;
    if !output.status.success() {
        bail!("create-admin: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(format!("{{\"email\":\"{EMAIL}\",\"password\":\"{PASSWORD}\"}}"))
}

/// Where the answers of both servers came from so far.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Cached {
    pub(super) memory: u64,
    pub(super) redis: u64,
    pub(super) database: u64,
}

impl Cached {
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            memory: self.memory.saturating_sub(before.memory),
            redis: self.redis.saturating_sub(before.redis),
            database: self.database.saturating_sub(before.database),
        }
    }
}

/// See the module's page.
pub(super) struct Editor {
    addresses: [SocketAddr; 2],
    token: String,
    questions: Rc<Questions>,
    truth: Rc<Truth>,
}

impl Editor {
    /// Signs in; both servers take the token.
    pub(super) async fn sign_in(
        addresses: [SocketAddr; 2],
        secret: &str,
        questions: Rc<Questions>,
        truth: Rc<Truth>,
    ) -> anyhow::Result<Self> {
        let mut editor = Self { addresses, token: String::new(), questions, truth };
        let signed_in = editor.ask(0, "POST /api/v1/auth/login", secret).await.context("the admin can't sign in")?;
        editor.token = signed_in["accessToken"].as_str().context("there is no token")?.to_owned();
        Ok(editor)
    }

    /// Renames each of the edited events once.
    pub(super) async fn edit_all(&self) -> anyhow::Result<()> {
        for event in 0..self.questions.edited().len() {
            self.edit(event, event % self.addresses.len()).await?;
        }
        Ok(())
    }

    /// Renames one after the other, until the end of the measurement. Comes back with a failure only.
    pub(super) async fn edit_on(&self, every: Duration) -> anyhow::Result<()> {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        let events = self.questions.edited().len();
        for number in 0.. {
            ticks.tick().await;
            // Each event is edited at both servers in turn.
            self.edit(number % events, (number + number / events) % self.addresses.len()).await?;
        }
        Ok(())
    }

    async fn edit(&self, event: usize, server: usize) -> anyhow::Result<()> {
        let title = title(event, self.truth.next(event));
        let what = format!("PATCH /api/v1/admin/events/{}", self.questions.edited()[event]);
        self.ask(server, &what, &format!("{{\"title\":\"{title}\"}}")).await?;
        self.truth.edited(event, server);
        Ok(())
    }

    /// What both servers have counted.
    pub(super) async fn cached(&self) -> anyhow::Result<Cached> {
        let mut sum = Cached::default();
        for server in 0..self.addresses.len() {
            let shown = self.ask(server, "GET /api/v1/admin/cache", "").await?;
            for of in shown["namespaces"].as_array().context("there are no namespaces")? {
                let count = |name: &str| of[name].as_u64().unwrap_or_default();
                sum.memory += count("hits") + count("stale") + count("absent");
                sum.redis += count("sharedHits");
                sum.database += count("loads");
            }
        }
        Ok(sum)
    }

    async fn ask(&self, server: usize, what: &str, body: &str) -> anyhow::Result<Value> {
        let address = self.addresses[server];
        let mut request = format!("{what} HTTP/1.1\r\nhost: {address}\r\n");
        if !self.token.is_empty() {
            request.push_str(&format!("authorization: Bearer {}\r\nif-match: *\r\n", self.token));
        }
        if !body.is_empty() {
            request.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
        }
        request.push_str("\r\n");
        request.push_str(body);
        let asked = async {
            let mut connection = Connection::new(connect(address).await?);
            let answer = connection.ask(request.as_bytes()).await?;
            anyhow::Ok((answer.status, answer.body.to_vec()))
        };
        let (status, body) = timeout(ANSWER_MAX, asked).await.with_context(|| format!("no answer to {what}"))??;
        if status != 200 {
            bail!("{what} is answered {status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(serde_json::from_slice(&body)?)
    }
}
