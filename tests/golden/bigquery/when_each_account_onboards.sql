-- when each account onboards
SELECT
  `t5`.`account`,
  MIN(`t5`.`at`) AS `t0`
FROM (
  SELECT
    *
  FROM (
    SELECT
      `t3`.*
      EXCEPT (`delivery`)
    FROM (
      SELECT
        *
      FROM (
        SELECT
          `t1`.`account`,
          `t1`.`at`,
          `t1`.`event`,
          `t1`.`id`,
          `t1`.`colour`,
          `t1`.`size`,
          `t1`.`friend`,
          IF(
            `t1`.`id` IS NULL,
            0,
            ROW_NUMBER() OVER (
              PARTITION BY `t1`.`id`
              ORDER BY `t1`.`at` ASC, `t1`.`account` ASC, `t1`.`event` ASC
            ) - 1
          ) AS `delivery`
        FROM (
          SELECT
            `t0`.`account`,
            `t0`.`at`,
            `t0`.`event`,
            `t0`.`id`,
            `t0`.`colour`,
            `t0`.`size`,
            `t0`.`friend`
          FROM `source_events` AS `t0`
          WHERE
            `t0`.`account` IS NOT NULL
            AND `t0`.`event` IS NOT NULL
            AND `t0`.`at` <= DATETIME('2024-12-01T00:00:00')
        ) AS `t1`
      ) AS `t2`
      WHERE
        `t2`.`delivery` = 0
    ) AS `t3`
  ) AS `t4`
  WHERE
    `t4`.`event` IN ('start')
) AS `t5`
GROUP BY
  1
