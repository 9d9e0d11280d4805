-- What was taken stays taken; the column goes with migration 0015.
SELECT 1;
