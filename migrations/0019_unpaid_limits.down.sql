-- boxoffice: refuse while events WHERE NOT unpaid_limited; the caps of unpaid places would hold for them
ALTER TABLE events DROP COLUMN unpaid_limited;
