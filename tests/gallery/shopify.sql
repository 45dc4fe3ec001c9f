-- merchandise_volume
SELECT week AS period, SUM(amount) AS value FROM customer_events
WHERE event = 'order_received' GROUP BY week
-- net_volume
SELECT week AS period, SUM(amount) AS value FROM customer_events
WHERE event = 'order_received' OR event = 'order_refunded' GROUP BY week
-- selling_merchants
SELECT week AS period, COUNT(DISTINCT account_id) AS value FROM customer_events
WHERE event = 'order_received' GROUP BY week
-- volume_per_merchant
SELECT week AS period, AVG(amount) AS value
FROM (
  SELECT week, account_id, SUM(amount) AS amount FROM customer_events
  WHERE event = 'order_received' GROUP BY week, account_id
) GROUP BY week
