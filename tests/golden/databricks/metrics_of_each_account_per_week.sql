-- metrics of each account per week
SELECT
  *
FROM (
  SELECT
    `t13`.`nsm_segment`,
    `t13`.`nsm_period`,
    SUM(CAST(`t13`.`reached_2` AS BIGINT)) AS `units_2`,
    COALESCE(SUM(IF(`t13`.`reached_2`, `t13`.`events_2`, NULL)), 0) AS `events_2`,
    SUM(IF(`t13`.`reached_2`, `t13`.`amount_2`, NULL)) AS `above_2`,
    SUM(CAST(`t13`.`reached_4` AS BIGINT)) AS `units_4`,
    COALESCE(SUM(IF(`t13`.`reached_4`, `t13`.`events_4`, NULL)), 0) AS `events_4`,
    SUM(
      IF(
        `t13`.`reached_4`
        AND (
          `t13`.`amount_4` IS NOT NULL
        )
        AND (
          `t13`.`place_4` * 2
        ) - `t13`.`peers_4` BETWEEN -2 AND 0,
        `t13`.`amount_4`,
        NULL
      )
    ) AS `above_4`,
    SUM(
      CAST(`t13`.`reached_4`
      AND (
        `t13`.`amount_4` IS NOT NULL
      )
      AND (
        `t13`.`place_4` * 2
      ) - `t13`.`peers_4` BETWEEN -2 AND 0 AS BIGINT)
    ) AS `below_4`,
    SUM(CAST(`t13`.`reached_6` AS BIGINT)) AS `units_6`,
    COALESCE(SUM(IF(`t13`.`reached_6`, `t13`.`events_6`, NULL)), 0) AS `events_6`,
    SUM(
      IF(
        `t13`.`reached_6`
        AND (
          `t13`.`amount_6` IS NOT NULL
        )
        AND (
          `t13`.`place_6` * 2
        ) - `t13`.`peers_6` BETWEEN -2 AND 0,
        `t13`.`amount_6`,
        NULL
      )
    ) AS `above_6`,
    SUM(
      CAST(`t13`.`reached_6`
      AND (
        `t13`.`amount_6` IS NOT NULL
      )
      AND (
        `t13`.`place_6` * 2
      ) - `t13`.`peers_6` BETWEEN -2 AND 0 AS BIGINT)
    ) AS `below_6`,
    SUM(CAST(`t13`.`reached_7` AS BIGINT)) AS `units_7`,
    COALESCE(SUM(IF(`t13`.`reached_7`, `t13`.`events_7`, NULL)), 0) AS `events_7`,
    SUM(CAST(`t13`.`reached_8` AND `t13`.`base_8` AS BIGINT)) AS `units_8`,
    COALESCE(SUM(IF(`t13`.`reached_8` AND `t13`.`base_8`, `t13`.`events_8`, NULL)), 0) AS `events_8`,
    SUM(CAST(`t13`.`base_8` AS BIGINT)) AS `below_8`,
    SUM(CAST(`t13`.`reached_9` AS BIGINT)) AS `units_9`,
    COALESCE(SUM(IF(`t13`.`reached_9`, `t13`.`events_9`, NULL)), 0) AS `events_9`,
    SUM(CAST(`t13`.`reached_11` AS BIGINT)) AS `units_11`,
    COALESCE(SUM(IF(`t13`.`reached_11`, `t13`.`events_11`, NULL)), 0) AS `events_11`
  FROM (
    SELECT
      `t12`.`nsm_segment`,
      `t12`.`nsm_period`,
      `t12`.`nsm_unit`,
      `t12`.`reached_2`,
      `t12`.`events_2`,
      `t12`.`amount_2`,
      `t12`.`reached_4`,
      `t12`.`events_4`,
      `t12`.`amount_4`,
      `t12`.`reached_6`,
      `t12`.`events_6`,
      `t12`.`amount_6`,
      `t12`.`reached_7`,
      `t12`.`events_7`,
      `t12`.`reached_8`,
      `t12`.`events_8`,
      `t12`.`base_8`,
      `t12`.`reached_9`,
      `t12`.`events_9`,
      `t12`.`reached_11`,
      `t12`.`events_11`,
      ROW_NUMBER() OVER (
        PARTITION BY `t12`.`nsm_segment`, `t12`.`nsm_period`, `t12`.`reached_4` AND (
          `t12`.`amount_4` IS NOT NULL
        )
        ORDER BY `t12`.`amount_4` ASC NULLS LAST
      ) - 1 AS `place_4`,
      COUNT(`t12`.`nsm_unit`) OVER (
        PARTITION BY `t12`.`nsm_segment`, `t12`.`nsm_period`, `t12`.`reached_4` AND (
          `t12`.`amount_4` IS NOT NULL
        )
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
      ) AS `peers_4`,
      ROW_NUMBER() OVER (
        PARTITION BY `t12`.`nsm_segment`, `t12`.`nsm_period`, `t12`.`reached_6` AND (
          `t12`.`amount_6` IS NOT NULL
        )
        ORDER BY `t12`.`amount_6` ASC NULLS LAST
      ) - 1 AS `place_6`,
      COUNT(`t12`.`nsm_unit`) OVER (
        PARTITION BY `t12`.`nsm_segment`, `t12`.`nsm_period`, `t12`.`reached_6` AND (
          `t12`.`amount_6` IS NOT NULL
        )
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
      ) AS `peers_6`
    FROM (
      SELECT
        `t11`.`nsm_segment`,
        `t11`.`nsm_period`,
        `t11`.`nsm_unit`,
        SUM(CAST(`t11`.`is_2_0` AS BIGINT)) > 0 AS `reached_2`,
        SUM(CAST(`t11`.`is_2_0` AS BIGINT)) AS `events_2`,
        SUM(
          IF(
            `t11`.`is_2_0`,
            CAST(NULLIF(`t11`.`size`, CAST('NaN' AS DOUBLE)) AS DECIMAL(38, 4)),
            NULL
          )
        ) AS `amount_2`,
        SUM(CAST(`t11`.`is_4_0` AS BIGINT)) > 0 AS `reached_4`,
        SUM(CAST(`t11`.`is_4_0` AS BIGINT)) AS `events_4`,
        SUM(
          IF(
            `t11`.`is_4_0`,
            CAST(NULLIF(`t11`.`size`, CAST('NaN' AS DOUBLE)) AS DECIMAL(38, 4)),
            NULL
          )
        ) AS `amount_4`,
        COALESCE(CAST(SUM(CAST(`t11`.`is_6_0` AS BIGINT)) AS DOUBLE), 0.0) >= 2.0 AS `reached_6`,
        SUM(CAST(`t11`.`is_6_0` AS BIGINT)) AS `events_6`,
        CAST(MAX(IF(`t11`.`is_6_0`, NULLIF(`t11`.`size`, CAST('NaN' AS DOUBLE)), NULL)) AS DECIMAL(38, 4)) AS `amount_6`,
        COALESCE(CAST(COUNT(DISTINCT IF(`t11`.`is_7_0`, `t11`.`event`, NULL)) AS DOUBLE), 0.0) >= 3.0 AS `reached_7`,
        SUM(CAST(`t11`.`is_7_0` AS BIGINT)) AS `events_7`,
        SUM(CAST(`t11`.`is_8_0` AS BIGINT)) > 0 AS `reached_8`,
        SUM(CAST(`t11`.`is_8_0` AS BIGINT)) AS `events_8`,
        SUM(CAST(`t11`.`is_8_base` AS BIGINT)) > 0 AS `base_8`,
        (
          COALESCE(CAST(SUM(CAST(`t11`.`is_9_0` AS BIGINT)) AS DOUBLE), 0.0) >= 1.0
        )
        AND (
          COALESCE(CAST(SUM(CAST(`t11`.`is_9_1` AS BIGINT)) AS DOUBLE), 0.0) <= 0.0
        ) AS `reached_9`,
        SUM(CAST(`t11`.`is_9_0` AS BIGINT)) AS `events_9`,
        SUM(CAST(`t11`.`is_11_0` AS BIGINT)) > 0 AS `reached_11`,
        SUM(CAST(`t11`.`is_11_0` AS BIGINT)) AS `events_11`
      FROM (
        SELECT
          `t10`.`account`,
          `t10`.`at`,
          `t10`.`event`,
          `t10`.`id`,
          `t10`.`colour`,
          `t10`.`size`,
          `t10`.`friend`,
          `t10`.`account` AS `nsm_unit`,
          CAST(DATE_TRUNC(
            'week',
            CASE
              WHEN `t10`.`at` < CAST('2024-03-10T10:00:00' AS TIMESTAMP)
              THEN `t10`.`at` + INTERVAL '-28800' SECOND
              ELSE `t10`.`at` + INTERVAL '-25200' SECOND
            END
          ) AS TIMESTAMP) AS `nsm_period`,
          CASE
            WHEN `t10`.`at` < CAST('2024-03-10T10:00:00' AS TIMESTAMP)
            THEN `t10`.`at` + INTERVAL '-28800' SECOND
            ELSE `t10`.`at` + INTERVAL '-25200' SECOND
          END AS `nsm_clock`,
          REGEXP_LIKE(`t10`.`event`, '(?s)^.*a.*$') AS `is_2_0`,
          TRUE AS `is_4_0`,
          TRUE AS `is_6_0`,
          TRUE AS `is_7_0`,
          `t10`.`event` IN ('share') AS `is_8_0`,
          `t10`.`event` IN ('start') AS `is_8_base`,
          `t10`.`event` IN ('share') AS `is_9_0`,
          `t10`.`event` IN ('export') AS `is_9_1`,
          `t10`.`event` IN ('share') AS `is_11_0`,
          '' AS `nsm_segment`
        FROM (
          SELECT
            `t9`.`account`,
            `t9`.`at`,
            `t9`.`event`,
            `t9`.`id`,
            `t9`.`colour`,
            `t9`.`size`,
            `t9`.`friend`
          FROM (
            SELECT
              *
            FROM (
              SELECT
                `t6`.`account`,
                `t6`.`at`,
                `t6`.`event`,
                `t6`.`id`,
                `t6`.`colour`,
                `t6`.`size`,
                `t6`.`friend`
              FROM (
                SELECT
                  *
                FROM (
                  SELECT
                    `t3`.`account`,
                    `t3`.`at`,
                    `t3`.`event`,
                    `t3`.`id`,
                    `t3`.`colour`,
                    `t3`.`size`,
                    `t3`.`friend`,
                    IF(
                      `t3`.`id` IS NULL,
                      0,
                      ROW_NUMBER() OVER (
                        PARTITION BY `t3`.`id`
                        ORDER BY `t3`.`at` ASC NULLS LAST, `t3`.`account` ASC NULLS LAST, `t3`.`event` ASC NULLS LAST
                      ) - 1
                    ) AS `delivery`
                  FROM (
                    SELECT
                      `t1`.`account`,
                      `t1`.`at`,
                      `t1`.`event`,
                      `t1`.`id`,
                      `t1`.`colour`,
                      `t1`.`size`,
                      `t1`.`friend`
                    FROM `source_events` AS `t1`
                    WHERE
                      `t1`.`account` IS NOT NULL
                      AND `t1`.`event` IS NOT NULL
                      AND `t1`.`at` <= CAST('2024-12-01T00:00:00' AS TIMESTAMP)
                  ) AS `t3`
                ) AS `t5`
                WHERE
                  `t5`.`delivery` = 0
              ) AS `t6`
            ) AS `t7`
            WHERE
              `t7`.`at` <= CAST('2024-08-29T08:33:44.906705' AS TIMESTAMP)
          ) AS `t9`
          LEFT ANTI JOIN (
            SELECT
              `t0`.`account`
            FROM `temp`.`main`.`cohort` AS `t0`
            WHERE
              `t0`.`status` = 'bot'
          ) AS `t4`
            ON `t9`.`account` = `t4`.`account`
        ) AS `t10`
        WHERE
          `t10`.`account` IS NOT NULL
          AND (
            REGEXP_LIKE(`t10`.`event`, '(?s)^.*a.*$')
            OR TRUE
            OR TRUE
            OR TRUE
            OR `t10`.`event` IN ('share')
            OR `t10`.`event` IN ('start')
            OR `t10`.`event` IN ('share')
            OR `t10`.`event` IN ('export')
            OR `t10`.`event` IN ('share')
          )
      ) AS `t11`
      GROUP BY
        1,
        2,
        3
    ) AS `t12`
  ) AS `t13`
  GROUP BY
    1,
    2
) AS `t14`
ORDER BY
  `t14`.`nsm_segment` ASC NULLS LAST,
  `t14`.`nsm_period` ASC NULLS LAST
