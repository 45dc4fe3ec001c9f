-- metrics of each account per week
SELECT
  *
FROM (
  SELECT
    "t13"."nsm_segment" AS "nsm_segment",
    "t13"."nsm_period" AS "nsm_period",
    countIf("t13"."reached_2") AS "units_2",
    COALESCE(sumIf("t13"."events_2", "t13"."reached_2"), 0) AS "events_2",
    sumIf("t13"."amount_2", "t13"."reached_2") AS "above_2",
    countIf("t13"."reached_4") AS "units_4",
    COALESCE(sumIf("t13"."events_4", "t13"."reached_4"), 0) AS "events_4",
    sumIf(
      "t13"."amount_4",
      "t13"."reached_4"
      AND isNotNull("t13"."amount_4")
      AND (
        "t13"."place_4" * 2
      ) - "t13"."peers_4" BETWEEN -2 AND 0
    ) AS "above_4",
    countIf(
      "t13"."reached_4"
      AND isNotNull("t13"."amount_4")
      AND (
        "t13"."place_4" * 2
      ) - "t13"."peers_4" BETWEEN -2 AND 0
    ) AS "below_4",
    countIf("t13"."reached_6") AS "units_6",
    COALESCE(sumIf("t13"."events_6", "t13"."reached_6"), 0) AS "events_6",
    sumIf(
      "t13"."amount_6",
      "t13"."reached_6"
      AND isNotNull("t13"."amount_6")
      AND (
        "t13"."place_6" * 2
      ) - "t13"."peers_6" BETWEEN -2 AND 0
    ) AS "above_6",
    countIf(
      "t13"."reached_6"
      AND isNotNull("t13"."amount_6")
      AND (
        "t13"."place_6" * 2
      ) - "t13"."peers_6" BETWEEN -2 AND 0
    ) AS "below_6",
    countIf("t13"."reached_7") AS "units_7",
    COALESCE(sumIf("t13"."events_7", "t13"."reached_7"), 0) AS "events_7",
    countIf("t13"."reached_8" AND "t13"."base_8") AS "units_8",
    COALESCE(sumIf("t13"."events_8", "t13"."reached_8" AND "t13"."base_8"), 0) AS "events_8",
    countIf("t13"."base_8") AS "below_8",
    countIf("t13"."reached_9") AS "units_9",
    COALESCE(sumIf("t13"."events_9", "t13"."reached_9"), 0) AS "events_9",
    countIf("t13"."reached_11") AS "units_11",
    COALESCE(sumIf("t13"."events_11", "t13"."reached_11"), 0) AS "events_11"
  FROM (
    SELECT
      "t12"."nsm_segment" AS "nsm_segment",
      "t12"."nsm_period" AS "nsm_period",
      "t12"."nsm_unit" AS "nsm_unit",
      "t12"."reached_2" AS "reached_2",
      "t12"."events_2" AS "events_2",
      "t12"."amount_2" AS "amount_2",
      "t12"."reached_4" AS "reached_4",
      "t12"."events_4" AS "events_4",
      "t12"."amount_4" AS "amount_4",
      "t12"."reached_6" AS "reached_6",
      "t12"."events_6" AS "events_6",
      "t12"."amount_6" AS "amount_6",
      "t12"."reached_7" AS "reached_7",
      "t12"."events_7" AS "events_7",
      "t12"."reached_8" AS "reached_8",
      "t12"."events_8" AS "events_8",
      "t12"."base_8" AS "base_8",
      "t12"."reached_9" AS "reached_9",
      "t12"."events_9" AS "events_9",
      "t12"."reached_11" AS "reached_11",
      "t12"."events_11" AS "events_11",
      ROW_NUMBER() OVER (
        PARTITION BY "t12"."nsm_segment", "t12"."nsm_period", "t12"."reached_4" AND isNotNull("t12"."amount_4")
        ORDER BY "t12"."amount_4" ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
      ) - 1 AS "place_4",
      COUNT("t12"."nsm_unit") OVER (
        PARTITION BY "t12"."nsm_segment", "t12"."nsm_period", "t12"."reached_4" AND isNotNull("t12"."amount_4")
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
      ) AS "peers_4",
      ROW_NUMBER() OVER (
        PARTITION BY "t12"."nsm_segment", "t12"."nsm_period", "t12"."reached_6" AND isNotNull("t12"."amount_6")
        ORDER BY "t12"."amount_6" ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
      ) - 1 AS "place_6",
      COUNT("t12"."nsm_unit") OVER (
        PARTITION BY "t12"."nsm_segment", "t12"."nsm_period", "t12"."reached_6" AND isNotNull("t12"."amount_6")
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
      ) AS "peers_6"
    FROM (
      SELECT
        "t11"."nsm_segment" AS "nsm_segment",
        "t11"."nsm_period" AS "nsm_period",
        "t11"."nsm_unit" AS "nsm_unit",
        countIf("t11"."is_2_0") > 0 AS "reached_2",
        countIf("t11"."is_2_0") AS "events_2",
        sumIf(CAST(nullIf("t11"."size", nan) AS Nullable(Decimal(38, 4))), "t11"."is_2_0") AS "amount_2",
        countIf("t11"."is_4_0") > 0 AS "reached_4",
        countIf("t11"."is_4_0") AS "events_4",
        sumIf(CAST(nullIf("t11"."size", nan) AS Nullable(Decimal(38, 4))), "t11"."is_4_0") AS "amount_4",
        COALESCE(CAST(countIf("t11"."is_6_0") AS Nullable(Float64)), 0.0) >= 2.0 AS "reached_6",
        countIf("t11"."is_6_0") AS "events_6",
        CAST(maxIf(nullIf("t11"."size", nan), "t11"."is_6_0") AS Nullable(Decimal(38, 4))) AS "amount_6",
        COALESCE(CAST(uniqIf("t11"."event", "t11"."is_7_0") AS Nullable(Float64)), 0.0) >= 3.0 AS "reached_7",
        countIf("t11"."is_7_0") AS "events_7",
        countIf("t11"."is_8_0") > 0 AS "reached_8",
        countIf("t11"."is_8_0") AS "events_8",
        countIf("t11"."is_8_base") > 0 AS "base_8",
        (
          COALESCE(CAST(countIf("t11"."is_9_0") AS Nullable(Float64)), 0.0) >= 1.0
        )
        AND (
          COALESCE(CAST(countIf("t11"."is_9_1") AS Nullable(Float64)), 0.0) <= 0.0
        ) AS "reached_9",
        countIf("t11"."is_9_0") AS "events_9",
        countIf("t11"."is_11_0") > 0 AS "reached_11",
        countIf("t11"."is_11_0") AS "events_11"
      FROM (
        SELECT
          "t10"."account" AS "account",
          "t10"."at" AS "at",
          "t10"."event" AS "event",
          "t10"."id" AS "id",
          "t10"."colour" AS "colour",
          "t10"."size" AS "size",
          "t10"."friend" AS "friend",
          "t10"."account" AS "nsm_unit",
          CAST(CAST(dateTrunc(
            'WEEK',
            CASE
              WHEN "t10"."at" < parseDateTimeBestEffort('2024-03-10T10:00:00')
              THEN "t10"."at" + INTERVAL '-28800' SECOND
              ELSE "t10"."at" + INTERVAL '-25200' SECOND
            END
          ) AS Nullable(DateTime)) AS Nullable(DateTime64(6))) AS "nsm_period",
          CASE
            WHEN "t10"."at" < parseDateTimeBestEffort('2024-03-10T10:00:00')
            THEN "t10"."at" + INTERVAL '-28800' SECOND
            ELSE "t10"."at" + INTERVAL '-25200' SECOND
          END AS "nsm_clock",
          match("t10"."event", '(?s)^.*a.*$') AS "is_2_0",
          TRUE AS "is_4_0",
          TRUE AS "is_6_0",
          TRUE AS "is_7_0",
          "t10"."event" IN ('share') AS "is_8_0",
          "t10"."event" IN ('start') AS "is_8_base",
          "t10"."event" IN ('share') AS "is_9_0",
          "t10"."event" IN ('export') AS "is_9_1",
          "t10"."event" IN ('share') AS "is_11_0",
          '' AS "nsm_segment"
        FROM (
          SELECT
            "t9"."account" AS "account",
            "t9"."at" AS "at",
            "t9"."event" AS "event",
            "t9"."id" AS "id",
            "t9"."colour" AS "colour",
            "t9"."size" AS "size",
            "t9"."friend" AS "friend"
          FROM (
            SELECT
              *
            FROM (
              SELECT
                "t6".*
                EXCEPT ("delivery")
              FROM (
                SELECT
                  *
                FROM (
                  SELECT
                    "t3"."account" AS "account",
                    "t3"."at" AS "at",
                    "t3"."event" AS "event",
                    "t3"."id" AS "id",
                    "t3"."colour" AS "colour",
                    "t3"."size" AS "size",
                    "t3"."friend" AS "friend",
                    CASE
                      WHEN isNull("t3"."id")
                      THEN 0
                      ELSE ROW_NUMBER() OVER (
                        PARTITION BY "t3"."id"
                        ORDER BY "t3"."at" ASC, "t3"."account" ASC, "t3"."event" ASC
                        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                      ) - 1
                    END AS "delivery"
                  FROM (
                    SELECT
                      "t1"."account" AS "account",
                      "t1"."at" AS "at",
                      "t1"."event" AS "event",
                      "t1"."id" AS "id",
                      "t1"."colour" AS "colour",
                      "t1"."size" AS "size",
                      "t1"."friend" AS "friend"
                    FROM "source_events" AS "t1"
                    WHERE
                      isNotNull("t1"."account")
                      AND isNotNull("t1"."event")
                      AND "t1"."at" <= parseDateTimeBestEffort('2024-12-01T00:00:00')
                  ) AS "t3"
                ) AS "t5"
                WHERE
                  "t5"."delivery" = 0
              ) AS "t6"
            ) AS "t7"
            WHERE
              "t7"."at" <= parseDateTime64BestEffort('2024-08-29T08:33:44.906705', 6)
          ) AS "t9"
          LEFT ANTI JOIN (
            SELECT
              "t0"."account" AS "account"
            FROM "temp"."main"."cohort" AS "t0"
            WHERE
              "t0"."status" = 'bot'
          ) AS "t4"
            ON "t9"."account" = "t4"."account"
        ) AS "t10"
        WHERE
          isNotNull("t10"."account")
          AND (
            match("t10"."event", '(?s)^.*a.*$')
            OR TRUE
            OR TRUE
            OR TRUE
            OR "t10"."event" IN ('share')
            OR "t10"."event" IN ('start')
            OR "t10"."event" IN ('share')
            OR "t10"."event" IN ('export')
            OR "t10"."event" IN ('share')
          )
      ) AS "t11"
      GROUP BY
        "t11"."nsm_segment",
        "t11"."nsm_period",
        "t11"."nsm_unit"
    ) AS "t12"
  ) AS "t13"
  GROUP BY
    "t13"."nsm_segment",
    "t13"."nsm_period"
) AS "t14"
ORDER BY
  "t14"."nsm_segment" ASC,
  "t14"."nsm_period" ASC
