-- The hash of the code that was redeemed for a grant: a replay is noticed for as long as the grant is there,
-- however often its tokens were renewed, and is forgotten with it.
ALTER TABLE oauth2_grants ADD COLUMN redeemed_code BYTEA;
UPDATE oauth2_grants SET redeemed_code = c.hash
    FROM oauth2_authorization_codes c
    WHERE c.tenant = oauth2_grants.tenant AND c.grant_id = oauth2_grants.id AND c.consumed_at IS NOT NULL;
CREATE INDEX oauth2_grants_by_redeemed_code ON oauth2_grants (tenant, redeemed_code)
    WHERE redeemed_code IS NOT NULL;

-- What walks an organisation's people, and what deletes flows of all tenants by their age.
CREATE INDEX identities_by_organisation ON identities (tenant, organisation, id) WHERE organisation IS NOT NULL;
CREATE INDEX self_service_flows_by_age ON self_service_flows (expires_at);
