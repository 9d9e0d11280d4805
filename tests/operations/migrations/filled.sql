-- One row and more of all that the demo does not have, and in every column a value that is not its default. Whoever adds a table or
-- a column adds it here, as a block of its own at the end.

UPDATE accounts SET email_verified_at = now(), tokens_not_before = now(), locale = 'de' WHERE role = 'USER';
UPDATE accounts SET status = 'SUSPENDED' WHERE id = (SELECT id FROM accounts WHERE role = 'USER' ORDER BY id DESC LIMIT 1);
UPDATE profiles SET phone = '+4930123456';
UPDATE events SET max_per_account = 4, age_restriction = 16, metadata = '{"door": "7 pm"}', revision = 2;
UPDATE venues SET metadata = '{"parking": true}', description = 'At length', revision = 2;
UPDATE ticket_types SET sale_starts_at = '2026-01-01Z', sale_ends_at = '2027-01-01Z', description = 'At length', revision = 2,
    min_per_booking = least(2, max_per_booking);
UPDATE tags SET revision = 2;
UPDATE categories SET revision = 2;
UPDATE events SET status = 'SCHEDULED', publish_at = '2027-01-01Z'
WHERE id = (SELECT id FROM events WHERE status = 'PUBLISHED' ORDER BY id LIMIT 1);

-- Slugs that were once others'.
UPDATE events SET slug = slug || '-renamed' WHERE id IN (SELECT id FROM events ORDER BY id LIMIT 3);
UPDATE venues SET slug = slug || '-renamed' WHERE id IN (SELECT id FROM venues ORDER BY id LIMIT 3);

-- The ledger.
INSERT INTO node_sessions (node, ended_at) VALUES ('before', now()), ('node', NULL);
INSERT INTO inventory_owners (event_id, node_session_id)
SELECT e.id, s.id FROM (SELECT id FROM events ORDER BY id LIMIT 5) e, node_sessions s WHERE s.node = 'node';

CREATE TEMPORARY TABLE sold AS
SELECT t.event_id, t.quota_id, t.id AS ticket_type_id, min(s.id::text)::uuid AS seat_id,
       (SELECT id FROM accounts WHERE role = 'USER' ORDER BY id LIMIT 1) AS account_id
FROM ticket_types t JOIN quotas q ON q.id = t.quota_id LEFT JOIN ticket_type_sections x ON x.ticket_type_id = t.id
    LEFT JOIN seat_rows r ON r.section_id = x.section_id LEFT JOIN seats s ON s.row_id = r.id
WHERE q.capacity > 2 GROUP BY t.id;

INSERT INTO holds (id, event_id, account_id, status, items, total, currency, idempotency_key, fingerprint, expires_at, created_at,
                   updated_at)
SELECT gen_random_uuid(), event_id, account_id, 'CONVERTED',
       jsonb_build_array(jsonb_build_object('ticket_type_id', ticket_type_id, 'quota_id', quota_id, 'price', '0')),
       0, 'EUR', ticket_type_id::text, gen_random_uuid(), '2026-03-01Z', '2026-03-01Z', '2026-03-01Z' FROM sold;
INSERT INTO bookings (id, event_id, account_id, status, quantity, fees, tax, total, currency, hold_id, idempotency_key, fingerprint,
                      expires_at, created_at, updated_at)
SELECT gen_random_uuid(), h.event_id, h.account_id, 'PENDING_PAYMENT', 1, 0, 0, h.total, h.currency, h.id, h.idempotency_key,
       gen_random_uuid(), '2026-03-02Z', '2026-03-01Z', '2026-03-01Z' FROM holds h;
INSERT INTO booking_items (booking_id, position, ticket_type_id, seat_id, price)
SELECT b.id, 0, s.ticket_type_id, s.seat_id, b.total FROM bookings b JOIN sold s ON s.ticket_type_id::text = b.idempotency_key;
INSERT INTO seat_claims (event_id, seat_id, holder_id, sold)
SELECT DISTINCT ON (b.event_id, i.seat_id) b.event_id, i.seat_id, b.id, false
FROM bookings b JOIN booking_items i ON i.booking_id = b.id WHERE i.seat_id IS NOT NULL;
UPDATE quotas SET held = 1, sold = 1, version = version + 1, revision = 2 WHERE id IN (SELECT quota_id FROM sold);
DROP TABLE sold;

