-- boxoffice: refuse while former_event_slugs; links to events that were renamed would lead nowhere
-- boxoffice: refuse while former_venue_slugs; links to venues that were renamed would lead nowhere
-- The extensions stay: others may use them by now.
DROP TRIGGER keep_former_slugs_insert ON events;
DROP TRIGGER keep_former_slugs_update ON events;
DROP TRIGGER keep_former_slugs_insert ON venues;
DROP TRIGGER keep_former_slugs_update ON venues;
DROP FUNCTION keep_former_slugs();
DROP TABLE former_event_slugs, former_venue_slugs;
DROP TRIGGER add_search_terms_insert ON venues;
DROP TRIGGER add_search_terms_update ON venues;
DROP FUNCTION add_search_terms_of_venues();
DROP TRIGGER follow_event_listings_insert ON events;
DROP TRIGGER follow_event_listings_update ON events;
DROP TRIGGER follow_event_listings_insert ON event_tags;
DROP TRIGGER follow_event_listings_delete ON event_tags;
DROP TRIGGER follow_event_listings_update ON event_tags;
DROP TRIGGER follow_event_listings_insert ON ticket_types;
DROP TRIGGER follow_event_listings_delete ON ticket_types;
DROP TRIGGER follow_event_listings_update ON ticket_types;
DROP TRIGGER follow_event_listings_update ON tags;
DROP TRIGGER follow_event_listings_update ON venues;
DROP FUNCTION follow_event_listings();
DROP FUNCTION refresh_event_listings(uuid[]);
DROP TABLE event_listings;
DROP INDEX venues_country_idx, venues_capacity_idx, venues_created_idx;
ALTER TABLE venues DROP COLUMN name_key, DROP COLUMN city_key, DROP COLUMN words;
DROP FUNCTION add_search_terms(text[]);
DROP TABLE search_terms;
DROP FUNCTION search_query(text[]);
DROP FUNCTION search_query(text);
DROP FUNCTION search_query(tsquery, tsquery, tsquery);
DROP FUNCTION search_words(text, text, text, text);
DROP FUNCTION search_words(regconfig, text, text, text, text);
DROP FUNCTION fold(text);
