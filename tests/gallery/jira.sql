-- weekly_active_paid_users
SELECT week AS period, COUNT(DISTINCT user_id) AS value FROM customer_events
WHERE event IN ('issue_created', 'issue_moved', 'issue_resolved', 'comment_added', 'board_viewed')
  AND (plan = 'standard' OR plan = 'premium')
GROUP BY week
