-- declared candidates per account and window
SELECT
  "t1"."account_no",
  CAST(COUNT(*) FILTER(WHERE
    "t1"."is_1_0" AND (
      "t1"."day" < 7
    )) AS DOUBLE) AS "value_7_1",
  CAST(COUNT(*) FILTER(WHERE
    "t1"."is_1_0" AND (
      "t1"."day" < 14
    )) AS DOUBLE) AS "value_14_1",
  CAST(COUNT(DISTINCT DATE("t1"."at")) FILTER(WHERE
    "t1"."is_2_0" AND (
      "t1"."day" < 7
    )) AS DOUBLE) AS "value_7_2",
  CAST(COUNT(DISTINCT DATE("t1"."at")) FILTER(WHERE
    "t1"."is_2_0" AND (
      "t1"."day" < 14
    )) AS DOUBLE) AS "value_14_2",
  CAST(COUNT(DISTINCT "t1"."colour") FILTER(WHERE
    "t1"."is_3_0" AND (
      "t1"."day" < 7
    )) AS DOUBLE) AS "value_7_3",
  CAST(COUNT(DISTINCT "t1"."colour") FILTER(WHERE
    "t1"."is_3_0" AND (
      "t1"."day" < 14
    )) AS DOUBLE) AS "value_14_3",
  MAX(NULLIF("t1"."size", NAN())) FILTER(WHERE
    "t1"."is_4_0" AND (
      "t1"."day" < 7
    )) AS "value_7_4",
  MAX(NULLIF("t1"."size", NAN())) FILTER(WHERE
    "t1"."is_4_0" AND (
      "t1"."day" < 14
    )) AS "value_14_4",
  CAST(SUM(CAST(NULLIF("t1"."size", NAN()) AS DECIMAL(38, 4))) FILTER(WHERE
    "t1"."is_5_0" AND (
      "t1"."day" < 7
    )) AS DOUBLE) AS "value_7_5",
  CAST(SUM(CAST(NULLIF("t1"."size", NAN()) AS DECIMAL(38, 4))) FILTER(WHERE
    "t1"."is_5_0" AND (
      "t1"."day" < 14
    )) AS DOUBLE) AS "value_14_5",
  IF(
    TRUE
    AND (
      COALESCE(
        CAST(COUNT(*) FILTER(WHERE
          "t1"."is_6_0" AND (
            "t1"."day" < 7
          )) AS DOUBLE),
        CAST(0.0 AS DOUBLE)
      ) >= CAST(1.0 AS DOUBLE)
    )
    AND (
      COALESCE(
        CAST(COUNT(*) FILTER(WHERE
          "t1"."is_6_1" AND (
            "t1"."day" < 7
          )) AS DOUBLE),
        CAST(0.0 AS DOUBLE)
      ) <= CAST(0.0 AS DOUBLE)
    ),
    CAST(1.0 AS DOUBLE),
    CAST(0.0 AS DOUBLE)
  ) AS "value_7_6",
  IF(
    TRUE
    AND (
      COALESCE(
        CAST(COUNT(*) FILTER(WHERE
          "t1"."is_6_0" AND (
            "t1"."day" < 14
          )) AS DOUBLE),
        CAST(0.0 AS DOUBLE)
      ) >= CAST(1.0 AS DOUBLE)
    )
    AND (
      COALESCE(
        CAST(COUNT(*) FILTER(WHERE
          "t1"."is_6_1" AND (
            "t1"."day" < 14
          )) AS DOUBLE),
        CAST(0.0 AS DOUBLE)
      ) <= CAST(0.0 AS DOUBLE)
    ),
    CAST(1.0 AS DOUBLE),
    CAST(0.0 AS DOUBLE)
  ) AS "value_14_6",
  CAST(COUNT(*) FILTER(WHERE
    "t1"."is_7_0" AND (
      "t1"."day" < 7
    )) AS DOUBLE) AS "value_7_7",
  CAST(COUNT(*) FILTER(WHERE
    "t1"."is_7_0" AND (
      "t1"."day" < 14
    )) AS DOUBLE) AS "value_14_7",
  CAST(COUNT(*) FILTER(WHERE
    "t1"."is_8_0" AND (
      "t1"."day" < 7
    )) AS DOUBLE) AS "value_7_8",
  CAST(COUNT(*) FILTER(WHERE
    "t1"."is_8_0" AND (
      "t1"."day" < 14
    )) AS DOUBLE) AS "value_14_8",
  CAST(COUNT(*) FILTER(WHERE
    "t1"."is_9_0" AND (
      "t1"."day" < 7
    )) AS DOUBLE) AS "value_7_9",
  CAST(COUNT(*) FILTER(WHERE
    "t1"."is_9_0" AND (
      "t1"."day" < 14
    )) AS DOUBLE) AS "value_14_9",
  CAST(COUNT(*) FILTER(WHERE
    "t1"."is_10_0" AND (
      "t1"."day" < 7
    )) AS DOUBLE) AS "value_7_10",
  CAST(COUNT(*) FILTER(WHERE
    "t1"."is_10_0" AND (
      "t1"."day" < 14
    )) AS DOUBLE) AS "value_14_10",
  CAST(COUNT(*) FILTER(WHERE
    "t1"."is_11_0" AND (
      "t1"."day" < 7
    )) AS DOUBLE) AS "value_7_11",
  CAST(COUNT(*) FILTER(WHERE
    "t1"."is_11_0" AND (
      "t1"."day" < 14
    )) AS DOUBLE) AS "value_14_11",
  CAST(COUNT(*) FILTER(WHERE
    "t1"."is_12_0" AND (
      "t1"."day" < 7
    )) AS DOUBLE) AS "value_7_12",
  CAST(COUNT(*) FILTER(WHERE
    "t1"."is_12_0" AND (
      "t1"."day" < 14
    )) AS DOUBLE) AS "value_14_12",
  CAST(SUM(CAST(NULLIF("t1"."size", NAN()) AS DECIMAL(38, 4))) FILTER(WHERE
    "t1"."is_13_0" AND (
      "t1"."day" < 7
    )) AS DOUBLE) AS "value_7_13",
  CAST(SUM(CAST(NULLIF("t1"."size", NAN()) AS DECIMAL(38, 4))) FILTER(WHERE
    "t1"."is_13_0" AND (
      "t1"."day" < 14
    )) AS DOUBLE) AS "value_14_13"
