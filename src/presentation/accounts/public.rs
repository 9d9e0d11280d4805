//! Register, login, own profile (P4).

use std::{sync::Arc, time::Duration};

use domain::{
    accounts::{PersonName, Phone, Registration},
    validation::FieldErrors,
};

use super::dto::{LoginBody, ProfileBody, RegisterBody, SignedInJson, UserJson};
use crate::{
    application::{
        accounts::{self, AccountError},
        app::{Adapters, App, HashingError},
    },
    presentation::{catalogue::Code, problem::Problem, reply::Reply, request::Request},
};

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::EmailTaken => Problem::new(Code::EmailTaken),
            AccountError::WrongCredentials => Problem::new(Code::WrongCredentials),
            AccountError::Limited(limited) => limited.into(),
            AccountError::NotFound => Problem::not_found(),
            AccountError::Hashing(HashingError::Overloaded) => Problem::unavailable(Duration::from_secs(1), error),
            AccountError::Token(_) | AccountError::Hashing(HashingError::Broken(_)) => Problem::internal(error),
            AccountError::Repository(error) => error.into(),
        }
    }
}

/// `POST /auth/register`
pub async fn register<A: Adapters>(app: Arc<App<A>>, mut request: Request) -> Result<Reply, Problem> {
    let body: RegisterBody = request.body().await?;
    let registration = Registration::parse(&body.email, &body.password, &body.name, body.phone.as_deref())?;
    let account = accounts::register(&app, registration).await?;
    Reply::created("/api/v1/profile", &UserJson::from(&account))
}

/// `POST /auth/login`
pub async fn login<A: Adapters>(app: Arc<App<A>>, mut request: Request) -> Result<Reply, Problem> {
    let body: LoginBody = request.body().await?;
    let signed_in = accounts::sign_in(&app, &body.email, &body.password, request.client_address()).await?;
    Reply::ok(&SignedInJson {
        access_token: &signed_in.access_token,
        token_type: "Bearer",
        expires_in: app.access_ttl.as_secs(),
        user: UserJson::from(&signed_in.account),
    })
}

/// `GET /profile`
pub async fn profile<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    request.query().finish()?;
    let account = accounts::profile(&app, request.caller()?.account).await?;
    Reply::ok(&UserJson::from(&account))
}

/// `PATCH /profile`
pub async fn update_profile<A: Adapters>(app: Arc<App<A>>, mut request: Request) -> Result<Reply, Problem> {
    let body: ProfileBody = request.body().await?;
    let mut errors = FieldErrors::default();
    let name = body.name.and_then(|name| errors.keep(PersonName::parse("name", &name)));
    let phone = body.phone.map(|phone| phone.and_then(|phone| errors.keep(Phone::parse("phone", &phone))));
    let (name, phone) = errors.finish(Some((name, phone)))?;
    let account = accounts::update_profile(&app, request.caller()?.account, name, phone).await?;
    Reply::ok(&UserJson::from(&account))
}
