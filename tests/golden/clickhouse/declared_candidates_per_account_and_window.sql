-- declared candidates per account and window
SELECT
  "t1"."account_no" AS "account_no",
  CAST(countIf("t1"."is_1_0" AND (
    "t1"."day" < 7
  )) AS Nullable(Float64)) AS "value_7_1",
  CAST(countIf("t1"."is_1_0" AND (
    "t1"."day" < 14
  )) AS Nullable(Float64)) AS "value_14_1",
  CAST(uniqIf(toDate("t1"."at"), "t1"."is_2_0" AND (
    "t1"."day" < 7
  )) AS Nullable(Float64)) AS "value_7_2",
  CAST(uniqIf(toDate("t1"."at"), "t1"."is_2_0" AND (
    "t1"."day" < 14
  )) AS Nullable(Float64)) AS "value_14_2",
  CAST(uniqIf("t1"."colour", "t1"."is_3_0" AND (
    "t1"."day" < 7
  )) AS Nullable(Float64)) AS "value_7_3",
  CAST(uniqIf("t1"."colour", "t1"."is_3_0" AND (
    "t1"."day" < 14
  )) AS Nullable(Float64)) AS "value_14_3",
  maxIf(nullIf("t1"."size", nan), "t1"."is_4_0" AND (
    "t1"."day" < 7
  )) AS "value_7_4",
  maxIf(nullIf("t1"."size", nan), "t1"."is_4_0" AND (
    "t1"."day" < 14
  )) AS "value_14_4",
  CAST(sumIf(
    CAST(nullIf("t1"."size", nan) AS Nullable(Decimal(38, 4))),
    "t1"."is_5_0" AND (
      "t1"."day" < 7
    )
  ) AS Nullable(Float64)) AS "value_7_5",
  CAST(sumIf(
    CAST(nullIf("t1"."size", nan) AS Nullable(Decimal(38, 4))),
    "t1"."is_5_0" AND (
      "t1"."day" < 14
    )
  ) AS Nullable(Float64)) AS "value_14_5",
  CASE
    WHEN TRUE
    AND (
      COALESCE(CAST(countIf("t1"."is_6_0" AND (
        "t1"."day" < 7
      )) AS Nullable(Float64)), 0.0) >= 1.0
    )
    AND (
      COALESCE(CAST(countIf("t1"."is_6_1" AND (
        "t1"."day" < 7
      )) AS Nullable(Float64)), 0.0) <= 0.0
    )
    THEN 1.0
    ELSE 0.0
  END AS "value_7_6",
  CASE
    WHEN TRUE
    AND (
      COALESCE(CAST(countIf("t1"."is_6_0" AND (
        "t1"."day" < 14
      )) AS Nullable(Float64)), 0.0) >= 1.0
    )
    AND (
      COALESCE(CAST(countIf("t1"."is_6_1" AND (
        "t1"."day" < 14
      )) AS Nullable(Float64)), 0.0) <= 0.0
    )
    THEN 1.0
    ELSE 0.0
  END AS "value_14_6",
  CAST(countIf("t1"."is_7_0" AND (
    "t1"."day" < 7
  )) AS Nullable(Float64)) AS "value_7_7",
  CAST(countIf("t1"."is_7_0" AND (
    "t1"."day" < 14
  )) AS Nullable(Float64)) AS "value_14_7",
  CAST(countIf("t1"."is_8_0" AND (
    "t1"."day" < 7
  )) AS Nullable(Float64)) AS "value_7_8",
  CAST(countIf("t1"."is_8_0" AND (
    "t1"."day" < 14
  )) AS Nullable(Float64)) AS "value_14_8",
  CAST(countIf("t1"."is_9_0" AND (
    "t1"."day" < 7
  )) AS Nullable(Float64)) AS "value_7_9",
  CAST(countIf("t1"."is_9_0" AND (
    "t1"."day" < 14
  )) AS Nullable(Float64)) AS "value_14_9",
  CAST(countIf("t1"."is_10_0" AND (
    "t1"."day" < 7
  )) AS Nullable(Float64)) AS "value_7_10",
  CAST(countIf("t1"."is_10_0" AND (
    "t1"."day" < 14
  )) AS Nullable(Float64)) AS "value_14_10",
  CAST(countIf("t1"."is_11_0" AND (
    "t1"."day" < 7
  )) AS Nullable(Float64)) AS "value_7_11",
  CAST(countIf("t1"."is_11_0" AND (
    "t1"."day" < 14
  )) AS Nullable(Float64)) AS "value_14_11",
  CAST(countIf("t1"."is_12_0" AND (
    "t1"."day" < 7
  )) AS Nullable(Float64)) AS "value_7_12",
  CAST(countIf("t1"."is_12_0" AND (
    "t1"."day" < 14
  )) AS Nullable(Float64)) AS "value_14_12",
  CAST(sumIf(
    CAST(nullIf("t1"."size", nan) AS Nullable(Decimal(38, 4))),
    "t1"."is_13_0" AND (
      "t1"."day" < 7
    )
  ) AS Nullable(Float64)) AS "value_7_13",
  CAST(sumIf(
    CAST(nullIf("t1"."size", nan) AS Nullable(Decimal(38, 4))),
    "t1"."is_13_0" AND (
      "t1"."day" < 14
    )
  ) AS Nullable(Float64)) AS "value_14_13"
FROM (
  SELECT
    "t0"."at" AS "at",
    "t0"."colour" AS "colour",
    "t0"."size" AS "size",
    "t0"."account_no" AS "account_no",
    "t0"."day" AS "day",
    "t0"."event_no" AS "event_no",
    "t0"."event_no" IN (4) AND COALESCE("t0"."colour" = 'red', FALSE) AS "is_1_0",
    "t0"."event_no" IN (1, 4) AS "is_2_0",
    "t0"."event_no" IN (4) AS "is_3_0",
    "t0"."event_no" IN (0) AS "is_4_0",
    "t0"."event_no" IN (4) AS "is_5_0",
    "t0"."event_no" IN (4) AND COALESCE(nullIf("t0"."size", nan) > 8.0, FALSE) AS "is_6_0",
    "t0"."event_no" IN (0) AS "is_6_1",
    COALESCE("t0"."colour" = 'red', FALSE) AS "is_7_0",
    "t0"."event_no" IN (1, 3, 4) AS "is_8_0",
    COALESCE("t0"."colour" IN ('red', 'green'), FALSE) AS "is_9_0",
    COALESCE(isNull("t0"."colour"), FALSE) AS "is_10_0",
    "t0"."event_no" IN (4, 5) AND COALESCE(position("t0"."colour", 're') > 0, FALSE) AS "is_11_0",
    COALESCE(
      (
        nullIf("t0"."size", nan) <= 12.5
      ) AND (
        nullIf("t0"."size", nan) > 5.0
      ),
      FALSE
    ) AS "is_12_0",
    TRUE AS "is_13_0"
  FROM "temp"."main"."near_events" AS "t0"
  WHERE
    "t0"."day" < 14 AND "t0"."event_no" IN (0, 1, 2, 3, 4, 5)
) AS "t1"
GROUP BY
  "t1"."account_no"
