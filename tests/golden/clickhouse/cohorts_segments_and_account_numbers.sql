-- cohorts, segments and account numbers
SELECT
  "t0"."account" AS "account",
  "t0"."t0" AS "t0",
  "t0"."trait_0" AS "trait_0",
  "t0"."observed_until" AS "observed_until",
  "t0"."own_until" AS "own_until",
  "t0"."status" AS "status",
  ROW_NUMBER() OVER (
    ORDER BY "t0"."account" ASC
    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
  ) - 1 AS "account_no",
  CONCAT(
    CONCAT(CAST(toYear("t0"."t0") AS Nullable(String)), '-'),
    leftPadUTF8(
      CAST(toMonth("t0"."t0") AS Nullable(String)),
      GREATEST(lengthUTF8(CAST(toMonth("t0"."t0") AS Nullable(String))), 2),
      '0'
    )
  ) AS "cohort",
  CONCAT(
    'plan=',
    CASE WHEN "t0"."trait_0" IN ('team', 'free') THEN "t0"."trait_0" ELSE '(other)' END
  ) AS "segment",
  (
    (
      (
        position(
          '0123456789abcdef',
          SUBSTRING(
            MD5("t0"."account"),
            CASE WHEN (
              0 + 1
            ) >= 1 THEN 0 + 1 ELSE 0 + 1 + LENGTH(MD5("t0"."account")) END,
            1
          )
        ) - 1
      ) * 16
    ) + (
      position(
        '0123456789abcdef',
        SUBSTRING(
          MD5("t0"."account"),
          CASE WHEN (
            1 + 1
          ) >= 1 THEN 1 + 1 ELSE 1 + 1 + LENGTH(MD5("t0"."account")) END,
          1
        )
      ) - 1
    )
  ) % 40 AS "part"
FROM "temp"."main"."account_status" AS "t0"
