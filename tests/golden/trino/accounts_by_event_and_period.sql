-- accounts by event and period
SELECT
  *
FROM (
  SELECT
    "t5"."event_no",
    "t5"."period",
    COUNT(*) AS "adopters",
    COUNT(*) FILTER(WHERE
      "t5"."repeated") AS "repeaters",
    COUNT(*) FILTER(WHERE
      "t5"."judged") AS "judged",
    COUNT(*) FILTER(WHERE
      "t5"."judged" AND "t5"."stayed") AS "stayed"
  FROM (
    SELECT
      "t2"."account_no",
      "t2"."event_no",
      "t2"."period",
      "t2"."repeated",
      "t2"."core",
      "t4"."judged",
      "t4"."stayed"
    FROM "temp"."main"."feature_usage" AS "t2"
    INNER JOIN (
      SELECT
        "t1"."account_no",
        "t1"."period",
        "t1"."judged",
        "t1"."stayed"
      FROM "temp"."main"."feature_periods" AS "t1"
    ) AS "t4"
      ON "t2"."account_no" = "t4"."account_no" AND "t2"."period" = "t4"."period"
  ) AS "t5"
  GROUP BY
    1,
    2
) AS "t6"
ORDER BY
  "t6"."event_no" ASC,
  "t6"."period" ASC
