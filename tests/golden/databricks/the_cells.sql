-- the cells
WITH `t14` AS (
  SELECT
    `t8`.`account_no`,
    `t8`.`candidate_no`,
    `t8`.`own_stratum`,
    `t8`.`step`,
    `t12`.`stratum`,
    `t12`.`retained`,
    `t12`.`revenue_accounts`,
    `t12`.`revenue_minor`,
    `t12`.`label_no`
  FROM (
    SELECT
      `t1`.`account_no`,
      `t1`.`candidate_no`,
      `t1`.`stratum_7` AS `own_stratum`,
      `t1`.`step_7` AS `step`
    FROM `temp`.`main`.`standings` AS `t1`
    WHERE
      `t1`.`stratum_7` IS NOT NULL
  ) AS `t8`
  INNER JOIN (
    SELECT
      `t6`.`account_no`,
      `t6`.`stratum`,
      `t6`.`retained`,
      `t6`.`revenue_accounts`,
      `t6`.`revenue_minor`,
      `t6`.`label_no`
    FROM (
      SELECT
        *
      FROM `temp`.`main`.`stratified` AS `t2`
      WHERE
        `t2`.`within_days` = 7
    ) AS `t6`
  ) AS `t12`
    ON `t8`.`account_no` = `t12`.`account_no`
), `t15` AS (
  SELECT
    `t9`.`account_no`,
    `t9`.`candidate_no`,
    `t9`.`own_stratum`,
    `t9`.`step`,
    `t13`.`stratum`,
    `t13`.`retained`,
    `t13`.`revenue_accounts`,
    `t13`.`revenue_minor`,
    `t13`.`label_no`
  FROM (
    SELECT
      `t1`.`account_no`,
      `t1`.`candidate_no`,
      `t1`.`stratum_14` AS `own_stratum`,
      `t1`.`step_14` AS `step`
    FROM `temp`.`main`.`standings` AS `t1`
    WHERE
      `t1`.`stratum_14` IS NOT NULL
  ) AS `t9`
  INNER JOIN (
    SELECT
      `t7`.`account_no`,
      `t7`.`stratum`,
      `t7`.`retained`,
      `t7`.`revenue_accounts`,
      `t7`.`revenue_minor`,
      `t7`.`label_no`
    FROM (
      SELECT
        *
      FROM `temp`.`main`.`stratified` AS `t2`
      WHERE
        `t2`.`within_days` = 14
    ) AS `t7`
  ) AS `t13`
    ON `t9`.`account_no` = `t13`.`account_no`
)
SELECT
  *
