-- shared_three_designs
SELECT week AS period, COUNT(*) AS value
FROM (
  SELECT n.week, n.account_id FROM newcomers n JOIN customer_events e USING (account_id)
  WHERE e.event = 'design_shared' AND e.ts >= n.t0 AND e.ts < n.t0 + INTERVAL 7 DAY
  GROUP BY n.week, n.account_id HAVING COUNT(*) > 2
) WHERE week_seen_through(week, 7) GROUP BY week
