//! Sign in, refresh, sign out; own sessions (P4, A1, A2).

use std::sync::Arc;

use domain::ids::SessionId;
use http::{HeaderValue, header};
use jiff::Timestamp;

use super::dto::{LoginBody, SessionJson, SessionsJson, SignedInJson, UserJson};
use crate::{
    application::{
        accounts::AccountError,
        app::{Adapters, App},
        sessions::{self, SignedIn},
    },
    presentation::{catalogue::Code, problem::Problem, reply::Reply, request::Request, session_cookie::SessionCookie},
};

/// `POST /auth/login`
pub async fn login<A: Adapters>(app: Arc<App<A>>, mut request: Request) -> Result<Reply, Problem> {
    let body: LoginBody = request.body().await?;
    let (device, from) = (request.device(), request.client_address());
    let signed_in = sessions::sign_in(&app, &body.email, &body.password, device, from).await?;
    let cookie = SessionCookie::new(signed_in.refresh_token.clone());
    answer(&app, &signed_in, &cookie)
}

/// `POST /auth/refresh`
pub async fn refresh<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    let Some(cookie) = SessionCookie::of(request.headers()) else {
        return Err(over().detail("the request has no session cookie"));
    };
    match sessions::refresh(&app, &cookie.token, &request.device()).await {
        Ok(signed_in) => {
            let next = SessionCookie { token: signed_in.refresh_token.clone(), ..cookie };
            answer(&app, &signed_in, &next)
        }
        // The browser need not keep what is good for nothing.
        Err(AccountError::SessionOver) => Err(over().header(header::SET_COOKIE, SessionCookie::clear())),
        Err(error) => Err(error.into()),
    }
}

/// `POST /auth/logout`. Whoever has no session any more has what they want.
pub async fn logout<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    if let Some(cookie) = SessionCookie::of(request.headers()) {
        sessions::sign_out(&app, &cookie.token).await?;
    }
    Ok(Reply::no_content().header(header::SET_COOKIE, SessionCookie::clear()))
}

/// `GET /sessions`
pub async fn list<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    request.query().finish()?;
    let current = SessionCookie::of(request.headers()).map(|cookie| cookie.token.session);
    let sessions = sessions::list(&app, request.caller()?.account).await?;
    let shown = sessions.iter().map(|session| SessionJson::of(session, current == Some(session.id)));
    Reply::ok(&SessionsJson { data: shown.collect() })
}

/// `DELETE /sessions/{id}`
pub async fn end<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    sessions::end(&app, request.caller()?.account, request.id::<SessionId>("id")?).await?;
    Ok(Reply::no_content())
}

/// `DELETE /sessions`
pub async fn end_all<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    sessions::end_all(&app, request.caller()?.account).await?;
    Ok(Reply::no_content().header(header::SET_COOKIE, SessionCookie::clear()))
}

/// A session that begins or goes on: tokens for the program, the cookie for the browser.
pub(super) fn answer<A: Adapters>(
    app: &App<A>,
    signed_in: &SignedIn,
    cookie: &SessionCookie,
) -> Result<Reply, Problem> {
    let json = SignedInJson {
        access_token: &signed_in.access_token,
        token_type: "Bearer",
        expires_in: app.auth.access_ttl.as_secs(),
        csrf_token: cookie.csrf.expose(),
        user: UserJson::from(&signed_in.account),
    };
    // Not compressed: a secret beside a name that its owner chose.
    Ok(Reply::ok(&json)?
        .header(header::SET_COOKIE, cookie.set(signed_in.expires_at, Timestamp::now()))
        .header(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")))
}

fn over() -> Problem {
    Problem::new(Code::SessionOver)
}
