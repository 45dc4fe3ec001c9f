-- acceptances and the invitations they belong to
SELECT
  "t28"."part",
  "t28"."account_no",
  CAST(FLOOR(
    CAST((
      DATE_DIFF(
        'MICROSECOND',
        DATE_TRUNC('MICROSECOND', "t28"."at"),
        DATE_TRUNC('MICROSECOND', "t28"."accepted_at")
      )
    ) AS DOUBLE) / (
      86400000000
    )
  ) AS BIGINT) AS "days"
FROM (
  SELECT
    "t27"."account",
    "t27"."key",
    "t27"."at",
    "t27"."invitee",
    "t27"."link",
    "t27"."accepter",
    "t27"."accepted_at",
    "t27"."turn",
    "t11"."t0",
    "t11"."observed_until",
    "t11"."part",
    "t11"."account_no"
  FROM (
    SELECT
      *
    FROM (
      SELECT
        "t24"."account",
        "t24"."key",
        "t24"."at",
        "t24"."invitee",
        "t24"."link",
        "t24"."accepter",
        "t24"."accepted_at",
        ROW_NUMBER() OVER (PARTITION BY "t24"."invitee" ORDER BY "t24"."at" DESC, "t24"."account" ASC) - 1 AS "turn"
      FROM (
        SELECT
          *
        FROM (
          SELECT
            "t4"."account",
            "t4"."key",
            "t4"."at",
            "t22"."invitee",
            "t22"."link",
            "t22"."accepter",
            "t22"."accepted_at"
          FROM "temp"."main"."invitations" AS "t4"
          INNER JOIN (
            SELECT
              "t20"."invitee",
              "t20"."link",
              "t20"."accepter",
              "t20"."accepted_at"
            FROM (
              SELECT
                *
              FROM (
                SELECT
                  "t18"."invitee",
                  "t18"."link",
                  "t18"."accepter",
                  "t18"."accepted_at",
                  ROW_NUMBER() OVER (
                    PARTITION BY "t18"."invitee"
                    ORDER BY "t18"."accepted_at" ASC, "t18"."link" ASC, "t18"."accepter" ASC
                  ) - 1 AS "turn"
                FROM (
                  SELECT
                    *
                  FROM (
                    SELECT
                      "t16"."account" AS "invitee",
                      "t16"."account" AS "link",
                      "t16"."account" AS "accepter",
                      "t16"."at" AS "accepted_at"
                    FROM (
                      SELECT
                        *
                      FROM (
                        SELECT
                          "t13"."account",
                          "t13"."at",
                          "t13"."event",
                          "t13"."id",
                          "t13"."colour",
                          "t13"."size",
                          "t13"."friend"
                        FROM (
                          SELECT
                            *
                          FROM (
                            SELECT
                              "t8"."account",
                              "t8"."at",
                              "t8"."event",
                              "t8"."id",
                              "t8"."colour",
                              "t8"."size",
                              "t8"."friend",
                              IF(
                                "t8"."id" IS NULL,
                                0,
                                ROW_NUMBER() OVER (
                                  PARTITION BY "t8"."id"
                                  ORDER BY "t8"."at" ASC, "t8"."account" ASC, "t8"."event" ASC
                                ) - 1
                              ) AS "delivery"
                            FROM (
                              SELECT
                                "t3"."account",
                                "t3"."at",
                                "t3"."event",
                                "t3"."id",
                                "t3"."colour",
                                "t3"."size",
                                "t3"."friend"
                              FROM "source_events" AS "t3"
                              WHERE
                                "t3"."account" IS NOT NULL
                                AND "t3"."event" IS NOT NULL
                                AND "t3"."at" <= CAST(FROM_ISO8601_TIMESTAMP('2024-12-01T00:00:00') AS TIMESTAMP)
                            ) AS "t8"
                          ) AS "t12"
                          WHERE
                            "t12"."delivery" = 0
                        ) AS "t13"
                      ) AS "t14"
                      WHERE
                        "t14"."event" IN ('share')
                    ) AS "t16"
                    WHERE
                      NOT EXISTS(
                        SELECT
                          1
                        FROM (
                          SELECT
                            "t0"."account"
                          FROM "temp"."main"."cohort" AS "t0"
                          WHERE
                            "t0"."status" IN ('internal', 'bot')
                        ) AS "t10"
                        WHERE
                          "t16"."account" = "t10"."account"
                      )
                      AND NOT EXISTS(
                        SELECT
                          1
                        FROM (
                          SELECT
                            "t2"."account"
                          FROM "source_accounts" AS "t2"
                          WHERE
                            FALSE
                        ) AS "t7"
                        WHERE
                          "t16"."account" = "t7"."account"
                      )
                  ) AS "t17"
                  WHERE
                    "t17"."invitee" IS NOT NULL AND "t17"."link" IS NOT NULL
                ) AS "t18"
              ) AS "t19"
              WHERE
                "t19"."turn" = 0
            ) AS "t20"
          ) AS "t22"
            ON "t4"."key" = "t22"."link"
        ) AS "t23"
        WHERE
          "t23"."at" <= "t23"."accepted_at" AND "t23"."account" <> "t23"."accepter"
      ) AS "t24"
    ) AS "t25"
    WHERE
      "t25"."turn" = 0
  ) AS "t27"
  INNER JOIN (
    SELECT
      "t0"."account",
      "t0"."t0",
      "t0"."observed_until",
      "t0"."part",
      CAST("t0"."account_no" AS INTEGER) AS "account_no"
    FROM "temp"."main"."cohort" AS "t0"
    WHERE
      "t0"."status" IN ('eligible', 'censored')
      AND (
        "t0"."t0" + INTERVAL '88' DAY
      ) <= "t0"."observed_until"
  ) AS "t11"
    ON "t27"."account" = "t11"."account"
) AS "t28"
WHERE
  "t28"."at" >= "t28"."t0"
  AND "t28"."at" < (
    "t28"."t0" + INTERVAL '28' DAY
  )
  AND "t28"."accepted_at" <= (
    "t28"."at" + INTERVAL '60' DAY
  )
