-- A list in the order in which they were made reads what lies together.
CREATE INDEX oauth2_clients_as_made ON oauth2_clients (tenant, created_at, id);
