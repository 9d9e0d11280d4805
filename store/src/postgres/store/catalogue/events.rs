//! Event search over `event_listings`: one row per event with everything that lists filter and sort by.

use domain::{
    lists::{FilterValue, ListQuery},
    search::leaves_out_what_is_over,
};
use tokio_postgres::types::Type;

use super::{
    super::lists::{statement::Statement, table::filters, walk::Walk},
    Typing, rows,
    typing::Places,
};

const PLACES: Places = ["l.title_words", "l.name_words", "l.summary_words", "l.words"];

/// Something of the event can be bought now. A sub-select with a limit is never turned into a join: it is asked for one event at
/// a time, until the page is full, by the counters themselves.
const AVAILABLE: &str = concat!(
    " AND (SELECT true FROM ticket_types t JOIN quotas q ON q.id = t.quota_id \
        WHERE t.event_id = l.event_id AND NOT t.hidden AND q.held + q.sold < q.capacity \
        AND coalesce(t.sale_starts_at, l.sale_starts_at) <= now() AND coalesce(t.sale_ends_at, l.sale_ends_at) > now() AND ",
    sellable!(),
    " > 0 LIMIT 1)"
);

/// For how long the longest published event goes on. What began earlier than that before an instant is over by then, which tells a walk
/// along the beginnings where to begin. Days of an interval are those of a calendar, some of which have 25 hours.
macro_rules! longest {
    () => {
        "(SELECT max(m.ends_at - m.starts_at) + interval '1 day' FROM event_listings m WHERE m.status = 'PUBLISHED')"
    };
}

/// The page of a search; `few`: no more events are found than are counted.
pub(super) fn page(query: &ListQuery, typing: &Typing<'_>, few: bool) -> Statement {
    let walk = Walk(query);
    let mut statement = Statement::default();
    statement.sql("SELECT ");
    walk.page_keys(&mut statement);
    statement.sql(", ").sql(&rows::SUMMARY_COLUMNS).sql(" FROM (");
    if query.is_ranked() {
        walk.pick_ranked(&mut statement, typing.ranks(), |statement, rank| {
            keyed(statement, query);
            typing.ranked(statement, rank, PLACES);
            fence(statement, query, few);
        });
    } else {
        walk.pick(&mut statement, |statement| {
            keyed(statement, query);
            typing.condition(statement);
            fence(statement, query, few);
        });
    }
    statement.sql(
        ") AS page JOIN events e ON e.id = page.event_id JOIN venues v ON v.id = e.venue_id \
        JOIN event_listings l ON l.event_id = page.event_id",
    );
    walk.page_order(&mut statement);
    statement
}

/// The entries without their words, with the keys that an index has.
fn keyed(statement: &mut Statement, query: &ListQuery) {
    statement.sql("SELECT ");
    Walk(query).indexed_keys(statement);
    statement.sql(" FROM event_listings l");
    conditions(statement, query);
    beginnings(statement, query);
    if let ("price", Some(FilterValue::Amount(max))) = (query.sort.order.name, query.get("maxPrice")) {
        // Follows from the condition on the cheapest ticket type, and tells a walk down the prices where to begin.
        statement.sql(" AND l.price_key <= ").bind(*max, Type::NUMERIC);
    }
}

/// Has all that is found read and then sorted, where the planner would walk along the order until the page is full and might never
/// fill it. It takes what events have for independent and evenly spread: it expects `musik` in Paris as often as anywhere, and
/// `tango` at every letter of the alphabet.
fn fence(statement: &mut Statement, query: &ListQuery, few: bool) {
    let (order, has) = (query.sort.order.name, |name| query.get(name).is_some());
    let uneven = if has("q") {
        // Titles and prices have much to do with words.
        few || matches!(order, "title" | "price")
    } else {
        has("tag") && (order != "startsAt" || has("minPrice") || has("maxPrice"))
    };
    if uneven {
        statement.sql(" OFFSET 0");
    }
}

/// The entries without anything else.
pub(super) fn matching(statement: &mut Statement, query: &ListQuery, typing: &Typing<'_>) {
    statement.sql("SELECT FROM event_listings l");
    conditions(statement, query);
    typing.condition(statement);
}

fn conditions(statement: &mut Statement, query: &ListQuery) {
    // In the text, because the indexes of what is shown most are for published events only.
    statement.sql(match query.text("status") {
        Some("CANCELLED") => " WHERE l.status = 'CANCELLED'",
        Some("ARCHIVED") => " WHERE l.status = 'ARCHIVED'",
        _ => " WHERE l.status = 'PUBLISHED'",
    });
    filters(statement, query, "l.");
    if leaves_out_what_is_over(query) {
        statement.sql(" AND l.ends_at > now()");
    }
    // Each bound is a question to the cheapest or to the dearest ticket type. Of both, one ticket type must be within; the questions to
    // the cheapest and the dearest are answered by an index, and keep most other events from being looked up.
    if let (Some(FilterValue::Amount(min)), Some(FilterValue::Amount(max))) =
        (query.get("minPrice"), query.get("maxPrice"))
    {
        statement.sql(" AND EXISTS (SELECT FROM ticket_types t WHERE t.event_id = l.event_id AND NOT t.hidden AND t.price BETWEEN ");
        statement.bind(*min, Type::NUMERIC).sql(" AND ").bind(*max, Type::NUMERIC).sql(")");
    }
    if query.get("available").is_some() {
        statement.sql(AVAILABLE);
    }
}

/// Follows from what is asked of the ends, and tells a walk along the beginnings where to begin. Only there: the planner does not know how
/// little it leaves out.
fn beginnings(statement: &mut Statement, query: &ListQuery) {
    let is_along = matches!(query.sort.order.name, "startsAt" | "relevance");
    if !is_along || query.text("status").is_some() {
        return;
    }
    if leaves_out_what_is_over(query) {
        statement.sql(concat!(" AND l.starts_at > now() - ", longest!()));
    }
    if let Some(FilterValue::Instant(from)) = query.get("endsFrom") {
        statement.sql(" AND l.starts_at > ").bind(*from, Type::TIMESTAMPTZ).sql(concat!(" - ", longest!()));
    }
}
