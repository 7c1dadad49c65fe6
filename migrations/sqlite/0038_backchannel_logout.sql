-- Logout tokens wait among the messages of webhooks (OpenID Connect Back-Channel Logout 1.0), under `logout:` and the id of
-- their client. Such a message is made in the statement that ends the session, so that its body is not sealed: it is the
-- id of who had signed in, `subject`, and the message's own id is that of the session.
ALTER TABLE webhook_messages ADD COLUMN subject TEXT;
-- Whether a client has an address for them, as its document says.
ALTER TABLE oauth2_clients ADD COLUMN backchannel_logout INTEGER NOT NULL DEFAULT 0;
UPDATE oauth2_clients SET backchannel_logout = 1
    WHERE COALESCE(json_extract(document, '$.backchannel_logout_uri'), '') <> '';
