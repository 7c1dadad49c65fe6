-- SQLite's table of clients changes how it is laid out; PostgreSQL has had it that way.
COMMENT ON TABLE oauth2_clients IS 'OAuth2 clients, each with its document as RFC 7591 has it';
