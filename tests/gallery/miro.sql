-- collaborative_boards
SELECT a.week AS period, COUNT(DISTINCT a.board_id) AS value
FROM customer_events a JOIN customer_events b
  ON a.week = b.week AND a.board_id = b.board_id AND a.user_id < b.user_id
WHERE a.event IN ('board_edited', 'comment_added') AND b.event IN ('board_edited', 'comment_added')
GROUP BY a.week
-- active_businesses
SELECT week AS period, COUNT(DISTINCT account_id) AS value FROM customer_events
WHERE event IN ('board_edited', 'comment_added') GROUP BY week
-- boards_per_business
SELECT week AS period,
       COUNT(DISTINCT CASE WHEN users >= 2 THEN board_id END) / COUNT(DISTINCT account_id) AS value
FROM (
  SELECT week, account_id, board_id,
         (SELECT COUNT(DISTINCT o.user_id) FROM customer_events o
          WHERE o.week = e.week AND o.board_id = e.board_id
            AND o.event IN ('board_edited', 'comment_added')) AS users
  FROM customer_events e WHERE event IN ('board_edited', 'comment_added')
) GROUP BY week
