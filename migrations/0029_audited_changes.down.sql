-- With the triggers of all tables, which have no other purpose.
DROP FUNCTION note_change() CASCADE;
DROP FUNCTION audited_row(jsonb, text[]);
