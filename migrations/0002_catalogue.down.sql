-- boxoffice: refuse while events; what is on, and what it sells, would be gone
-- boxoffice: refuse while venues; where it takes place would be gone
-- boxoffice: refuse while seat_maps; houses that were drawn would be gone
-- boxoffice: refuse while tags; words that events are found by would be gone
-- boxoffice: refuse while former_event_slugs; links to events that were renamed would lead nowhere
-- boxoffice: refuse while former_venue_slugs; links to venues that were renamed would lead nowhere
-- boxoffice: refuse while former_names; what buyers were told would be forgotten
DROP TABLE former_names, ticket_type_sections, ticket_types, quotas, event_tags, tags, former_event_slugs, former_venue_slugs, events,
    categories, seats, seat_rows, sections, seat_map_versions, seat_maps, venues;
DROP FUNCTION keep_former_names, keep_version_of_deleted_quota, keep_former_slugs, note_ever_public, count_section_seats, uuid_v7;
DROP TYPE event_status;
