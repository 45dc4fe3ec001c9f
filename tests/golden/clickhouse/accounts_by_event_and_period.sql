-- accounts by event and period
SELECT
  *
FROM (
  SELECT
    "t5"."event_no" AS "event_no",
    "t5"."period" AS "period",
    COUNT(*) AS "adopters",
    countIf("t5"."repeated") AS "repeaters",
    countIf("t5"."judged") AS "judged",
    countIf("t5"."judged" AND "t5"."stayed") AS "stayed"
  FROM (
    SELECT
      "t2"."account_no" AS "account_no",
      "t2"."event_no" AS "event_no",
      "t2"."period" AS "period",
      "t2"."repeated" AS "repeated",
      "t2"."core" AS "core",
      "t4"."judged" AS "judged",
      "t4"."stayed" AS "stayed"
    FROM "temp"."main"."feature_usage" AS "t2"
    INNER JOIN (
      SELECT
        "t1"."account_no" AS "account_no",
        "t1"."period" AS "period",
        "t1"."judged" AS "judged",
        "t1"."stayed" AS "stayed"
      FROM "temp"."main"."feature_periods" AS "t1"
    ) AS "t4"
      ON "t2"."account_no" = "t4"."account_no" AND "t2"."period" = "t4"."period"
  ) AS "t5"
  GROUP BY
    "t5"."event_no",
    "t5"."period"
) AS "t6"
ORDER BY
  "t6"."event_no" ASC,
  "t6"."period" ASC
