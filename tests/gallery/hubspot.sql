-- teams_using_five_features
SELECT week AS period, COUNT(*) AS value
FROM (
  SELECT week, account_id FROM customer_events WHERE event = 'feature_used'
  GROUP BY week, account_id HAVING COUNT(DISTINCT feature) >= 5
) GROUP BY week
-- contacts_added
SELECT week AS period, COUNT(*) AS value FROM customer_events
WHERE event = 'contact_added' GROUP BY week
