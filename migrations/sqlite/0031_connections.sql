-- Whether anybody comes by an organisation's connection: 1 or 0.
ALTER TABLE organisation_connections ADD COLUMN enabled INTEGER NOT NULL DEFAULT 1;
