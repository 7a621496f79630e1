-- The role and the database, as a superuser. One role is enough: it owns the tables, and both machines log in with it.
CREATE ROLE espomail LOGIN;
-- Asks for the password, which is not in this file then.
\password espomail
-- The standby reads the log of the other server with this one.
CREATE ROLE standby LOGIN REPLICATION;
\password standby
CREATE DATABASE mail OWNER espomail ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE mail FROM PUBLIC;
\connect mail
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO espomail;
