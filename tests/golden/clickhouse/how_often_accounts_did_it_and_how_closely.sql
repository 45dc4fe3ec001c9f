-- how often accounts did it, and how closely
SELECT
  "t12"."account_no" AS "account_no",
  COUNT(*) AS "own",
  countIf("t12"."inside") AS "times",
  uniqIf(toDate("t12"."at"), "t12"."inside") AS "days",
  countIf("t12"."inside" AND "t12"."apart") AS "spaced"
FROM (
  SELECT
    "t11"."account" AS "account",
    "t11"."at" AS "at",
    "t11"."account_no" AS "account_no",
    "t11"."t0" AS "t0",
    "t11"."second" AS "second",
    "t11"."inside" AS "inside",
    isNull(
      lagInFrame("t11"."second") OVER (
        PARTITION BY "t11"."account_no"
        ORDER BY "t11"."second" ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
      )
    )
    OR (
      (
        "t11"."second" - lagInFrame("t11"."second") OVER (
          PARTITION BY "t11"."account_no"
          ORDER BY "t11"."second" ASC
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        )
      ) >= 60
    ) AS "apart"
  FROM (
    SELECT
      "t10"."account" AS "account",
      "t10"."at" AS "at",
      "t10"."account_no" AS "account_no",
      "t10"."t0" AS "t0",
      CAST(toRelativeSecondNum(dateTrunc('SECOND', toDateTime64("t10"."at", 6))) AS Nullable(Int64)) AS "second",
      "t10"."at" < (
        "t10"."t0" + INTERVAL '14' DAY
      ) AS "inside"
    FROM (
      SELECT
        "t9"."account" AS "account",
        "t9"."at" AS "at",
        "t4"."account_no" AS "account_no",
        "t4"."t0" AS "t0"
      FROM (
        SELECT
          "t7"."account" AS "account",
          "t7"."at" AS "at"
        FROM (
          SELECT
            "t6".*
            EXCEPT ("delivery")
          FROM (
            SELECT
              *
            FROM (
              SELECT
                "t3"."account" AS "account",
                "t3"."at" AS "at",
                "t3"."event" AS "event",
                "t3"."id" AS "id",
                "t3"."colour" AS "colour",
                "t3"."size" AS "size",
                "t3"."friend" AS "friend",
                CASE
                  WHEN isNull("t3"."id")
                  THEN 0
                  ELSE ROW_NUMBER() OVER (
                    PARTITION BY "t3"."id"
                    ORDER BY "t3"."at" ASC, "t3"."account" ASC, "t3"."event" ASC
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                  ) - 1
                END AS "delivery"
              FROM (
                SELECT
                  "t1"."account" AS "account",
                  "t1"."at" AS "at",
                  "t1"."event" AS "event",
                  "t1"."id" AS "id",
                  "t1"."colour" AS "colour",
                  "t1"."size" AS "size",
                  "t1"."friend" AS "friend"
                FROM "source_events" AS "t1"
                WHERE
                  isNotNull("t1"."account")
                  AND isNotNull("t1"."event")
                  AND "t1"."at" <= parseDateTimeBestEffort('2024-12-01T00:00:00')
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
          "t0"."account" AS "account",
          "t0"."account_no" AS "account_no",
          "t0"."t0" AS "t0"
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
  "t12"."account_no"
