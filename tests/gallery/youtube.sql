-- minutes_watched
SELECT week AS period, SUM(minutes) AS value FROM customer_events
WHERE event = 'video_watched' GROUP BY week
-- minutes_a_day
SELECT day AS period, SUM(minutes) AS value FROM customer_events
WHERE event = 'video_watched' GROUP BY day
