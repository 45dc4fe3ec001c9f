-- accounts by event and period
SELECT
  *
FROM (
  SELECT
    `t5`.`event`,
    `t5`.`period`,
    COUNT(*) AS `adopters`,
    COUNTIF(`t5`.`days` >= 2) AS `repeaters`,
    COUNTIF(`t5`.`judged`) AS `judged`,
    COUNTIF(`t5`.`judged` AND `t5`.`stayed`) AS `stayed`
  FROM (
    SELECT
      `t1`.`account_no`,
      `t1`.`event`,
      `t1`.`period`,
      `t1`.`days`,
      (
        `t1`.`period` > 0
      )
      AND (
        TIMESTAMP_ADD(`t1`.`observed_until`, INTERVAL ((
          `t1`.`period` - 1
        ) * 28) DAY) >= DATETIME('2024-08-29T08:33:44.906705')
      ) AS `judged`,
      `t4`.`next` IS NOT NULL AS `stayed`
    FROM `temp`.`main`.`feature_usage` AS `t1`
    LEFT OUTER JOIN (
      SELECT
        `t2`.`account_no`,
        `t2`.`period` + 1 AS `period`,
        1 AS `next`
      FROM (
        SELECT DISTINCT
          `t0`.`account_no`,
          `t0`.`period`
        FROM `temp`.`main`.`feature_usage` AS `t0`
      ) AS `t2`
    ) AS `t4`
      ON `t1`.`account_no` = `t4`.`account_no` AND `t1`.`period` = `t4`.`period`
  ) AS `t5`
  GROUP BY
    1,
    2
) AS `t6`
ORDER BY
  `t6`.`event` ASC NULLS LAST,
  `t6`.`period` ASC NULLS LAST
