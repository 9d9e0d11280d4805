//! The endpoints of accounts.

use application::{app::App, limits::Tier};
use boxoffice_http::{
    endpoint::{Endpoint, Section},
    openapi::operation::Operation,
    problem_codes::Code,
    router::Access,
};
use domain::lists::declared;
use serde_json::json;

use super::dto::{
    AccountChangeBody, AccountJson, ChangePasswordBody, EmailBody, LoginBody, ProfileBody, RegisterBody,
    ResetPasswordBody, SessionsJson, SignedInJson, TokenBody, UserJson,
};
use crate::scopes::ADMINISTRATORS;

/// What the link of a mail has.
const LINK_TOKEN: &str = "5f0c1b9e3d7a48e2b6c4a1f09d8e7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a291807";

pub(crate) fn section() -> Section<App> {
    Section::new("Accounts", "Who one is: registering, signing in, the own profile.")
        .with(register())
        .with(verify_email())
        .with(resend_verification())
        .with(login())
        .with(refresh())
        .with(logout())
        .with(forgot_password())
        .with(reset_password())
        .with(change_password())
        .with(profile())
        .with(update_profile())
        .with(sessions())
        .with(end_session())
        .with(end_sessions())
}

pub(crate) fn administration() -> Section<App> {
    Section::new("Administration of accounts", "Finding accounts, their roles, suspending them.")
        .with(accounts())
        .with(account())
        .with(change_account())
}

fn register() -> Endpoint<App> {
    Operation::post("/api/v1/auth/register", "register", "Make an account")
        .details(
            "Mails a link to verify the address, in the language of `Accept-Language`. With the address of another account the \
             answer is the same and nothing is made: only its owner is told, by mail. How easily the password is guessed is judged \
             when nothing else is wrong.",
        )
        .body::<RegisterBody>(json!({
            "email": "ada@example.org", "password": "correct horse battery", "name": "Ada Lovelace", "phone": "+4930123456",
        }))
        .created::<UserJson<'_>>("The new account. It is not signed in.")
        .served(Access::Public, super::public::register).limit(Tier::Auth)
}

fn login() -> Endpoint<App> {
    Operation::post("/api/v1/auth/login", "login", "Sign in")
        .details(
            "Failures are limited for the account with the network that they come from, and more widely for the account alone. The \
             latter does not concern a device on which somebody has signed in to the account: its cookie says so, send it back. \
             Where addresses have to be verified first, one that is not is refused like a wrong password, and a mail tells why.",
        )
        .body::<LoginBody>(json!({ "email": "ada@example.org", "password": "correct horse battery" }))
        .ok::<SignedInJson<'_>>("An access token for `Authorization: Bearer`; the refresh token is in a cookie.")
        .sets_cookie()
        .refusals(&[Code::WrongCredentials, Code::Suspended])
        .served(Access::Public, super::sessions::login).limit(Tier::Auth)
}

fn profile() -> Endpoint<App> {
    Operation::get("/api/v1/profile", "getProfile", "Show the own account")
        .ok::<UserJson<'_>>("The account.")
        .refusals(&[Code::NotFound])
        .served(Access::Authenticated, super::public::profile)
        .own()
}

fn update_profile() -> Endpoint<App> {
    Operation::patch("/api/v1/profile", "updateProfile", "Change the own account")
        .details("What is left out stays as it is. `\"phone\": null` takes the number away.")
        .body::<ProfileBody>(json!({ "name": "Ada King", "phone": null }))
        .ok::<UserJson<'_>>("The account as it is now.")
        .refusals(&[Code::NotFound])
        .served(Access::Authenticated, super::public::update_profile)
        .own()
}

fn verify_email() -> Endpoint<App> {
    Operation::post("/api/v1/auth/verify-email", "verifyEmail", "Verify the address")
        .body::<TokenBody>(json!({ "token": LINK_TOKEN }))
        .no_content("The address is verified.")
        .refusals(&[Code::LinkDead])
        .served(Access::Public, super::credentials::verify_email)
        .limit(Tier::Auth)
}

fn resend_verification() -> Endpoint<App> {
    Operation::post("/api/v1/auth/resend-verification", "resendVerification", "Mail another link to verify the address")
        .details(
            "Whether an account has the address, and has to verify it, is not told. The last two links work; within five minutes \
             after one no other is mailed.",
        )
        .body::<EmailBody>(json!({ "email": "ada@example.org" }))
        .accepted_empty("A mail is on its way, if there is anybody to get it.")
        .served(Access::Public, super::credentials::resend_verification).limit(Tier::Auth)
}

