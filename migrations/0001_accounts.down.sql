-- boxoffice: refuse while accounts; people could not sign in any more
DROP TABLE profiles;
DROP TABLE accounts;
DROP TYPE account_role;
