-- From version 2: which mail was imported from files (B2.12).
ALTER TABLE deliveries ADD COLUMN source TEXT NOT NULL DEFAULT '' CHECK (source IN ('', 'import', 'history'));