fn refresh() -> Endpoint<App> {
    Operation::post("/api/v1/auth/refresh", "refresh", "Get the next access token")
        .details(
            "The refresh token in the cookie is good for one use; the answer sets the next one. Used again, except within some \
             seconds, it ends its session: somebody else has it. Of several that were answered to one token the first that is used \
             is good, and any other ends the session.",
        )
        .ok::<SignedInJson<'_>>("As after signing in.")
        .sets_cookie()
        .refusals(&[Code::SessionOver])
        .served(Access::Session, super::sessions::refresh)
}

fn logout() -> Endpoint<App> {
    Operation::post("/api/v1/auth/logout", "logout", "Sign out here")
        .details("Ends the session of the cookie, if there is one, and its access tokens.")
        .no_content("There is no session any more, and no cookie.")
        .sets_cookie()
        .served(Access::Session, super::sessions::logout)
}

fn forgot_password() -> Endpoint<App> {
    Operation::post("/api/v1/auth/forgot-password", "forgotPassword", "Mail a link to choose a new password")
        .details(
            "Whether an account has the address is not told. The last two links work; within five minutes after one no other is \
             mailed.",
        )
        .body::<EmailBody>(json!({ "email": "ada@example.org" }))
        .accepted_empty("A mail is on its way, if there is anybody to get it.")
        .served(Access::Public, super::credentials::forgot_password).limit(Tier::Auth)
}

fn reset_password() -> Endpoint<App> {
    Operation::post("/api/v1/auth/reset-password", "resetPassword", "Choose a new password by the link of a mail")
        .details("All sessions and access tokens of the account end. The present password is refused.")
        .body::<ResetPasswordBody>(json!({ "token": LINK_TOKEN, "password": "staple battery horse" }))
        .no_content("The password is another one.")
        .refusals(&[Code::LinkDead])
        .served(Access::Public, super::credentials::reset_password)
        .limit(Tier::Auth)
}

fn change_password() -> Endpoint<App> {
    Operation::post("/api/v1/auth/change-password", "changePassword", "Change the own password")
        .details("All sessions and access tokens of the account end; the answer begins a new session. The present password is no new one.")
        .body::<ChangePasswordBody>(
            json!({ "currentPassword": "correct horse battery", "newPassword": "staple battery horse" }),
        )
        .ok::<SignedInJson<'_>>("As after signing in.")
        .sets_cookie()
        .refusals(&[Code::WrongPassword, Code::Suspended, Code::NotFound])
        .served(Access::Authenticated, super::credentials::change_password).own()
}

fn sessions() -> Endpoint<App> {
    Operation::get("/api/v1/sessions", "listSessions", "List the own sessions")
        .ok::<SessionsJson<'_>>("Those that live, the one used last first.")
        .served(Access::Authenticated, super::sessions::list)
        .own()
}

fn end_session() -> Endpoint<App> {
    Operation::delete("/api/v1/sessions/{id}", "endSession", "End one of the own sessions")
        .no_content("The session is over, and so are its access tokens.")
        .served(Access::Authenticated, super::sessions::end)
        .own()
}

fn end_sessions() -> Endpoint<App> {
    Operation::delete("/api/v1/sessions", "endSessions", "Sign out everywhere")
        .no_content("All sessions are over, and no access token of the account is good any more, this one included.")
        .sets_cookie()
        .served(Access::Authenticated, super::sessions::end_all)
        .own()
}

fn accounts() -> Endpoint<App> {
    Operation::get("/api/v1/admin/users", "listUsers", "Find accounts")
        .page_of::<AccountJson<'_>>(&declared::ACCOUNTS, "Accounts, the latest first.")
        .served(ADMINISTRATORS, super::admin::list)
}

fn account() -> Endpoint<App> {
    Operation::get("/api/v1/admin/users/{id}", "getUser", "Show an account")
        .versioned()
        .ok::<AccountJson<'_>>("The account.")
        .served(ADMINISTRATORS, super::admin::show)
}

fn change_account() -> Endpoint<App> {
    Operation::patch("/api/v1/admin/users/{id}", "changeUser", "Change role or status of an account")
        .details(
            "Effective at once: the account's access tokens are refused from now on. A suspension also ends its sessions. It is \
             written down in the audit log.",
        )
        .versioned()
        .body::<AccountChangeBody>(json!({ "role": "ORGANIZER" }))
        .ok::<AccountJson<'_>>("The account as it is now.")
        .refusals(&[Code::LastAdministrator])
        .served(ADMINISTRATORS, super::admin::change).conditional()
}
