-- accounts by event and period
SELECT
  *
FROM (
  SELECT
    `t8`.`event_no`,
    `t8`.`period`,
    COUNT(*) AS `adopters`,
    COUNTIF(`t8`.`repeated`) AS `repeaters`,
    COUNTIF(`t8`.`judged`) AS `judged`,
    COUNTIF(`t8`.`judged` AND `t8`.`stayed`) AS `stayed`
  FROM (
    SELECT
      `t2`.`account_no`,
      `t2`.`event_no`,
      `t2`.`period`,
      `t2`.`last` > `t2`.`first` AS `repeated`,
      (
        `t2`.`period` > 0
      )
      AND (
        TIMESTAMP_ADD(`t5`.`observed_until`, INTERVAL ((
          `t2`.`period` - 1
        ) * 28) DAY) >= DATETIME('2024-08-29T08:33:44.906705')
      ) AS `judged`,
      `t7`.`next` IS NOT NULL AS `stayed`
    FROM `temp`.`main`.`feature_usage` AS `t2`
    LEFT OUTER JOIN (
      SELECT
        `t3`.`account_no`,
        CAST(`t3`.`period` + 1 AS INT64) AS `period`,
        1 AS `next`
      FROM (
        SELECT DISTINCT
          `t0`.`account_no`,
          `t0`.`period`
        FROM `temp`.`main`.`feature_usage` AS `t0`
      ) AS `t3`
    ) AS `t7`
      ON `t2`.`account_no` = `t7`.`account_no` AND `t2`.`period` = `t7`.`period`
    INNER JOIN (
      SELECT
        CAST(`t1`.`account_no` AS INT64) AS `account_no`,
        `t1`.`observed_until`
      FROM `temp`.`main`.`cohort` AS `t1`
      WHERE
        NOT (
          `t1`.`status` IN ('internal', 'bot')
        )
    ) AS `t5`
      ON `t2`.`account_no` = `t5`.`account_no`
  ) AS `t8`
  GROUP BY
    1,
    2
) AS `t9`
ORDER BY
  `t9`.`event_no` ASC NULLS LAST,
  `t9`.`period` ASC NULLS LAST
