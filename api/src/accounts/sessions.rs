//! Sign in, refresh, sign out; own sessions.

use std::sync::Arc;

use application::{
    app::App,
    sessions::{self, Origin, SignedIn},
    sign_in::sign_in,
};
use boxoffice_http::{
    problem::Problem,
    problem_codes::Code,
    reply::Reply,
    request::Request,
    session_cookie::{DeviceCookie, SessionCookie},
};
use domain::ids::SessionId;
use http::{HeaderValue, header};
use jiff::Timestamp;

use super::dto::{LoginBody, SessionJson, SessionsJson, SignedInJson, UserJson};

/// `POST /auth/login`
pub async fn login(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let body: LoginBody = request.body().await?;
    let signed_in = sign_in(&app, &body.email, &body.password, &origin(&request)).await?;
    let cookie = SessionCookie::new(signed_in.refresh_token.clone());
    answer(&app, &signed_in, &cookie)
}

/// From where somebody signs in.
pub(super) fn origin(request: &Request) -> Origin {
    let known_as = DeviceCookie::of(request.headers());
    Origin { device: request.device(), known_as, address: request.client_address() }
}

/// `POST /auth/refresh`. A refusal leaves the cookie as it is: when it arrives, the browser may have that of another session by now.
pub async fn refresh(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let Some(cookie) = SessionCookie::of(request.headers()) else {
        return Err(Problem::new(Code::SessionOver).detail("the request has no session cookie"));
    };
    let signed_in = sessions::refresh(&app, &cookie.token, &request.device()).await?;
    let next = SessionCookie { token: signed_in.refresh_token.clone(), ..cookie };
    answer(&app, &signed_in, &next)
}

/// `POST /auth/logout`. Whoever has no session any more has what they want.
pub async fn logout(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    if let Some(cookie) = SessionCookie::of(request.headers()) {
        sessions::sign_out(&app, &cookie.token).await?;
    }
    Ok(Reply::no_content().header(header::SET_COOKIE, SessionCookie::clear()))
}

/// `GET /sessions`
pub async fn list(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let caller = request.caller()?;
    let of_cookie = || SessionCookie::of(request.headers()).map(|cookie| cookie.token.session);
    let current = caller.session.or_else(of_cookie);
    let sessions = sessions::list(&app, caller.account).await?;
    let shown = sessions.iter().map(|session| SessionJson::of(session, current == Some(session.id)));
    Reply::ok(&SessionsJson { data: shown.collect() })
}

/// `DELETE /sessions/{id}`
pub async fn end(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    sessions::end(&app, request.caller()?.account, request.id::<SessionId>("id")?).await?;
    Ok(Reply::no_content())
}

/// `DELETE /sessions`
pub async fn end_all(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    sessions::end_all(&app, request.caller()?.account).await?;
    Ok(Reply::no_content().header(header::SET_COOKIE, SessionCookie::clear()))
}

/// A session that begins or goes on: tokens for the program, the cookie for the browser.
pub(super) fn answer(app: &App, signed_in: &SignedIn, cookie: &SessionCookie) -> Result<Reply, Problem> {
    let json = SignedInJson {
        access_token: &signed_in.access_token,
        token_type: "Bearer",
        expires_in: app.auth.access_ttl.as_secs(),
        csrf_token: cookie.csrf.expose(),
        user: UserJson::from(&signed_in.account),
    };
    // Not compressed: a secret beside a name that its owner chose.
    let mut reply = Reply::ok(&json)?
        .header(header::SET_COOKIE, cookie.set(signed_in.expires_at, Timestamp::now()))
        .header(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    if let Some(device) = &signed_in.device {
        reply.headers_mut().append(header::SET_COOKIE, DeviceCookie::set(device));
    }
    Ok(reply)
}
