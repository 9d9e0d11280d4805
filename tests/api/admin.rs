//! `/admin/…`.

mod audit_log;
mod audited;
mod settings;
mod users;
