-- daily_active_users
SELECT day AS period, COUNT(DISTINCT account_id) AS value FROM customer_events
WHERE event = 'session_started' GROUP BY day
-- story_viewers
SELECT day AS period, AVG(CASE WHEN saw THEN 1 ELSE 0 END) AS value
FROM (
  SELECT day, account_id, BOOL_OR(event = 'session_started') AS came,
         BOOL_OR(event = 'story_viewed') AS saw
  FROM customer_events GROUP BY day, account_id
) WHERE came GROUP BY day
