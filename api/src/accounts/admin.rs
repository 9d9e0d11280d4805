//! Accounts as administrators see and change them.

use std::sync::Arc;

use application::{acting, administration, app::App};
use boxoffice_http::{
    lists::ListRequest,
    problem::Problem,
    reply::Reply,
    request::Request,
    revisions::{expected, tagged},
};
use domain::{
    accounts::Account,
    administration::AccountChange,
    audit::Action,
    ids::AccountId,
    lists::declared,
    validation::{FieldError, FieldErrors},
};
use serde_json::json;

use super::dto::{AccountChangeBody, AccountJson};

/// `GET /admin/users`
pub async fn list(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let list = ListRequest::read(&request, &declared::ACCOUNTS)?;
    let asked_for = json!({ "searched": list.query.get("q").is_some() });
    acting::looks_at(&app, Action::Read, ("accounts", "list".to_owned()), asked_for).await?;
    let page = app.store.accounts(&list.query).await?;
    list.reply(&page, AccountJson::from)
}

/// `GET /admin/users/{id}`
pub async fn show(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let account = app.store.account(request.id::<AccountId>("id")?).await?.ok_or_else(Problem::not_found)?;
    acting::looks_at(&app, Action::Read, ("account", account.id.to_string()), json!({})).await?;
    answer(&account)
}

/// `PATCH /admin/users/{id}`
pub async fn change(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (id, expected, actor) = (request.id::<AccountId>("id")?, expected(&request)?, request.actor()?);
    let body: AccountChangeBody = request.body().await?;
    let mut errors = FieldErrors::default();
    let role = body.role.and_then(|role| errors.keep(one_of("role", role, "USER, ORGANIZER or ADMIN")));
    let status = body.status.and_then(|status| errors.keep(one_of("status", status, "ACTIVE or SUSPENDED")));
    let change: AccountChange = errors.finish(Some(AccountChange { role, status }))?;
    answer(&administration::change_account(&app, id, change, expected, &actor).await?)
}

/// One of the words that there are; an account has one, and `null` is none of them.
fn one_of<T: std::str::FromStr>(field: &'static str, text: Option<String>, right: &str) -> Result<T, FieldError> {
    let text = text.ok_or_else(|| FieldError::new(field, "REQUIRED", format!("must be {right}")))?;
    text.parse().map_err(|_| FieldError::new(field, "INVALID", format!("must be {right}")))
}

fn answer(account: &Account) -> Result<Reply, Problem> {
    Ok(tagged(Reply::ok(&AccountJson::from(account))?, account.revision))
}
