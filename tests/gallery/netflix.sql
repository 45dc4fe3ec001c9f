-- median_hours
SELECT month AS period, MEDIAN(hours::DOUBLE) AS value
FROM (
  SELECT month, account_id, SUM(hours) AS hours FROM customer_events
  WHERE event = 'title_watched' GROUP BY month, account_id
) GROUP BY month
-- hours
SELECT month AS period, SUM(hours) AS value FROM customer_events
WHERE event = 'title_watched' GROUP BY month
-- viewers
SELECT month AS period, COUNT(DISTINCT account_id) AS value FROM customer_events
WHERE event = 'title_watched' GROUP BY month
-- mean_hours
SELECT month AS period, AVG(hours) AS value
FROM (
  SELECT month, account_id, SUM(hours) AS hours FROM customer_events
  WHERE event = 'title_watched' GROUP BY month, account_id
) GROUP BY month
