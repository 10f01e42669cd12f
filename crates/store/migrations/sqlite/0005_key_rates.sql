-- How fast a key may be used, and how much at once; NULL: as the settings say for every key,
-- 0: no limit.

ALTER TABLE api_key ADD COLUMN requests_per_minute BIGINT;
ALTER TABLE api_key ADD COLUMN requests_per_day BIGINT;
ALTER TABLE api_key ADD COLUMN concurrency BIGINT;
