-- cohorts, segments and account numbers
SELECT
  "t0"."account",
  "t0"."t0",
  "t0"."trait_0",
  "t0"."observed_until",
  "t0"."status",
  ROW_NUMBER() OVER (ORDER BY "t0"."account" ASC) - 1 AS "account_no",
  CONCAT(
    CONCAT(CAST(DATE_PART(year, "t0"."t0") AS VARCHAR), '-'),
    LPAD(
      CAST(DATE_PART(month, "t0"."t0") AS VARCHAR),
      GREATEST(LENGTH(CAST(DATE_PART(month, "t0"."t0") AS VARCHAR)), 2),
      '0'
    )
  ) AS "cohort",
  CONCAT('plan=', IFF("t0"."trait_0" IN ('team', 'free'), "t0"."trait_0", '(other)')) AS "segment"
FROM "temp"."main"."account_status" AS "t0"
