//! What clients are told about accounts.

use serde_json::json;

use super::dto::{LoginBody, ProfileBody, RegisterBody, SignedInJson, UserJson};
use crate::presentation::{
    catalogue::Code,
    openapi::operation::{Operation, Section},
};

pub(in crate::presentation) fn section() -> Section {
    Section::new("Accounts", "Who one is: registering, signing in, the own profile.")
        .with(register())
        .with(login())
        .with(profile())
        .with(update_profile())
}

fn register() -> Operation {
    Operation::post("/api/v1/auth/register", "register", "Make an account")
        .body::<RegisterBody>(json!({
            "email": "ada@example.org", "password": "correct horse battery", "name": "Ada Lovelace", "phone": "+4930123456",
        }))
        .created::<UserJson<'_>>("The new account. It is not signed in.")
        .refusals(&[Code::EmailTaken])
}

fn login() -> Operation {
    Operation::post("/api/v1/auth/login", "login", "Sign in")
        .details("Attempts are also limited for each e-mail address, whatever network they come from.")
        .body::<LoginBody>(json!({ "email": "ada@example.org", "password": "correct horse battery" }))
        .ok::<SignedInJson<'_>>("An access token for `Authorization: Bearer`.")
        .refusals(&[Code::WrongCredentials])
}

fn profile() -> Operation {
    Operation::get("/api/v1/profile", "getProfile", "Show the own account")
        .ok::<UserJson<'_>>("The account.")
        .refusals(&[Code::NotFound])
}

fn update_profile() -> Operation {
    Operation::patch("/api/v1/profile", "updateProfile", "Change the own account")
        .details("What is left out stays as it is. `\"phone\": null` takes the number away.")
        .body::<ProfileBody>(json!({ "name": "Ada King", "phone": null }))
        .ok::<UserJson<'_>>("The account as it is now.")
        .refusals(&[Code::NotFound])
}
