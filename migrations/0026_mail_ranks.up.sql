-- boxoffice: allow backfill: only mails that still wait are written
-- boxoffice: allow index: of mails that still wait, in a table that is swept; to queue one waits for as long as that takes
-- Columns with constant defaults rewrite nothing, and an older server that queues mails needs to know of none.
ALTER TABLE outbox
    -- 0: somebody waits for it at a screen. 1: anything else. Smaller ones go first.
    ADD COLUMN rank smallint NOT NULL DEFAULT 1 CHECK (rank IN (0, 1)),
    -- Tries whose text the mail server was given and did not answer: as many copies may have arrived.
    ADD COLUMN unanswered integer NOT NULL DEFAULT 0 CHECK (unanswered >= 0),
    -- When it was queued, or a dead letter was queued anew.
    ADD COLUMN waits_since timestamptz NOT NULL DEFAULT now();

UPDATE outbox SET waits_since = created_at,
    rank = CASE WHEN kind IN ('VERIFY_EMAIL', 'ALREADY_REGISTERED', 'RESET_PASSWORD') THEN 0 ELSE 1 END
    WHERE status = 'PENDING';

-- What is due of each rank, first of all. The index without ranks is for older servers.
CREATE INDEX outbox_ranked_idx ON outbox (rank, next_attempt_at) WHERE status = 'PENDING';
