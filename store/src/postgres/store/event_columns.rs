//! The columns of an event that its organizer fills: one list, from which events are inserted, changed, copied and read.

use std::sync::LazyLock;

use domain::{
    events::{Event, SaleWindow, fields::EventFields},
    ids::{AccountId, EventId, SeatMapVersionId, SeriesId, VenueId},
};
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};
use uuid::Uuid;

use self::OfCopy::{Own, Same, Text};
use crate::postgres::{
    connection::Typed,
    rows::{self, StoreError},
};

/// What is written of an event beside its id and its organizer.
pub(super) struct Written<'a> {
    pub(super) slug: &'a str,
    /// The version of its map.
    pub(super) seat_map: Option<Uuid>,
    pub(super) fields: &'a EventFields,
}

/// What a copy of an event has in a column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OfCopy {
    /// Something of its own: `n` of [`copy`] has it.
    Own,
    Same,
    /// The same, until somebody changes it; a change of it is taken over by occurrences that follow and read the same.
    Text,
}

type Value<'a> = Box<dyn ToSql + Sync + Send + 'a>;

struct Column {
    name: &'static str,
    kind: Type,
    of_copy: OfCopy,
    value: for<'a> fn(&Written<'a>) -> Value<'a>,
}

const fn column(
    name: &'static str,
    kind: Type,
    of_copy: OfCopy,
    value: for<'a> fn(&Written<'a>) -> Value<'a>,
) -> Column {
    Column { name, kind, of_copy, value }
}

static COLUMNS: [Column; 15] = [
    column("slug", Type::TEXT, Own, |of| Box::new(of.slug)),
    column("venue_id", Type::UUID, Same, |of| Box::new(of.fields.venue_id.0)),
    column("seat_map_version_id", Type::UUID, Same, |of| Box::new(of.seat_map)),
    column("title", Type::TEXT, Text, |of| Box::new(&of.fields.title)),
    column("summary", Type::TEXT, Text, |of| Box::new(&of.fields.summary)),
    column("description", Type::TEXT, Text, |of| Box::new(&of.fields.description)),
    column("category", Type::TEXT, Text, |of| Box::new(&of.fields.category)),
    column("starts_at", Type::TIMESTAMPTZ, Own, |of| Box::new(of.fields.starts_at)),
    column("ends_at", Type::TIMESTAMPTZ, Own, |of| Box::new(of.fields.ends_at)),
    column("time_zone", Type::TEXT, Same, |of| Box::new(&of.fields.time_zone)),
    column("currency", Type::BPCHAR, Same, |of| Box::new(of.fields.currency.as_str())),
    column("sale_starts_at", Type::TIMESTAMPTZ, Own, |of| Box::new(of.fields.sale.starts_at)),
    column("sale_ends_at", Type::TIMESTAMPTZ, Own, |of| Box::new(of.fields.sale.ends_at)),
    column("max_per_account", Type::INT4, Same, |of| Box::new(of.fields.max_per_account.map(rows::signed))),
    column("age_restriction", Type::INT4, Same, |of| Box::new(of.fields.age_restriction.map(rows::signed))),
];

