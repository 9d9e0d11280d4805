-- What events cost, what is paid, and what goes back.
--
-- What belongs to the commit of a booking's confirmation or cancellation is written by `ledger_commit`, in its transaction: see `ledger_money`
-- in 0003_ledger.up.sql. References to bookings are no foreign keys, for the reason that is told there.

-- On which terms an event is sold. Without a row, the defaults hold. See `domain/src/pricing/terms.rs`.
CREATE TABLE sale_terms (
    event_id                   uuid PRIMARY KEY REFERENCES events ON DELETE CASCADE,
    tax_rate                   numeric(9, 8) NOT NULL CHECK (tax_rate BETWEEN 0 AND 1),
    tax_included               boolean NOT NULL,
    -- An array of name, kind, value and, of a percentage, cap.
    fees                       jsonb NOT NULL,
    -- The first instant at which buyers can't cancel any more. NULL: the beginning of the event.
    cancellation_allowed_until timestamptz,
    cancellation_fee_percent   numeric(9, 8) NOT NULL CHECK (cancellation_fee_percent BETWEEN 0 AND 1),
    hold_cap_seconds           integer NOT NULL CHECK (hold_cap_seconds > 0),
    payment_window_seconds     integer NOT NULL CHECK (payment_window_seconds > 0),
    bank_transfer_window_seconds integer NOT NULL CHECK (bank_transfer_window_seconds > 0),
    methods                    text[] NOT NULL CHECK (cardinality(methods) > 0),
    revision                   integer NOT NULL DEFAULT 1,
    updated_at                 timestamptz NOT NULL DEFAULT now()
);

CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON sale_terms FOR EACH ROW
    WHEN (current_setting('boxoffice.acting', true) = 'on') EXECUTE FUNCTION note_change('pricing', 'event_id', '');

CREATE TABLE promo_codes (
    id               uuid PRIMARY KEY,
    event_id         uuid NOT NULL REFERENCES events ON DELETE CASCADE,
    -- In capitals.
    code             text COLLATE "C" NOT NULL,
    kind             text NOT NULL CHECK (kind IN ('PERCENT', 'FIXED', 'ACCESS')),
    -- A rate or an amount.
    value            numeric(15, 8) CHECK ((value IS NULL) = (kind = 'ACCESS')),
    uses             integer CONSTRAINT promo_codes_uses_positive_check CHECK (uses > 0),
    uses_per_account integer CHECK (uses_per_account > 0),
    -- Empty: all.
    ticket_type_ids  uuid[] NOT NULL DEFAULT '{}',
    starts_at        timestamptz,
    ends_at          timestamptz,
    -- Uses of holds and bookings that are not over, counted by the inventory and written by `ledger_commit`.
    used             integer NOT NULL DEFAULT 0 CHECK (used >= 0),
    -- Whether it was ever used. Such a code goes with its event only.
    ever_used        boolean NOT NULL DEFAULT false,
    revision         integer NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL DEFAULT now(),
    -- When its organizer last changed it.
    updated_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (event_id, code),
    -- The last guard against using it too often.
    CONSTRAINT promo_codes_uses_check CHECK (used <= uses)
);

-- Follows `revision`: what a booking uses is none of it.
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OF revision OR DELETE ON promo_codes FOR EACH ROW
    WHEN (current_setting('boxoffice.acting', true) = 'on') EXECUTE FUNCTION note_change('promo-code', 'id', '');

-- Who comes with a booking, in the order of its items; only those who were named.
CREATE TABLE attendees (
    booking_id uuid NOT NULL, -- ledger_money, delete_items_of_bookings
    position   smallint NOT NULL CHECK (position BETWEEN 0 AND 99),
    name       text NOT NULL,
    email      text,
    PRIMARY KEY (booking_id, position)
);

CREATE TYPE payment_state AS ENUM ('STARTED', 'REQUIRES_ACTION', 'PROCESSING', 'SUCCEEDED', 'FAILED', 'CANCELLED');

