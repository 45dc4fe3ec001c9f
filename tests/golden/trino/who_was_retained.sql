-- who was retained
SELECT
  "t7"."account_no",
  COALESCE("t7"."kept", FALSE) AS "retained"
FROM (
  SELECT
    "t4"."account_no",
    "t6"."account_no" AS "account_no_right",
    "t6"."kept"
  FROM (
    SELECT
      "t0"."account_no"
    FROM "temp"."main"."cohort" AS "t0"
    WHERE
      "t0"."status" = 'eligible'
  ) AS "t4"
  LEFT OUTER JOIN (
    SELECT
      "t3"."account_no",
      TRUE AS "kept"
    FROM (
      SELECT DISTINCT
        "t1"."account_no"
      FROM "temp"."main"."near_events" AS "t1"
      WHERE
        "t1"."day" >= 14
    ) AS "t3"
  ) AS "t6"
    ON "t4"."account_no" = "t6"."account_no"
) AS "t7"
