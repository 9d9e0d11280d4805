//! Verify an address; a new password.

use std::sync::Arc;

use application::{accounts, app::App, passwords};
use boxoffice_http::{problem::Problem, reply::Reply, request::Request, session_cookie::SessionCookie};
use domain::accounts::Password;
use http::StatusCode;

use super::{
    dto::{ChangePasswordBody, EmailBody, ResetPasswordBody, TokenBody},
    sessions::{answer, origin},
};

/// `POST /auth/verify-email`
pub async fn verify_email(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let body: TokenBody = request.body().await?;
    accounts::verify_email(&app, &body.token).await?;
    Ok(Reply::no_content())
}

/// `POST /auth/resend-verification`
pub async fn resend_verification(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let body: EmailBody = request.body().await?;
    accounts::resend_verification(&app, &body.email).await?;
    Ok(Reply::empty(StatusCode::ACCEPTED))
}

/// `POST /auth/forgot-password`
pub async fn forgot_password(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let body: EmailBody = request.body().await?;
    passwords::ask_for_reset(&app, &body.email).await?;
    Ok(Reply::empty(StatusCode::ACCEPTED))
}

/// `POST /auth/reset-password`
pub async fn reset_password(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let body: ResetPasswordBody = request.body().await?;
    let password = Password::parse("password", &body.password).map_err(|error| Problem::invalid(vec![error]))?;
    passwords::reset(&app, &body.token, &password).await?;
    Ok(Reply::no_content())
}

/// `POST /auth/change-password`
pub async fn change_password(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let body: ChangePasswordBody = request.body().await?;
    let new = Password::parse("newPassword", &body.new_password).map_err(|error| Problem::invalid(vec![error]))?;
    let account = request.caller()?.account;
    let signed_in = passwords::change(&app, account, &body.current_password, &new, &origin(&request)).await?;
    let cookie = SessionCookie::new(signed_in.refresh_token.clone());
    answer(&app, &signed_in, &cookie)
}
