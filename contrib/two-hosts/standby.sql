-- On db1, when db2 follows it: before that, each COMMIT would wait.
-- A COMMIT is answered when the standby has it on its disk: what was promised is not lost when db2 takes over.
ALTER SYSTEM SET synchronous_standby_names = '*';
SELECT pg_reload_conf();
-- One line, with sync in the last column.
SELECT client_addr, state, sync_state FROM pg_stat_replication;
