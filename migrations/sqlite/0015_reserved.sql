-- Reserved for another area's tables.
SELECT 1;
