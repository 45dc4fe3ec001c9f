-- who is compared and who is not
SELECT
  "t26".*
  EXCLUDE ("is_bot")
FROM (
  SELECT
    "t25"."account",
    "t25"."t0",
    "t25"."trait_0",
    "t25"."observed_until",
    "t25"."own_until",
    IFF(
      COALESCE("t25"."is_bot", FALSE) AND (
        "t25"."status" <> 'internal'
      ),
      'bot',
      "t25"."status"
    ) AS "status",
    "t25"."is_bot"
  FROM (
    SELECT
      "t24".*
      EXCLUDE ("account_right")
    FROM (
      SELECT
        "t18"."account",
        "t18"."t0",
        "t18"."trait_0",
        "t18"."observed_until",
        "t18"."own_until",
        "t18"."status",
        "t23"."account" AS "account_right",
        "t23"."is_bot"
      FROM (
        SELECT
          "t14"."account",
          "t14"."t0",
          COALESCE("t14"."plan", '(missing)') AS "trait_0",
          TIMESTAMP_FROM_PARTS(2024, 8, 29, 8, 33, 44, 906705000) AS "observed_until",
          CAST(NULL AS TIMESTAMP(6)) AS "own_until",
          CASE
            WHEN FALSE
            THEN 'internal'
            WHEN FALSE
            THEN 'outside'
            WHEN DATEADD(DAY, '60', "t14"."t0") > TIMESTAMP_FROM_PARTS(2024, 8, 29, 8, 33, 44, 906705000)
            THEN 'censored'
            ELSE 'eligible'
          END AS "status"
        FROM (
          SELECT
            "t13".*
            EXCLUDE ("account_right")
          FROM (
            SELECT
              "t3"."account",
              "t3"."t0",
              "t9"."account" AS "account_right",
              "t9"."signed_up_at",
              "t9"."plan"
            FROM "temp"."main"."onboarding" AS "t3"
            LEFT OUTER JOIN (
              SELECT
                "t6"."account",
                "t6"."signed_up_at",
                "t6"."plan"
              FROM (
                SELECT
                  "t4"."account",
                  "t4"."signed_up_at",
                  "t4"."plan",
                  ROW_NUMBER() OVER (
                    PARTITION BY "t4"."account"
                    ORDER BY "t4"."account" ASC, "t4"."signed_up_at" ASC, "t4"."plan" ASC
                  ) - 1 AS "delivery"
                FROM (
                  SELECT
                    "t1"."account",
                    "t1"."signed_up_at",
                    "t1"."plan"
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
          "t21"."account",
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
            "t20"."account",
            COUNT(*) AS "events",
            COUNT_IF("t20"."at" < DATEADD(DAY, '1', "t20"."t0")) AS "first_day"
          FROM (
            SELECT
              *
            FROM (
              SELECT
                "t12"."account",
                "t12"."at",
                "t12"."event",
                "t12"."id",
                "t12"."colour",
                "t12"."size",
                "t12"."friend",
                "t16"."t0"
              FROM (
                SELECT
                  "t10".*
                  EXCLUDE ("delivery")
                FROM (
                  SELECT
                    *
                  FROM (
                    SELECT
                      "t5"."account",
                      "t5"."at",
                      "t5"."event",
                      "t5"."id",
                      "t5"."colour",
                      "t5"."size",
                      "t5"."friend",
                      IFF(
                        "t5"."id" IS NULL,
                        0,
                        ROW_NUMBER() OVER (
                          PARTITION BY "t5"."id"
                          ORDER BY "t5"."at" ASC, "t5"."account" ASC, "t5"."event" ASC
                        ) - 1
                      ) AS "delivery"
                    FROM (
                      SELECT
                        "t2"."account",
                        "t2"."at",
                        "t2"."event",
                        "t2"."id",
                        "t2"."colour",
                        "t2"."size",
                        "t2"."friend"
                      FROM "source_events" AS "t2"
                      WHERE
                        "t2"."account" IS NOT NULL
                        AND "t2"."event" IS NOT NULL
                        AND "t2"."at" <= TIMESTAMP_FROM_PARTS(2024, 12, 1, 0, 0, 0, 0)
                    ) AS "t5"
                  ) AS "t7"
                  WHERE
                    "t7"."delivery" = 0
                ) AS "t10"
              ) AS "t12"
              INNER JOIN (
                SELECT
                  "t14"."account",
                  "t14"."t0"
                FROM (
                  SELECT
                    "t13".*
                    EXCLUDE ("account_right")
                  FROM (
                    SELECT
                      "t3"."account",
                      "t3"."t0",
                      "t9"."account" AS "account_right",
                      "t9"."signed_up_at",
                      "t9"."plan"
                    FROM "temp"."main"."onboarding" AS "t3"
                    LEFT OUTER JOIN (
                      SELECT
                        "t6"."account",
                        "t6"."signed_up_at",
                        "t6"."plan"
                      FROM (
                        SELECT
                          "t4"."account",
                          "t4"."signed_up_at",
                          "t4"."plan",
                          ROW_NUMBER() OVER (
                            PARTITION BY "t4"."account"
                            ORDER BY "t4"."account" ASC, "t4"."signed_up_at" ASC, "t4"."plan" ASC
                          ) - 1 AS "delivery"
                        FROM (
                          SELECT
                            "t1"."account",
                            "t1"."signed_up_at",
                            "t1"."plan"
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
              "t19"."at" >= "t19"."t0" AND "t19"."at" < DATEADD(DAY, '14', "t19"."t0")
          ) AS "t20"
          GROUP BY
            1
        ) AS "t21"
      ) AS "t23"
        ON "t18"."account" = "t23"."account"
    ) AS "t24"
  ) AS "t25"
) AS "t26"
