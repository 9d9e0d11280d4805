-- boxoffice: refuse while bookings; what people have bought would be gone
-- boxoffice: refuse while holds WHERE status = 'ACTIVE'; places that are held or blocked would be free
-- With their triggers, on tables that stay.
DROP FUNCTION refuse_deletion_of_account, refuse_deletion_of_event, refuse_deletion_of_ticket_type, refuse_deletion_of_seats,
    refuse_change_of_taken_type, refuse_change_of_taken_map, refuse_sections_for_taken_types, refuse_exchange_of_taken_sections,
    refuse_loss_of_taken_sections CASCADE;
DROP FUNCTION free_seats, seats_of_type, sellable, ledger_commit, ledger_money, require_read_committed;
DROP TYPE ledger_quota, ledger_hold, ledger_booking, ledger_item, ledger_change, ledger_cancelled_item, ledger_claim;
DROP TABLE seat_claims, cancelled_items, booking_items, bookings, holds, inventory_owners, node_sessions;
DROP FUNCTION delete_items_of_bookings;
DROP TYPE booking_status, hold_status, hold_kind;
