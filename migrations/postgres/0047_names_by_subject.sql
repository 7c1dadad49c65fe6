-- The names that somebody has at clients leave with their account.
CREATE INDEX oauth2_forced_subjects_of_subject ON oauth2_forced_subjects (tenant, subject);
