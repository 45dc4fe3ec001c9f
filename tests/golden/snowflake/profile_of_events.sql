-- Profile of events
SELECT
  COUNT_IF(
    (
      "t7"."at" IS NULL
    )
    OR (
      "t7"."at" <= TIMESTAMP_FROM_PARTS(2024, 12, 1, 0, 0, 0, 0)
    )
  ) AS "rows",
  COUNT_IF("t7"."at" > TIMESTAMP_FROM_PARTS(2024, 12, 1, 0, 0, 0, 0)) AS "later",
  TO_CHAR(
    MIN(
      IFF(
        (
          "t7"."at" > TIMESTAMP_FROM_PARTS(2000, 1, 1, 0, 0, 0, 0)
        )
        AND (
          "t7"."at" <= TIMESTAMP_FROM_PARTS(2024, 12, 1, 0, 0, 0, 0)
        ),
        "t7"."at",
        NULL
      )
    ),
    'yyyy-mm-DD hh24:mi:ss'
  ) AS "oldest",
  TO_CHAR(
    MAX(
      IFF(
        (
          "t7"."at" > TIMESTAMP_FROM_PARTS(2000, 1, 1, 0, 0, 0, 0)
        )
        AND (
          "t7"."at" <= TIMESTAMP_FROM_PARTS(2024, 12, 1, 0, 0, 0, 0)
        ),
        "t7"."at",
        NULL
      )
    ),
    'yyyy-mm-DD hh24:mi:ss'
  ) AS "newest",
  COUNT_IF(
    (
      "t7"."at" > TIMESTAMP_FROM_PARTS(2024, 11, 24, 0, 0, 0, 0)
    )
    AND (
      "t7"."at" <= TIMESTAMP_FROM_PARTS(2024, 12, 1, 0, 0, 0, 0)
    )
  ) AS "week_0",
  COUNT_IF(
    (
      "t7"."at" > TIMESTAMP_FROM_PARTS(2024, 11, 17, 0, 0, 0, 0)
    )
    AND (
      "t7"."at" <= TIMESTAMP_FROM_PARTS(2024, 11, 24, 0, 0, 0, 0)
    )
  ) AS "week_1",
  COUNT_IF(
    (
      "t7"."at" > TIMESTAMP_FROM_PARTS(2024, 11, 10, 0, 0, 0, 0)
    )
    AND (
      "t7"."at" <= TIMESTAMP_FROM_PARTS(2024, 11, 17, 0, 0, 0, 0)
    )
  ) AS "week_2",
  COUNT_IF(
    (
      "t7"."at" > TIMESTAMP_FROM_PARTS(2024, 11, 3, 0, 0, 0, 0)
    )
    AND (
      "t7"."at" <= TIMESTAMP_FROM_PARTS(2024, 11, 10, 0, 0, 0, 0)
    )
  ) AS "week_3",
  COUNT_IF(
    (
      "t7"."at" > TIMESTAMP_FROM_PARTS(2024, 10, 27, 0, 0, 0, 0)
    )
    AND (
      "t7"."at" <= TIMESTAMP_FROM_PARTS(2024, 11, 3, 0, 0, 0, 0)
    )
  ) AS "week_4",
  COUNT_IF(
    (
      (
        "t7"."at" IS NULL
      )
      OR (
        "t7"."at" <= TIMESTAMP_FROM_PARTS(2024, 12, 1, 0, 0, 0, 0)
      )
    )
    AND (
      "t7"."account" IS NULL
    )
  ) AS "missing_account",
  COUNT_IF(
    (
      (
        "t7"."at" IS NULL
      )
      OR (
        "t7"."at" <= TIMESTAMP_FROM_PARTS(2024, 12, 1, 0, 0, 0, 0)
      )
    )
    AND (
      "t7"."at" IS NULL
    )
  ) AS "missing_at",
  COUNT_IF(
    (
      (
        "t7"."at" IS NULL
      )
      OR (
        "t7"."at" <= TIMESTAMP_FROM_PARTS(2024, 12, 1, 0, 0, 0, 0)
      )
    )
    AND (
      "t7"."event" IS NULL
    )
  ) AS "missing_event",
  COUNT_IF(
    (
      (
        "t7"."at" IS NULL
      )
      OR (
        "t7"."at" <= TIMESTAMP_FROM_PARTS(2024, 12, 1, 0, 0, 0, 0)
      )
    )
    AND (
      "t7"."id" IS NULL
    )
  ) AS "missing_id",
  COUNT_IF(
    (
      (
        "t7"."at" IS NULL
      )
      OR (
        "t7"."at" <= TIMESTAMP_FROM_PARTS(2024, 12, 1, 0, 0, 0, 0)
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
    )
  ) AS "nulls",
  COUNT_IF("t7"."at" > TIMESTAMP_FROM_PARTS(2024, 12, 2, 0, 0, 0, 0)) AS "future",
  COUNT_IF(
    (
      "t7"."at" < TIMESTAMP_FROM_PARTS(2000, 1, 1, 0, 0, 0, 0)
    )
    OR COALESCE(
      (
        (
          "t7"."at" IS NULL
        )
        OR (
          "t7"."at" <= TIMESTAMP_FROM_PARTS(2024, 12, 1, 0, 0, 0, 0)
        )
      )
      AND (
        TO_DATE("t7"."at") < TO_DATE("t7"."listed_since")
      ),
      FALSE
    )
  ) AS "before_start",
  COUNT_IF(
    (
      (
        "t7"."at" IS NULL
      )
      OR (
        "t7"."at" <= TIMESTAMP_FROM_PARTS(2024, 12, 1, 0, 0, 0, 0)
      )
    )
    AND (
      "t7"."account" IS NOT NULL
    )
    AND (
      "t7"."listed_account" IS NULL
    )
  ) AS "orphan_accounts"
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
