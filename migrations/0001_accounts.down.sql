DROP TABLE profiles;
DROP TABLE accounts;
DROP TYPE account_role;
