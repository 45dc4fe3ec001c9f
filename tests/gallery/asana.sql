-- tasks_completed
SELECT week AS period, COUNT(DISTINCT task_id) AS value FROM customer_events
WHERE event = 'task_completed' GROUP BY week
-- completing_teams
SELECT week AS period, COUNT(DISTINCT account_id) AS value FROM customer_events
WHERE event = 'task_completed' GROUP BY week
-- tasks_per_team
SELECT week AS period, COUNT(DISTINCT task_id) / COUNT(DISTINCT account_id) AS value
FROM customer_events WHERE event = 'task_completed' GROUP BY week
