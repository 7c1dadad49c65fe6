-- A number that another change has taken; nothing is in it here.
SELECT 1;
