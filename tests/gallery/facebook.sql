-- daily_active_users
SELECT day AS period, '' AS segment, COUNT(DISTINCT account_id) AS value FROM customer_events
WHERE event = 'session_started' GROUP BY day
UNION ALL
SELECT e.day, a.country, COUNT(DISTINCT e.account_id)
FROM customer_events e JOIN accounts a USING (account_id)
WHERE e.event = 'session_started' GROUP BY e.day, a.country
-- seven_friends_in_ten_days
SELECT week AS period, SUM(CASE WHEN friends >= 7 THEN 1 ELSE 0 END) / COUNT(*) AS value
FROM (
  SELECT n.week, n.account_id, COUNT(DISTINCT e.friend_id) AS friends
  FROM newcomers n LEFT JOIN customer_events e
    ON e.account_id = n.account_id AND e.event = 'friend_added'
   AND e.ts >= n.t0 AND e.ts < n.t0 + INTERVAL 10 DAY
  GROUP BY n.week, n.account_id
) WHERE week_seen_through(week, 10) GROUP BY week
