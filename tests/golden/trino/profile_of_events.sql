-- Profile of events
SELECT
  COUNT(*) FILTER(WHERE
    (
      "t7"."at" IS NULL
    )
    OR (
      "t7"."at" <= CAST(FROM_ISO8601_TIMESTAMP('2024-12-01T00:00:00') AS TIMESTAMP(6))
    )) AS "rows",
  COUNT(*) FILTER(WHERE
    "t7"."at" > CAST(FROM_ISO8601_TIMESTAMP('2024-12-01T00:00:00') AS TIMESTAMP(6))) AS "later",
  DATE_FORMAT(
    MIN("t7"."at") FILTER(WHERE
      (
        "t7"."at" > CAST(FROM_ISO8601_TIMESTAMP('2000-01-01T00:00:00') AS TIMESTAMP(6))
      )
      AND (
        "t7"."at" <= CAST(FROM_ISO8601_TIMESTAMP('2024-12-01T00:00:00') AS TIMESTAMP(6))
      )),
    '%Y-%m-%d %H:%M:%s'
  ) AS "oldest",
  DATE_FORMAT(
    MAX("t7"."at") FILTER(WHERE
      (
        "t7"."at" > CAST(FROM_ISO8601_TIMESTAMP('2000-01-01T00:00:00') AS TIMESTAMP(6))
      )
      AND (
        "t7"."at" <= CAST(FROM_ISO8601_TIMESTAMP('2024-12-01T00:00:00') AS TIMESTAMP(6))
      )),
    '%Y-%m-%d %H:%M:%s'
  ) AS "newest",
  COUNT(*) FILTER(WHERE
    (
      "t7"."at" > CAST(FROM_ISO8601_TIMESTAMP('2024-11-24T00:00:00') AS TIMESTAMP(6))
    )
    AND (
      "t7"."at" <= CAST(FROM_ISO8601_TIMESTAMP('2024-12-01T00:00:00') AS TIMESTAMP(6))
    )) AS "week_0",
  COUNT(*) FILTER(WHERE
    (
      "t7"."at" > CAST(FROM_ISO8601_TIMESTAMP('2024-11-17T00:00:00') AS TIMESTAMP(6))
    )
    AND (
      "t7"."at" <= CAST(FROM_ISO8601_TIMESTAMP('2024-11-24T00:00:00') AS TIMESTAMP(6))
    )) AS "week_1",
  COUNT(*) FILTER(WHERE
    (
      "t7"."at" > CAST(FROM_ISO8601_TIMESTAMP('2024-11-10T00:00:00') AS TIMESTAMP(6))
    )
    AND (
      "t7"."at" <= CAST(FROM_ISO8601_TIMESTAMP('2024-11-17T00:00:00') AS TIMESTAMP(6))
    )) AS "week_2",
  COUNT(*) FILTER(WHERE
    (
      "t7"."at" > CAST(FROM_ISO8601_TIMESTAMP('2024-11-03T00:00:00') AS TIMESTAMP(6))
    )
    AND (
      "t7"."at" <= CAST(FROM_ISO8601_TIMESTAMP('2024-11-10T00:00:00') AS TIMESTAMP(6))
    )) AS "week_3",
  COUNT(*) FILTER(WHERE
    (
      "t7"."at" > CAST(FROM_ISO8601_TIMESTAMP('2024-10-27T00:00:00') AS TIMESTAMP(6))
    )
    AND (
      "t7"."at" <= CAST(FROM_ISO8601_TIMESTAMP('2024-11-03T00:00:00') AS TIMESTAMP(6))
    )) AS "week_4",
  COUNT(*) FILTER(WHERE
    (
      (
        "t7"."at" IS NULL
      )
      OR (
        "t7"."at" <= CAST(FROM_ISO8601_TIMESTAMP('2024-12-01T00:00:00') AS TIMESTAMP(6))
      )
    )
    AND (
      "t7"."account" IS NULL
    )) AS "missing_account",
  COUNT(*) FILTER(WHERE
    (
      (
        "t7"."at" IS NULL
      )
      OR (
        "t7"."at" <= CAST(FROM_ISO8601_TIMESTAMP('2024-12-01T00:00:00') AS TIMESTAMP(6))
      )
    )
    AND (
      "t7"."at" IS NULL
    )) AS "missing_at",
  COUNT(*) FILTER(WHERE
    (
      (
        "t7"."at" IS NULL
      )
      OR (
        "t7"."at" <= CAST(FROM_ISO8601_TIMESTAMP('2024-12-01T00:00:00') AS TIMESTAMP(6))
      )
    )
    AND (
      "t7"."event" IS NULL
    )) AS "missing_event",
  COUNT(*) FILTER(WHERE
    (
      (
        "t7"."at" IS NULL
      )
      OR (
        "t7"."at" <= CAST(FROM_ISO8601_TIMESTAMP('2024-12-01T00:00:00') AS TIMESTAMP(6))
      )
    )
    AND (
      "t7"."id" IS NULL
    )) AS "missing_id",
  COUNT(*) FILTER(WHERE
    (
      (
        "t7"."at" IS NULL
      )
      OR (
        "t7"."at" <= CAST(FROM_ISO8601_TIMESTAMP('2024-12-01T00:00:00') AS TIMESTAMP(6))
      )
    )
    AND (
      (
        "t7"."account" IS NULL
      )
      OR (
        "t7"."at" IS NULL
      )
      OR (
        "t7"."event" IS NULL
      )
      OR (
        "t7"."id" IS NULL
      )
    )) AS "nulls",
  COUNT(*) FILTER(WHERE
    "t7"."at" > CAST(FROM_ISO8601_TIMESTAMP('2024-12-02T00:00:00') AS TIMESTAMP(6))) AS "future",
  COUNT(*) FILTER(WHERE
    (
      "t7"."at" < CAST(FROM_ISO8601_TIMESTAMP('2000-01-01T00:00:00') AS TIMESTAMP(6))
    )
    OR COALESCE(
      (
        (
          "t7"."at" IS NULL
        )
        OR (
          "t7"."at" <= CAST(FROM_ISO8601_TIMESTAMP('2024-12-01T00:00:00') AS TIMESTAMP(6))
        )
      )
      AND (
        DATE("t7"."at") < DATE("t7"."listed_since")
      ),
      FALSE
    )) AS "before_start",
  COUNT(*) FILTER(WHERE
    (
      (
        "t7"."at" IS NULL
      )
      OR (
        "t7"."at" <= CAST(FROM_ISO8601_TIMESTAMP('2024-12-01T00:00:00') AS TIMESTAMP(6))
      )
    )
    AND (
      "t7"."account" IS NOT NULL
    )
    AND (
      "t7"."listed_account" IS NULL
    )) AS "orphan_accounts"
FROM (
  SELECT
    "t4"."account",
    "t4"."at",
    "t4"."event",
    "t4"."id",
    "t4"."colour",
    "t4"."size",
    "t4"."friend",
    "t6"."listed_account",
    "t6"."listed_since"
  FROM (
    SELECT
      "t0"."account",
      "t0"."at",
      "t0"."event",
      "t0"."id",
      "t0"."colour",
      "t0"."size",
      "t0"."friend"
    FROM "source_events" AS "t0"
  ) AS "t4"
  LEFT OUTER JOIN (
    SELECT
      "t3"."account" AS "listed_account",
      MIN("t3"."signed_up_at") AS "listed_since"
    FROM (
      SELECT
        "t1"."account",
        "t1"."signed_up_at",
        "t1"."plan"
      FROM "source_accounts" AS "t1"
    ) AS "t3"
    GROUP BY
      1
  ) AS "t6"
    ON "t4"."account" = "t6"."listed_account"
) AS "t7"
