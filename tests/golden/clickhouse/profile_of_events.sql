-- Profile of events
SELECT
  countIf(
    isNull("t7"."at")
    OR (
      "t7"."at" <= parseDateTimeBestEffort('2024-12-01T00:00:00')
    )
  ) AS "rows",
  countIf("t7"."at" > parseDateTimeBestEffort('2024-12-01T00:00:00')) AS "later",
  formatDateTime(
    minIf(
      "t7"."at",
      (
        "t7"."at" > parseDateTimeBestEffort('2000-01-01T00:00:00')
      )
      AND (
        "t7"."at" <= parseDateTimeBestEffort('2024-12-01T00:00:00')
      )
    ),
    '%Y-%m-%d %H:%M:%S'
  ) AS "oldest",
  formatDateTime(
    maxIf(
      "t7"."at",
      (
        "t7"."at" > parseDateTimeBestEffort('2000-01-01T00:00:00')
      )
      AND (
        "t7"."at" <= parseDateTimeBestEffort('2024-12-01T00:00:00')
      )
    ),
    '%Y-%m-%d %H:%M:%S'
  ) AS "newest",
  countIf(
    (
      "t7"."at" > parseDateTimeBestEffort('2024-11-24T00:00:00')
    )
    AND (
      "t7"."at" <= parseDateTimeBestEffort('2024-12-01T00:00:00')
    )
  ) AS "week_0",
  countIf(
    (
      "t7"."at" > parseDateTimeBestEffort('2024-11-17T00:00:00')
    )
    AND (
      "t7"."at" <= parseDateTimeBestEffort('2024-11-24T00:00:00')
    )
  ) AS "week_1",
  countIf(
    (
      "t7"."at" > parseDateTimeBestEffort('2024-11-10T00:00:00')
    )
    AND (
      "t7"."at" <= parseDateTimeBestEffort('2024-11-17T00:00:00')
    )
  ) AS "week_2",
  countIf(
    (
      "t7"."at" > parseDateTimeBestEffort('2024-11-03T00:00:00')
    )
    AND (
      "t7"."at" <= parseDateTimeBestEffort('2024-11-10T00:00:00')
    )
  ) AS "week_3",
  countIf(
    (
      "t7"."at" > parseDateTimeBestEffort('2024-10-27T00:00:00')
    )
    AND (
      "t7"."at" <= parseDateTimeBestEffort('2024-11-03T00:00:00')
    )
  ) AS "week_4",
  countIf(
    (
      isNull("t7"."at")
      OR (
        "t7"."at" <= parseDateTimeBestEffort('2024-12-01T00:00:00')
      )
    )
    AND isNull("t7"."account")
  ) AS "missing_account",
  countIf(
    (
      isNull("t7"."at")
      OR (
        "t7"."at" <= parseDateTimeBestEffort('2024-12-01T00:00:00')
      )
    )
    AND isNull("t7"."at")
  ) AS "missing_at",
  countIf(
    (
      isNull("t7"."at")
      OR (
        "t7"."at" <= parseDateTimeBestEffort('2024-12-01T00:00:00')
      )
    )
    AND isNull("t7"."event")
  ) AS "missing_event",
  countIf(
    (
      isNull("t7"."at")
      OR (
        "t7"."at" <= parseDateTimeBestEffort('2024-12-01T00:00:00')
      )
    )
    AND isNull("t7"."id")
  ) AS "missing_id",
  countIf(
    (
      isNull("t7"."at")
      OR (
        "t7"."at" <= parseDateTimeBestEffort('2024-12-01T00:00:00')
      )
    )
    AND (
      isNull("t7"."account")
      OR isNull("t7"."at")
      OR isNull("t7"."event")
      OR isNull("t7"."id")
    )
  ) AS "nulls",
  countIf("t7"."at" > parseDateTimeBestEffort('2024-12-02T00:00:00')) AS "future",
  countIf(
    (
      "t7"."at" < parseDateTimeBestEffort('2000-01-01T00:00:00')
    )
    OR COALESCE(
      (
        isNull("t7"."at")
        OR (
          "t7"."at" <= parseDateTimeBestEffort('2024-12-01T00:00:00')
        )
      )
      AND (
        toDate("t7"."at") < toDate("t7"."listed_since")
      ),
      FALSE
    )
  ) AS "before_start",
  countIf(
    (
      isNull("t7"."at")
      OR (
        "t7"."at" <= parseDateTimeBestEffort('2024-12-01T00:00:00')
      )
    )
    AND isNotNull("t7"."account")
    AND isNull("t7"."listed_account")
  ) AS "orphan_accounts"
FROM (
  SELECT
    "t4"."account" AS "account",
    "t4"."at" AS "at",
    "t4"."event" AS "event",
    "t4"."id" AS "id",
    "t4"."colour" AS "colour",
    "t4"."size" AS "size",
    "t4"."friend" AS "friend",
    "t6"."listed_account" AS "listed_account",
    "t6"."listed_since" AS "listed_since"
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
  ) AS "t4"
  LEFT OUTER JOIN (
    SELECT
      "t3"."account" AS "listed_account",
      MIN("t3"."signed_up_at") AS "listed_since"
    FROM (
      SELECT
        "t1"."account" AS "account",
        "t1"."signed_up_at" AS "signed_up_at",
        "t1"."plan" AS "plan"
      FROM "source_accounts" AS "t1"
    ) AS "t3"
    GROUP BY
      "t3"."account"
  ) AS "t6"
    ON "t4"."account" = "t6"."listed_account"
) AS "t7"
