-- boxoffice: no-transaction
-- Fills `ticket_types.ever_taken` for what was taken before `ledger_commit` noted it (migration 0015).

-- A commit that began with the function as it was before is over then: all of them hold this lock shared until their ends. It is let go
-- at once.
SELECT pg_advisory_xact_lock(2, 0);

UPDATE ticket_types SET ever_taken = true
WHERE NOT ever_taken
  AND (id IN (SELECT ticket_type_id FROM booking_items)
       OR id IN (SELECT (item ->> 'ticket_type_id')::uuid FROM holds h, jsonb_array_elements(h.items) AS item));
