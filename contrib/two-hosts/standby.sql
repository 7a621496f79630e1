-- A COMMIT is answered when the standby has it on its disk: what was promised is not lost when db2 takes over.
CREATE ROLE standby LOGIN REPLICATION;
\password standby
ALTER SYSTEM SET synchronous_standby_names = '*';
SELECT pg_reload_conf();
