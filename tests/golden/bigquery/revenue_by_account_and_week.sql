-- revenue by account and week
WITH `t6` AS (
  SELECT
    `t5`.`account`,
    `t5`.`at`,
    `t5`.`amount`,
    `t3`.`account_no`,
    `t3`.`t0`
  FROM (
    SELECT
      `t0`.`account`,
      `t0`.`at`,
      CAST(NULLIF(`t0`.`amount`, CAST('NaN' AS FLOAT64)) AS NUMERIC) AS `amount`
    FROM `source_revenue` AS `t0`
    WHERE
      CAST(NULLIF(`t0`.`amount`, CAST('NaN' AS FLOAT64)) AS NUMERIC) IS NOT NULL
  ) AS `t5`
  INNER JOIN (
    SELECT
      `t1`.`account`,
      `t1`.`account_no`,
      `t1`.`t0`
    FROM `temp`.`main`.`cohort` AS `t1`
    WHERE
      `t1`.`status` = 'eligible'
  ) AS `t3`
    ON `t5`.`account` = `t3`.`account`
)
SELECT
  *
FROM (
  SELECT
    `t10`.`account_no`,
    `t10`.`week`,
    `t10`.`revenue_minor`,
    7 AS `within_days`
  FROM (
    SELECT
      `t8`.`account_no`,
      `t8`.`week`,
      SUM(CAST(CAST(ROUND(`t8`.`amount` * 100, 0) AS NUMERIC) AS INT64)) AS `revenue_minor`
    FROM (
      SELECT
        `t7`.`account`,
        `t7`.`at`,
        `t7`.`amount`,
        `t7`.`account_no`,
        `t7`.`t0`,
        CAST(FLOOR(
          ieee_divide(
            CAST(FLOOR(ieee_divide(DATETIME_DIFF(`t7`.`at`, `t7`.`t0`, MICROSECOND), 86400000000)) AS INT64) - 7,
            7
          )
        ) AS INT64) + 1 AS `week`
      FROM `t6` AS `t7`
      WHERE
        `t7`.`at` >= TIMESTAMP_ADD(`t7`.`t0`, INTERVAL '7' DAY)
        AND `t7`.`at` < TIMESTAMP_ADD(`t7`.`t0`, INTERVAL '98' DAY)
    ) AS `t8`
    GROUP BY
      1,
      2
  ) AS `t10`
) AS `t12`
UNION ALL
SELECT
  *
FROM (
  SELECT
    `t11`.`account_no`,
    `t11`.`week`,
    `t11`.`revenue_minor`,
    14 AS `within_days`
  FROM (
    SELECT
      `t9`.`account_no`,
      `t9`.`week`,
      SUM(CAST(CAST(ROUND(`t9`.`amount` * 100, 0) AS NUMERIC) AS INT64)) AS `revenue_minor`
    FROM (
      SELECT
        `t7`.`account`,
        `t7`.`at`,
        `t7`.`amount`,
        `t7`.`account_no`,
        `t7`.`t0`,
        CAST(FLOOR(
          ieee_divide(
            CAST(FLOOR(ieee_divide(DATETIME_DIFF(`t7`.`at`, `t7`.`t0`, MICROSECOND), 86400000000)) AS INT64) - 14,
            7
          )
        ) AS INT64) + 1 AS `week`
      FROM `t6` AS `t7`
      WHERE
        `t7`.`at` >= TIMESTAMP_ADD(`t7`.`t0`, INTERVAL '14' DAY)
        AND `t7`.`at` < TIMESTAMP_ADD(`t7`.`t0`, INTERVAL '105' DAY)
    ) AS `t9`
    GROUP BY
      1,
      2
  ) AS `t11`
) AS `t13`