/// An event from a row with the columns of [`selected`].
pub(super) fn event(row: &Row) -> Result<Event, StoreError> {
    Ok(Event {
        id: EventId(row.try_get("id")?),
        slug: row.try_get("slug")?,
        organizer_id: AccountId(row.try_get("organizer_id")?),
        series_id: row.try_get::<_, Option<Uuid>>("series_id")?.map(SeriesId),
        venue_id: VenueId(row.try_get("venue_id")?),
        seat_map_version_id: row.try_get::<_, Option<Uuid>>("seat_map_version_id")?.map(SeatMapVersionId),
        title: row.try_get("title")?,
        summary: row.try_get("summary")?,
        description: row.try_get("description")?,
        category: row.try_get("category")?,
        status: rows::parse(row.try_get("status")?)?,
        starts_at: row.try_get("starts_at")?,
        ends_at: row.try_get("ends_at")?,
        time_zone: row.try_get("time_zone")?,
        currency: rows::parse(row.try_get("currency")?)?,
        sale: SaleWindow { starts_at: row.try_get("sale_starts_at")?, ends_at: row.try_get("sale_ends_at")? },
        max_per_account: rows::perhaps_unsigned(row, "max_per_account")?,
        age_restriction: rows::perhaps_unsigned(row, "age_restriction")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

/// What [`event`] reads of the event `e`.
pub(super) static SELECTED: LazyLock<String> = LazyLock::new(|| selected("e.description"));

/// The same with something else for the description, which is long and which lists do not show.
pub(super) fn selected(description: &str) -> String {
    let columns = joined(", ", COLUMNS.iter(), |column, _| match column.name {
        "description" => format!("{description} AS description"),
        name => format!("e.{name}"),
    });
    format!("e.id, e.organizer_id, e.series_id, e.status::text AS status, e.created_at, e.updated_at, {columns}")
}

/// `$1` is the id, `$2` the organizer, and then come [`Values::of`].
pub(super) static INSERT: LazyLock<String> = LazyLock::new(|| {
    let names = joined(", ", COLUMNS.iter(), |column, _| column.name.to_owned());
    let values = joined(", ", COLUMNS.iter(), |_, number| format!("${}", number + 3));
    format!("INSERT INTO events (id, organizer_id, {names}) VALUES ($1, $2, {values}) ON CONFLICT (id) DO NOTHING")
});

/// With the same values. All occurrences of a series are of one organizer.
pub(super) static UPDATE: LazyLock<String> = LazyLock::new(|| {
    let columns = joined(", ", COLUMNS.iter(), |column, number| format!("{} = ${}", column.name, number + 3));
    format!(
        "UPDATE events SET organizer_id = coalesce($2, organizer_id), \
            series_id = CASE WHEN coalesce($2, organizer_id) = organizer_id THEN series_id END, {columns}, \
            revision = revision + 1, updated_at = now() WHERE id = $1"
    )
});

/// Copies of `$1` in the series `$2`. `$3` to `$8` are what each of them has of its own.
pub(super) static COPY: LazyLock<String> = LazyLock::new(|| {
    let names = joined(", ", COLUMNS.iter(), |column, _| column.name.to_owned());
    let values = joined(", ", COLUMNS.iter(), |column, _| {
        format!("{}.{}", if column.of_copy == Own { "n" } else { "e" }, column.name)
    });
    format!(
        "INSERT INTO events (id, organizer_id, series_id, {names}) SELECT n.id, e.organizer_id, $2, {values} \
         FROM events e CROSS JOIN unnest($3::uuid[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[], $8::timestamptz[]) \
             AS n (id, slug, starts_at, ends_at, sale_starts_at, sale_ends_at) WHERE e.id = $1"
    )
});

/// Whether a text of the event `e` reads the same as that of `r`, and would not. `$1` to `$3` are for others; then come
/// [`Values::of_texts`].
pub(super) static IS_REWORDED: LazyLock<String> = LazyLock::new(|| {
    joined(" OR ", text_columns(), |Column { name, .. }, number| {
        format!("e.{name} = r.{name} AND e.{name} <> ${}", number + 4)
    })
});

/// Has the events `$2` take over new texts where they read the same as `$1`. Then come [`Values::of_texts`].
pub(super) static REWORD: LazyLock<String> = LazyLock::new(|| {
    let columns = joined(", ", text_columns(), |Column { name, .. }, number| {
        format!("{name} = CASE WHEN e.{name} = r.{name} THEN ${} ELSE e.{name} END", number + 3)
    });
    format!(
        "UPDATE events e SET {columns}, revision = e.revision + 1, updated_at = now() \
         FROM events r WHERE r.id = $1 AND e.id = ANY($2)"
    )
});

fn text_columns() -> impl Iterator<Item = &'static Column> {
    COLUMNS.iter().filter(|column| column.of_copy == Text)
}

fn joined(
    between: &str,
    columns: impl Iterator<Item = &'static Column>,
    part: impl Fn(&Column, usize) -> String,
) -> String {
    columns.enumerate().map(|(number, column)| part(column, number)).collect::<Vec<_>>().join(between)
}

/// Values for a statement, with what they are kept in.
pub(super) struct Values<'a>(Vec<(Value<'a>, Type)>);

impl<'a> Values<'a> {
    /// Of all columns.
    pub(super) fn of(written: &Written<'a>) -> Self {
        Self(COLUMNS.iter().map(|column| ((column.value)(written), column.kind.clone())).collect())
    }

    /// Of those that occurrences take over from each other.
    pub(super) fn of_texts(fields: &'a EventFields) -> Self {
        let written = Written { slug: "", seat_map: None, fields };
        Self(text_columns().map(|column| ((column.value)(&written), column.kind.clone())).collect())
    }

    /// Behind others.
    pub(super) fn after<'b>(&'b self, first: &[Typed<'b>]) -> Vec<Typed<'b>> {
        let values = self.0.iter().map(|(value, kind)| (&**value as &(dyn ToSql + Sync), kind.clone()));
        first.iter().cloned().chain(values).collect()
    }
}
