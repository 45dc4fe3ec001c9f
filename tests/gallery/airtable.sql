-- weekly_paid_users
SELECT week AS period, COUNT(DISTINCT user_id) AS value FROM customer_events
WHERE event IN ('record_edited', 'base_opened', 'base_created', 'view_shared')
  AND plan IN ('team', 'business')
GROUP BY week
