-- events within the exposure and outcome windows
SELECT
  "t16".*
  EXCLUDE ("event")
FROM (
  SELECT
    "t15"."event",
    "t15"."at",
    "t15"."colour",
    "t15"."size",
    "t15"."account_no",
    "t15"."day",
    "t3"."event_no"
  FROM (
    SELECT
      "t13"."event",
      "t13"."at",
      "t13"."colour",
      "t13"."size",
      "t13"."account_no",
      CAST(CAST(FLOOR((
        "t13"."since"
      ) / (
        86400000000
      )) AS BIGINT) AS SMALLINT) AS "day"
    FROM (
      SELECT
        "t12"."account",
        "t12"."at",
        "t12"."event",
        "t12"."colour",
        "t12"."size",
        "t12"."retains",
        "t12"."t0",
        "t12"."account_no",
        DATEDIFF(MICROSECOND, "t12"."t0", "t12"."at") AS "since"
      FROM (
        SELECT
          "t11"."account",
          "t11"."at",
          "t11"."event",
          "t11"."colour",
          "t11"."size",
          "t11"."retains",
          "t6"."t0",
          "t6"."account_no"
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
            CAST("t1"."account_no" AS INT) AS "account_no"
          FROM "temp"."main"."cohort" AS "t1"
          WHERE
            "t1"."status" = 'eligible'
        ) AS "t6"
          ON "t11"."account" = "t6"."account"
      ) AS "t12"
    ) AS "t13"
    WHERE
      "t13"."since" >= 0
      AND (
        (
          "t13"."since" < 1209600000000
        )
        OR (
          "t13"."retains"
          AND (
            (
              "t13"."since" > 2592000000000
            ) AND (
              "t13"."since" <= 5184000000000
            )
          )
        )
      )
  ) AS "t15"
  INNER JOIN "temp"."main"."event_numbers" AS "t3"
    ON "t15"."event" = "t3"."event"
) AS "t16"
