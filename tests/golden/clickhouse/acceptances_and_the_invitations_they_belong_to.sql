-- acceptances and the invitations they belong to
SELECT
  "t28"."part" AS "part",
  "t28"."account_no" AS "account_no",
  CAST(FLOOR(
    (
      DATE_DIFF(MICROSECOND, "t28"."at", "t28"."accepted_at")
    ) / (
      86400000000
    )
  ) AS Nullable(Int64)) AS "days"
FROM (
  SELECT
    "t27"."account" AS "account",
    "t27"."key" AS "key",
    "t27"."at" AS "at",
    "t27"."invitee" AS "invitee",
    "t27"."link" AS "link",
    "t27"."accepter" AS "accepter",
    "t27"."accepted_at" AS "accepted_at",
    "t27"."turn" AS "turn",
    "t11"."t0" AS "t0",
    "t11"."observed_until" AS "observed_until",
    "t11"."part" AS "part",
    "t11"."account_no" AS "account_no"
  FROM (
    SELECT
      *
    FROM (
      SELECT
        "t24"."account" AS "account",
        "t24"."key" AS "key",
        "t24"."at" AS "at",
        "t24"."invitee" AS "invitee",
        "t24"."link" AS "link",
        "t24"."accepter" AS "accepter",
        "t24"."accepted_at" AS "accepted_at",
        ROW_NUMBER() OVER (
          PARTITION BY "t24"."invitee"
          ORDER BY "t24"."at" DESC, "t24"."account" ASC
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) - 1 AS "turn"
      FROM (
        SELECT
          *
        FROM (
          SELECT
            "t4"."account" AS "account",
            "t4"."key" AS "key",
            "t4"."at" AS "at",
            "t22"."invitee" AS "invitee",
            "t22"."link" AS "link",
            "t22"."accepter" AS "accepter",
            "t22"."accepted_at" AS "accepted_at"
          FROM "temp"."main"."invitations" AS "t4"
          INNER JOIN (
            SELECT
              "t20".*
              EXCEPT ("turn")
            FROM (
              SELECT
                *
              FROM (
                SELECT
                  "t18"."invitee" AS "invitee",
                  "t18"."link" AS "link",
                  "t18"."accepter" AS "accepter",
                  "t18"."accepted_at" AS "accepted_at",
                  ROW_NUMBER() OVER (
                    PARTITION BY "t18"."invitee"
                    ORDER BY "t18"."accepted_at" ASC, "t18"."link" ASC, "t18"."accepter" ASC
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
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
                          "t13".*
                          EXCEPT ("delivery")
                        FROM (
                          SELECT
                            *
                          FROM (
                            SELECT
                              "t8"."account" AS "account",
                              "t8"."at" AS "at",
                              "t8"."event" AS "event",
                              "t8"."id" AS "id",
                              "t8"."colour" AS "colour",
                              "t8"."size" AS "size",
                              "t8"."friend" AS "friend",
                              CASE
                                WHEN isNull("t8"."id")
                                THEN 0
                                ELSE ROW_NUMBER() OVER (
                                  PARTITION BY "t8"."id"
                                  ORDER BY "t8"."at" ASC, "t8"."account" ASC, "t8"."event" ASC
                                  ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                                ) - 1
                              END AS "delivery"
                            FROM (
                              SELECT
                                "t3"."account" AS "account",
                                "t3"."at" AS "at",
                                "t3"."event" AS "event",
                                "t3"."id" AS "id",
                                "t3"."colour" AS "colour",
                                "t3"."size" AS "size",
                                "t3"."friend" AS "friend"
                              FROM "source_events" AS "t3"
                              WHERE
                                isNotNull("t3"."account")
                                AND isNotNull("t3"."event")
                                AND "t3"."at" <= parseDateTimeBestEffort('2024-12-01T00:00:00')
                            ) AS "t8"
                          ) AS "t12"
                          WHERE
                            "t12"."delivery" = 0
                        ) AS "t13"
                      ) AS "t14"
                      WHERE
                        "t14"."event" IN ('share')
                    ) AS "t16"
                    LEFT ANTI JOIN (
                      SELECT
                        "t0"."account" AS "account"
                      FROM "temp"."main"."cohort" AS "t0"
                      WHERE
                        "t0"."status" IN ('internal', 'bot')
                    ) AS "t10"
                      ON "t16"."account" = "t10"."account"
                    LEFT ANTI JOIN (
                      SELECT
                        "t2"."account" AS "account"
                      FROM "source_accounts" AS "t2"
                      WHERE
                        FALSE
                    ) AS "t7"
                      ON "t16"."account" = "t7"."account"
                  ) AS "t17"
                  WHERE
                    isNotNull("t17"."invitee") AND isNotNull("t17"."link")
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
      "t0"."account" AS "account",
      "t0"."t0" AS "t0",
      "t0"."observed_until" AS "observed_until",
      "t0"."part" AS "part",
      CAST("t0"."account_no" AS Nullable(Int32)) AS "account_no"
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
