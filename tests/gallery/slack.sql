-- messages
SELECT week AS period, SUM(messages) AS value FROM customer_events
WHERE event = 'messages_sent' GROUP BY week
-- active_teams
SELECT week AS period, COUNT(DISTINCT account_id) AS value FROM customer_events
WHERE event = 'messages_sent' GROUP BY week
-- messages_per_team
SELECT week AS period, AVG(messages) AS value
FROM (
  SELECT week, account_id, SUM(messages) AS messages FROM customer_events
  WHERE event = 'messages_sent' GROUP BY week, account_id
) GROUP BY week
-- median_messages
SELECT week AS period, QUANTILE_CONT(messages, 0.5) AS value
FROM (
  SELECT week, account_id, SUM(messages) AS messages FROM customer_events
  WHERE event = 'messages_sent' GROUP BY week, account_id
) GROUP BY week
-- reached_2000_messages
SELECT week AS period, SUM(CASE WHEN messages >= 2000 THEN 1 ELSE 0 END) / COUNT(*) AS value
FROM (
  SELECT n.week, n.account_id, SUM(e.messages) AS messages
  FROM newcomers n LEFT JOIN customer_events e
    ON e.account_id = n.account_id AND e.event = 'messages_sent'
   AND e.ts >= n.t0 AND e.ts < n.t0 + INTERVAL 28 DAY
  GROUP BY n.week, n.account_id
) WHERE week_seen_through(week, 28) GROUP BY week
