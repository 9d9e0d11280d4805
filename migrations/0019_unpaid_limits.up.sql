-- Whether unpaid places of an event are capped for each account and network. Events of load tests are not: there one account holds
-- what a crowd would.
ALTER TABLE events ADD COLUMN unpaid_limited boolean NOT NULL DEFAULT true;
