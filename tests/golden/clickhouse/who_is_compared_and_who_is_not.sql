-- who is compared and who is not
SELECT
  "t26".*
  EXCEPT ("is_bot")
FROM (
  SELECT
    "t25"."account" AS "account",
    "t25"."t0" AS "t0",
    "t25"."trait_0" AS "trait_0",
    "t25"."observed_until" AS "observed_until",
    "t25"."own_until" AS "own_until",
    CASE
      WHEN COALESCE("t25"."is_bot", FALSE) AND (
        "t25"."status" <> 'internal'
      )
      THEN 'bot'
      ELSE "t25"."status"
    END AS "status",
    "t25"."is_bot" AS "is_bot"
  FROM (
    SELECT
      "t24".*
      EXCEPT ("account_right")
    FROM (
      SELECT
        "t18"."account" AS "account",
        "t18"."t0" AS "t0",
        "t18"."trait_0" AS "trait_0",
        "t18"."observed_until" AS "observed_until",
        "t18"."own_until" AS "own_until",
        "t18"."status" AS "status",
        "t23"."account" AS "account_right",
        "t23"."is_bot" AS "is_bot"
      FROM (
        SELECT
          "t14"."account" AS "account",
          "t14"."t0" AS "t0",
          COALESCE("t14"."plan", '(missing)') AS "trait_0",
          parseDateTime64BestEffort('2024-08-29T08:33:44.906705', 6) AS "observed_until",
          CAST(NULL AS Nullable(DateTime64(6))) AS "own_until",
          CASE
            WHEN FALSE
            THEN 'internal'
            WHEN FALSE
            THEN 'outside'
            WHEN (
              "t14"."t0" + INTERVAL '60' DAY
            ) > parseDateTime64BestEffort('2024-08-29T08:33:44.906705', 6)
            THEN 'censored'
            ELSE 'eligible'
          END AS "status"
        FROM (
          SELECT
            "t13".*
            EXCEPT ("account_right")
          FROM (
            SELECT
              "t3"."account" AS "account",
              "t3"."t0" AS "t0",
              "t9"."account" AS "account_right",
              "t9"."signed_up_at" AS "signed_up_at",
              "t9"."plan" AS "plan"
            FROM "temp"."main"."onboarding" AS "t3"
            LEFT OUTER JOIN (
              SELECT
                "t6"."account" AS "account",
                "t6"."signed_up_at" AS "signed_up_at",
                "t6"."plan" AS "plan"
              FROM (
                SELECT
                  "t4"."account" AS "account",
                  "t4"."signed_up_at" AS "signed_up_at",
                  "t4"."plan" AS "plan",
                  ROW_NUMBER() OVER (
                    PARTITION BY "t4"."account"
                    ORDER BY "t4"."account" ASC, "t4"."signed_up_at" ASC, "t4"."plan" ASC
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                  ) - 1 AS "delivery"
                FROM (
                  SELECT
                    "t1"."account" AS "account",
                    "t1"."signed_up_at" AS "signed_up_at",
                    "t1"."plan" AS "plan"
                  FROM "source_accounts" AS "t1"
                ) AS "t4"
              ) AS "t6"
              WHERE
                "t6"."delivery" = 0
            ) AS "t9"
              ON "t3"."account" = "t9"."account"
          ) AS "t13"
        ) AS "t14"
      ) AS "t18"
      LEFT OUTER JOIN (
        SELECT
          "t21"."account" AS "account",
          TRUE
          AND (
            "t21"."first_day" > 12
          )
          AND (
            "t21"."first_day" > (
              "t21"."events" * 0.5
            )
          ) AS "is_bot"
        FROM (
          SELECT
            "t20"."account" AS "account",
            COUNT(*) AS "events",
            countIf("t20"."at" < (
              "t20"."t0" + INTERVAL '1' DAY
            )) AS "first_day"
          FROM (
            SELECT
              *
            FROM (
              SELECT
                "t12"."account" AS "account",
                "t12"."at" AS "at",
                "t12"."event" AS "event",
                "t12"."id" AS "id",
                "t12"."colour" AS "colour",
                "t12"."size" AS "size",
                "t12"."friend" AS "friend",
                "t16"."t0" AS "t0"
              FROM (
                SELECT
                  "t10".*
                  EXCEPT ("delivery")
                FROM (
                  SELECT
                    *
                  FROM (
                    SELECT
                      "t5"."account" AS "account",
                      "t5"."at" AS "at",
                      "t5"."event" AS "event",
                      "t5"."id" AS "id",
                      "t5"."colour" AS "colour",
                      "t5"."size" AS "size",
                      "t5"."friend" AS "friend",
                      CASE
                        WHEN isNull("t5"."id")
                        THEN 0
                        ELSE ROW_NUMBER() OVER (
                          PARTITION BY "t5"."id"
                          ORDER BY "t5"."at" ASC, "t5"."account" ASC, "t5"."event" ASC
                          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                        ) - 1
                      END AS "delivery"
                    FROM (
                      SELECT
                        "t2"."account" AS "account",
                        "t2"."at" AS "at",
                        "t2"."event" AS "event",
                        "t2"."id" AS "id",
                        "t2"."colour" AS "colour",
                        "t2"."size" AS "size",
                        "t2"."friend" AS "friend"
                      FROM "source_events" AS "t2"
                      WHERE
                        isNotNull("t2"."account")
                        AND isNotNull("t2"."event")
                        AND "t2"."at" <= parseDateTimeBestEffort('2024-12-01T00:00:00')
                    ) AS "t5"
                  ) AS "t7"
                  WHERE
                    "t7"."delivery" = 0
                ) AS "t10"
              ) AS "t12"
              INNER JOIN (
                SELECT
                  "t14"."account" AS "account",
                  "t14"."t0" AS "t0"
                FROM (
                  SELECT
                    "t13".*
                    EXCEPT ("account_right")
                  FROM (
                    SELECT
                      "t3"."account" AS "account",
                      "t3"."t0" AS "t0",
                      "t9"."account" AS "account_right",
                      "t9"."signed_up_at" AS "signed_up_at",
                      "t9"."plan" AS "plan"
                    FROM "temp"."main"."onboarding" AS "t3"
                    LEFT OUTER JOIN (
                      SELECT
                        "t6"."account" AS "account",
                        "t6"."signed_up_at" AS "signed_up_at",
                        "t6"."plan" AS "plan"
                      FROM (
                        SELECT
                          "t4"."account" AS "account",
                          "t4"."signed_up_at" AS "signed_up_at",
                          "t4"."plan" AS "plan",
                          ROW_NUMBER() OVER (
                            PARTITION BY "t4"."account"
                            ORDER BY "t4"."account" ASC, "t4"."signed_up_at" ASC, "t4"."plan" ASC
                            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                          ) - 1 AS "delivery"
                        FROM (
                          SELECT
                            "t1"."account" AS "account",
                            "t1"."signed_up_at" AS "signed_up_at",
                            "t1"."plan" AS "plan"
                          FROM "source_accounts" AS "t1"
                        ) AS "t4"
                      ) AS "t6"
                      WHERE
                        "t6"."delivery" = 0
                    ) AS "t9"
                      ON "t3"."account" = "t9"."account"
                  ) AS "t13"
                ) AS "t14"
              ) AS "t16"
                ON "t12"."account" = "t16"."account"
            ) AS "t19"
            WHERE
              "t19"."at" >= "t19"."t0" AND "t19"."at" < (
                "t19"."t0" + INTERVAL '14' DAY
              )
          ) AS "t20"
          GROUP BY
            "t20"."account"
        ) AS "t21"
      ) AS "t23"
        ON "t18"."account" = "t23"."account"
    ) AS "t24"
  ) AS "t25"
) AS "t26"
