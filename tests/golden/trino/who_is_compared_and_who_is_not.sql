-- who is compared and who is not
SELECT
  "t26"."account",
  "t26"."t0",
  "t26"."trait_0",
  "t26"."observed_until",
  "t26"."own_until",
  "t26"."status"
FROM (
  SELECT
    "t25"."account",
    "t25"."t0",
    "t25"."trait_0",
    "t25"."observed_until",
    "t25"."own_until",
    IF(
      COALESCE("t25"."is_bot", FALSE) AND (
        "t25"."status" <> 'internal'
      ),
      'bot',
      "t25"."status"
    ) AS "status",
    "t25"."is_bot"
  FROM (
    SELECT
      "t24"."account",
      "t24"."t0",
      "t24"."trait_0",
      "t24"."observed_until",
      "t24"."own_until",
      "t24"."status",
      "t24"."is_bot"
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
          CAST(FROM_ISO8601_TIMESTAMP('2024-08-29T08:33:44.906705') AS TIMESTAMP) AS "observed_until",
          CAST(NULL AS TIMESTAMP(6)) AS "own_until",
          CASE
            WHEN FALSE
            THEN 'internal'
            WHEN FALSE
            THEN 'outside'
            WHEN (
              "t14"."t0" + INTERVAL '60' DAY
            ) > CAST(FROM_ISO8601_TIMESTAMP('2024-08-29T08:33:44.906705') AS TIMESTAMP)
            THEN 'censored'
            ELSE 'eligible'
          END AS "status"
        FROM (
          SELECT
            "t13"."account",
            "t13"."t0",
            "t13"."signed_up_at",
            "t13"."plan"
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
              "t21"."events" * CAST(0.5 AS DOUBLE)
            )
          ) AS "is_bot"
        FROM (
          SELECT
            "t20"."account",
            COUNT(*) AS "events",
            COUNT(*) FILTER(WHERE
              "t20"."at" < (
                "t20"."t0" + INTERVAL '1' DAY
              )) AS "first_day"
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
                  "t10"."account",
                  "t10"."at",
                  "t10"."event",
                  "t10"."id",
                  "t10"."colour",
                  "t10"."size",
                  "t10"."friend"
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
                      IF(
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
                        AND "t2"."at" <= CAST(FROM_ISO8601_TIMESTAMP('2024-12-01T00:00:00') AS TIMESTAMP)
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
                    "t13"."account",
                    "t13"."t0",
                    "t13"."signed_up_at",
                    "t13"."plan"
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
              "t19"."at" >= "t19"."t0" AND "t19"."at" < (
                "t19"."t0" + INTERVAL '14' DAY
              )
          ) AS "t20"
          GROUP BY
            1
        ) AS "t21"
      ) AS "t23"
        ON "t18"."account" = "t23"."account"
    ) AS "t24"
  ) AS "t25"
) AS "t26"
