-- boxoffice: refuse while outbox WHERE status <> 'SENT'; mails would never be sent
DROP TABLE outbox;
DROP TYPE mail_status;
