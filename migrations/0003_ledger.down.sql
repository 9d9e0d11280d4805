-- boxoffice: refuse while bookings; what people have bought would be gone
-- boxoffice: refuse while holds WHERE status = 'ACTIVE'; places that are held or blocked would be free
DROP TRIGGER refuse_deletion_of_event ON events;
DROP FUNCTION refuse_deletion_of_event;
DROP TRIGGER refuse_deletion_of_ticket_type ON ticket_types;
DROP FUNCTION refuse_deletion_of_ticket_type;
DROP TABLE seat_claims;
DROP TABLE booking_items;
DROP TABLE bookings;
DROP FUNCTION delete_items_of_bookings;
DROP TYPE booking_status;
DROP TABLE holds;
DROP TYPE hold_status;
DROP TABLE inventory_owners;
DROP TABLE node_sessions;
