-- boxoffice: refuse while events; what is on, and what it sells, would be gone
-- boxoffice: refuse while venues; where it takes place would be gone
-- boxoffice: refuse while seat_maps; houses that were drawn would be gone
-- boxoffice: refuse while tags; words that events are found by would be gone
DROP TABLE ticket_type_sections;
DROP TABLE ticket_types;
DROP TABLE quotas;
DROP TABLE event_tags;
DROP TABLE tags;
DROP TABLE events;
DROP TYPE event_status;
DROP TABLE seats;
DROP TABLE seat_rows;
DROP TABLE sections;
DROP TABLE seat_maps;
DROP TABLE venues;