-- Attempts to pay a booking, payments by hand among them. They are never deleted. The states are those of `domain/src/payments/attempt.rs`.
CREATE TABLE payments (
    id              uuid PRIMARY KEY,
    booking_id      uuid NOT NULL,
    event_id        uuid NOT NULL,
    -- Who began it: the buyer, or of a payment by hand the organizer.
    account_id      uuid NOT NULL,
    -- 'stripe', 'sandbox', or 'manual' for what no gateway knows.
    provider        text NOT NULL,
    -- As it was asked for: card, sandbox_slow, bank_transfer, cash …
    method          text NOT NULL,
    state           payment_state NOT NULL,
    amount          numeric(14, 3) NOT NULL CHECK (amount > 0),
    currency        char(3) NOT NULL,
    -- Whether its money pays the booking. What has come and pays nothing has a refund, made in the same transaction.
    pays_booking    boolean NOT NULL DEFAULT false CHECK (NOT pays_booking OR state = 'SUCCEEDED'),
    -- What the gateway calls it; NULL until it has answered.
    reference       text COLLATE "C",
    -- With what the payer's page goes on, and where the payer has to go. Kept for the first answer; shown otherwise while it is open.
    client_secret   text,
    redirect_url    text,
    failure_code    text,
    failure_message text,
    return_url      text,
    -- When the gateway was last asked to begin it: one whose reference is not known is looked for from then on.
    asked_at        timestamptz NOT NULL DEFAULT now(),
    -- The gateway has said for sure that it did not begin it, or was not asked, and nobody asks it now: another attempt may take its place.
    refused         boolean NOT NULL DEFAULT false,
    -- How it stood in the first answer to its request, and since when: a repeated request gets that answer again. NULL: it had none yet.
    answered        payment_state,
    answered_at     timestamptz CHECK ((answered_at IS NULL) = (answered IS NULL)),
    -- Whether that answer had what the payer's page goes on with, which may be learned later.
    answered_page   boolean CHECK ((answered_page IS NULL) = (answered IS NULL)),
    -- The organizer's, of a payment by hand.
    note            text,
    -- Who said that the money of a bank transfer has come, under which key, and what that request asked for.
    settled_by      uuid,
    -- How it was paid: cash, bank, or not at all.
    settled_as      text CHECK ((settled_by IS NULL) = (settled_as IS NULL)),
    settling_key    text COLLATE "C",
    settling_fingerprint uuid CHECK ((settled_by IS NULL) = (settling_fingerprint IS NULL)),
    idempotency_key text COLLATE "C" NOT NULL,
    fingerprint     uuid NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    -- When its state last changed.
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT payments_account_key UNIQUE (account_id, idempotency_key),
    CONSTRAINT payments_settling_key UNIQUE (settled_by, settling_key)
);
CREATE INDEX payments_booking_idx ON payments (booking_id, id);
CREATE INDEX payments_event_idx ON payments (event_id, id);
CREATE INDEX payments_open_idx ON payments (updated_at) WHERE state IN ('STARTED', 'REQUIRES_ACTION', 'PROCESSING');
CREATE INDEX payments_paid_idx ON payments (event_id, booking_id) WHERE state = 'SUCCEEDED';
-- One at a time.
CREATE UNIQUE INDEX payments_one_open_idx ON payments (booking_id) WHERE state IN ('STARTED', 'REQUIRES_ACTION', 'PROCESSING');
-- A booking is paid once.
CREATE UNIQUE INDEX payments_one_pays_idx ON payments (booking_id) WHERE pays_booking;
CREATE UNIQUE INDEX payments_reference_idx ON payments (provider, reference) WHERE reference IS NOT NULL;
-- Money that pays nothing: each has to have its refund.
CREATE INDEX payments_unneeded_idx ON payments (id) WHERE state = 'SUCCEEDED' AND NOT pays_booking;
-- What administrators do as buyers, and to the payments of others. What the gateway tells is nobody's deed.
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON payments FOR EACH ROW
    WHEN (current_setting('boxoffice.acting', true) = 'on')
    EXECUTE FUNCTION note_change('payment', 'id', 'client_secret,redirect_url,idempotency_key,fingerprint');

-- Cancellations that have money, a key, a reason or only some of a booking's items to remember.
CREATE TABLE cancellations (
    id              uuid PRIMARY KEY,
    booking_id      uuid NOT NULL,
    event_id        uuid NOT NULL,
    -- Of the items.
    positions       smallint[] NOT NULL,
    -- The organizer's fee, and what an earlier refund by amount has taken: see `domain/src/payments/cancellation.rs`.
    kept            numeric(14, 3) NOT NULL CHECK (kept >= 0),
    cut             numeric(14, 3) NOT NULL CHECK (cut >= 0),
    currency        char(3) NOT NULL,
    reason          text,
    -- Who asked for it; NULL when nobody did: its event was cancelled.
    account_id      uuid,
    idempotency_key text COLLATE "C",
    fingerprint     uuid,
    created_at      timestamptz NOT NULL,
    CONSTRAINT cancellations_account_key UNIQUE (account_id, idempotency_key)
);
CREATE INDEX cancellations_booking_idx ON cancellations (booking_id, id);
CREATE INDEX cancellations_event_idx ON cancellations (event_id, id);
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON cancellations FOR EACH ROW
    WHEN (current_setting('boxoffice.acting', true) = 'on') EXECUTE FUNCTION note_change('cancellation', 'id', '');

CREATE TYPE refund_state AS ENUM ('PENDING', 'SUCCEEDED', 'FAILED');

