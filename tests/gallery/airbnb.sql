-- nights_booked
SELECT week AS period, SUM(nights) AS value FROM customer_events
WHERE event = 'booking_made' GROUP BY week
-- nights_stayed
SELECT week AS period, SUM(nights) AS value FROM customer_events
WHERE event = 'stay_completed' GROUP BY week
-- search_to_book
SELECT s.week AS period, COUNT(b.account_id) / COUNT(*) AS value
FROM (SELECT DISTINCT week, account_id FROM customer_events WHERE event = 'searched') s
LEFT JOIN (SELECT DISTINCT week, account_id FROM customer_events WHERE event = 'booking_made') b
  USING (week, account_id)
GROUP BY s.week
-- booked_again
SELECT month AS period, SUM(CASE WHEN bookings >= 2 THEN 1 ELSE 0 END) / COUNT(*) AS value
FROM (
  SELECT month, account_id, COUNT(DISTINCT booking_id) AS bookings FROM customer_events
  WHERE event = 'booking_made' GROUP BY month, account_id
) GROUP BY month
-- mean_rating
SELECT month AS period, AVG(rating) AS value FROM customer_events
WHERE event = 'review_written' GROUP BY month
