-- accounts by event and period
SELECT
  *
FROM (
  SELECT
    "t11"."event_no",
    "t11"."period",
    COUNT(*) AS "adopters",
    COUNT_IF("t11"."repeated") AS "repeaters",
    COUNT_IF("t11"."judged") AS "judged",
    COUNT_IF("t11"."judged" AND "t11"."stayed") AS "stayed"
  FROM (
    SELECT
      "t10"."account_no",
      "t10"."event_no",
      "t10"."period",
      "t10"."last" > "t10"."first" AS "repeated",
      (
        "t10"."period" > 0
      )
      AND (
        DATEADD(DAY, (
          "t10"."period" - 1
        ) * 28, "t5"."observed_until") >= TIMESTAMP_FROM_PARTS(2024, 8, 29, 8, 33, 44, 906705000)
      ) AS "judged",
      "t10"."next" IS NOT NULL AS "stayed"
    FROM (
      SELECT
        "t8".*
        EXCLUDE ("account_no_right", "period_right")
      FROM (
        SELECT
          "t2"."account_no",
          "t2"."event_no",
          "t2"."period",
          "t2"."first",
          "t2"."last",
          "t2"."core",
          "t7"."account_no" AS "account_no_right",
          "t7"."period" AS "period_right",
          "t7"."next"
        FROM "temp"."main"."feature_usage" AS "t2"
        LEFT OUTER JOIN (
          SELECT
            "t3"."account_no",
            CAST("t3"."period" + 1 AS SMALLINT) AS "period",
            1 AS "next"
          FROM (
            SELECT DISTINCT
              "t1"."account_no",
              "t1"."period"
            FROM "temp"."main"."feature_usage" AS "t1"
          ) AS "t3"
        ) AS "t7"
          ON "t2"."account_no" = "t7"."account_no" AND "t2"."period" = "t7"."period"
      ) AS "t8"
    ) AS "t10"
    INNER JOIN (
      SELECT
        "t0"."account_no",
        "t0"."observed_until"
      FROM "temp"."main"."cohort" AS "t0"
      WHERE
        NOT (
          "t0"."status" IN ('internal', 'bot')
        )
    ) AS "t5"
      ON "t10"."account_no" = "t5"."account_no"
  ) AS "t11"
  GROUP BY
    1,
    2
) AS "t12"
ORDER BY
  "t12"."event_no" ASC,
  "t12"."period" ASC