CREATE TABLE refunds (
    id              uuid PRIMARY KEY,
    booking_id      uuid NOT NULL,
    event_id        uuid NOT NULL,
    payment_id      uuid NOT NULL REFERENCES payments,
    amount          numeric(14, 3) NOT NULL CHECK (amount > 0),
    currency        char(3) NOT NULL,
    -- What it goes back for: `domain/src/payments/refund.rs`.
    cause           text NOT NULL CHECK (cause IN ('TICKETS', 'AMOUNT', 'UNNEEDED')),
    state           refund_state NOT NULL DEFAULT 'PENDING',
    reason          text NOT NULL,
    -- Of cause TICKETS.
    cancellation_id uuid CHECK ((cause = 'TICKETS') = (cancellation_id IS NOT NULL)),
    -- Paid back without the gateway: what was paid by hand, and what the organizer has paid another way because the gateway could not.
    by_hand         boolean NOT NULL DEFAULT false,
    -- When the gateway was first asked. Asked again, it is first asked what it has done.
    asked_at        timestamptz,
    -- The gateway's, once it has answered.
    reference       text COLLATE "C",
    failure         text,
    -- The refund by which what this one owes is paid, once it has failed.
    replaced_by_id  uuid REFERENCES refunds,
    -- Who asked for it; NULL when it follows from something else.
    account_id      uuid,
    idempotency_key text COLLATE "C",
    fingerprint     uuid,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT refunds_account_key UNIQUE (account_id, idempotency_key)
);
CREATE INDEX refunds_booking_idx ON refunds (booking_id, id);
CREATE INDEX refunds_event_idx ON refunds (event_id, id);
CREATE INDEX refunds_payment_idx ON refunds (payment_id);
CREATE INDEX refunds_cancellation_idx ON refunds (cancellation_id) WHERE cancellation_id IS NOT NULL;
CREATE INDEX refunds_pending_idx ON refunds (created_at) WHERE state = 'PENDING';
CREATE INDEX refunds_replaced_by_idx ON refunds (replaced_by_id) WHERE replaced_by_id IS NOT NULL;
CREATE UNIQUE INDEX refunds_reference_idx ON refunds (payment_id, reference) WHERE reference IS NOT NULL;
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON refunds FOR EACH ROW
    WHEN (current_setting('boxoffice.acting', true) = 'on') EXECUTE FUNCTION note_change('refund', 'id', '');

-- How much of a payment is gone: all of its refunds that have not failed, and what failed ones owe. An amount that an organizer gave of their
-- own accord is not owed.
CREATE FUNCTION gone_of_payment(of_payment uuid) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(amount), 0) FROM refunds
    WHERE payment_id = of_payment AND (state <> 'FAILED' OR cause <> 'AMOUNT' AND replaced_by_id IS NULL)
$$;

-- The payer has asked their bank to take a payment back. Tickets are blocked, and nothing was refunded.
CREATE TABLE disputes (
    provider   text NOT NULL,
    reference  text COLLATE "C" NOT NULL,
    payment_id uuid NOT NULL REFERENCES payments,
    booking_id uuid NOT NULL,
    event_id   uuid NOT NULL,
    amount     numeric(14, 3) NOT NULL CHECK (amount > 0),
    currency   char(3) NOT NULL,
    state      text NOT NULL CHECK (state IN ('OPEN', 'WON', 'LOST')),
    -- In the words of the gateway.
    reason     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (provider, reference)
);
CREATE INDEX disputes_booking_idx ON disputes (booking_id);
CREATE INDEX disputes_event_idx ON disputes (event_id);
CREATE INDEX disputes_payment_idx ON disputes (payment_id);

-- The numbers of receipts, each given once, in the order in which they were first asked for and without gaps: the last one of each seller.
CREATE TABLE receipt_series (
    organizer_id uuid PRIMARY KEY REFERENCES accounts,
    last_number  integer NOT NULL CHECK (last_number > 0)
);
-- What a receipt says beside the booking, whose lines never change.
CREATE TABLE receipts (
    organizer_id uuid NOT NULL REFERENCES receipt_series,
    number       integer NOT NULL CHECK (number > 0),
    booking_id   uuid NOT NULL UNIQUE,
    -- As they were called when it was issued.
    seller       text NOT NULL,
    buyer        text NOT NULL,
    issued_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organizer_id, number)
);

-- Messages of gateways, as they came, once each: stored before they are acknowledged, applied by a job of the same transaction.
CREATE TABLE gateway_messages (
    provider    text NOT NULL,
    -- The gateway's own.
    id          text COLLATE "C" NOT NULL,
    body        bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    applied_at  timestamptz,
    PRIMARY KEY (provider, id)
);
CREATE INDEX gateway_messages_applied_idx ON gateway_messages (applied_at) WHERE applied_at IS NOT NULL;