FROM (
  SELECT
    "t0"."at",
    "t0"."colour",
    "t0"."size",
    "t0"."account_no",
    "t0"."day",
    "t0"."event_no",
    "t0"."event_no" IN (4) AND COALESCE("t0"."colour" = 'red', FALSE) AS "is_1_0",
    "t0"."event_no" IN (1, 4) AS "is_2_0",
    "t0"."event_no" IN (4) AS "is_3_0",
    "t0"."event_no" IN (0) AS "is_4_0",
    "t0"."event_no" IN (4) AS "is_5_0",
    "t0"."event_no" IN (4)
    AND COALESCE(NULLIF("t0"."size", NAN()) > CAST(8.0 AS DOUBLE), FALSE) AS "is_6_0",
    "t0"."event_no" IN (0) AS "is_6_1",
    COALESCE("t0"."colour" = 'red', FALSE) AS "is_7_0",
    "t0"."event_no" IN (1, 3, 4) AS "is_8_0",
    COALESCE("t0"."colour" IN ('red', 'green'), FALSE) AS "is_9_0",
    COALESCE("t0"."colour" IS NULL, FALSE) AS "is_10_0",
    "t0"."event_no" IN (4, 5) AND COALESCE(STRPOS("t0"."colour", 're') > 0, FALSE) AS "is_11_0",
    COALESCE(
      (
        NULLIF("t0"."size", NAN()) <= CAST(12.5 AS DOUBLE)
      )
      AND (
        NULLIF("t0"."size", NAN()) > CAST(5.0 AS DOUBLE)
      ),
      FALSE
    ) AS "is_12_0",
    TRUE AS "is_13_0"
  FROM "temp"."main"."near_events" AS "t0"
  WHERE
    "t0"."day" < 14 AND "t0"."event_no" IN (0, 1, 2, 3, 4, 5)
) AS "t1"
GROUP BY
  1
