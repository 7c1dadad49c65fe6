-- PostgreSQL keeps rows apart from their keys already; the number is SQLite's.
SELECT 1;
