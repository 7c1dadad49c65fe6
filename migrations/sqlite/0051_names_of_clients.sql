-- Whom any client knows by a name of its own: what ends everything of somebody is told such a name, and not whose it is.
CREATE INDEX oauth2_forced_subjects_by_name ON oauth2_forced_subjects (tenant, name);
