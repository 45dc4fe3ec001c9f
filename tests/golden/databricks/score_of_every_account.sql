-- score of every account
SELECT
  `t44`.`account_no`,
  `t44`.`score_7` + COALESCE(`t44`.`weight_7`, 0) AS `score_7`,
  `t44`.`score_14` + COALESCE(`t44`.`weight_14`, 0) AS `score_14`
FROM (
  SELECT
    `t43`.`account_no`,
    `t43`.`trait_0`,
    `t43`.`trait_1`,
    `t43`.`score_7`,
    `t43`.`score_14`,
    `t8`.`level`,
    `t8`.`weight_7`,
    `t8`.`weight_14`
  FROM (
    SELECT
      `t41`.`account_no`,
      `t41`.`trait_0`,
      `t41`.`trait_1`,
      `t41`.`score_7` + COALESCE(`t41`.`weight_7`, 0) AS `score_7`,
      `t41`.`score_14` + COALESCE(`t41`.`weight_14`, 0) AS `score_14`
    FROM (
      SELECT
        `t40`.`account_no`,
        `t40`.`trait_0`,
        `t40`.`trait_1`,
        `t40`.`score_7`,
        `t40`.`score_14`,
        `t9`.`level`,
        `t9`.`weight_7`,
        `t9`.`weight_14`
      FROM (
        SELECT
          `t38`.`account_no`,
          `t38`.`trait_0`,
          `t38`.`trait_1`,
          `t38`.`days_7` + COALESCE(`t38`.`events_7`, 0) AS `score_7`,
          `t38`.`days_14` + COALESCE(`t38`.`events_14`, 0) AS `score_14`
        FROM (
          SELECT
            `t37`.`account_no`,
            `t37`.`account`,
            `t37`.`trait_0`,
            `t37`.`trait_1`,
            `t37`.`days_7`,
            `t37`.`days_14`,
            `t37`.`events_7`,
            `t37`.`events_14`
          FROM (
            SELECT
              `t10`.`account_no`,
              `t10`.`account`,
              `t10`.`trait_0`,
              `t10`.`trait_1`,
              `t36`.`days_7`,
              `t36`.`days_14`,
              `t30`.`account_no` AS `account_no_right`,
              `t30`.`events_7`,
              `t30`.`events_14`
            FROM `temp`.`main`.`traits` AS `t10`
            INNER JOIN (
              SELECT
                `t34`.`account_no`,
                `t34`.`days_term_7` AS `days_7`,
                `t34`.`by_last` + `t34`.`by_number` AS `days_14`
              FROM (
                SELECT
                  `t33`.`account_no`,
                  `t33`.`last_7`,
                  `t33`.`last_14`,
                  `t33`.`days_7`,
                  `t33`.`days_14`,
                  `t33`.`days_term_7`,
                  `t20`.`day`,
                  `t20`.`by_last`,
                  `t22`.`number`,
                  `t22`.`by_number`
                FROM (
                  SELECT
                    `t31`.`account_no`,
                    `t31`.`last_7`,
                    `t31`.`last_14`,
                    `t31`.`days_7`,
                    `t31`.`days_14`,
                    `t31`.`by_last` + `t31`.`by_number` AS `days_term_7`
                  FROM (
                    SELECT
                      `t28`.`account_no`,
                      `t28`.`last_7`,
                      `t28`.`last_14`,
                      `t28`.`days_7`,
                      `t28`.`days_14`,
                      `t21`.`day`,
                      `t21`.`by_last`,
                      `t23`.`number`,
                      `t23`.`by_number`
                    FROM (
                      SELECT
                        `t25`.`account_no`,
                        COALESCE(`t25`.`last_7`, -1) AS `last_7`,
                        COALESCE(`t25`.`last_14`, -1) AS `last_14`,
                        COALESCE(`t25`.`days_7`, 0) AS `days_7`,
                        COALESCE(`t25`.`days_14`, 0) AS `days_14`
                      FROM (
                        SELECT
                          `t24`.`account_no`,
                          `t24`.`last_7`,
                          `t24`.`last_14`,
                          `t24`.`days_7`,
                          `t24`.`days_14`
                        FROM (
                          SELECT
                            `t15`.`account_no`,
                            `t13`.`account_no` AS `account_no_right`,
                            `t13`.`last_7`,
                            `t13`.`last_14`,
                            `t13`.`days_7`,
                            `t13`.`days_14`
                          FROM (
                            SELECT
                              `t2`.`account_no`
                            FROM `temp`.`main`.`traits` AS `t2`
                          ) AS `t15`
                          LEFT OUTER JOIN `temp`.`main`.`seen` AS `t13`
                            ON `t15`.`account_no` = `t13`.`account_no`
                        ) AS `t24`
                      ) AS `t25`
                    ) AS `t28`
                    INNER JOIN (
                      SELECT
                        `t5`.`last_day` AS `day`,
                        `t5`.`last_day_weight` AS `by_last`
                      FROM `temp`.`main`.`last_day_weights` AS `t5`
                      WHERE
                        `t5`.`within_days` = 7
                    ) AS `t21`
                      ON `t28`.`last_7` = `t21`.`day`
                    INNER JOIN (
                      SELECT
                        `t6`.`active_days` AS `number`,
                        `t6`.`active_days_weight` AS `by_number`
                      FROM `temp`.`main`.`active_days_weights` AS `t6`
                      WHERE
                        `t6`.`within_days` = 7
                    ) AS `t23`
                      ON `t28`.`days_7` = `t23`.`number`
                  ) AS `t31`
                ) AS `t33`
                INNER JOIN (
                  SELECT
                    `t5`.`last_day` AS `day`,
                    `t5`.`last_day_weight` AS `by_last`
                  FROM `temp`.`main`.`last_day_weights` AS `t5`
                  WHERE
                    `t5`.`within_days` = 14
                ) AS `t20`
                  ON `t33`.`last_14` = `t20`.`day`
                INNER JOIN (
                  SELECT
                    `t6`.`active_days` AS `number`,
                    `t6`.`active_days_weight` AS `by_number`
                  FROM `temp`.`main`.`active_days_weights` AS `t6`
                  WHERE
                    `t6`.`within_days` = 14
                ) AS `t22`
                  ON `t33`.`days_14` = `t22`.`number`
              ) AS `t34`
            ) AS `t36`
              ON `t10`.`account_no` = `t36`.`account_no`
            LEFT OUTER JOIN (
              SELECT
                `t26`.`account_no`,
                SUM(`t26`.`term_7`) AS `events_7`,
                SUM(`t26`.`term_14`) AS `events_14`
              FROM (
                SELECT
                  `t11`.`account_no`,
                  CAST(ROUND(`t12`.`slope_7` * LN(CAST(`t11`.`n_7` + 1 AS DOUBLE)) * 1000000, 0) AS BIGINT) AS `term_7`,
                  CAST(ROUND(`t12`.`slope_14` * LN(CAST(`t11`.`n_14` + 1 AS DOUBLE)) * 1000000, 0) AS BIGINT) AS `term_14`
                FROM `temp`.`main`.`event_counts` AS `t11`
                INNER JOIN `temp`.`main`.`event_weights` AS `t12`
                  ON `t11`.`event_no` = `t12`.`event_no`
              ) AS `t26`
              GROUP BY
                1
            ) AS `t30`
              ON `t10`.`account_no` = `t30`.`account_no`
          ) AS `t37`
        ) AS `t38`
      ) AS `t40`
      LEFT OUTER JOIN `temp`.`main`.`trait_weights_0` AS `t9`
        ON `t40`.`trait_0` = `t9`.`level`
    ) AS `t41`
  ) AS `t43`
  LEFT OUTER JOIN `temp`.`main`.`trait_weights_1` AS `t8`
    ON `t43`.`trait_1` = `t8`.`level`
) AS `t44`
