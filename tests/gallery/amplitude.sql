-- weekly_learning_users
SELECT week AS period, COUNT(*) AS value
FROM (
  SELECT week, user_id FROM customer_events
  WHERE event IN ('chart_run', 'chart_shared') AND user_id IS NOT NULL
  GROUP BY week, user_id
  HAVING COUNT(DISTINCT chart_id) FILTER (event = 'chart_run') > 3
     AND COUNT(*) FILTER (event = 'chart_shared') > 0
) GROUP BY week
-- weekly_querying_users
SELECT week AS period, COUNT(*) AS value
FROM (
  SELECT week, user_id FROM customer_events
  WHERE event = 'chart_run' AND user_id IS NOT NULL GROUP BY week, user_id HAVING COUNT(*) > 3
) GROUP BY week
