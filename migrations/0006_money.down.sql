-- boxoffice: refuse while payments; what was paid would be forgotten
-- boxoffice: refuse while jobs; what was to be done would never be
-- boxoffice: refuse while sale_terms; prices would lose their taxes and fees
-- boxoffice: refuse while promo_codes; codes that people were given would be gone
-- boxoffice: refuse while attendees; who comes would be forgotten
DROP FUNCTION gone_of_payment, claim_jobs(text, integer, double precision);
DROP TABLE sandbox_documents, booking_mails, booking_mails_since, jobs, gateway_messages, disputes, receipts, receipt_series, refunds, cancellations, payments, attendees, promo_codes,
    sale_terms;
DROP TYPE refund_state, payment_state;
