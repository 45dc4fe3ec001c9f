-- when each account onboards
SELECT
  "t5"."account" AS "account",
  MIN("t5"."at") AS "t0"
FROM (
  SELECT
    *
  FROM (
    SELECT
      "t3".*
      EXCEPT ("delivery")
    FROM (
      SELECT
        *
      FROM (
        SELECT
          "t1"."account" AS "account",
          "t1"."at" AS "at",
          "t1"."event" AS "event",
          "t1"."id" AS "id",
          "t1"."colour" AS "colour",
          "t1"."size" AS "size",
          "t1"."friend" AS "friend",
          CASE
            WHEN isNull("t1"."id")
            THEN 0
            ELSE ROW_NUMBER() OVER (
              PARTITION BY "t1"."id"
              ORDER BY "t1"."at" ASC, "t1"."account" ASC, "t1"."event" ASC
              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) - 1
          END AS "delivery"
        FROM (
          SELECT
            "t0"."account" AS "account",
            "t0"."at" AS "at",
            "t0"."event" AS "event",
            "t0"."id" AS "id",
            "t0"."colour" AS "colour",
            "t0"."size" AS "size",
            "t0"."friend" AS "friend"
          FROM "source_events" AS "t0"
          WHERE
            isNotNull("t0"."account")
            AND isNotNull("t0"."event")
            AND "t0"."at" <= parseDateTimeBestEffort('2024-12-01T00:00:00')
        ) AS "t1"
      ) AS "t2"
      WHERE
        "t2"."delivery" = 0
    ) AS "t3"
  ) AS "t4"
  WHERE
    "t4"."event" IN ('start')
) AS "t5"
GROUP BY
  "t5"."account"
