-- cohorts, segments and account numbers
SELECT
  "t0"."account",
  "t0"."t0",
  "t0"."trait_0",
  "t0"."observed_until",
  "t0"."own_until",
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
  CONCAT('plan=', IFF("t0"."trait_0" IN ('team', 'free'), "t0"."trait_0", '(other)')) AS "segment",
  (
    (
      (
        POSITION(
          SUBSTRING(
            MD5("t0"."account"),
            IFF((
              0 + 1
            ) >= 1, 0 + 1, 0 + 1 + LENGTH(MD5("t0"."account"))),
            1
          ),
          '0123456789abcdef'
        ) - 1
      ) * 16
    ) + (
      POSITION(
        SUBSTRING(
          MD5("t0"."account"),
          IFF((
            1 + 1
          ) >= 1, 1 + 1, 1 + 1 + LENGTH(MD5("t0"."account"))),
          1
        ),
        '0123456789abcdef'
      ) - 1
    )
  ) % 40 AS "part"
FROM "temp"."main"."account_status" AS "t0"