-- Mails.
INSERT INTO outbox (id, kind, recipient, payload, status, attempts, last_error, ended_at, rank, unanswered, waits_since) VALUES
    (gen_random_uuid(), 'VERIFY_EMAIL', 'ada@example.org', '{"locale": "en"}', 'PENDING', 1, 'refused for now', NULL, 0, 1, '2026-03-01Z'),
    (gen_random_uuid(), 'VERIFY_EMAIL', 'ada@example.org', NULL, 'SENT', 1, NULL, now(), 0, 0, '2026-03-01Z');

-- Sign-ins.
INSERT INTO sessions (id, account_id, user_agent, address, created_at, last_used_at, expires_at, revoked_at)
SELECT gen_random_uuid(), id, 'a browser', '192.0.2.7', now(), now(), now(), now() FROM accounts;
INSERT INTO refresh_tokens (hash, session_id, issued_at, used_at) SELECT sha256(id::text::bytea), id, now(), now() FROM sessions;
INSERT INTO one_time_tokens (hash, account_id, purpose, created_at, expires_at)
SELECT sha256(id::text::bytea), id, 'RESET_PASSWORD', now(), now() FROM accounts;

INSERT INTO audit_log (seq, at, actor_id, action, target_kind, target_id, details, address, request_id, hash)
SELECT 1, now(), id, 'CREATED', 'venue', 'one', '{}', '192.0.2.7', 'request', sha256('entry') FROM accounts ORDER BY id LIMIT 1;

-- What organizers and admins do.
INSERT INTO event_cancellations (event_id, total, done, after_booking_id, finished_at)
SELECT id, 3, 1, gen_random_uuid(), now() FROM events ORDER BY id DESC LIMIT 2;
INSERT INTO request_keys (account_id, key, fingerprint, made_id, done)
SELECT id, 'a key', gen_random_uuid(), gen_random_uuid(), true FROM accounts;
INSERT INTO settings (key, value) VALUES ('siteName', '"The House"');
INSERT INTO setting_changes (key, from_value, to_value, account_id)
SELECT 'siteName', '"Before"', '"The House"', id FROM accounts ORDER BY id LIMIT 1;

-- The revision of accounts.
UPDATE accounts SET revision = 2;

-- Seat maps: one of an organizer, in two versions with the same seats, and one that was deleted.
UPDATE seat_maps SET organizer_id = (SELECT id FROM accounts WHERE role = 'ORGANIZER' ORDER BY id LIMIT 1), revision = 2,
    description = 'At length' WHERE id = (SELECT id FROM seat_maps ORDER BY id LIMIT 1);
INSERT INTO seat_maps (id, venue_id, name, deleted_at) SELECT gen_random_uuid(), id, 'Deleted', now() FROM venues ORDER BY id LIMIT 1;
INSERT INTO seat_map_versions (id, seat_map_id, number) SELECT id, id, 1 FROM seat_maps WHERE deleted_at IS NOT NULL;
INSERT INTO seat_map_versions (id, seat_map_id, number)
SELECT gen_random_uuid(), id, 2 FROM seat_maps WHERE organizer_id IS NOT NULL;
INSERT INTO sections (id, seat_map_version_id, name, position, first_id)
SELECT gen_random_uuid(), v.id, s.name, s.position, s.id
FROM seat_map_versions v JOIN sections s ON s.seat_map_version_id = v.seat_map_id WHERE v.number = 2;
INSERT INTO seat_rows (id, section_id, label, position)
SELECT gen_random_uuid(), s.id, r.label, r.position FROM sections s JOIN seat_rows r ON r.section_id = s.first_id;
INSERT INTO seats (id, row_id, label, position, accessible, first_id)
SELECT gen_random_uuid(), later.id, s.label, s.position, s.accessible, s.id
FROM sections c JOIN seat_rows later ON later.section_id = c.id
    JOIN seat_rows r ON r.section_id = c.first_id AND r.position = later.position JOIN seats s ON s.row_id = r.id;

