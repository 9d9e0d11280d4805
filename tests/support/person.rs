//! Somebody who registers, reads their mail and signs in, as a browser would.

use serde_json::{Value, json};

use super::{Answer, Api, TestServer, until_some};

/// A password that everybody may have.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A session as a browser has it.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    /// Sends the cookie, and the access token.
    pub(crate) api: Api,
    pub(crate) access_token: String,
    pub(crate) csrf_token: String,
    /// As it is sent back.
    pub(crate) cookie: String,
    /// As it was set, with its attributes.
    pub(crate) set_cookie: String,
    pub(crate) user: Value,
}

impl Browser {
    /// What a browser makes of an answer to login, refresh, or a new password.
    #[track_caller]
    pub(crate) fn of(api: &Api, answer: &Answer) -> Self {
        let session = answer.ok();
        let text = |member: &str| session[member].as_str().unwrap().to_owned();
        let set_cookie = answer.header("set-cookie").unwrap().to_owned();
        let cookie = set_cookie.split(';').next().unwrap().to_owned();
        Self {
            api: api.with_token(&text("accessToken")).with_header("cookie", &cookie),
            access_token: text("accessToken"),
            csrf_token: text("csrfToken"),
            cookie,
            set_cookie,
            user: session["user"].clone(),
        }
    }

    pub(crate) async fn try_refresh(&self) -> Answer {
        self.api.send(reqwest::Method::POST, "/api/v1/auth/refresh", None, None).await
    }

    pub(crate) async fn refresh(&self) -> Self {
        Self::of(&self.api, &self.try_refresh().await)
    }

    pub(crate) async fn logout(&self) -> Answer {
        self.api.send(reqwest::Method::POST, "/api/v1/auth/logout", None, None).await
    }
}

pub(crate) async fn try_register(api: &Api, email: &str) -> Answer {
    let body = json!({ "email": email, "password": PASSWORD, "name": "Ada Lovelace" });
    api.post("/api/v1/auth/register", &body).await
}

pub(crate) async fn try_login(api: &Api, email: &str, password: &str) -> Answer {
    api.post("/api/v1/auth/login", &json!({ "email": email, "password": password })).await
}

pub(crate) async fn login(api: &Api, email: &str) -> Browser {
    Browser::of(api, &try_login(api, email, PASSWORD).await)
}

/// Somebody who has registered and signed in.
pub(crate) async fn member(server: &TestServer, email: &str) -> Browser {
    member_of(&server.api, email).await
}

/// The same, of a server that is known by its address only.
pub(crate) async fn member_of(api: &Api, email: &str) -> Browser {
    try_register(api, email).await.created();
    login(api, email).await
}

/// A client of the operations listener that shows the token of the mails.
pub(crate) fn mails(server: &TestServer) -> Api {
    let operations = Api::of_operators(server.running.operations_address);
    server.running.mails_token.as_ref().map_or(operations.clone(), |token| operations.with_token(token.expose()))
}

/// The newest mail to `email` with this subject, which comes soon.
pub(crate) async fn mail(server: &TestServer, email: &str, subject: &str) -> Value {
    let operations = mails(server);
    until_some(&format!("{email} has the mail {subject:?}"), async || {
        let mails = operations.get("/mails").await.ok();
        let found = mails["data"].as_array()?.iter().find(|mail| mail["to"] == email && mail["subject"] == subject)?;
        Some(operations.get(&format!("/mails/{}", found["id"].as_str()?)).await.ok())
    })
    .await
}

/// The token in a mail's link.
#[track_caller]
pub(crate) fn token_of(mail: &Value) -> String {
    let link = mail["links"][0].as_str().unwrap();
    link.split_once("token=").unwrap().1.to_owned()
}
