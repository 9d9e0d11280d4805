//! Mails on the operations listener: what a server without a mail server has sent, for its developer.
//!
//! Mails have one-time tokens in them, and every user of the machine reaches the listener. So they are shown to whoever shows a token
//! that the start has printed at the developer's terminal: as `Authorization: Bearer`, or once in the address, from where a browser takes
//! it into a cookie.

use std::sync::Arc;

use application::mails::{KeptMail, MailFolder};
use boxoffice_http::{
    problem::Problem,
    problem_codes::Code,
    reply::Reply,
    request::Request,
    router::{Access, Route},
};
use domain::{ids::MailId, secrets::OpaqueToken};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use minijinja::{Environment, context};
use serde::Serialize;
use subtle::ConstantTimeEq as _;

/// The list for browsers. The name ends in `.html`, so the engine escapes what it puts in.
const LIST_NAME: &str = "list.html";
const LIST: &str = "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
    <title>Mails · boxoffice</title><h1>Mails</h1>\
    <p>Sent by this server, newest first. It has no mail server, so they are only here, and gone when it ends.\
    <table border=1 cellpadding=4><tr><th>sent<th>to<th>subject<th>links\
    {% for mail in mails %}<tr><td>{{ mail.sentAt }}<td>{{ mail.to }}<td><a href=\"/mails/{{ mail.id }}\">{{ mail.subject }}</a>\
    <td>{% for link in mail.links %}<a href=\"{{ link }}\">{{ link }}</a><br>{% endfor %}{% endfor %}</table>";

/// The cookie of a browser that has shown the token.
const COOKIE: &str = "boxoffice_mails";

/// A mail that stands in a browser loads nothing and runs nothing.
const NOTHING_ELSE: HeaderValue = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");

/// A mail in the list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    id: MailId,
    sent_at: Timestamp,
    to: &'a str,
    subject: &'a str,
    links: &'a [String],
}

impl<'a> From<&'a KeptMail> for Line<'a> {
    fn from(mail: &'a KeptMail) -> Self {
        Self { id: mail.id, sent_at: mail.sent_at, to: &mail.to, subject: &mail.subject, links: &mail.links }
    }
}

/// A mail with what it says.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    line: Line<'a>,
    text: &'a str,
    html: &'a str,
}

/// Mails that are kept, and the token by which they are shown.
#[derive(Clone)]
pub struct KeptMails {
    /// The mails.
    pub folder: Arc<MailFolder>,
    /// What whoever asks for them has to show.
    pub token: OpaqueToken,
}

impl KeptMails {
    /// Refuses whoever shows no token, or another. What the answer sets for a browser that has shown it in the address.
    fn admit(&self, request: &Request) -> Result<Option<HeaderValue>, Problem> {
        let mut query = request.query();
        let in_address = query.text("token");
        query.finish()?;
        let is_ours = |shown: &str| bool::from(shown.as_bytes().ct_eq(self.token.expose().as_bytes()));
        if in_address.as_deref().is_some_and(is_ours) {
            let cookie = format!("{COOKIE}={}; Path=/mails; HttpOnly; SameSite=Strict", self.token.expose());
            return Ok(HeaderValue::from_str(&cookie).ok());
        }
        if bearer(request.headers()).is_some_and(is_ours) || cookie(request.headers()).is_some_and(is_ours) {
            return Ok(None);
        }
        Err(Problem::new(Code::NoToken)
            .detail("the start of the server has printed the address of its mails, with a token"))
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    Some(pairs.find(|(name, _)| *name == COOKIE)?.1)
}

/// `GET /mails` and `GET /mails/{id}`, when the server keeps its mails.
pub fn mail_routes<S: Send + Sync + 'static>(kept: Option<&KeptMails>) -> Vec<Route<S>> {
    let Some(kept) = kept else { return Vec::new() };
    let (all, one) = (kept.clone(), kept.clone());
    let all = Route::get("/mails", Access::Public, move |_, request| {
        let kept = all.clone();
        async move { admitted(&kept, &request, list) }
    });
    let one = Route::get("/mails/{id}", Access::Public, move |_, request| {
        let kept = one.clone();
        async move { admitted(&kept, &request, show) }
    });
    vec![
        all.produces(&["application/json", "application/problem+json", "text/html"]),
        one.produces(&["application/json", "application/problem+json", "text/html", "text/plain"]),
    ]
}

fn admitted(
    kept: &KeptMails,
    request: &Request,
    answer: fn(&MailFolder, &Request) -> Result<Reply, Problem>,
) -> Result<Reply, Problem> {
    let cookie = kept.admit(request)?;
    let reply = answer(&kept.folder, request)?;
    Ok(match cookie {
        Some(cookie) => reply.header(header::SET_COOKIE, cookie),
        None => reply,
    })
}

fn list(folder: &MailFolder, request: &Request) -> Result<Reply, Problem> {
    let mails = folder.list();
    let lines: Vec<Line<'_>> = mails.iter().map(|mail| Line::from(&**mail)).collect();
    if accepts(request, "text/html") {
        let page = Environment::new().render_named_str(LIST_NAME, LIST, context! { mails => lines });
        return Ok(html(page.map_err(Problem::internal)?));
    }
    Reply::ok(&serde_json::json!({ "data": lines }))
}

fn show(folder: &MailFolder, request: &Request) -> Result<Reply, Problem> {
    let mail = folder.find(request.id("id")?).ok_or_else(Problem::not_found)?;
    if accepts(request, "text/html") {
        return Ok(html(mail.html.clone()));
    }
    if accepts(request, "text/plain") {
        let kind = HeaderValue::from_static("text/plain; charset=utf-8");
        return Ok(Reply::bytes(StatusCode::OK, kind, mail.text.clone()));
    }
    Reply::ok(&Whole { line: Line::from(&*mail), text: &mail.text, html: &mail.html })
}

/// Programs that want JSON say so, or `*/*`, or nothing.
fn accepts(request: &Request, kind: &str) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains(kind))
}

fn html(page: String) -> Reply {
    Reply::bytes(StatusCode::OK, HeaderValue::from_static("text/html; charset=utf-8"), page)
        .header(header::CONTENT_SECURITY_POLICY, NOTHING_ELSE)
}
