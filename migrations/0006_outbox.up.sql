CREATE TYPE mail_status AS ENUM ('PENDING', 'SENT', 'DEAD');

-- Mails, queued in the transaction of the change that causes them, and sent afterwards.
CREATE TABLE outbox (
    id              uuid PRIMARY KEY,
    kind            text NOT NULL,
    recipient       text NOT NULL,
    -- Language and content, one-time tokens among it: forgotten as soon as the mail is sent.
    payload         jsonb,
    status          mail_status NOT NULL DEFAULT 'PENDING',
    -- Counted when a sender claims the mail, and so also the proof that a claim is still its claimant's.
    attempts        integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- When it is due: after a failure the time of the next try, during a try the end of the lease.
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    -- Without the recipient's address.
    last_error      text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    -- When it was sent or given up.
    ended_at        timestamptz,
    CONSTRAINT outbox_payload CHECK ((payload IS NULL) = (status = 'SENT')),
    CONSTRAINT outbox_ended CHECK ((ended_at IS NULL) = (status = 'PENDING'))
);
-- What is due, first of all.
CREATE INDEX outbox_due_idx ON outbox (next_attempt_at) WHERE status = 'PENDING';
-- The list of dead letters, newest first, and their number.
CREATE INDEX outbox_dead_idx ON outbox (id) WHERE status = 'DEAD';
-- What is old enough to be deleted.
CREATE INDEX outbox_ended_idx ON outbox (ended_at) WHERE status <> 'PENDING';
