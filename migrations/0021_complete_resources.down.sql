ALTER TABLE request_keys DROP COLUMN answer, DROP COLUMN revision, DROP COLUMN location;
ALTER TABLE categories
    ALTER COLUMN made_id DROP NOT NULL,
    ALTER COLUMN made_id DROP DEFAULT;
ALTER TABLE ticket_types DROP COLUMN updated_at, DROP COLUMN created_at;
ALTER TABLE quotas DROP COLUMN updated_at, DROP COLUMN created_at;
