-- events within the exposure and outcome windows
SELECT
  "t16".*
  EXCEPT ("event")
FROM (
  SELECT
    "t15"."event" AS "event",
    "t15"."at" AS "at",
    "t15"."colour" AS "colour",
    "t15"."size" AS "size",
    "t15"."account_no" AS "account_no",
    "t15"."day" AS "day",
    "t3"."event_no" AS "event_no"
  FROM (
    SELECT
      "t13"."event" AS "event",
      "t13"."at" AS "at",
      "t13"."colour" AS "colour",
      "t13"."size" AS "size",
      "t13"."account_no" AS "account_no",
      CAST(CAST(FLOOR((
        "t13"."since"
      ) / (
        86400000000
      )) AS Nullable(Int64)) AS Nullable(Int16)) AS "day"
    FROM (
      SELECT
        "t12"."account" AS "account",
        "t12"."at" AS "at",
        "t12"."event" AS "event",
        "t12"."colour" AS "colour",
        "t12"."size" AS "size",
        "t12"."retains" AS "retains",
        "t12"."t0" AS "t0",
        "t12"."account_no" AS "account_no",
        DATE_DIFF(MICROSECOND, "t12"."t0", "t12"."at") AS "since"
      FROM (
        SELECT
          "t11"."account" AS "account",
          "t11"."at" AS "at",
          "t11"."event" AS "event",
          "t11"."colour" AS "colour",
          "t11"."size" AS "size",
          "t11"."retains" AS "retains",
          "t6"."t0" AS "t0",
          "t6"."account_no" AS "account_no"
        FROM (
          SELECT
            "t9"."account" AS "account",
            "t9"."at" AS "at",
            "t9"."event" AS "event",
            "t9"."colour" AS "colour",
            "t9"."size" AS "size",
            "t9"."event" IN ('start') AS "retains"
          FROM (
            SELECT
              "t8".*
              EXCEPT ("delivery")
            FROM (
              SELECT
                *
              FROM (
                SELECT
                  "t5"."account" AS "account",
                  "t5"."at" AS "at",
                  "t5"."event" AS "event",
                  "t5"."id" AS "id",
                  "t5"."colour" AS "colour",
                  "t5"."size" AS "size",
                  "t5"."friend" AS "friend",
                  CASE
                    WHEN isNull("t5"."id")
                    THEN 0
                    ELSE ROW_NUMBER() OVER (
                      PARTITION BY "t5"."id"
                      ORDER BY "t5"."at" ASC, "t5"."account" ASC, "t5"."event" ASC
                      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                    ) - 1
                  END AS "delivery"
                FROM (
                  SELECT
                    "t2"."account" AS "account",
                    "t2"."at" AS "at",
                    "t2"."event" AS "event",
                    "t2"."id" AS "id",
                    "t2"."colour" AS "colour",
                    "t2"."size" AS "size",
                    "t2"."friend" AS "friend"
                  FROM "source_events" AS "t2"
                  WHERE
                    isNotNull("t2"."account")
                    AND isNotNull("t2"."event")
                    AND "t2"."at" <= parseDateTimeBestEffort('2024-12-01T00:00:00')
                ) AS "t5"
              ) AS "t7"
              WHERE
                "t7"."delivery" = 0
            ) AS "t8"
          ) AS "t9"
        ) AS "t11"
        INNER JOIN (
          SELECT
            "t1"."account" AS "account",
            "t1"."t0" AS "t0",
            CAST("t1"."account_no" AS Nullable(Int32)) AS "account_no"
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
