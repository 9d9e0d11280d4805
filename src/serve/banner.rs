//! What a person who starts a demo server wants to know.

use std::{
    io::{self, IsTerminal},
    net::SocketAddr,
};

use application::guide::{DevelopmentGuide, Guide};
use boxoffice_auth::passwords::Passwords;
use boxoffice_seed::{self, FIRST_EVENT};
use boxoffice_store::postgres::{connection::RequestPool, store::PgStore};
use domain::{
    repositories::{EventRepository, IdOrSlug},
    secrets::OpaqueToken,
};

use super::{database::Database, demo, listeners::Listeners, mail::Mail};
use crate::config::{Config, Environment};

/// Greets anyone who starts the server at a terminal. What the first page of a developer's server tells.
pub(super) async fn greet(
    config: &Config,
    database: &Database,
    mail: &Mail,
    listeners: &Listeners,
    pool: &RequestPool,
    hasher: &Passwords,
) -> anyhow::Result<Guide> {
    let (operations, is_demo) = (listeners.operations_address, database.is_demo(config));
    mails(operations, mail.kept.as_ref().map(|kept| &kept.token), is_demo);
    if is_demo {
        let password = demo::told_password(&pool.get().await?, config, hasher).await?;
        print(&PgStore::new(pool.clone()), listeners.address, operations, password.as_deref()).await;
    }
    guide(config, database.is_private(), mail.kept.is_some().then_some(operations))
}

/// Says where a developer reads the mails that are sent nowhere else, if there are any: beside the rest of a demo server's first words, at
/// the terminal, or in the log of a server that has neither.
#[expect(clippy::print_stderr, reason = "for the person at the terminal; standard output has the log")]
fn mails(operations: SocketAddr, token: Option<&OpaqueToken>, is_demo: bool) {
    let Some(token) = token else { return };
    let address = format!("http://{operations}/mails?token={}", token.expose());
    if is_demo || io::stderr().is_terminal() {
        eprintln!("\n  the mails it sends: {address}");
    } else {
        tracing::info!(address, "the mails that it sends");
    }
}

/// Prints addresses, demo accounts with their password, if it is known, and a first booking to paste into a shell.
#[expect(clippy::print_stderr, reason = "for the person at the terminal; standard output has the log")]
async fn print(store: &PgStore, api: SocketAddr, operations: SocketAddr, password: Option<&str>) {
    eprintln!(
        "\n  boxoffice sells at http://{api}\n  metrics and health: http://{operations}/metrics, /health/detailed"
    );
    let Ok(Some(detail)) = store.public_event(IdOrSlug::Slug(FIRST_EVENT)).await else { return };
    let Some(ticket_type) = detail.ticket_types.iter().find(|of| of.price.is_zero() && !of.seated) else { return };
    let event = &detail.event;
    let Some(password) = password else {
        eprintln!(
            "\n  the password of the demo's accounts was changed, or never kept here; \
             `boxoffice seed --reset-passwords` gives them another\n"
        );
        return;
    };
    eprintln!(
        "\n  accounts, all with password {password}:\n    \
           ada@demo.boxoffice.example     USER\n    \
           olivia@demo.boxoffice.example  ORGANIZER\n    \
           admin@demo.boxoffice.example   ADMIN\n\n  \
         a first booking, for {:?}:\n\n\
         TOKEN=$(curl -s http://{api}/api/v1/auth/login -H 'content-type: application/json' \\\n  \
           -d '{{\"email\":\"ada@demo.boxoffice.example\",\"password\":\"{password}\"}}' \\\n  \
           | sed 's/.*\"accessToken\":\"\\([^\"]*\\)\".*/\\1/')\n\
         curl -i http://{api}/api/v1/events/{}/bookings -H \"authorization: Bearer $TOKEN\" \\\n  \
           -H \"idempotency-key: first-$RANDOM\" -H 'content-type: application/json' \\\n  \
           -d '{{\"items\":[{{\"ticketTypeId\":\"{}\",\"quantity\":2}}]}}'\n",
        event.title, event.id, ticket_type.id
    );
}

/// What the first page of a developer's server tells: the demo's accounts, if it was loaded here, and where mails are kept.
fn guide(config: &Config, is_private: bool, mails: Option<SocketAddr>) -> anyhow::Result<Guide> {
    if config.environment != Environment::Development {
        return Ok(Guide::default());
    }
    let has_demo = is_private && demo::was_loaded(config);
    let accounts = if has_demo { boxoffice_seed::demo_accounts()? } else { Vec::new() };
    Ok(Guide {
        development: Some(DevelopmentGuide {
            accounts: accounts.into_iter().map(|account| (account.email, account.role)).collect(),
            mails: mails.map(|address| format!("http://{address}/mails")),
        }),
    })
}