-- Ticket types of which something was taken.
UPDATE ticket_types SET ever_taken = true WHERE id IN (SELECT ticket_type_id FROM booking_items);

-- What keeps the seats of deleted maps, and what was cancelled before its event was.
UPDATE seat_maps SET seats_named_at = now() WHERE deleted_at IS NOT NULL;
UPDATE holds SET extended_until = '2026-03-03Z' WHERE kind = 'HOLD';
UPDATE bookings SET extended_until = '2026-03-03Z';
INSERT INTO cancelled_items (booking_id, position, ticket_type_id, seat_id, price, cancelled_at)
SELECT booking_id, position + 1, ticket_type_id, seat_id, price, now() FROM booking_items;
-- Prices, and who comes.
UPDATE holds SET tax_included = false, promo_code_id = gen_random_uuid() WHERE kind = 'HOLD';
UPDATE bookings SET tax_included = false, discount = 2, promo_code_id = gen_random_uuid();
UPDATE booking_items SET discount = 2, fee = 1.5, tax = 0.7;
UPDATE cancelled_items SET discount = 2, fee = 1.5, tax = 0.7;
INSERT INTO attendees (booking_id, position, name, email) SELECT booking_id, 0, 'Ada Lovelace', 'ada@example.org' FROM booking_items;
UPDATE event_cancellations SET cancelled_before_ids = ARRAY[gen_random_uuid()];
UPDATE categories SET id = gen_random_uuid();

-- Versions of quotas that were deleted.
UPDATE events SET version_base = 17;

-- Events without caps on unpaid places.
UPDATE events SET unpaid_limited = false WHERE id IN (SELECT id FROM events ORDER BY id LIMIT 2);

-- Where a server has started, and a change that no shared cache was told of.
UPDATE installation SET place = '7000000000000000000/16384';
INSERT INTO untold_changes (tags) VALUES ('{events}');
-- When quotas and ticket types were made and changed, and first answers to requests.
UPDATE quotas SET created_at = '2026-01-01Z', updated_at = '2026-01-02Z';
UPDATE ticket_types SET created_at = '2026-01-01Z', updated_at = '2026-01-02Z';
UPDATE request_keys SET location = '/api/v1/organizer/events/one', revision = 1, answer = '{}';
-- Devices, and successors of refresh tokens.
INSERT INTO known_devices (account_id, hash, used_at) SELECT id, sha256(id::text::bytea), now() FROM accounts;
UPDATE refresh_tokens SET parent_hash = sha256(hash);
-- A block.
INSERT INTO holds (id, event_id, account_id, status, kind, items, total, currency, idempotency_key, fingerprint, created_at, updated_at)
SELECT gen_random_uuid(), event_id, account_id, 'RELEASED', 'BLOCK', items, total, currency, 'a block', gen_random_uuid(), created_at,
       updated_at FROM holds ORDER BY id LIMIT 1;

-- What events cost.
INSERT INTO sale_terms (event_id, tax_rate, tax_included, fees, cancellation_allowed_until, cancellation_fee_percent, hold_cap_seconds,
                        payment_window_seconds, bank_transfer_window_seconds, methods, revision)
SELECT id, 0.19, false, '[{"name": "Service", "kind": "PERCENT", "value": "0.05", "cap": "2.50"}]', '2027-01-01Z', 0.1, 1200, 600, 86400,
       '{card,bank_transfer}', 2 FROM events ORDER BY id LIMIT 3
ON CONFLICT (event_id) DO UPDATE SET cancellation_allowed_until = excluded.cancellation_allowed_until, revision = 2;
INSERT INTO promo_codes (id, event_id, code, kind, value, uses, uses_per_account, ticket_type_ids, starts_at, ends_at, used, ever_used,
                         revision)
SELECT gen_random_uuid(), event_id, 'FILLED', 'FIXED', 5, 10, 2, ARRAY[id], '2026-01-01Z', '2027-01-01Z', 1, true, 2
FROM ticket_types WHERE position = 0 ORDER BY id LIMIT 3;
UPDATE ticket_types SET hidden = true, tax_rate = 0.07 WHERE id = (SELECT id FROM ticket_types ORDER BY id DESC LIMIT 1);