-- What is to be done after a commit and outside of the database: queued in the transaction that causes it.
CREATE TABLE jobs (
    id           uuid PRIMARY KEY,
    -- What is to be done: `domain/src/jobs.rs`.
    kind         text NOT NULL,
    -- Jobs of one key are done one after the other, in the order of their ids.
    key          text COLLATE "C" NOT NULL,
    payload      jsonb NOT NULL,
    status       text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'DEAD')),
    -- Counted when it is claimed, so that one which kills its worker each time is given up as well.
    attempts     integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- Claims in a row whose worker did not live to tell what became of them.
    lost         integer NOT NULL DEFAULT 0 CHECK (lost >= 0),
    -- When it is due: after a failure the time of the next try, during a try the end of the lease.
    due_at       timestamptz NOT NULL DEFAULT now(),
    last_error   text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    -- Since when it could have been done: when it was first due, or when a dead letter was queued anew.
    waits_since  timestamptz NOT NULL DEFAULT now(),
    -- When it was given up.
    ended_at     timestamptz CHECK ((ended_at IS NULL) = (status = 'PENDING'))
);
CREATE INDEX jobs_due_idx ON jobs (kind, due_at) WHERE status = 'PENDING';
CREATE INDEX jobs_key_idx ON jobs (key, id) WHERE status = 'PENDING';
CREATE INDEX jobs_dead_idx ON jobs (id) WHERE status = 'DEAD';

-- Claims jobs that are due: counts a try, and moves the due time to the end of a lease. No two jobs of one key are claimed at once, and
-- they are claimed in the order of their ids; one that was not tried yet and is not due yet does not hold up those after it.
--
-- Whoever claims takes a turn by an advisory lock. Without it, two servers could each find that nobody has the other's job of a key. The
-- statement after the lock has a new snapshot, in which it sees what was claimed in the turn before.
CREATE FUNCTION claim_jobs(p_kind text, p_limit integer, p_lease double precision) RETURNS SETOF jobs LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM jobs WHERE kind = p_kind AND status = 'PENDING' AND due_at <= now()) THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(3, 0);
    RETURN QUERY WITH due AS MATERIALIZED (
        SELECT j.id FROM jobs j WHERE j.kind = p_kind AND j.status = 'PENDING' AND j.due_at <= now() AND NOT EXISTS (
            SELECT FROM jobs o WHERE o.key = j.key AND o.status = 'PENDING' AND o.id <> j.id AND CASE
                WHEN o.id < j.id THEN o.attempts > 0 OR o.due_at <= now()
                -- A claim, or the wait after a try.
                ELSE o.attempts > 0 AND o.due_at > now()
            END)
        ORDER BY j.due_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    ) UPDATE jobs j SET attempts = j.attempts + 1, lost = j.lost + 1, due_at = now() + make_interval(secs => p_lease)
    FROM due WHERE j.id = due.id RETURNING j.*;
END
$$;

-- Which bookings of an event were told by mail that they are confirmed. Free bookings only: of others the transaction of their payment queues
-- a job. A row for each event that was booked since these mails are written.
CREATE TABLE booking_mails (
    event_id       uuid PRIMARY KEY REFERENCES events ON DELETE CASCADE,
    -- Nobody is told: it is for measurements.
    is_off         boolean NOT NULL DEFAULT false,
    -- The sum of the versions of its quotas when all that there was had been told. While it is that, nothing was booked.
    version        bigint NOT NULL DEFAULT -1,
    -- Those that there were up to this one are told. One of a smaller id may still be committed, for ids are older than commits.
    seen_id        uuid NOT NULL,
    -- Up to this one all are told, and none can come any more.
    swept_id       uuid NOT NULL,
    -- Where that is moved to when all transactions are over that could bring one: those before this one.
    next_swept_id  uuid,
    next_swept_xid xid8 CHECK ((next_swept_xid IS NULL) = (next_swept_id IS NULL))
);
-- Since when buyers are told by mail of what they have booked, in the one row that there is; NULL while they are not.
CREATE TABLE booking_mails_since (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    since     timestamptz
);
INSERT INTO booking_mails_since DEFAULT VALUES;

-- What the sandbox gateway knows; it is a gateway of its own, and nobody else reads this.
CREATE TABLE sandbox_documents (
    id         text COLLATE "C" PRIMARY KEY,
    kind       text NOT NULL,
    created_at timestamptz NOT NULL,
    -- When there is something to do about it.
    due_at     timestamptz,
    body       jsonb NOT NULL
);
CREATE INDEX sandbox_documents_kind_idx ON sandbox_documents (kind, created_at);
CREATE INDEX sandbox_documents_due_idx ON sandbox_documents (due_at) WHERE due_at IS NOT NULL;
