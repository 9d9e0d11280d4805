-- With their triggers, on tables that stay.
DROP FUNCTION follow_event_listings, add_search_terms_of_listings, add_search_terms_of_venues CASCADE;
DROP FUNCTION refresh_event_listings, add_search_terms;
DROP TABLE event_listings, search_terms;
DROP INDEX venues_country_idx, venues_capacity_idx, venues_created_idx;
ALTER TABLE venues DROP COLUMN name_key, DROP COLUMN city_key, DROP COLUMN words;
DROP FUNCTION one_letter_less, search_query(text[]), search_query(text), search_query(tsquery, tsquery, tsquery),
    search_words(text, text, text, text), search_words(regconfig, text, text, text, text), search_text;
