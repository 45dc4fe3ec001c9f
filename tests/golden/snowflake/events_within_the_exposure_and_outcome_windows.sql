-- events within the exposure and outcome windows
SELECT
  "t15".*
  EXCLUDE ("event")
FROM (
  SELECT
    "t14"."event",
    "t14"."at",
    "t14"."colour",
    "t14"."size",
    "t14"."account_no",
    "t14"."day",
    "t3"."event_no"
  FROM (
    SELECT
      "t12"."event",
      "t12"."at",
      "t12"."colour",
      "t12"."size",
      "t12"."account_no",
      CAST(DATEDIFF(DAY, TO_DATE("t12"."t0"), TO_DATE("t12"."at")) - IFF(
        "t12"."at" < DATEADD(DAY, DATEDIFF(DAY, TO_DATE("t12"."t0"), TO_DATE("t12"."at")), "t12"."t0"),
        1,
        0
      ) AS SMALLINT) AS "day"
    FROM (
      SELECT
        "t11"."account",
        "t11"."at",
        "t11"."event",
        "t11"."colour",
        "t11"."size",
        "t11"."retains",
        "t6"."t0",
        "t6"."account_no",
        "t6"."exposed_until",
        "t6"."outcome_after",
        "t6"."outcome_until"
      FROM (
        SELECT
          "t9"."account",
          "t9"."at",
          "t9"."event",
          "t9"."colour",
          "t9"."size",
          "t9"."event" IN ('start') AS "retains"
        FROM (
          SELECT
            "t8".*
            EXCLUDE ("delivery")
          FROM (
            SELECT
              *
            FROM (
              SELECT
                "t5"."account",
                "t5"."at",
                "t5"."event",
                "t5"."id",
                "t5"."colour",
                "t5"."size",
                "t5"."friend",
                IFF(
                  "t5"."id" IS NULL,
                  0,
                  ROW_NUMBER() OVER (
                    PARTITION BY "t5"."id"
                    ORDER BY "t5"."at" ASC, "t5"."account" ASC, "t5"."event" ASC
                  ) - 1
                ) AS "delivery"
              FROM (
                SELECT
                  "t2"."account",
                  "t2"."at",
                  "t2"."event",
                  "t2"."id",
                  "t2"."colour",
                  "t2"."size",
                  "t2"."friend"
                FROM "source_events" AS "t2"
                WHERE
                  "t2"."account" IS NOT NULL
                  AND "t2"."at" IS NOT NULL
                  AND "t2"."event" IS NOT NULL
                  AND "t2"."at" <= TIMESTAMP_FROM_PARTS(2024, 12, 1, 0, 0, 0, 0)
              ) AS "t5"
            ) AS "t7"
            WHERE
              "t7"."delivery" = 0
          ) AS "t8"
        ) AS "t9"
      ) AS "t11"
      INNER JOIN (
        SELECT
          "t1"."account",
          "t1"."t0",
          CAST("t1"."account_no" AS INT) AS "account_no",
          DATEADD(DAY, '14', "t1"."t0") AS "exposed_until",
          DATEADD(DAY, '30', "t1"."t0") AS "outcome_after",
          DATEADD(DAY, '60', "t1"."t0") AS "outcome_until"
        FROM "temp"."main"."cohort" AS "t1"
        WHERE
          "t1"."status" = 'eligible'
      ) AS "t6"
        ON "t11"."account" = "t6"."account"
    ) AS "t12"
    WHERE
      "t12"."at" >= "t12"."t0"
      AND (
        (
          "t12"."at" < "t12"."exposed_until"
        )
        OR (
          "t12"."retains"
          AND (
            (
              "t12"."at" > "t12"."outcome_after"
            )
            AND (
              "t12"."at" <= "t12"."outcome_until"
            )
          )
        )
      )
  ) AS "t14"
  INNER JOIN "temp"."main"."event_numbers" AS "t3"
    ON "t14"."event" = "t3"."event"
) AS "t15"
