-- the sample for the score
SELECT
  "t7"."account_no",
  "t7"."trait_0",
  "t7"."trait_1",
  "t2"."retained"
FROM (
  SELECT
    "t5"."account_no",
    "t5"."trait_0",
    "t5"."trait_1"
  FROM (
    SELECT
      *
    FROM (
      SELECT
        "t1"."account_no",
        "t1"."account",
        "t1"."trait_0",
        "t1"."trait_1",
        MD5("t1"."account") AS "digest"
      FROM "temp"."main"."traits" AS "t1"
    ) AS "t3"
    ORDER BY
      "t3"."digest" ASC,
      "t3"."account_no" ASC
    LIMIT 200000
  ) AS "t5"
) AS "t7"
INNER JOIN "temp"."main"."outcome" AS "t2"
  ON "t7"."account_no" = "t2"."account_no"
