-- followed_up
SELECT week AS period, COUNT(*) AS value FROM newcomers n
WHERE week_seen_through(week, 1) AND EXISTS (
  SELECT 1 FROM customer_events e
  WHERE e.account_id = n.account_id AND e.event = 'follow_up_sent'
    AND e.ts >= n.t0 AND e.ts < n.t0 + INTERVAL 1 DAY)
GROUP BY week
-- followed_up_share
SELECT n.week AS period, COUNT(DISTINCT e.account_id) / COUNT(DISTINCT n.account_id) AS value
FROM newcomers n LEFT JOIN customer_events e
  ON e.account_id = n.account_id AND e.event = 'follow_up_sent'
 AND e.ts >= n.t0 AND e.ts < n.t0 + INTERVAL 1 DAY
WHERE week_seen_through(n.week, 1) GROUP BY n.week
