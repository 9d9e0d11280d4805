DROP FUNCTION ledger_commit;
