DROP INDEX outbox_ranked_idx;
ALTER TABLE outbox DROP COLUMN rank, DROP COLUMN unanswered, DROP COLUMN waits_since;
