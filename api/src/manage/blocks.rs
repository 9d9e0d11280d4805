//! Blocks: places of an event that its organizer keeps back.

use std::sync::Arc;

use application::{app::App, manage::blocks};
use boxoffice_http::{openapi::schemas, problem::Problem, reply::Reply, request::Request};
use domain::{
    bookings::Hold,
    ids::{EventId, HoldId, SeatId, TicketTypeId},
    management::events::BlockSummary,
    selection::{RawBlockLine, RawLine, Selection},
    validation::FieldError,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{location, manager, named_body, sales::All};
use crate::bookings::dto::ItemJson;

/// Which places to keep back.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = BlockRequest)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BlockBody {
    /// What is kept back, a line for each ticket type; ten thousand places together at most.
    #[schema(value_type = Vec<BlockLineSchema>, min_items = 1, max_items = 20)]
    items: Vec<LineBody>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LineBody {
    ticket_type_id: TicketTypeId,
    quantity: Option<u32>,
    seat_ids: Option<Vec<SeatId>>,
    #[serde(default)]
    best_available: bool,
    #[serde(default)]
    whole_section: bool,
    section: Option<String>,
}

/// Places of one ticket type that are kept back.
// What clients are told of `LineBody`: one struct reads all forms, so that a refusal can name the field that is wrong.
#[derive(ToSchema)]
#[schema(as = BlockLine)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum BlockLineSchema {
    /// So many places.
    #[schema(title = "Places")]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    Places {
        ticket_type_id: TicketTypeId,
        #[schema(minimum = 1, maximum = 10_000)]
        quantity: u32,
        #[schema(schema_with = schemas::always::<false>, required = false)]
        best_available: bool,
        #[schema(schema_with = schemas::always::<false>, required = false)]
        whole_section: bool,
    },
    /// These seats.
    #[schema(title = "Seats")]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    Seats {
        ticket_type_id: TicketTypeId,
        #[schema(min_items = 1, max_items = 10_000)]
        seat_ids: Vec<SeatId>,
        #[schema(schema_with = schemas::always::<false>, required = false)]
        best_available: bool,
        #[schema(schema_with = schemas::always::<false>, required = false)]
        whole_section: bool,
    },
    /// The best seats that are free, side by side if possible; the server chooses.
    #[schema(title = "Best seats")]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    Best {
        ticket_type_id: TicketTypeId,
        #[schema(minimum = 1, maximum = 10_000)]
        quantity: u32,
        #[schema(schema_with = schemas::always::<true>)]
        best_available: bool,
        #[schema(schema_with = schemas::always::<false>, required = false)]
        whole_section: bool,
        /// Only in this section, by its name or id.
        #[schema(min_length = 1, max_length = 200, nullable = false)]
        section: Option<String>,
    },
    /// Every seat of a section that is free at this moment.
    #[schema(title = "A whole section")]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    WholeSection {
        ticket_type_id: TicketTypeId,
        #[schema(schema_with = schemas::always::<true>)]
        whole_section: bool,
        #[schema(schema_with = schemas::always::<false>, required = false)]
        best_available: bool,
        /// Its name or id.
        #[schema(min_length = 1, max_length = 200)]
        section: String,
    },
}

impl TryFrom<BlockBody> for Selection {
    type Error = Vec<FieldError>;

    fn try_from(body: BlockBody) -> Result<Self, Self::Error> {
        let line = |line: LineBody| RawBlockLine {
            line: RawLine {
                ticket_type_id: line.ticket_type_id,
                quantity: line.quantity,
                seat_ids: line.seat_ids,
                best_available: line.best_available,
                section: line.section,
            },
            whole_section: line.whole_section,
        };
        Self::parse_block(body.items.into_iter().map(line).collect())
    }
}

/// Places that are kept back.
#[derive(Serialize, ToSchema)]
#[schema(as = Block)]
#[serde(rename_all = "camelCase")]
pub(super) struct BlockJson<'a> {
    id: HoldId,
    event_id: EventId,
    /// How many places.
    places: usize,
    items: Vec<ItemJson<'a>>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> From<&'a Hold> for BlockJson<'a> {
    fn from(hold: &'a Hold) -> Self {
        Self {
            id: hold.id,
            event_id: hold.event_id,
            places: hold.items.len(),
            items: hold.items.iter().map(|item| ItemJson::held(item, hold.total.currency)).collect(),
            created_at: hold.created_at,
            updated_at: hold.updated_at,
        }
    }
}

/// A block in a list. Which places it has, the block itself says: they may be ten thousand.
#[derive(Serialize, ToSchema)]
#[schema(as = BlockSummary)]
#[serde(rename_all = "camelCase")]
pub(super) struct SummaryJson {
    id: HoldId,
    event_id: EventId,
    /// How many places.
    places: u32,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// The blocks of an event, the newest first, at most a thousand.
#[derive(ToSchema)]
#[schema(as = Blocks)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct BlocksJson {
    data: Vec<SummaryJson>,
}

/// `GET …/events/{id}/blocks`
pub(super) async fn list(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let event_id = request.id("id")?;
    let blocks = blocks::list(&app, &manager(&request)?, event_id).await?;
    let summary = |block: &BlockSummary| {
        let BlockSummary { id, places, created_at, updated_at } = *block;
        SummaryJson { id, event_id, places, created_at, updated_at }
    };
    Reply::ok(&All { data: blocks.iter().map(summary).collect() })
}

/// `POST …/events/{id}/blocks`: at most 10,000 places at once, named or by number as in a booking, or by section.
pub(super) async fn add(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, event) = (manager(&request)?, request.id::<EventId>("id")?);
    let (body, named) = named_body::<BlockBody>(&mut request).await?;
    let selection = Selection::try_from(body)?;
    let made = blocks::block(&app, &by, named.map(|named| named.key), event, selection).await?;
    let path = location(&by, &format!("events/{event}/blocks/{}", made.value.id));
    // As the first time, also when it was released since.
    let block = BlockJson { updated_at: made.value.created_at, ..BlockJson::from(&*made.value) };
    let reply = Reply::created(&path, &block)?;
    Ok(if made.replayed { reply.replayed() } else { reply })
}

/// `GET …/events/{id}/blocks/{blockId}`
pub(super) async fn show(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let block = blocks::find(&app, &manager(&request)?, request.id("id")?, request.id("blockId")?).await?;
    Reply::ok(&BlockJson::from(&block))
}

/// `DELETE …/events/{id}/blocks/{blockId}`
pub(super) async fn delete(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    blocks::release(&app, &manager(&request)?, request.id("id")?, request.id("blockId")?).await?;
    Ok(Reply::no_content())
}
