-- events per account, event and window
SELECT
  "t1"."account_no" AS "account_no",
  "t1"."event_no" AS "event_no",
  CAST(countIf("t1"."day" < 7) AS Nullable(Int32)) AS "n_7",
  CAST(countIf("t1"."day" < 14) AS Nullable(Int32)) AS "n_14"
FROM (
  SELECT
    *
  FROM "temp"."main"."near_events" AS "t0"
  WHERE
    "t0"."day" < 14
) AS "t1"
GROUP BY
  "t1"."account_no",
  "t1"."event_no"
