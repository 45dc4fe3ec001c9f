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
    CONCAT(CAST(EXTRACT(year FROM "t0"."t0") AS VARCHAR), '-'),
    LPAD(
      CAST(EXTRACT(month FROM "t0"."t0") AS VARCHAR),
      GREATEST(LENGTH(CAST(EXTRACT(month FROM "t0"."t0") AS VARCHAR)), 2),
      '0'
    )
  ) AS "cohort",
  CONCAT('plan=', IF("t0"."trait_0" IN ('team', 'free'), "t0"."trait_0", '(other)')) AS "segment",
  (
    (
      (
        STRPOS(
          '0123456789abcdef',
          SUBSTR(
            MD5("t0"."account"),
            IF((
              0 + 1
            ) >= 1, 0 + 1, 0 + 1 + LENGTH(MD5("t0"."account"))),
            1
          )
        ) - 1
      ) * 16
    ) + (
      STRPOS(
        '0123456789abcdef',
        SUBSTR(
          MD5("t0"."account"),
          IF((
            1 + 1
          ) >= 1, 1 + 1, 1 + 1 + LENGTH(MD5("t0"."account"))),
          1
        )
      ) - 1
    )
  ) % 40 AS "part"
FROM "temp"."main"."account_status" AS "t0"
