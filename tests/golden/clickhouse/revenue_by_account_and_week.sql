-- revenue by account and week
WITH "t6" AS (
  SELECT
    "t5"."account" AS "account",
    "t5"."at" AS "at",
    "t5"."amount" AS "amount",
    "t3"."account_no" AS "account_no",
    "t3"."t0" AS "t0"
  FROM (
    SELECT
      "t0"."account" AS "account",
      "t0"."at" AS "at",
      CAST(nullIf("t0"."amount", nan) AS Nullable(Decimal(18, 4))) AS "amount"
    FROM "source_revenue" AS "t0"
    WHERE
      isNotNull(CAST(nullIf("t0"."amount", nan) AS Nullable(Decimal(18, 4))))
  ) AS "t5"
  INNER JOIN (
    SELECT
      "t1"."account" AS "account",
      "t1"."account_no" AS "account_no",
      "t1"."t0" AS "t0"
    FROM "temp"."main"."cohort" AS "t1"
    WHERE
      "t1"."status" = 'eligible'
  ) AS "t3"
    ON "t5"."account" = "t3"."account"
)
SELECT
  *
FROM (
  SELECT
    "t10"."account_no" AS "account_no",
    "t10"."week" AS "week",
    "t10"."revenue_minor" AS "revenue_minor",
    7 AS "within_days"
  FROM (
    SELECT
      "t8"."account_no" AS "account_no",
      "t8"."week" AS "week",
      SUM(
        CAST(CAST(ROUND("t8"."amount" * 100, 0) AS Nullable(Decimal(18, 0))) AS Nullable(Int64))
      ) AS "revenue_minor"
    FROM (
      SELECT
        "t7"."account" AS "account",
        "t7"."at" AS "at",
        "t7"."amount" AS "amount",
        "t7"."account_no" AS "account_no",
        "t7"."t0" AS "t0",
        CAST(FLOOR(
          (
            CAST(FLOOR((
              DATE_DIFF(MICROSECOND, "t7"."t0", "t7"."at")
            ) / (
              86400000000
            )) AS Nullable(Int64)) - 7
          ) / (
            7
          )
        ) AS Nullable(Int64)) + 1 AS "week"
      FROM "t6" AS "t7"
      WHERE
        "t7"."at" >= (
          "t7"."t0" + INTERVAL '7' DAY
        )
        AND "t7"."at" < (
          "t7"."t0" + INTERVAL '98' DAY
        )
    ) AS "t8"
    GROUP BY
      "t8"."account_no",
      "t8"."week"
  ) AS "t10"
) AS "t12"
UNION ALL
SELECT
  *
FROM (
  SELECT
    "t11"."account_no" AS "account_no",
    "t11"."week" AS "week",
    "t11"."revenue_minor" AS "revenue_minor",
    14 AS "within_days"
  FROM (
    SELECT
      "t9"."account_no" AS "account_no",
      "t9"."week" AS "week",
      SUM(
        CAST(CAST(ROUND("t9"."amount" * 100, 0) AS Nullable(Decimal(18, 0))) AS Nullable(Int64))
      ) AS "revenue_minor"
    FROM (
      SELECT
        "t7"."account" AS "account",
        "t7"."at" AS "at",
        "t7"."amount" AS "amount",
        "t7"."account_no" AS "account_no",
        "t7"."t0" AS "t0",
        CAST(FLOOR(
          (
            CAST(FLOOR((
              DATE_DIFF(MICROSECOND, "t7"."t0", "t7"."at")
            ) / (
              86400000000
            )) AS Nullable(Int64)) - 14
          ) / (
            7
          )
        ) AS Nullable(Int64)) + 1 AS "week"
      FROM "t6" AS "t7"
      WHERE
        "t7"."at" >= (
          "t7"."t0" + INTERVAL '14' DAY
        )
        AND "t7"."at" < (
          "t7"."t0" + INTERVAL '105' DAY
        )
    ) AS "t9"
    GROUP BY
      "t9"."account_no",
      "t9"."week"
  ) AS "t11"
) AS "t13"
