//! Register, own profile.

use std::sync::Arc;

use application::{accounts, app::App};
use boxoffice_http::{problem::Problem, reply::Reply, request::Request};
use domain::{
    accounts::{PersonName, Phone, Registration},
    mail::Locale,
    repositories::ProfileChange,
    validation::{FieldError, FieldErrors},
};
use http::header;

use super::dto::{ProfileBody, RegisterBody, UserJson};

/// `POST /auth/register`
pub async fn register(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let body: RegisterBody = request.body().await?;
    let registration = Registration::parse(&body.email, &body.password, &body.name, body.phone.as_deref())?;
    let languages = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let locale = Locale::preferred(languages.unwrap_or_default());
    let account = accounts::register(&app, registration, locale, request.client_address()).await?;
    Reply::created("/api/v1/profile", &UserJson::from(&account))
}

/// `GET /profile`
pub async fn profile(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let account = accounts::profile(&app, request.caller()?.account).await?;
    Reply::ok(&UserJson::from(&account))
}

/// `PATCH /profile`
pub async fn update_profile(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let body: ProfileBody = request.body().await?;
    let mut errors = FieldErrors::default();
    let nameless = || FieldError::new("name", "REQUIRED", "an account has a name");
    let name = body.name.map(|name| name.ok_or_else(nameless).and_then(|name| PersonName::parse("name", &name)));
    let name = name.and_then(|name| errors.keep(name));
    let phone = body.phone.map(|phone| phone.and_then(|phone| errors.keep(Phone::parse("phone", &phone))));
    let locale = body.locale.and_then(|tag| errors.keep(tag.map_or(Ok(Locale::default()), |tag| locale(&tag))));
    let change = errors.finish(Some(ProfileChange { name, phone, locale }))?;
    let account = accounts::update_profile(&app, request.caller()?.account, &change).await?;
    Reply::ok(&UserJson::from(&account))
}

fn locale(tag: &str) -> Result<Locale, FieldError> {
    let known = Locale::ALL.map(Locale::as_str).join(", ");
    Locale::of_tag(tag).ok_or_else(|| FieldError::new("locale", "UNKNOWN_LOCALE", format!("must be one of {known}")))
}
