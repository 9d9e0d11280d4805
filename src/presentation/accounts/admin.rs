//! Accounts as administrators see and change them (O6).

use std::sync::Arc;

use domain::{
    accounts::Account,
    administration::{AccountAdministration, AccountChange, AccountFilter, ChangeAccountError},
    ids::AccountId,
    repositories::AccountRepository,
    validation::{FieldError, FieldErrors},
};

use super::dto::{AccountChangeBody, AccountJson};
use crate::{
    application::{
        administration,
        app::{Adapters, App},
    },
    presentation::{
        browsing::List,
        catalogue::Code,
        problem::Problem,
        query::Query,
        reply::Reply,
        request::Request,
        revisions::{expected, tagged},
    },
};

/// Longest text to search for, in characters.
const TEXT_CHARS_MAX: usize = 100;

impl From<ChangeAccountError> for Problem {
    fn from(error: ChangeAccountError) -> Self {
        match error {
            ChangeAccountError::NotFound => Problem::not_found(),
            ChangeAccountError::Changed => Problem::new(Code::ChangedMeanwhile),
            ChangeAccountError::LastAdministrator => Problem::new(Code::LastAdministrator),
            ChangeAccountError::Repository(error) => error.into(),
        }
    }
}

/// `GET /admin/users`
pub async fn list<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    let mut query = request.query();
    let filter = filter(&mut query);
    let list = List::asked(&request);
    let wanted = list.page_request(&mut query);
    query.finish()?;
    let page = app.store.accounts(&filter, &wanted).await?;
    list.reply(&page, &wanted, |account| account.id, AccountJson::from)
}

fn filter(query: &mut Query<'_>) -> AccountFilter {
    let text = query.text("q").map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    if text.as_ref().is_some_and(|text| text.chars().count() > TEXT_CHARS_MAX) {
        query.fault(FieldError::new("q", "TOO_LONG", format!("may have {TEXT_CHARS_MAX} characters at most")));
    }
    if text.as_ref().is_some_and(|text| text.chars().any(char::is_control)) {
        query.fault(FieldError::new("q", "INVALID", "must not hold control characters"));
    }
    AccountFilter {
        text,
        role: query.value("role", "USER, ORGANIZER or ADMIN"),
        status: query.value("status", "ACTIVE or SUSPENDED"),
        verified: query.value("verified", "true or false"),
    }
}

/// `GET /admin/users/{id}`
pub async fn show<A: Adapters>(app: Arc<App<A>>, request: Request) -> Result<Reply, Problem> {
    request.query().finish()?;
    let account = app.store.account(request.id::<AccountId>("id")?).await?;
    answer(&account.ok_or_else(Problem::not_found)?)
}

/// `PATCH /admin/users/{id}`
pub async fn change<A: Adapters>(app: Arc<App<A>>, mut request: Request) -> Result<Reply, Problem> {
    let (id, expected, actor) = (request.id::<AccountId>("id")?, expected(&request)?, request.actor()?);
    let body: AccountChangeBody = request.body().await?;
    let mut errors = FieldErrors::default();
    let role = body.role.and_then(|role| errors.keep(one_of("role", &role, "USER, ORGANIZER or ADMIN")));
    let status = body.status.and_then(|status| errors.keep(one_of("status", &status, "ACTIVE or SUSPENDED")));
    let change: AccountChange = errors.finish(Some(AccountChange { role, status }))?;
    answer(&administration::change_account(&app, id, change, expected, &actor).await?)
}

fn one_of<T: std::str::FromStr>(field: &'static str, text: &str, right: &str) -> Result<T, FieldError> {
    text.parse().map_err(|_| FieldError::new(field, "INVALID", format!("must be {right}")))
}

fn answer(account: &Account) -> Result<Reply, Problem> {
    Ok(tagged(Reply::ok(&AccountJson::from(account))?, account.revision))
}
