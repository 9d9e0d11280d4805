DROP TABLE seat_claims;
DROP TABLE booking_items;
DROP TABLE bookings;
DROP TYPE booking_status;
DROP TABLE holds;
DROP TYPE hold_status;
DROP TABLE inventory_owners;
DROP TABLE node_sessions;
