DROP INDEX ticket_types_price_idx;

DROP INDEX event_listings_title_idx, event_listings_price_idx, event_listings_created_idx;
CREATE INDEX event_listings_title_idx ON event_listings (title, event_id) WHERE status = 'PUBLISHED';
CREATE INDEX event_listings_price_idx ON event_listings (price, event_id) INCLUDE (price_min, price_max) WHERE status = 'PUBLISHED';
CREATE INDEX event_listings_created_idx ON event_listings (created_at, event_id) WHERE status = 'PUBLISHED';

ALTER TABLE event_listings DROP COLUMN summary_words, DROP COLUMN name_words, DROP COLUMN title_words;
