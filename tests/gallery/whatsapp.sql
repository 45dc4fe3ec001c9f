-- messages_sent
SELECT day AS period, COUNT(*) AS value FROM customer_events
WHERE event = 'message_sent' GROUP BY day
-- senders
SELECT day AS period, COUNT(DISTINCT account_id) AS value FROM customer_events
WHERE event = 'message_sent' GROUP BY day
-- reached
SELECT day AS period, COUNT(DISTINCT recipient_id) AS value FROM customer_events
WHERE event = 'message_sent' GROUP BY day
