ALTER TABLE events DROP COLUMN unpaid_limited;
