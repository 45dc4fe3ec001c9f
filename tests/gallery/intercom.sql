-- active_conversations
SELECT week AS period, COUNT(*) AS value
FROM (
  SELECT week, conversation_id FROM customer_events
  WHERE event = 'message_sent' AND side = 'company' AND conversation_id IS NOT NULL
  INTERSECT
  SELECT week, conversation_id FROM customer_events WHERE event = 'message_sent' AND side = 'customer'
) GROUP BY week
