//! What copies of an event cost: its terms and its promo codes, which nobody has used there yet. Their times follow from the beginning of a
//! copy, as those of a sale do.

use domain::{
    events::{
        Event,
        copies::{OutOfYears, Shift},
    },
    validation::FieldError,
};
use jiff::{Timestamp, tz::TimeZone};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{
    super::super::super::{
        connection::{Transaction, Typed},
        rows::StoreError,
    },
    Copy, Fault,
};

const DEADLINE: &str = "SELECT cancellation_allowed_until FROM sale_terms WHERE event_id = $1";

const COPY_TERMS: &str = "INSERT INTO sale_terms (event_id, tax_rate, tax_included, fees, cancellation_allowed_until, \
        cancellation_fee_percent, hold_cap_seconds, payment_window_seconds, bank_transfer_window_seconds, methods) \
    SELECT n.id, s.tax_rate, s.tax_included, s.fees, n.allowed_until, s.cancellation_fee_percent, s.hold_cap_seconds, \
        s.payment_window_seconds, s.bank_transfer_window_seconds, s.methods \
    FROM sale_terms s CROSS JOIN unnest($2::uuid[], $3::timestamptz[]) AS n (id, allowed_until) WHERE s.event_id = $1";

/// Codes that are not always valid.
const WINDOWS: &str = "SELECT id, starts_at, ends_at FROM promo_codes \
    WHERE event_id = $1 AND (starts_at IS NOT NULL OR ends_at IS NOT NULL)";

/// A ticket type is found in a copy by its position. `$3` to `$6` are when codes are valid: of which copy, of which code of the event, from
/// when and until when.
const COPY_CODES: &str = "INSERT INTO promo_codes (id, event_id, code, kind, value, uses, uses_per_account, ticket_type_ids, starts_at, ends_at) \
    SELECT uuid_v7(), n.id, p.code, p.kind, p.value, p.uses, p.uses_per_account, \
        CASE WHEN p.ticket_type_ids = '{}' THEN '{}' ELSE ARRAY( \
            SELECT k.id FROM ticket_types t JOIN ticket_types k ON k.event_id = n.id AND k.position = t.position \
            WHERE t.event_id = $1 AND t.id = ANY (p.ticket_type_ids) ORDER BY k.id) END, \
        w.starts_at, w.ends_at \
    FROM promo_codes p CROSS JOIN unnest($2::uuid[]) AS n (id) \
    LEFT JOIN unnest($3::uuid[], $4::uuid[], $5::timestamptz[], $6::timestamptz[]) AS w (event, code, starts_at, ends_at) \
        ON w.event = n.id AND w.code = p.id \
    WHERE p.event_id = $1";

/// Copies them. The copies have their ticket types by now, and end at `ends_at`.
pub(super) async fn copy(
    transaction: &Transaction,
    event: &Event,
    copies: &[Copy],
    (zone, ends_at): (&TimeZone, &[Timestamp]),
    too_far: &(impl Fn(OutOfYears) -> FieldError + Sync),
) -> Result<(), Fault> {
    let shift = |(copy, ends_at): (&Copy, &Timestamp)| Shifted {
        copy: copy.id.0,
        shift: Shift::new(event.starts_at, copy.starts_at, zone),
        ends_at: *ends_at,
    };
    let shifted: Vec<Shifted<'_>> = copies.iter().zip(ends_at).map(shift).collect();
    let ids: Vec<Uuid> = shifted.iter().map(|of| of.copy).collect();
    let of_copies: [Typed<'_>; 2] = [(&event.id.0, Type::UUID), (&ids, Type::UUID_ARRAY)];

    if let Some(row) = transaction.query_typed(DEADLINE, &of_copies[..1]).await?.first() {
        let deadline: Option<Timestamp> = row.try_get(0)?;
        let deadlines = shifted.iter().map(|of| Ok(of.window(None, deadline)?.1)).collect::<Result<Vec<_>, _>>();
        let deadlines = deadlines.map_err(too_far)?;
        let deadlines: [Typed<'_>; 1] = [(&deadlines, Type::TIMESTAMPTZ_ARRAY)];
        transaction.execute_typed(COPY_TERMS, &[&of_copies[..], &deadlines].concat()).await?;
    }

    let windows = transaction.query_typed(WINDOWS, &of_copies[..1]).await?;
    let windows = windows.iter().map(window).collect::<Result<Vec<_>, _>>()?;
    let windows = Windows::of(&shifted, &windows).map_err(too_far)?;
    let windows: [Typed<'_>; 4] = [
        (&windows.events, Type::UUID_ARRAY),
        (&windows.codes, Type::UUID_ARRAY),
        (&windows.from, Type::TIMESTAMPTZ_ARRAY),
        (&windows.until, Type::TIMESTAMPTZ_ARRAY),
    ];
    transaction.execute_typed(COPY_CODES, &[&of_copies[..], &windows].concat()).await?;
    Ok(())
}

/// The way to a copy.
struct Shifted<'a> {
    copy: Uuid,
    shift: Shift<'a>,
    ends_at: Timestamp,
}

impl Shifted<'_> {
    fn window(
        &self,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<(Option<Timestamp>, Option<Timestamp>), OutOfYears> {
        self.shift.window(from, until, self.ends_at)
    }
}

/// A code, and when it is valid as far as that is said.
type Window = (Uuid, Option<Timestamp>, Option<Timestamp>);

fn window(row: &Row) -> Result<Window, StoreError> {
    Ok((row.try_get("id")?, row.try_get("starts_at")?, row.try_get("ends_at")?))
}

/// When codes of copies are valid, one for each of them and each copy.
#[derive(Default)]
struct Windows {
    events: Vec<Uuid>,
    codes: Vec<Uuid>,
    from: Vec<Option<Timestamp>>,
    until: Vec<Option<Timestamp>>,
}

impl Windows {
    fn of(copies: &[Shifted<'_>], codes: &[Window]) -> Result<Self, OutOfYears> {
        let mut windows = Self::default();
        for copy in copies {
            for (id, from, until) in codes {
                let (from, until) = copy.window(*from, *until)?;
                windows.events.push(copy.copy);
                windows.codes.push(*id);
                windows.from.push(from);
                windows.until.push(until);
            }
        }
        Ok(windows)
    }
}
