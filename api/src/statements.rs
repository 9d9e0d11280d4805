//! What an event has earned: its books in JSON, or as CSV with a line for each booking that money was taken for.

pub(crate) mod endpoints;
mod export;

use std::sync::Arc;

use application::{acting, app::App, manage::event_of};
use boxoffice_http::{edge::negotiation::named, problem::Problem, reply::Reply, request::Request};
use domain::{
    audit::Action,
    ids::EventId,
    money::{Money, MoneyError},
    payments::statement::Statement,
};
use http::{HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::manage::manager;
use crate::csv::CSV;

/// The books of an event at one instant. At any of them, `charged` − `refunds` = `valid` + `kept` + `owed` − (`refundsByAmount` − `cut`).
#[derive(Serialize, ToSchema)]
#[schema(as = Statement)]
#[serde(rename_all = "camelCase")]
struct StatementJson {
    event_id: EventId,
    /// Prices of all places that were paid, those that were cancelled later included.
    gross: Money,
    /// What promo codes took off them.
    discounts: Money,
    fees: Money,
    /// Contained in prices or added to them, as each booking was charged.
    tax: Money,
    /// Everything that was paid, by hand and what was given away included.
    charged: Money,
    /// What of it was given away, less what of that was cancelled.
    complimentary: Money,
    /// What places cost that are valid now.
    valid: Money,
    /// Everything that goes or has gone back, but for what failed.
    refunds: Money,
    /// What of that cancelled nothing.
    refunds_by_amount: Money,
    /// Fees kept of cancelled places.
    kept: Money,
    /// What cancelled places did not give back, because an earlier refund by amount had.
    cut: Money,
    /// Refunds that failed and are still to be paid.
    owed: Money,
    /// Payments that are disputed, or were lost that way.
    disputes: Money,
    /// What is left of what was charged: less refunds, what was given away, and disputes.
    net: Money,
    as_of: Timestamp,
}

impl StatementJson {
    fn new(event_id: EventId, of: &Statement, as_of: Timestamp) -> Result<Self, MoneyError> {
        Ok(Self {
            event_id,
            gross: of.gross,
            discounts: of.discounts,
            fees: of.fees,
            tax: of.tax,
            charged: of.charged,
            complimentary: of.complimentary,
            valid: of.valid,
            refunds: of.refunds,
            refunds_by_amount: of.refunds_by_amount,
            kept: of.kept,
            cut: of.cut,
            owed: of.owed,
            disputes: of.disputes,
            net: of.net()?,
            as_of,
        })
    }
}

/// `GET …/events/{id}/statement`
async fn show(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let (by, event) = (manager(&request)?, request.id::<EventId>("id")?);
    event_of(&app, &by, event).await?;
    if named(request.headers(), "text/csv") > named(request.headers(), "application/json") {
        let action = if request.method() == Method::HEAD { Action::Read } else { Action::Exported };
        acting::looks_at(&app, action, ("statement", event.to_string()), json!({})).await?;
        tracing::info!(%event, userId = %by.account, "statement exported");
        let disposition = format!("attachment; filename=\"statement-{event}.csv\"");
        let disposition = HeaderValue::from_str(&disposition).map_err(Problem::internal)?;
        let reply = Reply::body(StatusCode::OK, CSV.clone(), export::body(app, event));
        return Ok(reply.header(header::CONTENT_DISPOSITION, disposition));
    }
    let statement = app.store.statement_of_event(event).await?;
    if let Err(error) = statement.check() {
        tracing::error!(%event, %error, "the books of an event do not balance");
    }
    Reply::ok(&StatementJson::new(event, &statement, Timestamp::now()).map_err(Problem::internal)?)
}
