-- how often accounts did it, and how closely
SELECT
  "t12"."account_no",
  COUNT(*) AS "own",
  COUNT(*) FILTER(WHERE
    "t12"."inside") AS "times",
  COUNT(DISTINCT DATE("t12"."at")) FILTER(WHERE
    "t12"."inside") AS "days",
  COUNT(*) FILTER(WHERE
    "t12"."inside" AND "t12"."apart") AS "spaced"
FROM (
  SELECT
    "t11"."account",
    "t11"."at",
    "t11"."account_no",
    "t11"."t0",
    "t11"."second",
    "t11"."inside",
    (
      LAG("t11"."second") OVER (PARTITION BY "t11"."account_no" ORDER BY "t11"."second" ASC) IS NULL
    )
    OR (
      (
        "t11"."second" - LAG("t11"."second") OVER (PARTITION BY "t11"."account_no" ORDER BY "t11"."second" ASC)
      ) >= 60
    ) AS "apart"
  FROM (
    SELECT
      "t10"."account",
      "t10"."at",
      "t10"."account_no",
      "t10"."t0",
      CAST(TO_UNIXTIME(DATE_TRUNC('SECOND', "t10"."at")) AS BIGINT) AS "second",
      "t10"."at" < (
        "t10"."t0" + INTERVAL '14' DAY
      ) AS "inside"
    FROM (
      SELECT
        "t9"."account",
        "t9"."at",
        "t4"."account_no",
        "t4"."t0"
      FROM (
        SELECT
          "t7"."account",
          "t7"."at"
        FROM (
          SELECT
            "t6"."account",
            "t6"."at",
            "t6"."event",
            "t6"."id",
            "t6"."colour",
            "t6"."size",
            "t6"."friend"
          FROM (
            SELECT
              *
            FROM (
              SELECT
                "t3"."account",
                "t3"."at",
                "t3"."event",
                "t3"."id",
                "t3"."colour",
                "t3"."size",
                "t3"."friend",
                IF(
                  "t3"."id" IS NULL,
                  0,
                  ROW_NUMBER() OVER (
                    PARTITION BY "t3"."id"
                    ORDER BY "t3"."at" ASC, "t3"."account" ASC, "t3"."event" ASC
                  ) - 1
                ) AS "delivery"
              FROM (
                SELECT
                  "t1"."account",
                  "t1"."at",
                  "t1"."event",
                  "t1"."id",
                  "t1"."colour",
                  "t1"."size",
                  "t1"."friend"
                FROM "source_events" AS "t1"
                WHERE
                  "t1"."account" IS NOT NULL
                  AND "t1"."event" IS NOT NULL
                  AND "t1"."at" <= CAST(FROM_ISO8601_TIMESTAMP('2024-12-01T00:00:00') AS TIMESTAMP)
              ) AS "t3"
            ) AS "t5"
            WHERE
              "t5"."delivery" = 0
          ) AS "t6"
        ) AS "t7"
        WHERE
          "t7"."event" IN ('start')
      ) AS "t9"
      INNER JOIN (
        SELECT
          "t0"."account",
          "t0"."account_no",
          "t0"."t0"
        FROM "temp"."main"."cohort" AS "t0"
        WHERE
          "t0"."status" = 'eligible'
      ) AS "t4"
        ON "t9"."account" = "t4"."account"
    ) AS "t10"
    WHERE
      "t10"."at" >= "t10"."t0" AND "t10"."at" < (
        "t10"."t0" + INTERVAL '14' DAY
      )
  ) AS "t11"
) AS "t12"
GROUP BY
  1
