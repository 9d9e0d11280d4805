//! The statements, in the order in which a booking runs them. Nothing asks for an account's places: events of load tests have no caps.

/// What is sold, and the lock on where it is counted. Quotas in the order of their ids: two buyers of the same two never
/// wait for each other.
pub(super) const LOCK: &str = "\
    SELECT t.id, t.price, t.seated, t.min_per_booking, t.max_per_booking, t.quota_id, \
           coalesce(t.sale_starts_at, e.sale_starts_at) AS opens, coalesce(t.sale_ends_at, e.sale_ends_at) AS closes, \
           e.status::text AS status, e.currency::text AS currency, q.capacity, q.held, q.sold \
    FROM ticket_types t JOIN events e ON e.id = t.event_id JOIN quotas q ON q.id = t.quota_id \
    WHERE t.event_id = $1 AND t.id = ANY($2) ORDER BY q.id FOR UPDATE OF q";

/// The named seats that the ticket types sell.
pub(super) const SEATS: &str = "\
    SELECT s.id, ts.ticket_type_id, c.name AS section, r.label AS row, s.label \
    FROM seats s JOIN seat_rows r ON r.id = s.row_id JOIN sections c ON c.id = r.section_id \
         JOIN ticket_type_sections ts ON ts.section_id = c.id \
    WHERE s.id = ANY($1) AND ts.ticket_type_id = ANY($2)";

/// A second booking with the same key waits here for the first one, and then writes nothing.
pub(super) const BOOKING: &str = "\
    INSERT INTO bookings (id, event_id, account_id, status, quantity, fees, tax, total, currency, hold_id, \
                          idempotency_key, fingerprint, expires_at, created_at, updated_at) \
    VALUES ($1, $2, $3, 'CONFIRMED', $4, 0, 0, $5, $6, $7, $8, $9, NULL, $10, $10) \
    ON CONFLICT (account_id, idempotency_key) DO NOTHING";

pub(super) const ITEMS: &str = "\
    INSERT INTO booking_items (booking_id, position, ticket_type_id, seat_id, price) \
    SELECT $1, * FROM unnest($2::smallint[], $3::uuid[], $4::uuid[], $5::numeric[])";

pub(super) const HOLD: &str = "\
    INSERT INTO holds (id, event_id, account_id, status, items, total, currency, idempotency_key, fingerprint, \
                       expires_at, created_at, updated_at) \
    VALUES ($1, $2, $3, 'ACTIVE', $4, $5, $6, $7, $8, $9, $10, $10) \
    ON CONFLICT (account_id, idempotency_key) DO NOTHING";

/// Whoever comes second writes fewer rows than seats were asked for.
pub(super) const CLAIMS: &str = "\
    INSERT INTO seat_claims (event_id, seat_id, holder_id, sold) SELECT $1, seat, $3, $4 FROM unnest($2::uuid[]) AS seat \
    ON CONFLICT DO NOTHING";

pub(super) const COUNT: &str =
    "UPDATE quotas SET held = held + $2, sold = sold + $3, version = version + 1 WHERE id = $1";

pub(super) const LOCK_HOLD: &str = "\
    SELECT status::text AS status, items, total, currency::text AS currency, expires_at \
    FROM holds WHERE id = $1 AND event_id = $2 AND account_id = $3 FOR UPDATE";

pub(super) const LOCK_QUOTAS: &str = "SELECT id FROM quotas WHERE id = ANY($1) ORDER BY id FOR UPDATE";

pub(super) const CONVERT_HOLD: &str = "UPDATE holds SET status = 'CONVERTED', updated_at = $2 WHERE id = $1";

pub(super) const HAND_OVER_CLAIMS: &str =
    "UPDATE seat_claims SET holder_id = $4, sold = true WHERE event_id = $1 AND seat_id = ANY($2) AND holder_id = $3";

pub(super) const BOOKING_BY_KEY: &str = "\
    SELECT b.id, b.event_id, b.fingerprint, b.total, b.currency::text AS currency, b.expires_at, b.created_at, \
           (SELECT jsonb_agg(jsonb_build_object('ticket_type_id', i.ticket_type_id, 'quota_id', t.quota_id, \
                   'seat_id', i.seat_id, 'price', i.price::text) ORDER BY i.position) \
            FROM booking_items i JOIN ticket_types t ON t.id = i.ticket_type_id WHERE i.booking_id = b.id) AS items \
    FROM bookings b WHERE b.account_id = $1 AND b.idempotency_key = $2";

pub(super) const HOLD_BY_KEY: &str = "\
    SELECT id, event_id, fingerprint, total, currency::text AS currency, expires_at, created_at, items \
    FROM holds WHERE account_id = $1 AND idempotency_key = $2";
