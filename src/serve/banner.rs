//! What a person who starts a demo server wants to know.

use std::net::SocketAddr;

use domain::repositories::{EventRepository, IdOrSlug};

use crate::infrastructure::postgres::{
    seed::{DEMO_PASSWORD, FIRST_EVENT},
    store::PgStore,
};

/// Prints addresses, demo accounts and a first booking to paste into a shell.
#[expect(clippy::print_stderr, reason = "for the person at the terminal; standard output has the log")]
pub(super) async fn print(store: &PgStore, api: SocketAddr, operations: SocketAddr, keeps_mails: bool) {
    eprintln!(
        "\n  boxoffice sells at http://{api}\n  metrics and health: http://{operations}/metrics, /health/detailed"
    );
    if keeps_mails {
        eprintln!("  the mails it sends: http://{operations}/mails");
    }
    let Ok(Some(detail)) = store.public_event(IdOrSlug::Slug(FIRST_EVENT)).await else { return };
    let Some(ticket_type) = detail.ticket_types.iter().find(|of| of.price.is_zero() && !of.seated) else { return };
    let event = &detail.event;
    eprintln!(
        "\n  accounts, all with password {DEMO_PASSWORD}:\n    \
           ada@demo.boxoffice.example     USER\n    \
           olivia@demo.boxoffice.example  ORGANIZER\n    \
           admin@demo.boxoffice.example   ADMIN\n\n  \
         a first booking, for {:?}:\n\n\
         TOKEN=$(curl -s http://{api}/api/v1/auth/login -H 'content-type: application/json' \\\n  \
           -d '{{\"email\":\"ada@demo.boxoffice.example\",\"password\":\"{DEMO_PASSWORD}\"}}' \\\n  \
           | sed 's/.*\"accessToken\":\"\\([^\"]*\\)\".*/\\1/')\n\
         curl -i http://{api}/api/v1/events/{}/bookings -H \"authorization: Bearer $TOKEN\" \\\n  \
           -H \"idempotency-key: first-$RANDOM\" -H 'content-type: application/json' \\\n  \
           -d '{{\"items\":[{{\"ticketTypeId\":\"{}\",\"quantity\":2}}]}}'\n",
        event.title, event.id, ticket_type.id
    );
}
