-- events per account, event and window
SELECT
  "t1"."account_no",
  "t1"."event_no",
  CAST(COUNT_IF("t1"."day" < 7) AS INT) AS "n_7",
  CAST(COUNT_IF("t1"."day" < 14) AS INT) AS "n_14"
FROM (
  SELECT
    *
  FROM "temp"."main"."near_events" AS "t0"
  WHERE
    "t0"."day" < 14
) AS "t1"
GROUP BY
  1,
  2
