-- time_listened
SELECT week AS period, SUM(minutes) AS value FROM customer_events
WHERE event = 'track_played' GROUP BY week
-- listeners
SELECT week AS period, COUNT(DISTINCT account_id) AS value FROM customer_events
WHERE event = 'track_played' GROUP BY week
-- time_per_listener
SELECT week AS period, SUM(minutes) / COUNT(DISTINCT account_id) AS value FROM customer_events
WHERE event = 'track_played' GROUP BY week