-- A job that was given up, and one that is to be done; how far buyers were told of what they have booked.
INSERT INTO jobs (id, kind, key, payload, status, attempts, lost, due_at, last_error, created_at, waits_since, ended_at) VALUES
    (gen_random_uuid(), 'notify', 'booking:1', '{}', 'DEAD', 3, 1, '2026-01-01Z', 'no', '2026-01-01Z', '2026-01-02Z', '2026-01-03Z'),
    (gen_random_uuid(), 'notify', 'booking:2', '{}', 'PENDING', 0, 0, '2026-01-01Z', NULL, '2026-01-01Z', '2026-01-02Z', NULL);
INSERT INTO booking_mails (event_id, is_off, version, seen_id, swept_id, next_swept_id, next_swept_xid)
SELECT id, true, 7, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), '17' FROM events ORDER BY id LIMIT 2;
UPDATE booking_mails_since SET since = '2026-01-01Z';

-- One booking that was paid, and whose money went back.
INSERT INTO payments (id, booking_id, event_id, account_id, provider, method, state, amount, currency, pays_booking, reference, client_secret,
                      redirect_url, failure_code, failure_message, return_url, asked_at, refused, answered, answered_at, answered_page, note,
                      settled_by, settled_as, settling_key, settling_fingerprint, idempotency_key, fingerprint, created_at, updated_at)
SELECT gen_random_uuid(), id, event_id, account_id, 'sandbox', 'card', 'SUCCEEDED', 12.5, 'EUR', true, 'pi_1', 'secret', 'https://pay.example/1',
       'card_declined', 'no', 'https://shop.example', '2026-03-01Z', true, 'PROCESSING', '2026-03-01Z', true, 'at the door', account_id, 'cash', 'k',
       gen_random_uuid(), 'pay', gen_random_uuid(), '2026-03-01Z', '2026-03-01Z'
FROM bookings ORDER BY id LIMIT 1;
INSERT INTO cancellations (id, booking_id, event_id, positions, kept, cut, currency, reason, account_id, idempotency_key, fingerprint, created_at)
SELECT gen_random_uuid(), booking_id, event_id, '{0}', 1, 1, 'EUR', 'ill', account_id, 'cancel', gen_random_uuid(), '2026-03-01Z' FROM payments;
INSERT INTO refunds (id, booking_id, event_id, payment_id, amount, currency, cause, state, reason, cancellation_id, by_hand, asked_at, reference,
                     failure, account_id, idempotency_key, fingerprint, created_at, updated_at)
SELECT gen_random_uuid(), p.booking_id, p.event_id, p.id, 10.5, 'EUR', 'TICKETS', 'FAILED', 'ill', c.id, true, '2026-03-01Z', 're_1', 'closed',
       p.account_id, 'refund', gen_random_uuid(), '2026-03-01Z', '2026-03-01Z'
FROM payments p JOIN cancellations c ON c.booking_id = p.booking_id;
UPDATE refunds SET replaced_by_id = id;
INSERT INTO disputes (provider, reference, payment_id, booking_id, event_id, amount, currency, state, reason, created_at, updated_at)
SELECT provider, 'dp_1', id, booking_id, event_id, amount, currency, 'LOST', 'fraudulent', '2026-03-01Z', '2026-03-01Z' FROM payments;
INSERT INTO gateway_messages (provider, id, body, received_at, applied_at) VALUES ('sandbox', 'evt_1', '{}', '2026-03-01Z', '2026-03-01Z');
INSERT INTO receipt_series (organizer_id, last_number) SELECT organizer_id, 7 FROM events ORDER BY id LIMIT 1;
INSERT INTO receipts (organizer_id, number, booking_id, seller, buyer, issued_at)
SELECT organizer_id, 7, (SELECT booking_id FROM payments), 'The Hall', 'Ada Lovelace', '2026-03-01Z' FROM receipt_series;
INSERT INTO sandbox_documents (id, kind, created_at, due_at, body) VALUES ('pi_1', 'intent', '2026-03-01Z', '2026-03-01Z', '{}');

-- The words of what is public now, and no others: those of what once was would not be learnt again.
DELETE FROM search_terms;
UPDATE event_listings SET status = status;
UPDATE venues SET name = name;
