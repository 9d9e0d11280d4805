-- What the pages of a search need at any number of events: a walk along an index for each rank, and as little of it as fills a page.

-- Which events have a ticket type within a range of prices.
CREATE INDEX ticket_types_price_idx ON ticket_types (price, event_id);

-- Made anew below; dropped first, or the next statement would rewrite them. From here to the end nobody can read the lists.
DROP INDEX event_listings_title_idx, event_listings_price_idx, event_listings_created_idx;

-- The words of the title; of the title, tags, venue and city; of these and the summary. Each rank is found by its own index and
-- counted by the planner's own statistics: those of `words` can't tell a word of titles from one of descriptions.
ALTER TABLE event_listings
    ADD COLUMN title_words tsvector NOT NULL GENERATED ALWAYS AS (ts_filter(words, '{a}')) STORED,
    ADD COLUMN name_words tsvector NOT NULL GENERATED ALWAYS AS (ts_filter(words, '{a,b}')) STORED,
    ADD COLUMN summary_words tsvector NOT NULL GENERATED ALWAYS AS (ts_filter(words, '{a,b,c}')) STORED;
CREATE INDEX event_listings_title_words_idx ON event_listings USING gin (title_words) WITH (gin_pending_list_limit = 128);
CREATE INDEX event_listings_name_words_idx ON event_listings USING gin (name_words) WITH (gin_pending_list_limit = 128);
CREATE INDEX event_listings_summary_words_idx ON event_listings USING gin (summary_words) WITH (gin_pending_list_limit = 128);

-- Who looks for one category in another order walks past the others without visiting the table.
CREATE INDEX event_listings_title_idx ON event_listings (title, event_id) INCLUDE (category) WHERE status = 'PUBLISHED';
CREATE INDEX event_listings_price_idx ON event_listings (price, event_id) INCLUDE (category, price_min, price_max)
    WHERE status = 'PUBLISHED';
CREATE INDEX event_listings_created_idx ON event_listings (created_at, event_id) INCLUDE (category) WHERE status = 'PUBLISHED';

ANALYZE event_listings, ticket_types;
