-- the cells within 7 days
WITH `t9` AS (
  SELECT
    `t6`.`account_no`,
    `t6`.`candidate_no`,
    `t6`.`own_stratum`,
    `t6`.`step`,
    `t8`.`stratum`,
    `t8`.`retained`,
    `t8`.`revenue_accounts`,
    `t8`.`revenue_minor`,
    `t8`.`label_no`
  FROM (
    SELECT
      `t1`.`account_no`,
      `t1`.`candidate_no`,
      `t1`.`stratum_7` AS `own_stratum`,
      `t1`.`step_7` AS `step`
    FROM `temp`.`main`.`standings` AS `t1`
    WHERE
      `t1`.`stratum_7` IS NOT NULL
  ) AS `t6`
  INNER JOIN (
    SELECT
      `t5`.*
      EXCEPT (`within_days`)
    FROM (
      SELECT
        *
      FROM `temp`.`main`.`stratified` AS `t2`
      WHERE
        `t2`.`within_days` = 7
    ) AS `t5`
  ) AS `t8`
    ON `t6`.`account_no` = `t8`.`account_no`
)
SELECT
  7 AS `within_days`,
  `t21`.`candidate_no`,
  `t21`.`stratum`,
  `t21`.`label_no`,
  `t21`.`step`,
  `t21`.`accounts`,
  `t21`.`retained`,
  `t21`.`revenue_accounts`,
  `t21`.`revenue_sum`,
  `t21`.`revenue_squares`
FROM (
  SELECT
    `t20`.`candidate_no`,
    `t20`.`stratum`,
    `t20`.`label_no`,
    `t20`.`step`,
    SUM(`t20`.`accounts`) AS `accounts`,
    SUM(`t20`.`retained`) AS `retained`,
    SUM(`t20`.`revenue_accounts`) AS `revenue_accounts`,
    SUM(`t20`.`revenue_sum`) AS `revenue_sum`,
    CAST(SUM(`t20`.`revenue_squares`) AS NUMERIC) AS `revenue_squares`
  FROM (
    SELECT
      *
    FROM (
      SELECT
        `t15`.`candidate_no`,
        `t15`.`stratum`,
        `t15`.`label_no`,
        `t15`.`step`,
        `t15`.`accounts`,
        `t15`.`retained`,
        `t15`.`revenue_accounts`,
        `t15`.`revenue_sum`,
        `t15`.`revenue_squares`
      FROM (
        SELECT
          `t10`.`candidate_no`,
          `t10`.`label_no`,
          `t10`.`step`,
          `t10`.`own_stratum` AS `stratum`,
          COUNT(*) * 1 AS `accounts`,
          COUNTIF(`t10`.`retained`) * 1 AS `retained`,
          SUM(`t10`.`revenue_accounts`) * 1 AS `revenue_accounts`,
          SUM(`t10`.`revenue_minor`) * 1 AS `revenue_sum`,
          CAST(SUM(CAST(`t10`.`revenue_minor` AS NUMERIC) * CAST(`t10`.`revenue_minor` AS NUMERIC)) * 1 AS NUMERIC) AS `revenue_squares`
        FROM `t9` AS `t10`
        GROUP BY
          1,
          2,
          3,
          4
      ) AS `t15`
    ) AS `t17`
    UNION ALL
    SELECT
      *
    FROM (
      SELECT
        *
      FROM (
        SELECT
          `t13`.`candidate_no`,
          `t13`.`stratum`,
          `t13`.`label_no`,
          0 AS `step`,
          `t13`.`accounts`,
          `t13`.`retained`,
          `t13`.`revenue_accounts`,
          `t13`.`revenue_sum`,
          `t13`.`revenue_squares`
        FROM (
          SELECT
            `t12`.`stratum`,
            `t12`.`label_no`,
            `t12`.`accounts`,
            `t12`.`retained`,
            `t12`.`revenue_accounts`,
            `t12`.`revenue_sum`,
            `t12`.`revenue_squares`,
            `t3`.`candidate_no`
          FROM (
            SELECT
              `t7`.`stratum`,
              `t7`.`label_no`,
              COUNT(*) * 1 AS `accounts`,
              COUNTIF(`t7`.`retained`) * 1 AS `retained`,
              SUM(`t7`.`revenue_accounts`) * 1 AS `revenue_accounts`,
              SUM(`t7`.`revenue_minor`) * 1 AS `revenue_sum`,
              CAST(SUM(CAST(`t7`.`revenue_minor` AS NUMERIC) * CAST(`t7`.`revenue_minor` AS NUMERIC)) * 1 AS NUMERIC) AS `revenue_squares`
            FROM (
              SELECT
                `t5`.*
                EXCEPT (`within_days`)
              FROM (
                SELECT
                  *
                FROM `temp`.`main`.`stratified` AS `t2`
                WHERE
                  `t2`.`within_days` = 7
              ) AS `t5`
            ) AS `t7`
            GROUP BY
              1,
              2
          ) AS `t12`
          CROSS JOIN `temp`.`main`.`candidate_numbers` AS `t3`
        ) AS `t13`
      ) AS `t14`
      UNION ALL
      SELECT
        *
      FROM (
        SELECT
          `t16`.`candidate_no`,
          `t16`.`stratum`,
          `t16`.`label_no`,
          0 AS `step`,
          `t16`.`accounts`,
          `t16`.`retained`,
          `t16`.`revenue_accounts`,
          `t16`.`revenue_sum`,
          `t16`.`revenue_squares`
        FROM (
          SELECT
            `t10`.`candidate_no`,
            `t10`.`stratum`,
            `t10`.`label_no`,
            COUNT(*) * -1 AS `accounts`,
            COUNTIF(`t10`.`retained`) * -1 AS `retained`,
            SUM(`t10`.`revenue_accounts`) * -1 AS `revenue_accounts`,
            SUM(`t10`.`revenue_minor`) * -1 AS `revenue_sum`,
            CAST(SUM(CAST(`t10`.`revenue_minor` AS NUMERIC) * CAST(`t10`.`revenue_minor` AS NUMERIC)) * -1 AS NUMERIC) AS `revenue_squares`
          FROM `t9` AS `t10`
          GROUP BY
            1,
            2,
            3
        ) AS `t16`
      ) AS `t18`
    ) AS `t19`
  ) AS `t20`
  GROUP BY
    1,
    2,
    3,
    4
) AS `t21`
WHERE
  `t21`.`accounts` > 0
