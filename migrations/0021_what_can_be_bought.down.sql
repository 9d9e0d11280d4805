DROP INDEX event_listings_ends_idx, event_listings_length_idx, event_listings_category_idx, event_listings_starts_idx;
CREATE INDEX event_listings_starts_idx ON event_listings (starts_at, event_id) INCLUDE (price_min, price_max) WHERE status = 'PUBLISHED';
CREATE INDEX event_listings_category_idx ON event_listings (category, starts_at, event_id) WHERE status = 'PUBLISHED';

DROP TRIGGER follow_event_listings_end ON events;
DROP FUNCTION refresh_event_listings(uuid[]);
ALTER FUNCTION refresh_listed_words(uuid[]) RENAME TO refresh_event_listings;
DROP TRIGGER fill_listing_end ON event_listings;
DROP FUNCTION fill_listing_end();
ALTER TABLE event_listings DROP COLUMN ends_at;

DROP FUNCTION free_seats(uuid, uuid, bigint);
DROP FUNCTION seats_of_type(uuid, uuid);
DROP FUNCTION sellable(bigint, bigint, bigint);

DROP TRIGGER count_section_seats ON seats;
DROP FUNCTION count_section_seats();
ALTER TABLE sections DROP COLUMN seats;
