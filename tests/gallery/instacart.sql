-- first_orders
SELECT week AS period, COUNT(*) AS value FROM newcomers
WHERE week_seen_through(week, 1) GROUP BY week
-- orders
SELECT week AS period, COUNT(*) AS value FROM customer_events
WHERE event = 'order_completed' GROUP BY week
