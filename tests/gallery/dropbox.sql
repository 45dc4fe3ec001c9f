-- business_teams
SELECT week AS period, COUNT(DISTINCT account_id) AS value FROM customer_events
WHERE event = 'file_shared' AND plan = 'business' GROUP BY week
-- files_shared
SELECT week AS period, COUNT(DISTINCT file_id) AS value FROM customer_events
WHERE event = 'file_shared' AND to_account_id IS NOT NULL GROUP BY week
