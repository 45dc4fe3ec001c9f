-- accounts by event and period
SELECT
  *
FROM (
  SELECT
    "t11"."event_no" AS "event_no",
    "t11"."period" AS "period",
    COUNT(*) AS "adopters",
    countIf("t11"."repeated") AS "repeaters",
    countIf("t11"."judged") AS "judged",
    countIf("t11"."judged" AND "t11"."stayed") AS "stayed"
  FROM (
    SELECT
      "t10"."account_no" AS "account_no",
      "t10"."event_no" AS "event_no",
      "t10"."period" AS "period",
      "t10"."last" > "t10"."first" AS "repeated",
      (
        "t10"."period" > 0
      )
      AND (
        (
          "t5"."observed_until" + INTERVAL ((
            "t10"."period" - 1
          ) * 28) DAY
        ) >= parseDateTime64BestEffort('2024-08-29T08:33:44.906705', 6)
      ) AS "judged",
      isNotNull("t10"."next") AS "stayed"
    FROM (
      SELECT
        "t8".*
        EXCEPT ("account_no_right", "period_right")
      FROM (
        SELECT
          "t2"."account_no" AS "account_no",
          "t2"."event_no" AS "event_no",
          "t2"."period" AS "period",
          "t2"."first" AS "first",
          "t2"."last" AS "last",
          "t2"."core" AS "core",
          "t7"."account_no" AS "account_no_right",
          "t7"."period" AS "period_right",
          "t7"."next" AS "next"
        FROM "temp"."main"."feature_usage" AS "t2"
        LEFT OUTER JOIN (
          SELECT
            "t3"."account_no" AS "account_no",
            CAST("t3"."period" + 1 AS Nullable(Int16)) AS "period",
            1 AS "next"
          FROM (
            SELECT DISTINCT
              "t1"."account_no" AS "account_no",
              "t1"."period" AS "period"
            FROM "temp"."main"."feature_usage" AS "t1"
          ) AS "t3"
        ) AS "t7"
          ON "t2"."account_no" = "t7"."account_no" AND "t2"."period" = "t7"."period"
      ) AS "t8"
    ) AS "t10"
    INNER JOIN (
      SELECT
        "t0"."account_no" AS "account_no",
        "t0"."observed_until" AS "observed_until"
      FROM "temp"."main"."cohort" AS "t0"
      WHERE
        NOT (
          "t0"."status" IN ('internal', 'bot')
        )
    ) AS "t5"
      ON "t10"."account_no" = "t5"."account_no"
  ) AS "t11"
  GROUP BY
    "t11"."event_no",
    "t11"."period"
) AS "t12"
ORDER BY
  "t12"."event_no" ASC,
  "t12"."period" ASC