FROM (
  SELECT
    *
  FROM (
    SELECT
      7 AS `within_days`,
      `t38`.`candidate_no`,
      `t38`.`stratum`,
      `t38`.`label_no`,
      `t38`.`step`,
      `t38`.`accounts`,
      `t38`.`retained`,
      `t38`.`revenue_accounts`,
      `t38`.`revenue_sum`,
      `t38`.`revenue_squares`
    FROM (
      SELECT
        `t36`.`candidate_no`,
        `t36`.`stratum`,
        `t36`.`label_no`,
        `t36`.`step`,
        SUM(`t36`.`accounts`) AS `accounts`,
        SUM(`t36`.`retained`) AS `retained`,
        SUM(`t36`.`revenue_accounts`) AS `revenue_accounts`,
        SUM(`t36`.`revenue_sum`) AS `revenue_sum`,
        CAST(SUM(`t36`.`revenue_squares`) AS DECIMAL(38, 0)) AS `revenue_squares`
      FROM (
        SELECT
          *
        FROM (
          SELECT
            `t26`.`candidate_no`,
            `t26`.`stratum`,
            `t26`.`label_no`,
            `t26`.`step`,
            `t26`.`accounts`,
            `t26`.`retained`,
            `t26`.`revenue_accounts`,
            `t26`.`revenue_sum`,
            `t26`.`revenue_squares`
          FROM (
            SELECT
              `t16`.`candidate_no`,
              `t16`.`label_no`,
              `t16`.`step`,
              `t16`.`own_stratum` AS `stratum`,
              COUNT(*) * 1 AS `accounts`,
              SUM(CAST(`t16`.`retained` AS BIGINT)) * 1 AS `retained`,
              SUM(`t16`.`revenue_accounts`) * 1 AS `revenue_accounts`,
              SUM(`t16`.`revenue_minor`) * 1 AS `revenue_sum`,
              CAST(SUM(
                CAST(`t16`.`revenue_minor` AS DECIMAL(19, 0)) * CAST(`t16`.`revenue_minor` AS DECIMAL(19, 0))
              ) * 1 AS DECIMAL(38, 0)) AS `revenue_squares`
            FROM `t14` AS `t16`
            GROUP BY
              1,
              2,
              3,
              4
          ) AS `t26`
        ) AS `t30`
        UNION ALL
        SELECT
          *
        FROM (
          SELECT
            *
          FROM (
            SELECT
              `t22`.`candidate_no`,
              `t22`.`stratum`,
              `t22`.`label_no`,
              0 AS `step`,
              `t22`.`accounts`,
              `t22`.`retained`,
              `t22`.`revenue_accounts`,
              `t22`.`revenue_sum`,
              `t22`.`revenue_squares`
            FROM (
              SELECT
                `t20`.`stratum`,
                `t20`.`label_no`,
                `t20`.`accounts`,
                `t20`.`retained`,
                `t20`.`revenue_accounts`,
                `t20`.`revenue_sum`,
                `t20`.`revenue_squares`,
                `t3`.`candidate_no`
              FROM (
                SELECT
                  `t10`.`stratum`,
                  `t10`.`label_no`,
                  COUNT(*) * 1 AS `accounts`,
                  SUM(CAST(`t10`.`retained` AS BIGINT)) * 1 AS `retained`,
                  SUM(`t10`.`revenue_accounts`) * 1 AS `revenue_accounts`,
                  SUM(`t10`.`revenue_minor`) * 1 AS `revenue_sum`,
                  CAST(SUM(
                    CAST(`t10`.`revenue_minor` AS DECIMAL(19, 0)) * CAST(`t10`.`revenue_minor` AS DECIMAL(19, 0))
                  ) * 1 AS DECIMAL(38, 0)) AS `revenue_squares`
                FROM (
                  SELECT
                    `t6`.`account_no`,
                    `t6`.`stratum`,
                    `t6`.`retained`,
                    `t6`.`revenue_accounts`,
                    `t6`.`revenue_minor`,
                    `t6`.`label_no`
                  FROM (
                    SELECT
                      *
                    FROM `temp`.`main`.`stratified` AS `t2`
                    WHERE
                      `t2`.`within_days` = 7
                  ) AS `t6`
                ) AS `t10`
                GROUP BY
                  1,
                  2
              ) AS `t20`
              CROSS JOIN `temp`.`main`.`candidate_numbers` AS `t3`
            ) AS `t22`
          ) AS `t24`
          UNION ALL
          SELECT
            *
          FROM (
            SELECT
              `t27`.`candidate_no`,
              `t27`.`stratum`,
              `t27`.`label_no`,
              0 AS `step`,
              `t27`.`accounts`,
              `t27`.`retained`,
              `t27`.`revenue_accounts`,
              `t27`.`revenue_sum`,
              `t27`.`revenue_squares`
            FROM (
              SELECT
                `t16`.`candidate_no`,
                `t16`.`stratum`,
                `t16`.`label_no`,
                COUNT(*) * -1 AS `accounts`,
                SUM(CAST(`t16`.`retained` AS BIGINT)) * -1 AS `retained`,
                SUM(`t16`.`revenue_accounts`) * -1 AS `revenue_accounts`,
                SUM(`t16`.`revenue_minor`) * -1 AS `revenue_sum`,
                CAST(SUM(
                  CAST(`t16`.`revenue_minor` AS DECIMAL(19, 0)) * CAST(`t16`.`revenue_minor` AS DECIMAL(19, 0))
                ) * -1 AS DECIMAL(38, 0)) AS `revenue_squares`
              FROM `t14` AS `t16`
              GROUP BY
                1,
                2,
                3
            ) AS `t27`
          ) AS `t31`
        ) AS `t34`
      ) AS `t36`
      GROUP BY
        1,
        2,
        3,
        4
    ) AS `t38`
  ) AS `t40`
  UNION ALL
  SELECT
    *
  FROM (
    SELECT
      14 AS `within_days`,
      `t39`.`candidate_no`,
      `t39`.`stratum`,
      `t39`.`label_no`,
      `t39`.`step`,
      `t39`.`accounts`,
      `t39`.`retained`,
      `t39`.`revenue_accounts`,
      `t39`.`revenue_sum`,
      `t39`.`revenue_squares`
    FROM (
      SELECT
        `t37`.`candidate_no`,
        `t37`.`stratum`,
        `t37`.`label_no`,
        `t37`.`step`,
        SUM(`t37`.`accounts`) AS `accounts`,
        SUM(`t37`.`retained`) AS `retained`,
        SUM(`t37`.`revenue_accounts`) AS `revenue_accounts`,
        SUM(`t37`.`revenue_sum`) AS `revenue_sum`,
        CAST(SUM(`t37`.`revenue_squares`) AS DECIMAL(38, 0)) AS `revenue_squares`
      FROM (
        SELECT
          *
        FROM (
          SELECT
            `t28`.`candidate_no`,
            `t28`.`stratum`,
            `t28`.`label_no`,
            `t28`.`step`,
            `t28`.`accounts`,
            `t28`.`retained`,
            `t28`.`revenue_accounts`,
            `t28`.`revenue_sum`,
            `t28`.`revenue_squares`
          FROM (
            SELECT
              `t17`.`candidate_no`,
              `t17`.`label_no`,
              `t17`.`step`,
              `t17`.`own_stratum` AS `stratum`,
              COUNT(*) * 1 AS `accounts`,
              SUM(CAST(`t17`.`retained` AS BIGINT)) * 1 AS `retained`,
              SUM(`t17`.`revenue_accounts`) * 1 AS `revenue_accounts`,
              SUM(`t17`.`revenue_minor`) * 1 AS `revenue_sum`,
              CAST(SUM(
                CAST(`t17`.`revenue_minor` AS DECIMAL(19, 0)) * CAST(`t17`.`revenue_minor` AS DECIMAL(19, 0))
              ) * 1 AS DECIMAL(38, 0)) AS `revenue_squares`
            FROM `t15` AS `t17`
            GROUP BY
              1,
              2,
              3,
              4
          ) AS `t28`
        ) AS `t32`
        UNION ALL
        SELECT
          *
        FROM (
          SELECT
            *
          FROM (
            SELECT
              `t23`.`candidate_no`,
              `t23`.`stratum`,
              `t23`.`label_no`,
              0 AS `step`,
              `t23`.`accounts`,
              `t23`.`retained`,
              `t23`.`revenue_accounts`,
              `t23`.`revenue_sum`,
              `t23`.`revenue_squares`
            FROM (
              SELECT
                `t21`.`stratum`,
                `t21`.`label_no`,
                `t21`.`accounts`,
                `t21`.`retained`,
                `t21`.`revenue_accounts`,
                `t21`.`revenue_sum`,
                `t21`.`revenue_squares`,
                `t3`.`candidate_no`
              FROM (
                SELECT
                  `t11`.`stratum`,
                  `t11`.`label_no`,
                  COUNT(*) * 1 AS `accounts`,
                  SUM(CAST(`t11`.`retained` AS BIGINT)) * 1 AS `retained`,
                  SUM(`t11`.`revenue_accounts`) * 1 AS `revenue_accounts`,
                  SUM(`t11`.`revenue_minor`) * 1 AS `revenue_sum`,
                  CAST(SUM(
                    CAST(`t11`.`revenue_minor` AS DECIMAL(19, 0)) * CAST(`t11`.`revenue_minor` AS DECIMAL(19, 0))
                  ) * 1 AS DECIMAL(38, 0)) AS `revenue_squares`
                FROM (
                  SELECT
                    `t7`.`account_no`,
                    `t7`.`stratum`,
                    `t7`.`retained`,
                    `t7`.`revenue_accounts`,
                    `t7`.`revenue_minor`,
                    `t7`.`label_no`
                  FROM (
                    SELECT
                      *
                    FROM `temp`.`main`.`stratified` AS `t2`
                    WHERE
                      `t2`.`within_days` = 14
                  ) AS `t7`
                ) AS `t11`
                GROUP BY
                  1,
                  2
              ) AS `t21`
              CROSS JOIN `temp`.`main`.`candidate_numbers` AS `t3`
            ) AS `t23`
          ) AS `t25`
          UNION ALL
          SELECT
            *
          FROM (
            SELECT
              `t29`.`candidate_no`,
              `t29`.`stratum`,
              `t29`.`label_no`,
              0 AS `step`,
              `t29`.`accounts`,
              `t29`.`retained`,
              `t29`.`revenue_accounts`,
              `t29`.`revenue_sum`,
              `t29`.`revenue_squares`
            FROM (
              SELECT
                `t17`.`candidate_no`,
                `t17`.`stratum`,
                `t17`.`label_no`,
                COUNT(*) * -1 AS `accounts`,
                SUM(CAST(`t17`.`retained` AS BIGINT)) * -1 AS `retained`,
                SUM(`t17`.`revenue_accounts`) * -1 AS `revenue_accounts`,
                SUM(`t17`.`revenue_minor`) * -1 AS `revenue_sum`,
                CAST(SUM(
                  CAST(`t17`.`revenue_minor` AS DECIMAL(19, 0)) * CAST(`t17`.`revenue_minor` AS DECIMAL(19, 0))
                ) * -1 AS DECIMAL(38, 0)) AS `revenue_squares`
              FROM `t15` AS `t17`
              GROUP BY
                1,
                2,
                3
            ) AS `t29`
          ) AS `t33`
        ) AS `t35`
      ) AS `t37`
      GROUP BY
        1,
        2,
        3,
        4
    ) AS `t39`
  ) AS `t41`
) AS `t42`
WHERE
  `t42`.`accounts` > 0
