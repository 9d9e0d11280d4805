//! Welcome page: what it tells.

use domain::accounts::Role;

/// Which server this is, and where its parts are.
#[derive(Clone, Debug, Default)]
pub struct Guide {
    /// Of a developer's machine; nothing of it is told anywhere else.
    pub development: Option<DevelopmentGuide>,
}

/// What is there to try the server with.
#[derive(Clone, Debug)]
pub struct DevelopmentGuide {
    /// Accounts of the demo, if it was loaded. Never a password: a visitor of the page need not be the one who has started the server.
    pub accounts: Vec<(String, Role)>,
    /// Where the mails are that are sent nowhere else, without the token that shows them.
    pub mails: Option<String>,
}
